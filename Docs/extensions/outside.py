"""Files outside of Docs: those of the root that the site has pages for, and links that lead out.

The page of such a file holds one link to it, for whoever reads Docs on GitHub; here the file takes
its place. Links are written as GitHub follows them, from file to file: here they lead to the page,
or to where the repository lies on the web.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from sphinx.application import Sphinx

REPOSITORY = "https://github.com/IODeep/SlicerIODeep/blob/main"
PAGES = {
    "security": "SECURITY.md",
    "contributing": "CONTRIBUTING.md",
    "changelog": "CHANGELOG.md",
}

_LINK = re.compile(r"(?<=\]\()(?P<path>[^)#:\s]+)(?P<rest>#[^)]*)?(?=\))")


def _take(app: Sphinx, docname: str, source: list[str]) -> None:
    docs = Path(app.srcdir)
    root = docs.parent
    page, text = docs / f"{docname}.md", source[0]
    written = page  # the file that its links are relative to
    if docname in PAGES:
        written = root / PAGES[docname]
        app.env.note_dependency(str(written))
        text = written.read_text(encoding="utf-8")

    def turned(link: re.Match[str]) -> str:
        target = Path(os.path.normpath(written.parent / link["path"]))
        if not target.is_relative_to(root) or not target.exists():
            return link[0]
        name = target.relative_to(root).as_posix()
        own = next((docs / f"{page}.md" for page, file in PAGES.items() if file == name), None)
        if own is None and not target.is_relative_to(docs):
            return f"{REPOSITORY}/{name}{link['rest'] or ''}"
        return Path(os.path.relpath(own or target, page.parent)).as_posix() + (link["rest"] or "")

    source[0] = _LINK.sub(turned, text)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", _take)
    return {"parallel_read_safe": True}
