"""The names of segments in Slicer's terminology, with their codes and colors."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import slicer


@dataclass(frozen=True)
class Term:
    """What a segment can be.

    Attributes:
        codes: `category`, `type` and perhaps `modifier`, each with value, scheme and meaning.
        color: red, green, blue, 0 to 255, as recommended.
    """

    codes: dict[str, dict[str, str]]
    color: tuple[int, int, int]


@functools.cache
def terms() -> dict[str, Term]:
    """All terms by name, such as "Liver" or "Kidney, Left"."""
    from IODeepLib.results.formats.terminology import TERMINOLOGY

    found: dict[str, Term] = {}
    logic = slicer.modules.terminologies.logic()
    for i in range(logic.GetNumberOfCategoriesInTerminology(TERMINOLOGY)):
        category = slicer.vtkSlicerTerminologyCategory()
        logic.GetNthCategoryInTerminology(TERMINOLOGY, i, category)
        for name, term in _termsOf(logic, TERMINOLOGY, category):
            found.setdefault(name, term)
    return found


def _termsOf(logic: Any, terminology: str, category: Any) -> Iterator[tuple[str, Term]]:
    for i in range(logic.GetNumberOfTypesInTerminologyCategory(terminology, category)):
        kind = slicer.vtkSlicerTerminologyType()
        logic.GetNthTypeInTerminologyCategory(terminology, category, i, kind)
        codes = {"category": _code(category), "type": _code(kind)}
        yield kind.GetCodeMeaning(), Term(codes, kind.GetRecommendedDisplayRGBValue())
        if not kind.GetHasModifiers():  # asking for them would be an error in the log
            continue
        count = logic.GetNumberOfTypeModifiersInTerminologyType(terminology, category, kind)
        for j in range(count):
            modifier = slicer.vtkSlicerTerminologyType()
            logic.GetNthTypeModifierInTerminologyType(terminology, category, kind, j, modifier)
            name = f"{kind.GetCodeMeaning()}, {modifier.GetCodeMeaning()}"
            color = modifier.GetRecommendedDisplayRGBValue()
            yield name, Term({**codes, "modifier": _code(modifier)}, color)


def _code(term: Any) -> dict[str, str]:
    return {
        "value": term.GetCodeValue(),
        "scheme": term.GetCodingSchemeDesignator(),
        "meaning": term.GetCodeMeaning(),
    }
