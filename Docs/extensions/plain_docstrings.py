"""Docstrings are for people who read the code: `so` is code, and so is what stands indented.

reStructuredText takes the one for a reference and the other for a quotation. Here both become code;
what looks like a class, or is written out to its room, stays a reference, and pages become links.
"""

from __future__ import annotations

import enum
import re
from typing import Any

from sphinx.application import Sphinx

_QUOTED = re.compile(r"(?<![`:\w])`(?P<text>[^`\n]+)`(?![`_])")
_PAGE = re.compile(r"Docs/(?P<name>[\w/-]+)\.md")
_REFERENCE = re.compile(r"IODeepLib(\.\w+)+|[A-Z][a-z]\w+(\.\w+)?")


def _plain(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    lines[:] = [
        _PAGE.sub(r":doc:`/\g<name>`", _QUOTED.sub(_code, line)) for line in _with_blocks(lines)
    ]


def _no_types(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Of a property, napoleon takes for its type what stands before a colon in the first line."""
    mark = ":type: "
    for i, line in enumerate(lines):
        if what == "property" and line.startswith(mark):
            lines[0] = f"{line.removeprefix(mark)}: {lines[0]}"
            del lines[i]
            return


def _code(quoted: re.Match[str]) -> str:
    return quoted[0] if _REFERENCE.fullmatch(quoted["text"]) else f"`{quoted[0]}`"


def _with_blocks(lines: list[str]) -> list[str]:
    """A mark before each block that is indented and stands by itself."""
    marked: list[str] = []
    inside, last = False, ""
    for line in lines:
        indented = line.startswith("    ")
        if indented and not inside and marked and not marked[-1] and not last.startswith(" "):
            marked += [".. code-block:: python", ""]
            inside = True
        if line:
            inside = inside and indented
            last = line
        marked.append(line)
    return marked


def _keep_values(
    app: Sphinx, what: str, name: str, obj: Any, skip: bool, options: Any
) -> bool | None:
    """The values of an enumeration, although they have no docstrings."""
    return False if isinstance(obj, enum.Enum) else None


def _plain_defaults(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, arguments: str | None, given: str
) -> tuple[str, str] | None:
    """What a dataclass says of a default that is made each time is no Python."""
    return arguments and (arguments.replace("<factory>", "..."), given)


def setup(app: Sphinx) -> dict[str, bool]:
    app.connect("autodoc-process-docstring", _plain, priority=400)  # before napoleon
    app.connect("autodoc-process-docstring", _no_types, priority=600)
    app.connect("autodoc-process-signature", _plain_defaults)
    app.connect("autodoc-skip-member", _keep_values)
    return {"parallel_read_safe": True}
