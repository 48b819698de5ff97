"""What the names mean that networks give to what they find: codes and colors (`structures.txt`).

A name says what it means or nothing at all: `structure` never guesses, and `nearest` lists what
might have been meant, for a person to decide.

Ours because no library has the names: pydicom knows codes by their meanings in PS3.16 only.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from IODeepLib.codes.code import LEFT, RIGHT, Code
from IODeepLib.codes.structure_table import Row, rows
from IODeepLib.codes.structure_words import key, sets, side_and_rest, singulars
from IODeepLib.text.records import dump

# More is no name; comparing takes its time.
_LONGEST_NAME = 64
# Below it difflib's ratio lists names that nobody would take for the other.
_ALIKE = 0.6


@dataclass(frozen=True, slots=True)
class Structure:
    """What a label means: the fields of a recipe's label that a name says.

    Attributes:
        name: the name that the table has, with its side.
        category: Segmented Property Category (CID 7150).
        type: Segmented Property Type.
        modifier: which part of the type, or None.
        anatomic_region: what it lies in, where its type does not say it; or None.
        anatomic_region_modifier: the side of that region, or None.
        laterality: R or L of a paired structure whose side the name says, else None.
        color: sRGB, 0 to 255, or None.
    """

    name: str
    category: Code
    type: Code
    modifier: Code | None = None
    anatomic_region: Code | None = None
    anatomic_region_modifier: Code | None = None
    laterality: str | None = None
    color: tuple[int, int, int] | None = None

    def label(self, value: int, name: str) -> dict[str, Any]:
        """A label of a recipe, as JSON, with the network's own `name`."""
        codes = ("category", "type", "modifier", "anatomic_region", "anatomic_region_modifier")
        said = {field: getattr(self, field) for field in codes}
        fields = {field: dump(code) for field, code in said.items() if code is not None}
        fields = {"value": value, "name": name, **fields}
        if self.laterality is not None:
            fields["laterality"] = self.laterality
        if self.color is not None:
            fields["color"] = list(self.color)
        return fields


def structure(name: str) -> Structure | None:
    """The structure that `name` means by itself: "kidney_left", "Left kidney", "KidneyL"; or None.

    Letter case, separators, plural, British spelling and the place of the side do not matter.
    """
    if len(name) > _LONGEST_NAME:
        return None
    side, rest = side_and_rest(name)
    for words in (rest, *singulars(rest)):
        whole = rows().get(f"{side} {words}" if side else words)
        if whole is not None:
            return _sided(whole, None)
        half = rows().get(words)
        if side is not None and half is not None and half.paired:
            return _sided(half, side)
    return None


def structures(names: Sequence[str]) -> tuple[Structure | None, ...]:
    """The structure of each label of one network: short names count where two of a set are there.

    RV, MYO and LV are the heart's; necrosis beside enhancing tumor is one of the brain (BraTS).
    """
    keys = [key(name) for name in names]
    meant: dict[str, str] = {}
    for known in sets().values():
        there = {k for k in keys if k in known}
        if len(there) > 1:
            meant |= {k: known[k] for k in there}
    return tuple(structure(meant.get(k, name)) for k, name in zip(keys, names, strict=True))


def label_of(name: str, value: int) -> dict[str, Any] | None:
    """A label of a recipe, as JSON, for a name that means something by itself; else None."""
    found = structure(name)
    return None if found is None else found.label(value, name)


def nearest(name: str, n: int = 3) -> list[str]:
    """At most `n` names of the table that look like `name`, the most alike first."""
    side, rest = side_and_rest(name[:_LONGEST_NAME])
    alike = difflib.get_close_matches(rest, rows(), n, _ALIKE)
    return [f"{side} {known}" if side and rows()[known].paired else known for known in alike]


def _sided(row: Row, side: str | None) -> Structure:
    letter = {"left": "L", "right": "R", None: None}[side]
    modifier = {"left": LEFT, "right": RIGHT, None: None}[side]
    lies_in = row.region is not None
    return Structure(
        name=f"{side} {row.name}" if side else row.name,
        category=row.category,
        type=row.type,
        modifier=row.modifier,
        anatomic_region=row.region,
        anatomic_region_modifier=modifier if lies_in else None,
        laterality=None if lies_in else letter,
        color=row.color,
    )
