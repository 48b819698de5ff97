"""In which line of a TOML file a key stands: `tomllib` says that of no value."""

from __future__ import annotations

import re
from collections import Counter

_TABLE = re.compile(r"\s*(\[\[?)\s*([^\[\]#]+?)\s*\]")
_KEY = re.compile(r"\s*([\w.\"' -]+?)\s*=")


def line_of(content: str, path: str) -> int | None:
    """The line, from 1, of what `path` names: "servers.pacs.url", "service.rules[1].hours".

    Of what stands within a value on several lines, it is the line in which the value begins. None
    where not even a table that holds it is there.
    """
    found: dict[str, int] = {}
    arrays: Counter[str] = Counter()  # how often each `[[table]]` came
    table = ""
    for number, line in enumerate(content.splitlines(), 1):
        if head := _TABLE.match(line):
            name = _plain(head[2])
            if head[1] == "[[":
                arrays[name] += 1
            table = _numbered(name, arrays)
            found.setdefault(table, number)
        elif key := _KEY.match(line):
            found.setdefault(".".join(filter(None, (table, _plain(key[1])))), number)
    while path and path not in found:  # a step up: the value in an inline table stands in its line
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return found.get(path)


def _numbered(name: str, arrays: Counter[str]) -> str:
    """The path of a table, with the place of each array of tables that it lies in."""
    path, so_far = "", ""
    for part in name.split("."):
        so_far = ".".join(filter(None, (so_far, part)))
        path = ".".join(filter(None, (path, part)))
        if so_far in arrays:
            path += f"[{arrays[so_far] - 1}]"
    return path


def _plain(key: str) -> str:
    return ".".join(part.strip().strip("\"'") for part in key.split("."))
