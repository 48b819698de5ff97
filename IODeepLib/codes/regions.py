"""Anatomic regions, how they lie in each other, and regions in free text.

A `Region` is a body part with its Body Part Examined term and its code (PS3.16 Annex L and CID
4031): the table is `anatomy_table`, the words of the regions in five languages are in
`anatomy_words`. `distance` says how far two regions lie from each other in the part-of tree.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from IODeepLib.codes import anatomy_table
from IODeepLib.codes.code import Code


@dataclass(frozen=True, slots=True)
class Region:
    """A body part.

    Attributes:
        term: its Body Part Examined (0018,0015), or the like for one that Annex L does not have.
        code: its SNOMED CT code.
        paired: whether there is a right and a left one.
        parents: terms of the regions whose image shows it whole.
        partly_in: terms of the regions whose image shows some of it.
        body_part_examined: `term`, or the nearest wider term that Annex L has.
    """

    term: str
    code: Code
    paired: bool
    parents: tuple[str, ...]
    partly_in: tuple[str, ...] = ()
    body_part_examined: str = ""


@dataclass(frozen=True, slots=True)
class RegionMatch:
    """A region that a text names, with the words that name it and its side: R, L, B or None."""

    region: Region
    word: str
    laterality: str | None


@functools.cache
def _by_term() -> dict[str, Region]:
    return {
        row.term: Region(
            row.term,
            Code(row.sct, "SCT", row.meaning),
            row.paired,
            row.parents,
            row.partly_in,
            _annex_l_term(row.term),
        )
        for row in anatomy_table.rows().values()
    }


def _annex_l_term(term: str) -> str:
    rows = anatomy_table.rows()
    generation = [term]
    while not any(rows[t].in_annex_l for t in generation):
        generation = [parent for t in generation for parent in rows[t].parents]
    return next(t for t in generation if rows[t].in_annex_l)


def regions() -> tuple[Region, ...]:
    """All regions of the table, in its order."""
    return tuple(_by_term().values())


@functools.cache
def _by_spelling() -> dict[str, Region]:
    """By term, meaning or synonym, written in capitals and digits only."""
    result = {_plain(region.code.meaning): region for region in regions()}
    for term, synonyms in anatomy_table.lists(anatomy_table.SYNONYMS):
        result |= {synonym: _by_term()[term] for synonym in synonyms}
    return result | _by_term()


def _plain(text: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", text.upper())


def region_by_term(term: str) -> Region | None:
    """The region of a Body Part Examined, as scanners write it: "LSPINE", "L SPINE", "Kopf"."""
    from IODeepLib.codes import anatomy_text

    region = _by_spelling().get(_plain(term))
    if region is None:
        found = anatomy_text.region_term(term)
        region = _by_term()[found] if found else None
    return region


@functools.cache
def _by_code() -> dict[Code, Region]:
    result = {region.code: region for region in regions()}
    for term, values in anatomy_table.lists(anatomy_table.FORMER_CODES):
        for value in values:
            scheme = "SCT" if value.isdigit() else "SRT"
            result.setdefault(Code(value, scheme, term), _by_term()[term])
    return result


def region_by_code(code: Code) -> Region | None:
    """The region of a code of Anatomic Region Sequence, that of an older edition too."""
    return _by_code().get(code)


def regions_in_text(text: str) -> tuple[RegionMatch, ...]:
    """The regions that a protocol name or a description names, in the order of the text.

    English, Italian, German, French and Spanish. The longest phrase wins; neighbors that have a
    term together ("Thorax/Abdomen") are that one; patient positions and coils do not count.
    """
    from IODeepLib.codes import anatomy_text

    return tuple(
        RegionMatch(_by_term()[found.term], found.word, found.side)
        for found in anatomy_text.find(text)
    )


def laterality_in_text(text: str) -> str | None:
    """The side that a protocol name or a description names: R, L, B for both, or None."""
    from IODeepLib.codes import anatomy_text

    return anatomy_text.find_side(text)


# How the regions lie in each other


@functools.cache
def _children() -> dict[str, list[str]]:
    """The terms right below each term."""
    found: dict[str, list[str]] = {}
    for region in regions():
        for parent in region.parents:
            found.setdefault(parent, []).append(region.term)
    return found


@functools.cache
def _reaching_in() -> dict[str, list[str]]:
    """The terms of the regions that lie partly in each one."""
    found: dict[str, list[str]] = {}
    for region in regions():
        for place in region.partly_in:
            found.setdefault(place, []).append(region.term)
    return found


@functools.cache
def _parts(term: str) -> dict[str, int]:
    """What an image of `term` shows whole: terms with their steps down the tree; itself is 0."""
    children = _children()
    result: dict[str, int] = {}
    generation, steps = [term], 0
    while generation:
        result |= {t: steps for t in generation if t not in result}
        generation = [c for t in generation for c in children.get(t, ()) if c not in result]
        steps += 1
    return result


@functools.cache
def _shown(term: str) -> dict[str, int]:
    """What an image of `term` shows whole or partly, with the steps."""
    parts, reaching_in = _parts(term), _reaching_in()
    result = dict(parts)
    for place, steps in parts.items():
        for other in reaching_in.get(place, ()):
            if other not in parts:
                result[other] = min(steps + 1, result.get(other, steps + 1))
    return result


def is_within(one: Region, other: Region) -> bool:
    """Whether an image of `other` shows all of `one`, as far as the tree says."""
    return one.term in _parts(other.term)


def distance(one: Region, other: Region) -> int | None:
    """The steps in the tree from one region to the other; None where they have nothing in common.

    For regions that overlap, by way of the part that both have.
    """
    return _distance(one.term, other.term)


@functools.cache
def _distance(a: str, b: str) -> int | None:
    pairs = ((_parts(a), _shown(b)), (_shown(a), _parts(b)))
    return min((x[t] + y[t] for x, y in pairs for t in x.keys() & y.keys()), default=None)
