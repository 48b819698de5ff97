"""Along which axes an image may be mirrored: not from left to right where a label has a side."""

from __future__ import annotations

import re
from collections.abc import Sequence

from IODeepLib.codes import Code
from IODeepLib.recipe import Input, Label

_LEFT, _RIGHT = "7771000", "24028007"  # SNOMED CT
_WORDS = re.compile(r"\b(left|right|links?|rechts?|gauche|droite?|[lr])\b", re.IGNORECASE)


def mirrored_axes(input_: Input, labels: Sequence[Label]) -> tuple[int, ...]:
    """The spatial axes, in the tensor's order, along which training patches are mirrored.

    Those along which a run mirrors images too, and the one from left to right; that one not, and
    where nobody knows which it is none, if a label is of one side.
    """
    letters = input_.spatial_axes
    sided = any(map(_has_side, labels))
    if not input_.working_orientation:
        return () if sided else tuple(letters.index(x) for x in input_.mirror)
    toward = input_.working_orientation[-len(letters) :]
    across = {i for i, side in enumerate(toward) if side in "LR"}
    axes = {letters.index(x) for x in input_.mirror} | across
    return tuple(sorted(axes - across if sided else axes))


def _has_side(label: Label) -> bool:
    codes = (label.modifier, label.anatomic_region_modifier, label.type, label.anatomic_region)
    return (
        label.laterality is not None
        or any(_names_side(code) for code in codes if code is not None)
        or bool(_WORDS.search(re.sub(r"[_-]", " ", label.name)))
    )


def _names_side(code: Code) -> bool:
    return code.value in (_LEFT, _RIGHT) or bool(
        re.search(r"\b(left|right)\b", code.meaning, re.IGNORECASE)
    )
