"""The table of structures (`structures.txt`), which says how its lines are written."""

from __future__ import annotations

import functools
from typing import NamedTuple

from IODeepLib.codes import anatomy_table
from IODeepLib.codes.code import Code
from IODeepLib.codes.regions import Region, regions
from IODeepLib.codes.structure_words import key

# Segmented Property Category, CID 7150.
CATEGORIES = {
    "A": Code("91723000", "SCT", "Anatomical Structure"),
    "M": Code("49755003", "SCT", "Morphologically Abnormal Structure"),
    "T": Code("85756007", "SCT", "Tissue"),
    "S": Code("91720002", "SCT", "Body Substance"),
    "O": Code("260787004", "SCT", "Physical object"),
}
# A region that is no part of a body.
_NO_STRUCTURES = {"PHANTOM"}


class Row(NamedTuple):
    """A line of the table; `paired` means the region where there is one, else the type."""

    name: str
    category: Code
    type: Code
    paired: bool
    modifier: Code | None = None
    region: Code | None = None
    color: tuple[int, int, int] | None = None


@functools.cache
def rows() -> dict[str, Row]:
    """The lines of the table, and the regions that have none, by the key of each of their names."""
    result = {}
    for region in regions():
        if region.term not in _NO_STRUCTURES:
            name = key(region.code.meaning)
            result[name] = Row(name, CATEGORIES["A"], region.code, region.paired)
    for line in anatomy_table.read("structures.txt").splitlines():
        if line and not line.startswith("#"):
            result |= _by_name(line)
    return result


def _by_name(line: str) -> dict[str, Row]:
    listed, category, kind, place, color = (part.strip() for part in line.split("|"))
    code, paired, modifier = _type(kind)
    region = None if place == "-" else _by_term()[place]
    names = [key(name) for name in listed.split(",") if name != "="]
    if region is None and modifier is None:  # else the name of the type says less than these
        names.insert(0, key(code.meaning))
    row = Row(
        names[0],
        CATEGORIES[category],
        code,
        paired if region is None else region.paired,
        modifier,
        None if region is None else region.code,
        None if color == "-" else _rgb(color),
    )
    return dict.fromkeys(names, row)


def _rgb(text: str) -> tuple[int, int, int]:
    red, green, blue = (int(part) for part in text.split())
    return red, green, blue


def _type(text: str) -> tuple[Code, bool, Code | None]:
    """The code, whether there is a right and a left one, and the modifier."""
    first, _, second = text.partition(" + ")
    modifier = _code(second) if second else None
    if " " not in first:
        region = _by_term()[first]
        return region.code, region.paired, modifier
    value, meaning = first.split(" ", 1)
    return _code(f"{value} {meaning.removeprefix('P ')}"), meaning.startswith("P "), modifier


def _code(text: str) -> Code:
    value, meaning = text.split(" ", 1)
    scheme, _, value = value.rpartition(":")
    return Code(value, scheme or "SCT", meaning)


@functools.cache
def _by_term() -> dict[str, Region]:
    return {region.term: region for region in regions()}
