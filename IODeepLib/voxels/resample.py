"""Values of an array on another grid.

Between parallel axes each axis is resampled by itself, in float32: a target voxel is a weighted
sum of some source voxels along each axis, its `Taps`. Planes are worked through one at a time, in
the order in which they lie in memory, and axes that shrink go first, so that little more than the
result is held. Grids at an angle to each other go through SimpleITK. Ours because SimpleITK,
which resamples all axes at once, takes three times as long (Docs/benchmarks.md); a test holds the
two equal.

The image reaches to the outer edges of its outer voxels: half a voxel beyond their centers. There
the outer voxel's value holds (as PyTorch does with align_corners=False); what lies farther out is
`Outside`.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from IODeepLib.geometry import Grid, Volume
from IODeepLib.geometry.arrays import Float64
from IODeepLib.geometry.tolerances import SAME_GRID_TOLERANCE
from IODeepLib.recipe import Interpolation, Outside
from IODeepLib.voxels.taps import SPLINE_REACH, Taps, axis_taps, in_plane, nearest_taps


@dataclass(frozen=True, slots=True)
class Separate:
    """An axis that is resampled by itself, after the plane across it.

    Attributes:
        axis: which one of the target's.
        interpolation: how, along it.
    """

    axis: int
    interpolation: Interpolation


def resample(
    volume: Volume,
    target: Grid,
    *,
    interpolation: Interpolation = Interpolation.LINEAR,
    outside: Outside = Outside.EDGE,
    anti_alias: bool = False,
    clip: bool = False,
    separate: Separate | None = None,
) -> Volume:
    """The values of `volume` on the grid `target`.

    Args:
        volume: what is resampled.
        target: where values are wanted; both in the same frame of reference.
        interpolation: how values between voxels are made.
        outside: the value beyond the outer edges of the image; not what is mirrored in them.
        anti_alias: smooth axes that become coarser first, by a Gaussian of standard deviation
            (factor - 1) / 2 source voxels; with linear and nearest interpolation.
        clip: bring what cubic interpolation makes beyond the range of the image back to it; where
            an axis is separate, to the range of each plane.
        separate: an axis that is resampled by itself; of parallel grids only.

    Returns:
        (a0, a1, a2) float32 on `target`; the nearest voxel keeps the type. Where `target` is the
        grid of `volume`, its own array, not a copy.
    """
    if volume.grid.same_as(target):
        return Volume(volume.array, target)
    aligned = volume.oriented(target.orientation)
    steps = aligned.grid.steps_along_axes(target)
    if steps is None:
        array = _at_an_angle(volume, target, interpolation, outside, anti_alias)
        return Volume(np.clip(array, *_range(volume.array)) if clip else array, target)
    taps, inside = [], []
    for axis, (size, count, step) in enumerate(
        zip(aligned.grid.shape, target.shape, steps, strict=True)
    ):
        positions = step[0] * np.arange(count, dtype=np.float64) + step[1]
        part = slice(0, count) if outside is Outside.EDGE else reached(positions, size)
        own = separate is not None and separate.axis == axis
        how = separate.interpolation if separate is not None and own else interpolation
        inside.append(part)
        taps.append(axis_taps(positions[part], size, abs(step[0]), how, anti_alias))
    if separate is not None:
        array = _plane_first(aligned.array, taps, inside, target.shape, outside, clip, separate)
    else:
        array = _separable(aligned.array, taps, inside, target.shape, outside, clip)
    return Volume(array, target)


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
    shape: tuple[int, ...],
    outside: Outside,
    clip: bool = False,
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
        if clip:
            np.clip(part, *_range(source), out=part)
    return result.transpose(np.argsort(order))


def _plane_first(
    source: npt.NDArray,
    taps: list[Taps],
    inside: list[slice],
    shape: tuple[int, int, int],
    outside: Outside,
    clip: bool,
    separate: Separate,
) -> npt.NDArray:
    """Resample the planes across the separate axis one by one, then along that axis."""
    axis = separate.axis
    as_it_is = [nearest_taps(np.arange(n, dtype=np.float64), n) for n in shape]
    n = source.shape[axis]
    own = nearest_taps(np.arange(n, dtype=np.float64), n)
    between = tuple(n if i == axis else size for i, size in enumerate(shape))
    planes = _separable(
        source,
        [own if i == axis else one for i, one in enumerate(taps)],
        [slice(0, n) if i == axis else part for i, part in enumerate(inside)],
        between,
        outside,
    )
    if clip:
        for given, made in zip(
            np.moveaxis(source, axis, 0), np.moveaxis(planes, axis, 0), strict=True
        ):
            np.clip(made, *_range(given), out=made)
    return _separable(
        planes,
        [taps[axis] if i == axis else one for i, one in enumerate(as_it_is)],
        [inside[axis] if i == axis else slice(0, size) for i, size in enumerate(shape)],
        shape,
        outside,
    )


def _range(array: npt.NDArray) -> tuple[float, float]:
    return array.min().item(), array.max().item()


def _by_planes(source: npt.NDArray, taps: list[Taps], result: npt.NDArray) -> None:
    """Fill `result` plane by plane; whichever of axis 0 and the plane shrinks goes first."""
    first, second, third = taps

    def load(index: int) -> npt.NDArray:
        return source[index].astype(result.dtype)

    def across(plane: npt.NDArray) -> npt.NDArray:
        return in_plane(plane, second, third)

    grows = len(first) > source.shape[0]
    ready = functools.lru_cache(maxsize=first.held)(lambda i: across(load(i)) if grows else load(i))
    for start in range(0, len(first), first.together):
        made = first.planes(ready, slice(start, start + first.together))
        for i, plane in enumerate(made, start):
            result[i] = plane if grows else across(plane)


def _at_an_angle(
    volume: Volume,
    target: Grid,
    interpolation: Interpolation,
    outside: Outside,
    anti_alias: bool,
) -> npt.NDArray:
    """All three axes at once, by SimpleITK, from index to index."""
    import SimpleITK as sitk  # noqa: N813

    matrix = np.linalg.inv(volume.grid.affine) @ target.affine
    array = volume.array.astype(np.float32, order="C")
    if anti_alias:
        # How coarse the target is along each axis of the source.
        for axis, factor in enumerate(np.linalg.norm(matrix[:3, :3], axis=1)):
            positions = np.arange(size := volume.grid.shape[axis], dtype=np.float64)
            taps = axis_taps(positions, size, float(factor), interpolation, anti_alias)
            array = taps.along(array, axis - 3)
    if interpolation is Interpolation.CUBIC:
        return _spline_at_an_angle(array, matrix, target, outside)
    linear = interpolation is Interpolation.LINEAR
    filter_ = _sitk_filter(matrix, target)
    filter_.SetInterpolator(sitk.sitkLinear if linear else sitk.sitkNearestNeighbor)
    filter_.SetDefaultPixelValue(float(outside_value(volume.array, outside)))
    filter_.SetUseNearestNeighborExtrapolator(outside is Outside.EDGE)
    array = sitk.GetArrayFromImage(filter_.Execute(sitk.GetImageFromArray(array)))
    linear = linear or anti_alias
    return array if linear else array.astype(volume.array.dtype)


def _spline_at_an_angle(
    array: npt.NDArray, matrix: Float64, target: Grid, outside: Outside
) -> npt.NDArray:
    """SimpleITK's B-spline reflects the image at its edges: far enough out, nobody sees that."""
    import SimpleITK as sitk  # noqa: N813

    padded = sitk.GetImageFromArray(np.pad(array, SPLINE_REACH, mode="edge"))
    filter_ = _sitk_filter(matrix, target, SPLINE_REACH)
    filter_.SetInterpolator(sitk.sitkBSpline)
    filter_.SetUseNearestNeighborExtrapolator(True)
    made = sitk.GetArrayFromImage(filter_.Execute(padded))
    if outside is not Outside.EDGE:
        filter_ = _sitk_filter(matrix, target)
        filter_.SetInterpolator(sitk.sitkNearestNeighbor)
        whole = sitk.GetImageFromArray(np.ones(array.shape, np.uint8))
        made[sitk.GetArrayFromImage(filter_.Execute(whole)) == 0] = outside_value(array, outside)
    return made


def _sitk_filter(matrix: Float64, target: Grid, padding: int = 0) -> Any:
    """SimpleITK's, from the index of `target` to that of a source with `padding` voxels around."""
    import SimpleITK as sitk  # noqa: N813

    # SimpleITK counts axes the other way round.
    transform = sitk.AffineTransform(3)
    transform.SetMatrix(matrix[:3, :3][::-1, ::-1].ravel().tolist())
    transform.SetTranslation((matrix[:3, 3][::-1] + padding).tolist())
    filter_ = sitk.ResampleImageFilter()
    filter_.SetSize([int(n) for n in target.shape[::-1]])
    filter_.SetTransform(transform)
    return filter_
