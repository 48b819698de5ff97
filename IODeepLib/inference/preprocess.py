"""From the voxels of a series to the array from which a network's patches are cut.

In this order: crop, turn to the working orientation (a view), intensity steps before the grid,
resampling to the network's grid, intensity steps, crop on the network's voxels. One channel at a
time, in float32, but for steps that look at all channels together.
"""

from __future__ import annotations

import functools
import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from IODeepLib.errors import ImageError
from IODeepLib.geometry import AxisMap, Grid, Volume
from IODeepLib.geometry.arrays import Box, Mask
from IODeepLib.inference import performed
from IODeepLib.inference.cropping import crop_box, crops_late
from IODeepLib.inference.label_channels import fill_label_channels
from IODeepLib.inference.network_grid import network_grid, seen_box, separate_axis
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.machine.memory import check_room
from IODeepLib.recipe import (
    Channel,
    Conform,
    GridMode,
    Input,
    IntensityStep,
    Interpolation,
    Native,
    Outside,
)
from IODeepLib.voxels.components import fill_holes
from IODeepLib.voxels.intensity import Range, Ranges, apply_joint_steps, apply_steps, is_joint
from IODeepLib.voxels.resample import Separate, resample

_log = logging.getLogger(__name__)

# For each voxel along an axis: the 26 voxels that a spline is made of, their weights, temporaries.
_AXIS_BYTES = 1 << 10


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """What a network is run on, and the way back to the series.

    Attributes:
        array: (channel, a0, a1, a2) float32, in the working orientation.
        network: where these voxels lie.
        source: the grid of the series, in its own axis order.
        axis_map: turns an array on `source` to the working orientation.
        box: the voxels of the turned source that the network sees; beyond is background.
        back: an axis of the network along which scores are brought back by themselves.
        cut: of each axis of the network, whether something was cropped before and behind it.
        steps: what was done, in sentences.
        measured: by the name of each channel, the two values of each kind of intensity step.
    """

    array: npt.NDArray[np.float32]
    network: Grid
    source: Grid
    axis_map: AxisMap
    box: Box
    back: Separate | None = None
    measured: Mapping[str, Mapping[type, Range]] = field(default_factory=dict)
    cut: tuple[tuple[bool, bool], ...] = ((False, False),) * 3
    steps: tuple[str, ...] = ()

    @property
    def at_an_angle(self) -> bool:
        """Whether the network's axes are not those of the series."""
        return self.network.steps_along_axes(self.turned_source) is None

    @property
    def turned_source(self) -> Grid:
        """The grid of the series in the working orientation."""
        return self.source.turned(self.axis_map)


@dataclass(frozen=True, slots=True)
class Earlier:
    """What is known from earlier stages of a model, by their names.

    Attributes:
        labels: on the voxels on which the result will lie.
        measured: see `Prepared.measured`.
    """

    labels: dict[str, Segmentation] = field(default_factory=dict)
    measured: dict[str, Mapping[str, Mapping[type, Range]]] = field(default_factory=dict)


def prepare(
    volumes: Sequence[Volume],
    input_: Input,
    source: Grid | None = None,
    earlier: Earlier | None = None,
    *,
    sized: bool = True,
) -> Prepared:
    """Bring the images of all channels to the network's grid and intensities.

    Args:
        volumes: one for each channel of the recipe that a series fills, in its order. They are
            resampled onto `source`, if they do not lie there.
        input_: the recipe's input.
        source: the grid on which the result will lie; None for that of the first volume.
        earlier: what fills the other channels.
        sized: whether millimeters are known, which are told then.

    Raises:
        ImageError: a channel is missing, lies in another frame of reference, or has voxels that
            are not finite.
        ModelError: the network's grid has more voxels than there is memory for.
    """
    channels = [channel for channel in input_.channels if channel.stage is None]
    labels = [channel for channel in input_.channels if channel.stage is not None]
    source, earlier = source or volumes[0].grid, earlier or Earlier()
    _check(volumes, channels, source)
    # What is mirrored at the edges of the image has its edge beyond them, as far as that goes.
    outside = Outside.EDGE if input_.outside is Outside.REFLECT else input_.outside
    images = [
        volume if volume.grid is source else _resampled(volume, source, outside=outside)
        for volume in volumes
    ]
    said = performed.brought(volumes, channels, source)
    axis_map = input_.axis_map(source)
    box = (slice(0, source.shape[0]), slice(0, source.shape[1]), slice(0, source.shape[2]))
    if input_.crop is not None and not crops_late(input_):
        box = crop_box([image.array for image in images], input_.crop)
        said += performed.cropped(source.shape, [p.stop - p.start for p in box], input_.crop)
    images = [image.cropped(box).turned(axis_map) for image in images]
    seen = images[0].grid
    said += performed.turned(source, seen)
    network = network_grid(seen, input_)
    steps = [input_.steps(channel) for channel in channels]
    ranges = [
        Ranges({name: known.get(channel.name, {}) for name, known in earlier.measured.items()})
        for channel in channels
    ]
    slice_axis = 0 if input_.spatial_dims == 2 else axis_map.order.index(0)
    mask = functools.cache(lambda: _mask(images))
    network_mask = functools.cache(lambda: _mask_on(mask(), seen, network))

    shape = (len(input_.channels), *network.shape)
    what = f"the {' × '.join(map(str, shape))} voxels of the network's image"
    between = 0 if isinstance(input_.grid, Native) else _AXIS_BYTES * sum(network.shape)
    needed = 4 * math.prod(shape) + between
    for note in check_room(needed, what, "a network with a coarser grid"):
        _log.warning(note)
    whole = np.empty(shape, np.float32)
    array = whole[: len(channels)]  # labels come behind
    given = images
    if any(map(is_joint, input_.intensity_before_grid)):
        given = _together(images, input_.intensity_before_grid, slice_axis, mask, ranges)
        steps = [((), after) for _, after in steps]
    paddings = []
    for channel, image, (before, after), one in zip(array, given, steps, ranges, strict=True):
        if before:
            image = Volume(image.array.astype(np.float32), image.grid, image.padding)
            apply_steps(
                image.array,
                before,
                slice_axis=slice_axis,
                mask=mask,
                padding=image.padding,
                ranges=one,
            )
        image = _on_grid(image, network, input_.grid)
        channel[...] = image.array
        paddings.append(image.padding)
        if not any(map(is_joint, after)):
            apply_steps(
                channel,
                after,
                slice_axis=slice_axis,
                mask=network_mask,
                padding=image.padding,
                ranges=one,
            )
    if any(map(is_joint, input_.intensity)):
        apply_joint_steps(
            array,
            input_.intensity,
            slice_axis=slice_axis,
            mask=network_mask,
            paddings=paddings,
            ranges=ranges,
        )
    if labels:

        def place(found: npt.NDArray) -> Volume:
            return Volume(found, source).cropped(box).turned(axis_map)

        behind = whole[len(channels) :]
        fill_label_channels(behind, labels, earlier.labels, place, network, input_)
        for filled, given_label in zip(behind, labels, strict=True):
            apply_steps(filled, input_.steps(given_label)[1], slice_axis=slice_axis)
    said += performed.filled(labels)
    names = [channel.name for channel in channels]
    before_grid = [len(before) for before, _ in steps]
    if any(map(is_joint, input_.intensity_before_grid)):
        before_grid = [len(input_.intensity_before_grid)] * len(channels)
    counts = zip(names, ranges, before_grid, strict=True)
    parts = {name: (one.done[:n], one.done[n:]) for name, one, n in counts}
    said += performed.intensity({name: before for name, (before, _) in parts.items()})
    said += performed.regridded(seen, network, input_, sized=sized)
    said += performed.intensity({name: after for name, (_, after) in parts.items()})
    cut: tuple[tuple[bool, bool], ...] = ((False, False),) * 3
    if input_.crop is not None and crops_late(input_):
        part = crop_box(list(array), input_.crop)
        cut = tuple(
            (one.start > 0, one.stop < n) for one, n in zip(part, network.shape, strict=True)
        )
        whole = whole[:, *part]
        said += performed.cropped(network.shape, whole.shape[1:], input_.crop)
        network = network.cropped([one.start for one in part], whole.shape[1:])
    conformed = isinstance(input_.grid, Conform)
    ends = [(before or conformed, behind or conformed) for before, behind in cut]
    box = seen_box(box, axis_map, source, network, ends)
    back = separate_axis(seen, input_.grid, back=True)
    measured = {c.name: one.found for c, one in zip(channels, ranges, strict=True)}
    order = [(channels + labels).index(channel) for channel in input_.channels]
    if order != sorted(order):
        whole = whole[order]
    return Prepared(whole, network, source, axis_map, box, back, measured, cut, tuple(said))


def _together(
    images: Sequence[Volume],
    steps: Sequence[IntensityStep],
    slice_axis: int,
    mask: Callable[[], Mask],
    ranges: Sequence[Ranges],
) -> list[Volume]:
    """Copies of `images` after intensity steps on all of them together."""
    array = np.stack([image.array.astype(np.float32) for image in images])
    paddings = [image.padding for image in images]
    apply_joint_steps(
        array, steps, slice_axis=slice_axis, mask=mask, paddings=paddings, ranges=ranges
    )
    return [
        Volume(channel, image.grid, image.padding)
        for channel, image in zip(array, images, strict=True)
    ]


def _check(volumes: Sequence[Volume], channels: Sequence[Channel], source: Grid) -> None:
    names = [channel.name for channel in channels]
    if len(volumes) != len(names):
        raise ImageError(
            f"{len(volumes)} images",
            f"{len(names)}, for the channels {', '.join(names)}",
            "give one series for each channel",
        )
    first = source.frame_of_reference
    for name, volume in zip(names, volumes, strict=True):
        frame = volume.grid.frame_of_reference
        if len({first, frame} - {None}) > 1:
            raise ImageError(
                f"channel {name} in frame of reference {frame}, the first channel in {first}",
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


def _on_grid(image: Volume, network: Grid, mode: GridMode) -> Volume:
    if isinstance(mode, Native):
        return image
    return _resampled(
        image,
        network,
        interpolation=mode.interpolation,
        anti_alias=mode.anti_alias,
        outside=mode.outside if isinstance(mode, Conform) else Outside.EDGE,
        clip=mode.clip,
        separate=separate_axis(image.grid, mode),
    )
