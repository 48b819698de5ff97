"""Whether the codes of a recipe exist, and mean what the recipe calls them.

A segment is filed, shown and counted by its code, whatever name stands beside it: a liver coded as
a spleen is found by nobody, or by those who look for spleens.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from typing import Any

from IODeepLib.codes import Code, distance, is_sct_concept, region_by_code, region_by_term
from IODeepLib.recipe.applies_to import AppliesTo
from IODeepLib.recipe.output import Label
from IODeepLib.text.json_text import StructureError

_NO_CONCEPT = "a code of SNOMED CT: 6 to 18 digits, partition and check digit right"


# What DICOM itself called a code before: CID 7150 had this one as the category of organs, and the
# terminologies of Slicer and dcmqi, which many recipes are made from, have it still.
_FORMER_NAMES = {("123037004", "anatomical structure")}


def codes_of(
    applies_to: AppliesTo, labels: Iterable[tuple[str, Label]]
) -> Iterator[tuple[str, Code]]:
    """The codes of a recipe, each with its JSON path; labels come with theirs."""
    for key in ("anatomic_regions", "conditions"):
        for i, code in enumerate(getattr(applies_to, key)):
            yield f"$.applies_to.{key}[{i}]", code
    for path, label in labels:
        keys = ("category", "type", "modifier", "anatomic_region", "anatomic_region_modifier")
        for key in (*keys, "unit"):
            code = getattr(label, key)
            if code is not None:
                yield f"{path}.{key}", code


def refuse_what_is_no_code(path: str, code: Code) -> None:
    """Refuse a code that cannot exist, and one with the name of another.

    Raises:
        StructureError: it is such a code.
    """
    if code.scheme != "SCT":
        return
    if not is_sct_concept(code.value):
        raise StructureError(f"{path}.value", repr(code.value), _NO_CONCEPT)
    named = _misnamed(code)
    if named is not None and not _akin(code, named):
        raise StructureError(
            f"{path}.meaning",
            f"{code.value}, which means {_name_of(code)!r}, called {code.meaning!r}",
            f"{_name_of(code)!r}, or the code of {code.meaning!r}, {named.value}",
        )


def doubt_of(path: str, code: Code) -> str:
    """What is odd about the name of a code that `refuse_what_is_no_code` lets pass, or ""."""
    if code.scheme != "SCT" or _misnamed(code) is None:
        return ""
    return f"{path}: {code.value} means {_name_of(code)!r}; the recipe calls it {code.meaning!r}"


def _misnamed(code: Code) -> Code | None:
    """The other code whose name `code` has, as far as the tables know both."""
    if (code.value, code.meaning.casefold()) in _FORMER_NAMES:
        return None
    own, other = region_by_code(code), region_by_term(code.meaning)
    if own is not None and other is not None:
        return other.code if own != other else None
    names, codes = _concepts()
    plain = _plain(code.meaning)
    if code.value not in names or plain in map(_plain, names[code.value]):
        return None
    return Code(codes[plain], "SCT", code.meaning) if plain in codes else None


def _akin(code: Code, other: Code) -> bool:
    """Whether one lies within the other, or their names have a word in common: used loosely."""
    regions = region_by_code(code), region_by_code(other)
    if regions[0] is not None and regions[1] is not None:
        return distance(regions[0], regions[1]) is not None
    own = {word for name in _concepts()[0][code.value] for word in _plain(name).split()}
    return not own.isdisjoint(_plain(code.meaning).split())


def _name_of(code: Code) -> str:
    region = region_by_code(code)
    return region.code.meaning if region is not None else _concepts()[0][code.value][0]


@functools.cache
def _concepts() -> tuple[dict[str, tuple[str, ...]], dict[str, str]]:
    """SNOMED CT as PS3.16 uses it: the names of each code, and a code of each plain name."""
    from pydicom.sr._concepts_dict import concepts

    names: dict[str, tuple[str, ...]] = {}
    codes: dict[str, str] = {}
    snomed: Any = concepts["SCT"]
    for known in snomed.values():
        for value, (meaning, _) in known.items():
            names[value] = (*names.get(value, ()), meaning)
            codes.setdefault(_plain(meaning), value)
    return names, codes


def _plain(meaning: str) -> str:
    """Without case, the kind in brackets, and what SNOMED CT puts before every body part."""
    text = re.sub(r"\([^)]*\)", " ", meaning.casefold().replace("-", " "))
    return " ".join(re.sub(r"\b(structure|entire|part)( of)?( the)?\b", " ", text).split())
