"""Adding to the trust list and taking from it; all else in the file stays as it stands there.

What a changed file says is compared with what it should say before it is written: where a file is
written in a way that the lines here do not fit into, nothing is changed.
"""

from __future__ import annotations

import copy
import json
import re
import tomllib
from collections.abc import Callable, Collection
from datetime import date
from pathlib import Path
from typing import Any

import msgspec

from IODeepLib.disk import settings_file
from IODeepLib.disk.files import whole_file
from IODeepLib.errors import UsageError
from IODeepLib.trust.certificates import Certificate
from IODeepLib.trust.policy import TABLE
from IODeepLib.trust.trust_file import CERTIFICATES, Permission, entry_of

_HEADER = re.compile(rf"\[\[ *{TABLE} *\. *{CERTIFICATES} *\]\] *(#.*)?")
_READABLE_BY_ALL, _OWN = 0o644, 0o600


def add(path: Path, permission: Permission, certificates: Collection[Certificate]) -> None:
    """Put an entry at the end of a file, which is made if it is not there: that for all users to be
    read by them, another one by its owner alone, who may keep secrets in it later.

    Args:
        path: the file.
        permission: the entry, with its certificates as PEM text.
        certificates: the same, to be described in comments.

    Raises:
        UsageError: the file has a mistake, or the entry.
        OutputError: it cannot be written.
    """
    entry_of(path, 1, permission)
    said = {key: value for key, value in msgspec.structs.asdict(permission).items() if value}
    lines = [f"[[{TABLE}.{CERTIFICATES}]]"]
    for one in certificates:
        lines += [f"# {one.subject}", f"# SHA-256 {one.fingerprint}"]
    lines += [f"{key} = {_toml(value)}" for key, value in said.items()]
    block = "\n".join(lines) + "\n"

    def changed(text: str) -> str:
        return f"{text.rstrip()}\n\n{block}" if text.strip() else block

    def wanted(tables: dict[str, Any]) -> None:
        entries = tables.setdefault(TABLE, {}).setdefault(CERTIFICATES, [])
        entries.append(tomllib.loads(block)[TABLE][CERTIFICATES][0])

    _change(path, changed, wanted)


def remove(path: Path, places: Collection[int]) -> None:
    """Take entries out of a file.

    Args:
        path: the file.
        places: which of its entries, from 0.

    Raises:
        UsageError: the file has a mistake.
        OutputError: it cannot be written.
    """

    def changed(text: str) -> str:
        lines = text.splitlines(keepends=True)
        heads = [i for i, line in enumerate(lines) if _HEADER.fullmatch(line.strip())]
        for place in sorted(places, reverse=True):
            if place < len(heads):
                end = _end(lines, heads[place])
                del lines[heads[place] : end]
        return "".join(lines)

    def wanted(tables: dict[str, Any]) -> None:
        left = [e for i, e in enumerate(tables[TABLE][CERTIFICATES]) if i not in places]
        tables[TABLE][CERTIFICATES] = left
        if not left:
            del tables[TABLE][CERTIFICATES]
        if not tables[TABLE]:
            del tables[TABLE]

    _change(path, changed, wanted)


def _end(lines: list[str], head: int) -> int:
    """Where an entry ends: comments and empty lines before the next one are the next one's."""
    after = (i for i in range(head + 1, len(lines)) if lines[i].lstrip().startswith("["))
    end = next(after, len(lines))
    if end < len(lines):
        while end > head + 1 and lines[end - 1].lstrip()[:1] in ("#", ""):
            end -= 1
    return end


def _change(
    path: Path, changed: Callable[[str], str], wanted: Callable[[dict[str, Any]], None]
) -> None:
    """Write what `changed` makes of a file, if it says what `wanted` makes of what it said."""
    target = path.resolve()  # the file itself, where a link stands for it
    former = settings_file.read_toml(target) if target.exists() else {}
    text = target.read_text("utf-8") if target.exists() else ""
    should = copy.deepcopy(former)
    wanted(should)
    new = changed(text)
    try:
        now = tomllib.loads(new)
    except tomllib.TOMLDecodeError:
        now = {}
    if now != should:
        raise UsageError(
            f"{path} is written in a way that is not understood well enough to be changed",
            f"entries under [[{TABLE}.{CERTIFICATES}]] of their own",
            "change it by hand",
        )
    new_mode = _READABLE_BY_ALL if path == settings_file.site_wide_file() else _OWN
    mode = target.stat().st_mode if target.exists() else new_mode
    with whole_file(target) as file:
        file.write_text(new, encoding="utf-8")
        file.chmod(mode & 0o7777)


def _toml(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str) and "\n" in value:
        return f'"""\n{value}"""'
    return json.dumps(value, ensure_ascii=False)  # what JSON writes of texts and lists is TOML
