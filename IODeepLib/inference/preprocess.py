"""From the voxels of a series to the array from which a network's patches are cut.

In this order: crop, turn to the working orientation (a view), intensity steps before the grid,
resampling to the network's grid, intensity steps. One channel at a time, in float32.
"""

from __future__ import annotations

import functools
import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from IODeepLib.errors import ImageError
from IODeepLib.geometry import AxisMap, Grid, Volume
from IODeepLib.geometry.arrays import Box
from IODeepLib.machine.memory import check_room
from IODeepLib.recipe import (
    Conform,
    Crop,
    CropAbove,
    GridMode,
    Input,
    Interpolation,
    Native,
    Outside,
    Resize,
    Spacing,
)
from IODeepLib.voxels.components import fill_holes
from IODeepLib.voxels.intensity import apply_steps
from IODeepLib.voxels.resample import parallel_steps, reached, resample

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """What a network is run on, and the way back to the series.

    Attributes:
        array: (channel, a0, a1, a2) float32, in the working orientation.
        network: where these voxels lie.
        source: the grid of the series, in its own axis order.
        axis_map: turns an array on `source` to the working orientation.
        box: the voxels of the turned source that the network sees; beyond is background.
    """

    array: npt.NDArray[np.float32]
    network: Grid
    source: Grid
    axis_map: AxisMap
    box: Box

    @property
    def turned_source(self) -> Grid:
        """The grid of the series in the working orientation."""
        return self.source.turned(self.axis_map)


def prepare(volumes: Sequence[Volume], input_: Input) -> Prepared:
    """Bring the images of all channels to the network's grid and intensities.

    Args:
        volumes: one for each channel of the recipe, in its order. The result will lie on the
            grid of the first; the others are resampled onto it.
        input_: the recipe's input.

    Raises:
        ImageError: a channel is missing, lies in another frame of reference, or has voxels that
            are not finite.
        ModelError: the network's grid has more voxels than there is memory for.
    """
    _check(volumes, input_)
    source = volumes[0].grid
    images = [
        volume if volume.grid is source else _resampled(volume, source, outside=input_.outside)
        for volume in volumes
    ]
    axis_map = input_.axis_map(source)
    if isinstance(input_.crop, CropAbove):
        raise NotImplementedError
    box = _crop_box(images, input_.crop)
    images = [image.cropped(box).turned(axis_map) for image in images]
    seen = images[0].grid
    network = _network_grid(seen, input_)
    steps = [input_.steps(channel) for channel in input_.channels]
    slice_axis = 0 if input_.spatial_dims == 2 else axis_map.order.index(0)
    mask = functools.cache(lambda: _mask(images))
    network_mask = functools.cache(lambda: _mask_on(mask(), seen, network))

    shape = (len(images), *network.shape)
    what = f"the {' × '.join(map(str, shape))} voxels of the network's image"
    for note in check_room(4 * math.prod(shape), what, "a network with a coarser grid"):
        _log.warning(note)
    array = np.empty(shape, np.float32)
    for channel, image, (before, after) in zip(array, images, steps, strict=True):
        if before:
            image = Volume(image.array.astype(np.float32), image.grid, image.padding)
            apply_steps(
                image.array, before, slice_axis=slice_axis, mask=mask, padding=image.padding
            )
        image = _on_grid(image, network, input_.grid)
        channel[...] = image.array
        apply_steps(channel, after, slice_axis=slice_axis, mask=network_mask, padding=image.padding)
    return Prepared(
        array, network, source, axis_map, _seen_box(box, axis_map, source, network, input_)
    )


def _check(volumes: Sequence[Volume], input_: Input) -> None:
    names = [channel.name for channel in input_.channels]
    if len(volumes) != len(names):
        raise ImageError(
            f"{len(volumes)} images",
            f"{len(names)}, for the channels {', '.join(names)}",
            "give one series for each channel",
        )
    first = volumes[0].grid.frame_of_reference
    for name, volume in zip(names, volumes, strict=True):
        frame = volume.grid.frame_of_reference
        if len({first, frame} - {None}) > 1:
            raise ImageError(
                f"channel {name} in frame of reference {frame}, channel {names[0]} in {first}",
                "all channels in one frame of reference",
                "take series of one examination, or register them first",
            )
        _check_finite(volume, name)


def _check_finite(volume: Volume, name: str) -> None:
    if not np.issubdtype(volume.array.dtype, np.inexact):
        return
    for i, plane in enumerate(volume.array):
        finite = np.isfinite(plane)
        if not finite.all():
            index = (i, *(int(n) for n in np.argwhere(~finite)[0]))
            x, y, z = volume.grid.point(index)
            raise ImageError(
                f"channel {name} is {plane[index[1:]]} at voxel {index}, "
                f"({x:.1f}, {y:.1f}, {z:.1f}) mm in LPS",
                "finite values only",
                "make the image anew, or leave that slice out",
            )


def _mask(images: Sequence[Volume]) -> npt.NDArray[np.bool_]:
    """The non-zero voxels of any channel, their holes filled."""
    mask = np.zeros(images[0].array.shape, bool)
    for image in images:
        mask |= image.array != 0
    return fill_holes(mask)


def _mask_on(mask: npt.NDArray[np.bool_], seen: Grid, network: Grid) -> npt.NDArray[np.bool_]:
    """A mask on the voxels of `seen` as one on those of `network`; nothing beyond `seen`."""
    return resample(
        Volume(mask, seen),
        network,
        interpolation=Interpolation.NEAREST_EXACT,
        outside=Outside.ZERO,
    ).array


def _resampled(volume: Volume, grid: Grid, **how: Any) -> Volume:
    """`resample`, and the padding along with the voxels."""
    padding = None if volume.padding is None else _mask_on(volume.padding, volume.grid, grid)
    return Volume(resample(volume, grid, **how).array, grid, padding)


def _crop_box(images: Sequence[Volume], crop: Crop | None) -> Box:
    """The voxels that are kept, in the series' own axes; all of an image that is all zero."""
    shape = images[0].grid.shape
    whole = (slice(0, shape[0]), slice(0, shape[1]), slice(0, shape[2]))
    if crop is None:
        return whole
    present = [np.zeros(n, bool) for n in shape]
    for image in images:
        for i, plane in enumerate(image.array):
            rows = (plane != 0).any(axis=1)
            present[0][i] |= rows.any()
            present[1] |= rows
            present[2] |= (plane != 0).any(axis=0)
    if not present[0].any():
        return whole
    found = [np.flatnonzero(axis) for axis in present]
    a0, a1, a2 = (slice(int(axis[0]), int(axis[-1]) + 1) for axis in found)
    return a0, a1, a2


def _network_grid(seen: Grid, input_: Input) -> Grid:
    """The grid of the network's input; a 2D network's slice axis, the first, stays as it is."""
    mode = input_.grid
    flat = input_.spatial_dims == 2
    match mode:
        case Native():
            return seen
        case Spacing():
            return seen.respaced((*seen.spacing[: int(flat)], *mode.spacing))
        case Resize():
            return seen.resized((*seen.shape[: int(flat)], *mode.shape))
        case Conform():
            return seen.conformed(
                (*seen.spacing[: int(flat)], *mode.spacing), (*seen.shape[: int(flat)], *mode.shape)
            )


def _on_grid(image: Volume, network: Grid, mode: GridMode) -> Volume:
    if isinstance(mode, Native):
        return image
    return _resampled(
        image,
        network,
        interpolation=mode.interpolation,
        anti_alias=mode.anti_alias,
        outside=mode.outside if isinstance(mode, Conform) else Outside.EDGE,
    )


def _seen_box(crop: Box, axis_map: AxisMap, source: Grid, network: Grid, input_: Input) -> Box:
    """The crop box in the working orientation, and of it what a conformed grid reaches."""
    turned = []
    for axis, flip in zip(axis_map.order, axis_map.flips, strict=True):
        part, size = crop[axis], source.shape[axis]
        turned.append(slice(size - part.stop, size - part.start) if flip else part)
    if isinstance(input_.grid, Conform):
        steps = parallel_steps(network, source.turned(axis_map))
        for i, (scale, offset) in enumerate(steps):
            positions = scale * np.arange(turned[i].start, turned[i].stop) + offset
            within = reached(positions, network.shape[i])
            turned[i] = slice(turned[i].start + within.start, turned[i].start + within.stop)
    a0, a1, a2 = turned
    return a0, a1, a2
