"""Where patches are cut, how much their voxels count, and the tensors made from them.

Along each axis patches begin every int(size * (1 - overlap)) voxels, and the last one ends with the
image: MONAI's rule. Or as few as leave no greater step lie at equal distances: nnU-Net's. An image
smaller than the patch lies in its middle (the odd voxel of padding behind it). A whole-image
network has one patch: the image, padded alike to a multiple of `divisible_by`. A 2D network is
given slice by slice; its neighboring slices are channels: for each channel of the image, the slices
from the lowest to the highest, the outer ones repeated.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from IODeepLib.geometry.arrays import Box, Float32
from IODeepLib.recipe import (
    Gaussian,
    GaussianCenter,
    ImportanceMap,
    Input,
    Outside,
    PatchStarts,
)
from IODeepLib.voxels.resample import outside_value

# Of a part that is 1 minus another one: the ones beyond are rounding.
_DECIMALS = 12


@dataclass(frozen=True, slots=True)
class Patch:
    """One patch: where it begins, where padding is needed before the image, and its size.

    Attributes:
        start: index of its first voxel in the image; negative where it is padded.
        size: voxels along the three axes; for a 2D network the first counts slices of a batch.
        image_shape: (a0, a1, a2) of the image.
    """

    start: tuple[int, int, int]
    size: tuple[int, int, int]
    image_shape: tuple[int, int, int]

    @property
    def box(self) -> Box:
        """The voxels of the image that it holds."""
        a0, a1, a2 = (
            slice(max(0, start), min(start + size, n))
            for start, size, n in zip(self.start, self.size, self.image_shape, strict=True)
        )
        return a0, a1, a2

    @property
    def inner(self) -> Box:
        """Where these voxels lie in the patch."""
        a0, a1, a2 = (
            slice(part.start - start, part.stop - start)
            for part, start in zip(self.box, self.start, strict=True)
        )
        return a0, a1, a2

    @property
    def padded(self) -> bool:
        """Whether it reaches beyond the image."""
        return tuple(part.stop - part.start for part in self.box) != self.size


@dataclass(frozen=True, slots=True)
class Patches:
    """All patches of an image.

    Attributes:
        image_shape: (a0, a1, a2) of the image, in the working orientation.
        size: voxels of a patch; for a 2D network, 1 along the first axis.
        starts: where patches begin along each axis. Each of the first is a row of patches.
        batch: slices that a 2D network is given at once, or patches that a 3D one is.
        flat: whether the network is a 2D one.
    """

    image_shape: tuple[int, int, int]
    size: tuple[int, int, int]
    starts: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
    batch: int
    flat: bool

    @classmethod
    def of(cls, image_shape: tuple[int, int, int], input_: Input, batch: int = 1) -> Patches:
        """The patches that `input_` asks for on an image of `image_shape`."""
        flat = input_.spatial_dims == 2
        sizes = input_.patch_size or tuple(
            math.ceil(n / input_.divisible_by) * input_.divisible_by
            for n in image_shape[int(flat) :]
        )
        size = (*(1,) * flat, *sizes)
        starts = [
            patch_starts(n, s, input_.overlap, input_.patch_starts)
            for n, s in zip(image_shape, size, strict=True)
        ]
        if flat:
            starts[0] = tuple(range(0, image_shape[0], batch))
        return cls(image_shape, size, tuple(starts), batch, flat)  # type: ignore[arg-type]

    def __len__(self) -> int:
        return math.prod(len(axis) for axis in self.starts)

    def row(self, start: int) -> Iterator[Patch]:
        """The patches that begin at `start` along the first axis."""
        depth = min(self.batch, self.image_shape[0] - start) if self.flat else self.size[0]
        for across in itertools.product(*self.starts[1:]):
            yield Patch((start, *across), (depth, *self.size[1:]), self.image_shape)

    def groups(self, start: int) -> Iterator[tuple[Patch, ...]]:
        """The patches of a row as the network gets them, several at once; the last group may be
        smaller.
        """
        row = self.row(start)
        while group := tuple(itertools.islice(row, 1 if self.flat else self.batch)):
            yield group

    @property
    def overlap_nowhere(self) -> bool:
        """Whether a row has one patch and no row reaches into another."""
        rows_apart = self.flat or len(self.starts[0]) == 1
        return rows_apart and len(self.starts[1]) == len(self.starts[2]) == 1


def patch_starts(
    length: int, size: int, overlap: float, rule: PatchStarts = PatchStarts.STRIDE
) -> tuple[int, ...]:
    """Where patches of `size` voxels begin along an axis of `length` voxels.

    The last one ends with the axis; one that is larger than the axis is centered over it.

    >>> patch_starts(10, 4, 0.5)
    (0, 2, 4, 6)
    >>> patch_starts(9, 4, 0.5)
    (0, 2, 4, 5)
    >>> patch_starts(9, 4, 0.5, PatchStarts.EVEN)
    (0, 2, 3, 5)
    >>> patch_starts(4, 8, 0.5)
    (-2,)
    """
    if length <= size:
        return (-((size - length) // 2),)
    last = length - size
    if rule is PatchStarts.EVEN:
        part = round(1 - overlap, _DECIMALS)  # nnU-Net's tile_step_size
        steps = math.ceil(last / max(1, size * part))
        return tuple(round(last / steps * i) for i in range(steps + 1))
    step = max(1, int(size * (1 - overlap)))
    return (*range(0, last, step), last)


def importance_map(
    size: tuple[int, int, int], kind: ImportanceMap, gaussian: Gaussian | None = None
) -> Float32:
    """How much each voxel of a patch counts: (a0, a1, a2), 1 at most."""
    weights = np.ones(size, np.float32)
    if kind is ImportanceMap.CONSTANT:
        return weights
    gaussian = gaussian or Gaussian()
    for axis, n in enumerate(size):
        center = n // 2 if gaussian.center is GaussianCenter.VOXEL else (n - 1) / 2
        from_center = np.arange(n) - center
        with np.errstate(over="ignore"):  # of the narrowest ones
            line = np.exp(-0.5 * (from_center / (gaussian.sigma * n)) ** 2).astype(np.float32)
        weights *= line.reshape([-1 if i == axis else 1 for i in range(3)])
    return np.maximum(weights, np.float32(gaussian.least), out=weights)


def outside_values(array: Float32, outside: Outside) -> list[float]:
    """What stands beyond the image, for each channel."""
    return [outside_value(channel, outside) for channel in array]


def tensor(array: Float32, patch: Patch, input_: Input, beyond: list[float]) -> Float32:
    """The network's input for `patch`, in the recipe's axis order.

    Args:
        array: (channel, a0, a1, a2), the prepared image.
        patch: what is cut out.
        input_: the recipe's input.
        beyond: what `outside_values` gave for `array`.
    """
    planes, rows, columns = patch.box
    if input_.spatial_dims == 3:
        block = array[:, planes, rows, columns]
        pads = [
            (part.start, n - part.stop) for part, n in zip(patch.inner, patch.size, strict=True)
        ]
    else:
        around = np.arange(-input_.neighbours, input_.neighbours + 1)
        which = np.arange(planes.start, planes.stop)[:, None] + around
        block = array[:, np.clip(which, 0, array.shape[1] - 1), rows, columns]
        pads = [(0, 0), (0, 0)]
        pads += [
            (part.start, n - part.stop)
            for part, n in zip(patch.inner[1:], patch.size[1:], strict=True)
        ]
    if patch.padded:
        block = _padded(block, pads, input_.outside, beyond)
    if input_.spatial_dims == 3:
        batch = block[None]
    else:
        batch = np.moveaxis(block, 1, 0).reshape(block.shape[1], -1, *block.shape[3:])
    letters = "NC" + input_.spatial_axes
    return np.ascontiguousarray(batch.transpose([letters.index(x) for x in input_.axis_order]))


def _padded(
    block: Float32, pads: list[tuple[int, int]], outside: Outside, beyond: list[float]
) -> Float32:
    """`block` (channel, ...) with `pads` voxels before and behind along each further axis."""
    if outside is Outside.EDGE:
        return np.pad(block, [(0, 0), *pads], mode="edge")
    if outside is Outside.REFLECT:  # around the outer voxel, which is not repeated
        return np.pad(block, [(0, 0), *pads], mode="reflect")
    return np.stack(
        [
            np.pad(channel, pads, constant_values=value)
            for channel, value in zip(block, beyond, strict=True)
        ]
    )
