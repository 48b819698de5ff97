"""How many networks of an ensemble, or mirror images, decide otherwise than all of them together.

Each decides by itself on the voxels of a patch. What is kept of it is a small number a voxel, the
same for the same decision, so that memory is bounded by the patch.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from IODeepLib.geometry.arrays import Float32
from IODeepLib.inference.decision_rule import Scores, label_type, rule_of
from IODeepLib.recipe import Blend, Output

_Marks = npt.NDArray[np.unsignedinteger]


class Votes:
    """The decisions of those that have a say in a patch, or in several that are run at once.

    Args:
        output: the recipe's output; it decides on scores, not on label values.
        axis_order: of what a network gives.
        spatial_axes: the spatial ones of them, in the working orientation.
    """

    def __init__(self, output: Output, axis_order: str, spatial_axes: str) -> None:
        # Of one network the scores are neither blended nor interpolated yet.
        self._output = replace(output, blend=Blend.SCORES, interpolate=Blend.SCORES)
        self._rule, self._type = rule_of(self._output), label_type(self._output)
        if self._rule.layers > 1:
            # Labels that may overlap: a number for each, and for each set of them.
            chance = np.random.default_rng(0)
            self._codes = chance.integers(1, 1 << 32, self._rule.layers, np.uint32)
            self._type = np.dtype(np.uint32)
        self._axis_order, self._spatial_axes = axis_order, spatial_axes
        self._members: list[_Marks] = []

    def begin(self) -> None:
        """Forget those of the patches before."""
        self._members = []

    def add(self, result: npt.NDArray, axes: tuple[int, ...] = ()) -> None:
        """What one of them gives, in the recipe's axis order, for the mirror image over `axes`.

        A result of another shape than is wanted counts not: the run refuses it.
        """
        letters = self._axis_order
        if result.ndim != len(letters):
            return
        if result.shape[letters.index("C")] != self._output.channels:
            return
        patches = as_patches(np.flip(result, axes), letters, self._spatial_axes)
        self._members.append(np.stack([self._decided(patch) for patch in patches]))

    def against(self, number: int, scores: npt.NDArray) -> Float32:
        """(a0, a1, a2) the share of them that decide otherwise than `scores`, the mean of all.

        Args:
            number: of the patch among those that were run at once.
            scores: (channel, a0, a1, a2).
        """
        together = self._decided(scores)
        count = np.zeros(together.shape, np.float32)
        for member in self._members:
            count += member[number] != together
        count /= len(self._members)
        return count

    def _decided(self, scores: npt.NDArray) -> _Marks:
        """(a0, a1, a2) of (channel, a0, a1, a2), plane by plane."""
        marks = np.zeros(scores.shape[1:], self._type)
        for k in range(scores.shape[1]):
            plane = np.asarray(scores[:, k], np.float32)
            flat = plane.reshape(len(plane), -1)
            low, high = flat.min(axis=1), flat.max(axis=1)
            if not (np.isfinite(low).all() and np.isfinite(high).all()):
                continue  # the run refuses it
            piece = np.zeros((self._rule.layers, *plane.shape[1:]), label_type(self._output))
            self._rule.paint(piece, low, high, Scores(plane))
            if self._rule.layers > 1:
                marked = piece * self._codes[:, None, None]
                np.bitwise_xor.reduce(marked, axis=0, out=marks[k])
            else:
                marks[k] = piece[0]
        return marks


def as_patches(result: npt.NDArray, letters: str, spatial: str) -> npt.NDArray:
    """(patch, channel, a0, a1, a2) of what a network gives: a view.

    The slices of a 2D network are the first axis of one patch.

    Args:
        result: in the recipe's axis order.
        letters: that order.
        spatial: the spatial ones of them, in the working orientation.
    """
    flat = len(spatial) == 2
    turned = result.transpose([letters.index(x) for x in ("CN" if flat else "NC") + spatial])
    return turned[None] if flat else turned
