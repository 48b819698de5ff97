"""Whoever reads the site tells nobody: no page may load anything from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

# What a browser fetches by itself; links that a reader follows are none of these.
_LOADED = re.compile(
    r"<(?:script|img|iframe|source|video|audio|embed|object)\b[^>]*?"
    r"\b(?:src|data|srcset)=[\"']?(?:https?:)?//[^\"'> ]+"
    r"|<link\b[^>]*?\bhref=[\"']?(?:https?:)?//[^\"'> ]+"
    r"|(?:@import\s+|\burl\()[\"' (url]*(?:https?:)?//[^\"') ]+",
    re.IGNORECASE,
)


def _look(app: Sphinx, exception: Exception | None) -> None:
    if exception is not None:
        return
    for kind in ("*.html", "*.css", "*.svg"):
        for path in Path(app.outdir).rglob(kind):
            found = _LOADED.search(path.read_text(encoding="utf-8"))
            if found:
                raise ExtensionError(f"{path} would load from elsewhere: {found[0]}")


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("build-finished", _look)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
