"""Scores of overlapping patches, made one in a slab of planes that moves along the first axis.

A plane of the image lies in the slab at its number modulo the slab's depth, so that none has to be
moved.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
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

    def begin_row(self, start: int) -> None:
        """Patches that begin at `start` along the first axis come next."""

    def add(self, scores: Sequence[Float32], patch: Patch) -> None:
        """Add what was found in a patch of this row."""

    def finished(self, planes: slice) -> Iterator[tuple[int, Float32]]:
        """Planes of the image that no later patch reaches: number of the first, their scores.

        They are valid until the next are asked for, and cleared after the last.
        """


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
        """Where a patch of this row lies in the planes that the row reaches."""
        planes, rows, columns = patch.box
        return slice(planes.start - self._first, planes.stop - self._first), rows, columns

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
        self._ring = _Ring(patches)
        self._slab = np.zeros((channels, *slab_shape(patches)), np.float32)
        self._shares = Shares(patches, input_)
        self._together = max(1, _TOGETHER // math.prod(patches.size[1:]))
        self.begin_row = self._shares.begin_row
        self._threads = usable_threads()
        self._pool = ThreadPoolExecutor(self._threads)  # to make one for each patch takes 0.6 ms

    def add(self, scores: Sequence[Float32], patch: Patch) -> None:
        planes, rows, columns = patch.box

        def add_some(channels: slice) -> None:
            given = [channel[patch.inner] for channel in scores[channels]]
            slabs = [slab[:, rows, columns] for slab in self._slab[channels]]
            with np.errstate(all="ignore"):  # what is no number is refused when planes are done
                for own, there in self._ring.runs(planes, self._together):
                    weight = self._shares.of(patch, own)
                    part = np.empty_like(weight)
                    for channel, slab in zip(given, slabs, strict=True):
                        slab[there] += np.multiply(channel[own], weight, out=part)

        self._share_out(add_some)

    def finished(self, planes: slice) -> Iterator[tuple[int, Float32]]:
        yield from self._ring.parts(self._slab, planes)
        for there in self._ring.left(planes):
            self._share_out(functools.partial(self._clear, there))

    def _clear(self, planes: slice, channels: slice) -> None:
        self._slab[channels, planes] = 0

    def _share_out(self, work: Callable[[slice], None]) -> None:
        """Do some `work` on all channels."""
        count = len(self._slab)
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
        self._ring = _Ring(patches)
        self._slab = np.zeros((1, *slab_shape(patches)), np.float32)
        self._weight = np.zeros_like(self._slab)
        self._importance = importance_map(patches.size, input_.importance_map, input_.gaussian)
        self._flat = patches.flat

    def begin_row(self, start: int) -> None:
        pass

    def add(self, scores: Sequence[Float32], patch: Patch) -> None:
        planes, rows, columns = patch.box
        inner = patch.inner
        weights = self._importance[0 if self._flat else inner[0], *inner[1:]]
        for own, there in self._ring.runs(planes):
            where = (0, there, rows, columns)
            weight = weights if self._flat else weights[own]
            stronger = weight > self._weight[where]
            np.copyto(self._slab[where], scores[0][inner][own], where=stronger)
            np.copyto(self._weight[where], weight, where=stronger)

    def finished(self, planes: slice) -> Iterator[tuple[int, Float32]]:
        yield from self._ring.parts(self._slab, planes)
        for there in self._ring.left(planes):
            self._slab[:, there] = self._weight[:, there] = 0


class _Ring:
    """Where planes of the image lie in a slab."""

    def __init__(self, patches: Patches) -> None:
        self._depth, self._end = slab_shape(patches)[0], patches.image_shape[0]

    def runs(self, planes: slice, most: int | None = None) -> Iterator[tuple[slice, slice]]:
        """Some planes, at `most` so many at a time: which of them, and where in the slab."""
        plane = planes.start
        while plane < planes.stop:
            there = plane % self._depth
            count = min(planes.stop - plane, self._depth - there, most or self._depth)
            own = plane - planes.start
            yield slice(own, own + count), slice(there, there + count)
            plane += count

    def parts(self, slab: Float32, planes: slice) -> Iterator[tuple[int, Float32]]:
        """Some planes of a slab (channel, planes, ...), with the number of the first."""
        for own, there in self.runs(planes):
            yield planes.start + own.start, slab[:, there]

    def left(self, planes: slice) -> list[slice]:
        """Where they lay in the slab, if others are to come there."""
        return [] if planes.stop == self._end else [there for _, there in self.runs(planes)]


def slab_shape(patches: Patches) -> tuple[int, int, int]:
    depth = patches.batch if patches.flat else patches.size[0]
    return min(depth, patches.image_shape[0]), *patches.image_shape[1:]
