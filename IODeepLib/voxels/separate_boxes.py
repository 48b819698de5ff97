"""Boxes that hold a label in pieces, so that no component of it lies in two of them.

Searching a box costs what the box is large, and a network leaves specks of a label far from it: a
single box around both would be most of the image. So the image is looked at in blocks. Blocks
with a label that do not touch lie a whole block apart, and so do the label's components in them.
What encloses a hole is one such piece, too: of closed sets that do not meet, two separate a point
from the outside only where one of them does (Janiszewski's theorem, which holds in space as well).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from IODeepLib.geometry.arrays import Box, Mask
from IODeepLib.recipe import Connectivity
from IODeepLib.voxels.boxes import label_boxes
from IODeepLib.voxels.components import components

BLOCK = 16  # voxels: specks nearer than that share a box, and a box is less than that too wide

# What searching a box takes beside its voxels, in voxels; and so many images of voxels, searched
# box by box, take no longer than one pass for all labels (a quarter of a second each for 512x512
# x100, against 1 s where faces connect and 2.8 s where corners do).
_CALL = 1 << 18
_IMAGES = 3


def separate_boxes(
    array: npt.NDArray[np.unsignedinteger], values: Sequence[int]
) -> dict[int, list[Box]] | None:
    """For each of `values` that is in `array` (a0, a1, a2), disjoint boxes around its pieces.

    Every component of the label, with all that it encloses, lies in one of them.

    Returns:
        The boxes; or None where a pass over the whole image is quicker than a search of them all.
    """
    boxes: dict[int, list[Box]] = {}
    work = 0
    for value, blocks in zip(values, _blocks_with(array, values), strict=True):
        if blocks.any():
            boxes[value] = [_of_voxels(box, array.shape) for box in _boxes_of(blocks)]
            work += sum(_CALL + _volume(box) for box in boxes[value])
        if work > _IMAGES * array.size + _CALL * len(values):
            return None
    return boxes


def _blocks_with(
    array: npt.NDArray[np.unsignedinteger], values: Sequence[int]
) -> npt.NDArray[np.bool_]:
    """(value, blocks along a0, a1, a2): which blocks have a voxel of which value."""
    planes, rows, columns = (-(-n // BLOCK) for n in array.shape)
    found = np.zeros((len(values) + 1, planes, rows * columns), bool)  # the last: of no value
    number = np.full(1 << 16, len(values), np.intp)  # values are 65535 at most
    number[list(values)] = np.arange(len(values))
    block = np.arange(array.shape[1])[:, None] // BLOCK * columns
    block = (block + np.arange(array.shape[2]) // BLOCK).ravel()
    first = np.empty(array.shape[1:], bool)
    for k, plane in enumerate(array):
        # Of equal voxels side by side in a block the first one tells enough.
        np.not_equal(plane[:, 1:], plane[:, :-1], out=first[:, 1:])
        first[:, ::BLOCK] = True
        first &= plane != 0
        there = np.flatnonzero(first)
        found[number[plane.ravel()[there]], k // BLOCK, block[there]] = True
    return found[:-1].reshape(-1, planes, rows, columns)


def _boxes_of(blocks: Mask) -> list[Box]:
    """Disjoint boxes around the components of `blocks`, in blocks."""
    while True:
        boxes = list(label_boxes(components(blocks, Connectivity.CORNERS)[0]).values())
        if len(boxes) == 1:
            return boxes
        solid = np.zeros_like(blocks)
        for box in boxes:
            solid[box] = True
        if np.count_nonzero(solid) == sum(map(_volume, boxes)):
            return boxes
        blocks = solid  # those that meet become one


def _volume(box: Box) -> int:
    return math.prod(part.stop - part.start for part in box)


def _of_voxels(blocks: Box, shape: tuple[int, ...]) -> Box:
    a0, a1, a2 = (
        slice(part.start * BLOCK, min(part.stop * BLOCK, n))
        for part, n in zip(blocks, shape, strict=True)
    )
    return a0, a1, a2
