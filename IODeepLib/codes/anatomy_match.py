"""Whether body parts are near each other: equal codes first, then the table of regions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from IODeepLib.codes import Code, Region, distance, region_by_code


class Match(NamedTuple):
    """How near two sets of body parts are.

    Attributes:
        steps: the fewest in the part-of tree from one of these to one of those, 0 for the same;
            None if none is near, as far as is known.
        lacking: codes that the table does not have, so that nobody knows where they lie.
        strangers: those of the found ones that are near none of the asked.
    """

    steps: int | None
    lacking: tuple[Code, ...]
    strangers: tuple[Code, ...]

    @property
    def is_elsewhere(self) -> bool:
        """Whether none is near; what the table does not have may be."""
        return self.steps is None and not self.lacking


def match(found: Sequence[Code], asked: Sequence[Code]) -> Match:
    """Hold the body parts that were found against those that are asked for."""
    wanted = [(code, region_by_code(code)) for code in asked]
    lacking = [code for code, region in wanted if region is None]
    nearest: list[int] = []
    strangers: list[Code] = []
    for code in found:
        region = region_by_code(code)
        if region is None:
            lacking.append(code)
        steps = [_steps(code, region, other, place) for other, place in wanted]
        near = min((n for n in steps if n is not None), default=None)
        if near is None:
            strangers.append(code)
        else:
            nearest.append(near)
    return Match(min(nearest, default=None), tuple(dict.fromkeys(lacking)), tuple(strangers))


def _steps(one: Code, a: Region | None, other: Code, b: Region | None) -> int | None:
    if a is None or b is None:
        return 0 if one == other else None
    return distance(a, b)  # 0 for equal codes
