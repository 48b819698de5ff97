"""Scores of overlapping patches, made one in a slab of planes that moves along the first axis."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import numpy as np

from IODeepLib.geometry.arrays import Box, Float32
from IODeepLib.inference.patches import Patch, Patches, importance_map
from IODeepLib.machine.cores import usable_threads
from IODeepLib.recipe import Input

# Voxels that are added at once: their weights and shares lie in the processor's caches, while
# channel after channel is.
_TOGETHER = 1 << 17


class Blend(Protocol):
    """Scores of overlapping patches in a moving slab of planes."""

    slab: Float32

    def begin_row(self, start: int) -> None: ...

    def add(self, scores: Sequence[Float32], patch: Patch) -> None: ...

    def move_on(self, planes: int) -> None: ...


class Shares:
    """What each voxel of a patch counts in the weighted mean of all patches that reach it.

    What all patches together weigh at a voxel is known before any has been run, so that each is
    added with its final share and nothing is left to divide.
    """

    def __init__(self, patches: Patches, input_: Input) -> None:
        depth, rows, columns = slab_shape(patches)
        self._importance = importance_map(patches.size, input_.importance_map, input_.gaussian)
        self._patches = patches
        self._row_weight = np.zeros((patches.size[0], rows, columns), np.float32)
        for patch in patches.row(patches.starts[0][0]):
            _, *across = patch.box
            _, *inner = patch.inner
            self._row_weight[:, *across] += self._importance[:, *inner]
        self._share = np.empty((depth, rows, columns), np.float32)
        self._first = 0
        self._reached: list[tuple[slice, slice]] = []

    def begin_row(self, start: int) -> None:
        """Work out 1 / the weight of all patches, for the planes that this row reaches."""
        self._first = max(0, start)
        reached = self._planes_reached(start)
        if reached == self._reached:  # as of the row before
            return
        self._reached = reached
        self._share[...] = 0
        for planes, own in reached:
            self._share[planes] += self._row_weight[own]
        np.reciprocal(self._share, out=self._share)

    def _planes_reached(self, start: int) -> list[tuple[slice, slice]]:
        """For each row that reaches into this one: where in the slab, and in its own planes."""
        if self._patches.flat:
            return [(slice(0, len(self._share)), slice(0, 1))]
        found = []
        depth, last = self._patches.size[0], self._patches.image_shape[0]
        for other in self._patches.starts[0]:
            low, high = max(start, other, 0), min(start + depth, other + depth, last)
            if low < high:
                planes = slice(low - self._first, high - self._first)
                found.append((planes, slice(low - other, high - other)))
        return found

    def place(self, patch: Patch) -> Box:
        """Where a patch of this row lies in the slab."""
        return in_slab(patch.box, self._first)

    def of(self, patch: Patch, planes: slice = slice(None)) -> Float32:
        """(a0, a1, a2) for the voxels of a patch of this row that lie in the image.

        Args:
            patch: of which.
            planes: of those that lie in the image.
        """
        inner = patch.inner
        weights = self._importance[0 if self._patches.flat else inner[0], *inner[1:]]
        of_planes = weights if self._patches.flat else weights[planes]
        return of_planes * self._share[self.place(patch)][planes]


class Average:
    """The weighted mean; processors share out the channels."""

    def __init__(self, patches: Patches, input_: Input, channels: int) -> None:
        depth, rows, columns = slab_shape(patches)
        self.slab = np.zeros((channels, depth, rows, columns), np.float32)
        self._shares = Shares(patches, input_)
        self._together = max(1, _TOGETHER // math.prod(patches.size[1:]))
        self.begin_row = self._shares.begin_row
        self._threads = usable_threads()
        self._pool = ThreadPoolExecutor(self._threads)  # to make one for each patch takes 0.6 ms

    def add(self, scores: Sequence[Float32], patch: Patch) -> None:
        where = self._shares.place(patch)

        def add_some(channels: slice) -> None:
            given = [channel[patch.inner] for channel in scores[channels]]
            slabs = [slab[where] for slab in self.slab[channels]]
            with np.errstate(all="ignore"):  # what is no number is refused when planes are done
                for i in range(0, where[0].stop - where[0].start, self._together):
                    planes = slice(i, i + self._together)
                    weight = self._shares.of(patch, planes)
                    part = np.empty_like(weight)
                    for channel, slab in zip(given, slabs, strict=True):
                        slab[planes] += np.multiply(channel[planes], weight, out=part)

        self._share_out(add_some)

    def move_on(self, planes: int) -> None:
        self._share_out(lambda channels: _shift(self.slab[channels], planes))

    def _share_out(self, work: Callable[[slice], None]) -> None:
        """Do some `work` on all channels."""
        count = len(self.slab)
        some = -(-count // self._threads)
        parts = [slice(i, i + some) for i in range(0, count, some)]
        if len(parts) == 1:
            work(parts[0])
            return
        for _ in self._pool.map(work, parts):
            pass


class Strongest:
    """For label values: that of the patch with the greatest weight, the first one of equals."""

    def __init__(self, patches: Patches, input_: Input) -> None:
        shape = slab_shape(patches)
        self.slab = np.zeros((1, *shape), np.float32)
        self._weight = np.zeros((1, *shape), np.float32)
        self._importance = importance_map(patches.size, input_.importance_map, input_.gaussian)
        self._flat = patches.flat
        self._first = 0

    def begin_row(self, start: int) -> None:
        self._first = max(0, start)

    def add(self, scores: Sequence[Float32], patch: Patch) -> None:
        where = (0, *in_slab(patch.box, self._first))
        inner = patch.inner
        weights = self._importance[0 if self._flat else inner[0], *inner[1:]]
        stronger = weights > self._weight[where]
        np.copyto(self.slab[where], scores[0][inner], where=stronger)
        np.copyto(self._weight[where], weights, where=stronger)

    def move_on(self, planes: int) -> None:
        _shift(self.slab, planes)
        _shift(self._weight, planes)


def slab_shape(patches: Patches) -> tuple[int, int, int]:
    depth = patches.batch if patches.flat else patches.size[0]
    return min(depth, patches.image_shape[0]), *patches.image_shape[1:]


def in_slab(box: Box, first: int) -> Box:
    planes, rows, columns = box
    return slice(planes.start - first, planes.stop - first), rows, columns


def _shift(slab: Float32, planes: int) -> None:
    """Move the planes of each channel down by `planes` and clear those that come in."""
    for channel in slab:  # one at a time: numpy copies what overlaps
        channel[: len(channel) - planes] = channel[planes:]
        channel[len(channel) - planes :] = 0
