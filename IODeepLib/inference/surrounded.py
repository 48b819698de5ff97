"""Scores around a crop on the network's voxels: zeros, toward which others are interpolated.

As MONAI's Invertd of CropForegroundd has it. Less than a voxel of the network beyond its outer
centers a voxel of the series is still between the two; farther out nothing was seen.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

import numpy as np

from IODeepLib.geometry.tolerances import SAME_GRID_TOLERANCE
from IODeepLib.inference.preprocess import Prepared
from IODeepLib.inference.sliding_window import Slab
from IODeepLib.voxels.resample import parallel_steps


def surrounded(slabs: Iterable[Slab], prepared: Prepared) -> tuple[Iterable[Slab], Prepared]:
    """Scores, and what they lie on, with a voxel of zeros on each side where it was cropped."""
    cut, network = prepared.cut, prepared.network
    if not any(before or behind for before, behind in cut):
        return slabs, prepared
    start = [-int(before) for before, _ in cut]
    shape = [n + before + behind for n, (before, behind) in zip(network.shape, cut, strict=True)]
    box = []
    steps = parallel_steps(network, prepared.turned_source)
    for axis, (scale, offset) in enumerate(steps):
        (before, behind), old = cut[axis], prepared.box[axis]
        positions = scale * np.arange(prepared.turned_source.shape[axis]) + offset
        beyond = 1 - SAME_GRID_TOLERANCE
        inside = np.flatnonzero(
            (positions > -beyond) & (positions < network.shape[axis] - 1 + beyond)
        )
        first, last = (int(inside[0]), int(inside[-1])) if len(inside) else (old.start, old.stop)
        box.append(slice(first if before else old.start, last + 1 if behind else old.stop))
    wide = dataclasses.replace(
        prepared,
        network=network.cropped(start, shape),
        box=tuple(box),  # type: ignore[arg-type]
        cut=((False, False),) * 3,
    )
    return _with_zeros(slabs, cut), wide


def _with_zeros(slabs: Iterable[Slab], cut: tuple[tuple[bool, bool], ...]) -> Iterator[Slab]:
    (before, behind), *across = cut
    pads = [(0, 0), (0, 0), *((int(a), int(b)) for a, b in across)]
    end, shape = 0, (0, 0, 0)
    for start, scores in slabs:
        wide = np.pad(scores, pads)
        channels, planes, *plane = wide.shape
        shape = (channels, *plane)
        if before and start == 0:
            yield 0, np.zeros((channels, 1, *plane), np.float32)
        yield start + before, wide
        end = start + before + planes
    if behind:
        yield end, np.zeros((shape[0], 1, *shape[1:]), np.float32)
