"""How much is computed of what a recipe asks for: less is faster, and another result."""

from __future__ import annotations

from enum import StrEnum

from msgspec.structs import replace

from IODeepLib.errors import UsageError
from IODeepLib.recipe import Input

_MOST_OVERLAP, _LEAST_OVERLAP = 0.25, 0.625


class Quality(StrEnum):
    """How patches overlap, and whether mirror images are run."""

    FAST = "fast"  # by a quarter at most; no mirror images
    DEFAULT = "default"  # as the recipe says
    BEST = "best"  # by five eighths at least; the recipe's mirror images

    @classmethod
    def named(cls, name: str) -> Quality:
        """The one of this name.

        Raises:
            UsageError: there is none.
        """
        if name not in list(cls):
            raise UsageError(f"the quality {name!r}", f"one of {', '.join(cls)}", "correct it")
        return cls(name)

    def of(self, input_: Input) -> Input:
        """The input as this quality has it; itself where it changes nothing.

        A network is only mirrored where its recipe says so: another one may tell left from right.
        """
        overlap, mirror = input_.overlap, input_.mirror
        if self is Quality.FAST:
            overlap, mirror = min(overlap, _MOST_OVERLAP), ""
        elif self is Quality.BEST:
            overlap = max(overlap, _LEAST_OVERLAP)
        if input_.patch_size is None:  # there is one patch
            overlap = input_.overlap
        if (overlap, mirror) == (input_.overlap, input_.mirror):
            return input_
        return replace(input_, overlap=overlap, mirror=mirror)


def input_as_asked(input_: Input, quality: Quality, mirroring: bool) -> Input:
    """The input of a quality, without mirror images unless `mirroring`."""
    asked = quality.of(input_)
    return asked if mirroring or not asked.mirror else replace(asked, mirror="")
