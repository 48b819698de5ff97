"""Values of an array on another grid.

Between parallel axes each axis is resampled by itself, in float32: a target voxel is a weighted
sum of a few source voxels along each axis, its `Taps`. Planes are worked through one at a time,
in the order in which they lie in memory, and axes that shrink go first, so that little more than
the result is held. Grids at an angle to each other go through SimpleITK. Ours because SimpleITK,
which resamples all axes at once, takes three times as long (Docs/benchmarks.md); a test holds the
two equal.

The image reaches to the outer edges of its outer voxels: half a voxel beyond their centers. There
the outer voxel's value holds (as PyTorch does with align_corners=False); what lies farther out is
`Outside`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from IODeepLib.geometry import Grid, Volume
from IODeepLib.geometry.arrays import Float32, Float64
from IODeepLib.geometry.tolerances import SAME_GRID_TOLERANCE
from IODeepLib.recipe import Interpolation, Outside

# A point may fall exactly between two voxels (an integer factor does this at every voxel). It
# belongs to the upper one, and the rounding of affines, far below this part of a voxel, must not
# move it.
TIE_TOLERANCE = 1e-6

# The Gaussian is cut off there, in standard deviations: beyond is less than 1e-4 of it.
GAUSSIAN_REACH = 4.0


@dataclass(frozen=True, slots=True)
class Taps:
    """Which voxels along a source axis make each voxel along the target axis.

    Attributes:
        index: (taps, target voxels), source indices, zero based; the first is the nearest below.
        weight: (taps, target voxels) float32, adding up to 1 over the taps.
    """

    index: npt.NDArray[np.intp]
    weight: Float32

    def __len__(self) -> int:
        return self.index.shape[1]

    def along(self, array: npt.NDArray, axis: int) -> npt.NDArray:
        """`array` resampled along its axis `axis`, counted from the end: -1 is the last."""
        turn = (slice(None),) + (None,) * (-axis - 1)
        return _mix(
            lambda tap: np.take(array, self.index[tap], axis, mode="clip"),
            [weight[turn] for weight in self.weight],
        )

    def plane(self, get: Callable[[int], npt.NDArray], target: int) -> npt.NDArray:
        """Plane `target` of an array whose source planes `get` gives; they are left as they are."""
        weights = self.weight[:, target]
        return _mix(lambda tap: get(int(self.index[tap, target])).copy(), list(weights))


def _mix(take: Callable[[int], npt.NDArray], weights: list) -> npt.NDArray:
    """The weighted sum of what `take` gives for each tap.

    Written as the first tap plus weighted differences from it: a constant stays exactly that.
    """
    first = take(0)
    total = None
    for tap in range(1, len(weights)):
        if not np.any(weights[tap]):
            continue
        part = take(tap)
        part -= first
        part *= weights[tap]
        total = part if total is None else np.add(total, part, out=total)
    return first if total is None else np.add(first, total, out=first)


def in_plane(planes: npt.NDArray, rows: Taps, columns: Taps) -> npt.NDArray:
    """`planes` (..., rows, columns) resampled along both; what shrinks goes first."""
    if len(rows) * planes.shape[-1] <= planes.shape[-2] * len(columns):
        return columns.along(rows.along(planes, -2), -1)
    return rows.along(columns.along(planes, -1), -2)


def linear_taps(position: Float64, size: int) -> Taps:
    """Taps that interpolate linearly at `position`, in source voxels; the edge value holds."""
    position = np.clip(position, 0, size - 1)
    whole = np.rint(position)
    position = np.where(np.abs(position - whole) < TIE_TOLERANCE, whole, position)
    below = np.floor(position).astype(np.intp)
    above = np.minimum(below + 1, size - 1)
    part = (position - below).astype(np.float32)
    return Taps(np.stack([below, above]), np.stack([1 - part, part]))


def nearest_taps(position: Float64, size: int) -> Taps:
    """One tap: the voxel whose extent holds `position`; PyTorch's "nearest-exact"."""
    index = np.floor(position + 0.5 + TIE_TOLERANCE).astype(np.intp)
    index = np.clip(index, 0, size - 1)[None]
    return Taps(index, np.ones(index.shape, np.float32))


def smoothed(taps: Taps, sigma: float, size: int) -> Taps:
    """`taps` on the axis after a Gaussian of `sigma` voxels, the edge value holding beyond."""
    reach = max(1, int(GAUSSIAN_REACH * sigma + 0.5))
    offsets = np.arange(-reach, reach + 1)
    kernel = np.exp(-0.5 * (offsets / sigma) ** 2)
    kernel /= kernel.sum()
    around = np.append(offsets, reach + 1)  # what the taps `below` and `below + 1` reach together
    weight = np.zeros((len(around), len(taps)))
    for tap in range(len(taps.weight)):
        weight[tap : tap + len(kernel)] += kernel[:, None] * taps.weight[tap]
    index = np.clip(taps.index[0] + around[:, None], 0, size - 1)
    nearest_first = np.argsort(np.abs(around), kind="stable")
    return Taps(index[nearest_first], weight[nearest_first].astype(np.float32))


def resample(
    volume: Volume,
    target: Grid,
    *,
    interpolation: Interpolation = Interpolation.LINEAR,
    outside: Outside = Outside.EDGE,
    anti_alias: bool = False,
) -> Volume:
    """The values of `volume` on the grid `target`.

    Args:
        volume: what is resampled.
        target: where values are wanted; both in the same frame of reference.
        interpolation: linear, or the voxel that holds the point.
        outside: the value beyond the outer edges of the image.
        anti_alias: smooth axes that become coarser first, by a Gaussian of standard deviation
            (factor - 1) / 2 source voxels.

    Returns:
        (a0, a1, a2) float32 on `target`; nearest-exact keeps the type. Where `target` is the
        grid of `volume`, its own array, not a copy.
    """
    if volume.grid.same_as(target):
        return Volume(volume.array, target)
    aligned = volume.oriented(target.orientation)
    steps = aligned.grid.steps_along_axes(target)
    if steps is None:
        return _resample_at_an_angle(volume, target, interpolation, outside, anti_alias)
    taps, inside = [], []
    for size, count, step in zip(aligned.grid.shape, target.shape, steps, strict=True):
        positions = step[0] * np.arange(count, dtype=np.float64) + step[1]
        part = slice(0, count) if outside is Outside.EDGE else reached(positions, size)
        inside.append(part)
        taps.append(_axis_taps(positions[part], size, abs(step[0]), interpolation, anti_alias))
    return Volume(_separable(aligned.array, taps, inside, target.shape, outside), target)


def _axis_taps(
    positions: Float64,
    size: int,
    factor: float,
    interpolation: Interpolation,
    anti_alias: bool,
) -> Taps:
    if interpolation is Interpolation.NEAREST_EXACT:
        taps = nearest_taps(positions, size)
    else:
        taps = linear_taps(positions, size)
    if anti_alias and factor > 1 + SAME_GRID_TOLERANCE:
        return smoothed(taps, (factor - 1) / 2, size)
    return taps


def parallel_steps(own: Grid, other: Grid) -> tuple[tuple[float, float], ...]:
    """`Grid.steps_along_axes` of two grids of which one was made from the other.

    Raises:
        ValueError: they are not.
    """
    steps = own.steps_along_axes(other)
    if steps is None:
        raise ValueError("the axes of the two grids are not parallel")
    return steps


def reached(positions: Float64, size: int) -> slice:
    """The target voxels whose centers lie within the outer edges of the image."""
    edge = 0.5 + SAME_GRID_TOLERANCE
    within = np.flatnonzero((positions >= -edge) & (positions <= size - 1 + edge))
    return slice(int(within[0]), int(within[-1]) + 1) if len(within) else slice(0, 0)


def outside_value(array: npt.NDArray, outside: Outside) -> float:
    """What stands beyond `array`; for the edge, which has no one value, 0."""
    return array.min().item() if outside is Outside.MINIMUM else 0


def _separable(
    source: npt.NDArray,
    taps: list[Taps],
    inside: list[slice],
    shape: tuple[int, int, int],
    outside: Outside,
) -> npt.NDArray:
    """Resample axis by axis, in the order in which the source lies in memory."""
    order = np.argsort([-abs(stride) for stride in source.strides], kind="stable")
    nearest = all(len(axis.index) == 1 for axis in taps)
    kind = source.dtype if nearest else np.dtype(np.float32)
    whole = all(len(axis) == count for axis, count in zip(taps, shape, strict=True))
    in_memory = tuple(shape[axis] for axis in order)
    if whole:
        result = np.empty(in_memory, kind)
    else:
        result = np.full(in_memory, outside_value(source, outside), kind)
    part = result[tuple(inside[axis] for axis in order)]
    if part.size:
        _by_planes(source.transpose(order), [taps[axis] for axis in order], part)
    return result.transpose(np.argsort(order))


def _by_planes(source: npt.NDArray, taps: list[Taps], result: npt.NDArray) -> None:
    """Fill `result` plane by plane; whichever of axis 0 and the plane shrinks goes first."""
    first, second, third = taps

    def load(index: int) -> npt.NDArray:
        return source[index].astype(result.dtype)

    if len(first) <= source.shape[0]:
        loaded = functools.lru_cache(maxsize=len(first.index))(load)
        for i in range(len(first)):
            result[i] = in_plane(first.plane(loaded, i), second, third)
    else:
        ready = functools.lru_cache(maxsize=len(first.index))(
            lambda i: in_plane(load(i), second, third)
        )
        for i in range(len(first)):
            result[i] = first.plane(ready, i)


def _resample_at_an_angle(
    volume: Volume,
    target: Grid,
    interpolation: Interpolation,
    outside: Outside,
    anti_alias: bool,
) -> Volume:
    """All three axes at once, by SimpleITK, from index to index."""
    import SimpleITK as sitk  # noqa: N813

    matrix = np.linalg.inv(volume.grid.affine) @ target.affine
    array = volume.array.astype(np.float32, order="C")
    if anti_alias:
        # How coarse the target is along each axis of the source.
        for axis, factor in enumerate(np.linalg.norm(matrix[:3, :3], axis=1)):
            positions = np.arange(size := volume.grid.shape[axis], dtype=np.float64)
            taps = _axis_taps(positions, size, float(factor), interpolation, anti_alias)
            array = taps.along(array, axis - 3)
    image = sitk.GetImageFromArray(array)
    # SimpleITK counts axes the other way round.
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(matrix[:3, :3][::-1, ::-1].ravel().tolist())
    transform.SetTranslation(matrix[:3, 3][::-1].tolist())
    linear = interpolation is Interpolation.LINEAR
    filter_ = sitk.ResampleImageFilter()
    filter_.SetSize([int(n) for n in target.shape[::-1]])
    filter_.SetTransform(transform)
    filter_.SetInterpolator(sitk.sitkLinear if linear else sitk.sitkNearestNeighbor)
    filter_.SetDefaultPixelValue(float(outside_value(volume.array, outside)))
    filter_.SetUseNearestNeighborExtrapolator(outside is Outside.EDGE)
    array = sitk.GetArrayFromImage(filter_.Execute(image))
    linear = linear or anti_alias
    return Volume(array if linear else array.astype(volume.array.dtype), target)
