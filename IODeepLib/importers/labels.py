"""Labels of a recipe from the names that networks give to what they find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from IODeepLib.codes.structures import nearest, structures
from IODeepLib.importers.draft import Missing

_LONGEST_NAME = 64
_SHOWN = 8  # meanings in one sentence


@dataclass(frozen=True)
class Labels:
    """The labels of a network, as far as their names say what they are.

    Attributes:
        recipe: as plain JSON values, without codes where a name has none.
        missing: the codes that have to be answered.
        assumed: a sentence on what names were taken for, or "".
    """

    recipe: list[dict[str, Any]]
    missing: list[Missing]
    assumed: str


def labels_of(named: Sequence[tuple[int, str]], place: str = "output.labels") -> Labels:
    """Labels with the codes of their names.

    Args:
        named: value and name of each, in order.
        place: where they stand in the recipe.
    """
    made: list[dict[str, Any]] = []
    missing: list[Missing] = []
    meant: list[str] = []
    found = structures([name for _, name in named])
    for (value, name), structure in zip(named, found, strict=True):
        shown = name[:_LONGEST_NAME].strip() or f"label {value}"
        if structure is not None:
            made.append(structure.label(value, shown))
            meant.append(f"{shown} is {structure.type}")
            continue
        path = f"{place}[{shown if _can_be_named(shown) else len(made)}]"
        made.append({"value": value, "name": shown})
        alike = ", ".join(nearest(name))
        what = f"what {shown!r} is, a code" + (f"; known are {alike}" if alike else "")
        kind = "of what kind that is, a code of CID 7150"
        missing.append(Missing(f"{path}.type", what, "SCT^10200004^Liver"))
        missing.append(Missing(f"{path}.category", kind, "SCT^91723000^Anatomical Structure"))
    more = ", ..." if len(meant) > _SHOWN else ""
    sentence = f"codes by names: {', '.join(meant[:_SHOWN])}{more}" if meant else ""
    return Labels(made, missing, sentence)


def _can_be_named(name: str) -> bool:
    """Whether a path can hold the name."""
    return name.isprintable() and not set(name) & set("[]") and not name.isdecimal()
