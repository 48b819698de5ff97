"""Labels of earlier stages as channels of the network's input: 1 where a label is, 0 elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from IODeepLib.geometry import Grid, Volume
from IODeepLib.geometry.arrays import Float32
from IODeepLib.inference.network_grid import separate_axis
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.recipe import Channel, Conform, Input, Interpolation, LabelInterpolation, Outside
from IODeepLib.voxels.resample import parallel_steps, resample

_Labels = npt.NDArray[np.unsignedinteger]


def fill_label_channels(
    array: Float32,
    channels: Sequence[Channel],
    found: Mapping[str, Segmentation],
    place: Callable[[npt.NDArray], Volume],
    network: Grid,
    input_: Input,
) -> None:
    """Write the channels that labels fill.

    Args:
        array: (channel, a0, a1, a2), what is filled.
        channels: one for each of it, all with a `stage` and a `label`.
        found: by the name of each stage, its labels on the voxels of the series.
        place: turns an array on these voxels to what the network sees of them.
        network: where the voxels of `array` lie.
        input_: the recipe's input.
    """
    for name in dict.fromkeys(channel.stage for channel in channels):
        assert name is not None  # noqa: S101 - see the recipe's stages
        labels = found[name]
        by_name = {label.name: label for label in labels.labels}
        own = [(i, by_name[c.label or ""]) for i, c in enumerate(channels) if c.stage == name]
        if labels.overlapping:
            for i, label in own:
                array[i] = _nearest(place(labels.mask(label)), network, input_)
            continue
        seen = place(labels.array)
        if input_.label_interpolation is LabelInterpolation.PER_CLASS:
            there = _per_class(seen, network, input_)
        else:
            there = _nearest(seen, network, input_)
        for i, label in own:
            np.equal(there, label.value, out=array[i])


def most_of_voxels(labels: Volume, network: Grid, input_: Input) -> _Labels:
    """Of each voxel of the network the label that has most of it.

    Args:
        labels: (a0, a1, a2) values, on voxels of the series in the working orientation.
        network: where the voxels of the network lie.
        input_: the recipe's input.
    """
    return _highest(labels, network, _outside(input_))


def _outside(input_: Input) -> Outside:
    """Where a network's grid reaches beyond the image there are no labels, but for its last half
    voxel.
    """
    return Outside.ZERO if isinstance(input_.grid, Conform) else Outside.EDGE


def _nearest(seen: Volume, network: Grid, input_: Input) -> _Labels:
    way = Interpolation.NEAREST_EXACT
    return resample(seen, network, interpolation=way, outside=_outside(input_)).array


def _per_class(seen: Volume, network: Grid, input_: Input) -> _Labels:
    """Each class linearly by itself, and where an axis is separate, only in the planes across it.

    Along that axis it is the nearest plane, as in nnU-Net's resample_data_or_seg with is_seg.
    """
    separate = separate_axis(seen.grid, input_.grid)
    if separate is None:
        return _highest(seen, network, _outside(input_))
    between = _with_axis_of(seen.grid, network, separate.axis)
    planes = Volume(_highest(seen, between, _outside(input_)), between)
    return _nearest(planes, network, input_)


def _with_axis_of(seen: Grid, network: Grid, axis: int) -> Grid:
    """The grid of the network with the voxels that `seen` has along one axis."""
    scale, offset = parallel_steps(seen, network)[axis]
    first = [0.0, 0.0, 0.0]
    first[axis] = -offset / scale
    affine = network.affine.copy()
    affine[:3, 3] = network.point(first)
    affine[:3, axis] = seen.affine[:3, axis]
    shape = [seen.shape[i] if i == axis else n for i, n in enumerate(network.shape)]
    return Grid((shape[0], shape[1], shape[2]), affine, network.frame_of_reference)


def _highest(seen: Volume, target: Grid, outside: Outside) -> _Labels:
    """Of each voxel the class that has most of it; of equals the nearest one, if it is among them,
    or the lowest value. (batchgenerators 0.25.5, augmentations/utils.py, resize_segmentation)
    """
    way = Interpolation.NEAREST_EXACT
    nearest = resample(seen, target, interpolation=way, outside=outside).array
    if seen.grid.same_as(target):
        return nearest
    best = np.zeros(target.shape, np.float32)
    of_nearest = np.zeros(target.shape, np.float32)
    winner = np.zeros(target.shape, seen.array.dtype)
    for value in _values(seen.array):
        share = resample(Volume(seen.array == value, seen.grid), target, outside=outside).array
        np.copyto(of_nearest, share, where=nearest == value)
        np.copyto(winner, seen.array.dtype.type(value), where=share > best)
        np.maximum(best, share, out=best)
    np.copyto(winner, nearest, where=of_nearest >= best)
    return winner


def _values(labels: _Labels) -> list[int]:
    """Those that are there, in order; plane by plane, for sorting takes memory."""
    present = np.zeros(1 << 16, bool)  # values are 65535 at most
    for plane in labels:
        present[plane.ravel()] = True
    return [int(value) for value in np.flatnonzero(present)]
