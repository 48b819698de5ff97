"""The page of examples holds the scripts themselves, each under the first sentence that it has."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from sphinx.application import Sphinx

_MARK = "<!-- examples -->"


def _fill(app: Sphinx, docname: str, source: list[str]) -> None:
    if docname == "examples":
        scripts = sorted((Path(app.srcdir).parent / "examples").glob("*.py"))
        source[0] = source[0].replace(_MARK, "\n".join(map("\n".join, map(_shown, scripts))))


def _shown(script: Path) -> Iterator[str]:
    text = script.read_text(encoding="utf-8")
    said = " ".join((ast.get_docstring(ast.parse(text)) or "").split())
    yield f"## {script.stem[3:].replace('_', ' ').capitalize()}\n"
    yield f"{said}\n"
    yield f"```{{literalinclude}} ../examples/{script.name}\n:language: python"
    yield f":caption: examples/{script.name}\n```\n"


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("source-read", _fill)
    return {"parallel_read_safe": True}
