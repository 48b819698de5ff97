"""Patches whose voxels are all alike, such as air: what was found in one holds for all of its kind.

A network that is given the same values gives the same scores, so that this is exact.
"""

from __future__ import annotations

from typing import Generic, TypeVar

import numpy as np

from IODeepLib.geometry.arrays import Float32

_T = TypeVar("_T")

# Bytes of scores that are held while the network runs on; more are held as long as it does not.
MOST_KEPT = 256 * 2**20
_STEP = 8  # between voxels that are compared first: nearly all patches differ in some of them


def values_of(network_input: Float32, axis_order: str) -> bytes | None:
    """The value of each channel of each image, bit by bit; None if one has different ones.

    Args:
        network_input: what a network is given.
        axis_order: of it, in the recipe's letters.
    """
    bits = network_input.view(np.uint32)
    apart = [letter in "NC" for letter in axis_order]
    first = bits[tuple(slice(None) if own else slice(1) for own in apart)]
    some = bits[tuple(slice(None) if own else slice(None, None, _STEP) for own in apart)]
    if (some != first).any() or (bits != first).any():
        return None
    return first.tobytes()


class Last(Generic[_T]):
    """What was found last where all voxels are alike."""

    def __init__(self) -> None:
        self._values: bytes | None = None
        self._found: _T | None = None
        self._size = 0

    def of(self, values: bytes | None) -> _T | None:
        """What was found for these values; None if they are others, and a network has to run."""
        if values is not None and values == self._values:
            return self._found
        if self._size > MOST_KEPT:
            self._values = self._found = None
        return None

    def keep(self, values: bytes | None, found: _T, size: int) -> None:
        """Remember what was `found`, of `size` bytes, if all voxels are alike."""
        if values is not None:
            self._values, self._found, self._size = values, found, size
