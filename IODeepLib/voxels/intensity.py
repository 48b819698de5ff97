"""The recipe's intensity steps, done in place on float32 images.

Statistics are computed in float64, percentiles by linear interpolation between order statistics
(numpy's default). A statistic taken over some voxels only (`over`) also changes only these. An
image without contrast stays finite: `z_score` only subtracts its mean, `min_max` makes it `lower`.
Padding, which holds what stands for nothing in an image, counts in no statistic and is changed
like the rest; a slice that is nothing else counts as it is. Where there is no voxel to measure, as
in an all-zero image with `over` nonzero, nothing changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import assert_never

import numpy as np

from IODeepLib.geometry.arrays import Float32, Mask
from IODeepLib.recipe import (
    Clip,
    IntensityStep,
    MinMax,
    Over,
    Per,
    PercentileClip,
    PercentileScale,
    Quantise,
    ScaleOffset,
    SuvBw,
    Window,
    ZScore,
)

Range = tuple[float, float]
# A step that was done, and the two values that it took from the image, if it took any: none where
# the step has its own, or each slice has. None where there was nothing to measure, or to change.
Done = tuple[IntensityStep, tuple[float, ...] | None]
_Measuring = PercentileClip | PercentileScale | MinMax


class Ranges:
    """What steps measure on a channel, kept for later stages of a model, and to be told.

    Attributes:
        found: by the kind of step, the two values that it measured last.
        done: all steps, in order.
    """

    def __init__(self, earlier: Mapping[str, Mapping[type, Range]] | None = None) -> None:
        self._earlier = earlier or {}
        self.found: dict[type, Range] = {}
        self.done: list[Done] = []

    def of(self, step: _Measuring, measure: Callable[[], Sequence[float]]) -> Range | None:
        """The two values of `step`: measured, or those of an earlier stage, if it had any."""
        if step.of_stage is not None:
            return self._earlier.get(step.of_stage, {}).get(type(step))
        low, high = measure()
        self.found[type(step)] = low, high
        return low, high


def apply_steps(
    image: Float32,
    steps: Sequence[IntensityStep],
    *,
    slice_axis: int = 0,
    mask: Callable[[], Mask] | None = None,
    padding: Mask | None = None,
    ranges: Ranges | None = None,
) -> None:
    """Change `image` (a0, a1, a2) in place, step by step.

    Args:
        image: the voxels of one channel.
        steps: what is done, in order.
        slice_axis: the axis that `per` slice counts along.
        mask: gives the voxels (a0, a1, a2) that `over` mask means.
        padding: the voxels (a0, a1, a2) that count in no statistic.
        ranges: keeps what is measured, and knows what was measured in earlier stages.
    """
    apply_joint_steps(
        image[None],
        steps,
        slice_axis=slice_axis,
        mask=mask,
        paddings=[padding],
        ranges=[ranges or Ranges()],
    )


def is_joint(step: IntensityStep) -> bool:
    """Whether a step is about all channels together."""
    return getattr(step, "per", Per.VOLUME) is Per.IMAGE


def apply_joint_steps(
    channels: Float32,
    steps: Sequence[IntensityStep],
    *,
    slice_axis: int = 0,
    mask: Callable[[], Mask] | None = None,
    paddings: Sequence[Mask | None],
    ranges: Sequence[Ranges],
) -> None:
    """Change `channels` (channel, a0, a1, a2), contiguous, in place, step by step.

    Args:
        channels: the voxels of all channels.
        steps: what is done to each of them, in order.
        slice_axis: the axis that `per` slice counts along.
        mask: gives the voxels (a0, a1, a2) that `over` mask means.
        paddings: of each channel, the voxels (a0, a1, a2) that count in no statistic.
        ranges: of each channel, see `apply_steps`; of steps on all together, those of the first.
    """
    nonzero: list[Mask] = []
    if any(_over(step) is Over.NONZERO for step in steps):
        # before the first step: afterwards, zero no longer means empty
        nonzero = [image != 0 for image in channels]
    for step in steps:
        chosen: list[Mask | None] = [None] * len(channels)
        if _over(step) is Over.NONZERO:
            chosen = [*nonzero]
        elif _over(step) is Over.MASK:
            if mask is None:
                raise ValueError("a step over the mask needs one")
            chosen = [mask()] * len(channels)
        if is_joint(step) and len(channels) > 1:
            planes = channels.reshape(-1, *channels.shape[2:])  # a view, for it is contiguous
            together = _voxels(planes, _joined(chosen, channels), _joined(paddings, channels))
            used = _apply(step, together, ranges[0])
            for one in ranges:
                one.found.update(ranges[0].found)
                one.done.append((step, used))
            continue
        for image, own, padding, one in zip(channels, chosen, paddings, ranges, strict=True):
            _apply_to_one(step, image, own, padding, slice_axis, one)


def _joined(masks: Sequence[Mask | None], channels: Float32) -> Mask | None:
    """The masks of all channels one behind the other; nothing is marked where there is none."""
    if all(mask is None for mask in masks):
        return None
    empty = np.zeros(channels.shape[1:], bool)
    return np.concatenate([empty if mask is None else mask for mask in masks])


def _apply_to_one(
    step: IntensityStep,
    image: Float32,
    chosen: Mask | None,
    padding: Mask | None,
    slice_axis: int,
    ranges: Ranges,
) -> None:
    if getattr(step, "per", Per.VOLUME) is not Per.SLICE:
        ranges.done.append((step, _apply(step, _voxels(image, chosen, padding), ranges)))
        return
    chosen_of, padding_of = _slices(chosen, slice_axis), _slices(padding, slice_axis)
    for i, one in enumerate(np.moveaxis(image, slice_axis, 0)):
        _apply(step, _voxels(one, chosen_of(i), padding_of(i)), ranges)
    ranges.done.append((step, ()))


def _over(step: IntensityStep) -> Over:
    return getattr(step, "over", Over.ALL)


def _slices(mask: Mask | None, axis: int) -> Callable[[int], Mask | None]:
    """Gives the mask of a slice."""
    masks = None if mask is None else np.moveaxis(mask, axis, 0)
    return lambda i: None if masks is None else masks[i]


def _voxels(image: Float32, chosen: Mask | None, padding: Mask | None) -> _Voxels:
    if padding is None:
        return _Voxels(image, chosen, chosen)
    counted = ~padding if chosen is None else chosen & ~padding
    return _Voxels(image, chosen, counted if counted.any() else chosen)


@dataclass(frozen=True, slots=True)
class _Voxels:
    """The voxels of `image` that a step is about: those of `mask`, or all.

    Attributes:
        image: float32, changed in place.
        mask: the voxels that are changed, or None for all.
        counted: those of them that statistics are taken over, or None for all.
    """

    image: Float32
    mask: Mask | None
    counted: Mask | None

    @property
    def empty(self) -> bool:
        return not self.image.size or (self.mask is not None and not self.mask.any())

    def values(self) -> Float32:
        """A flat copy of the counted ones, in the order of memory."""
        if self.counted is not None:
            return self.image[self.counted]
        return self.image.copy(order="K").ravel(order="K")

    def parts(self) -> Iterator[Float32]:
        """The counted values plane by plane."""
        for i, plane in enumerate(self.image):
            yield plane if self.counted is None else plane[self.counted[i]]

    def extremes(self) -> tuple[float, float]:
        ranges = [(float(part.min()), float(part.max())) for part in self.parts() if part.size]
        lows, highs = zip(*ranges, strict=True)
        return min(lows), max(highs)

    def moments(self, *, unbiased: bool) -> tuple[float, float]:
        """Mean and standard deviation, in two passes."""
        count = sum(part.size for part in self.parts())
        mean = sum(float(part.sum(dtype=np.float64)) for part in self.parts()) / count
        squares = 0.0
        for part in self.parts():
            from_mean = np.subtract(part, mean, dtype=np.float64).ravel()
            squares += float(from_mean @ from_mean)
        return mean, float(np.sqrt(squares / max(1, count - unbiased)))

    def percentiles(self, percents: tuple[float, float]) -> list[float]:
        if percents == (0, 100):
            return list(self.extremes())
        values = self.values()
        ranks = [percent / 100 * (values.size - 1) for percent in percents]
        below = [int(rank) for rank in ranks]
        above = [min(rank + 1, values.size - 1) for rank in below]
        values.partition(sorted({*below, *above}))
        pairs = [(float(values[b]), float(values[a])) for b, a in zip(below, above, strict=True)]
        return [
            low + (high - low) * (rank - b)
            for (low, high), rank, b in zip(pairs, ranks, below, strict=True)
        ]

    def clip(self, lower: float, upper: float) -> None:
        where = True if self.mask is None else self.mask
        np.maximum(self.image, np.float32(lower), out=self.image, where=where)
        np.minimum(self.image, np.float32(upper), out=self.image, where=where)

    def shift_and_scale(self, shift: float, scale: float, offset: float = 0.0) -> None:
        """(value + shift) * scale + offset."""
        where = True if self.mask is None else self.mask
        if shift:
            np.add(self.image, np.float32(shift), out=self.image, where=where)
        np.multiply(self.image, np.float32(scale), out=self.image, where=where)
        if offset:
            np.add(self.image, np.float32(offset), out=self.image, where=where)


def _apply(step: IntensityStep, voxels: _Voxels, ranges: Ranges) -> tuple[float, ...] | None:
    """Do a step; the two values that it took from the image, see `Done`."""
    if voxels.empty:
        return None
    match step:
        case Clip():
            voxels.clip(step.lower, step.upper)
        case Window():
            voxels.shift_and_scale(-step.center, 1 / step.width, 0.5)
            voxels.clip(0, 1)
        case ScaleOffset():
            voxels.shift_and_scale(0, step.scale, step.offset)
        case Quantise():
            voxels.clip(0, 1)
            voxels.shift_and_scale(0, step.levels - 1)
            np.rint(voxels.image, out=voxels.image)
            voxels.shift_and_scale(0, 1 / (step.levels - 1))
        case ZScore():
            return _z_score(step, voxels)
        case PercentileClip() | PercentileScale() | MinMax():
            return _with_range(step, voxels, ranges)
        case SuvBw():
            raise ValueError("suv_bw is made a factor first, by the header: see suv.in_suv")
        case _:
            assert_never(step)  # a step that is passed over would give a result all the same
    return ()


def _with_range(step: _Measuring, voxels: _Voxels, ranges: Ranges) -> Range | None:
    """A step by two values; without any, as where there is no voxel to measure, nothing changes."""
    if isinstance(step, MinMax):
        found = ranges.of(step, voxels.extremes)
    else:
        percents = step.lower, step.upper
        found = ranges.of(step, lambda: voxels.percentiles(percents))
    if found is None:
        return None
    low, high = found
    match step:
        case PercentileClip():
            voxels.clip(low, high)
        case PercentileScale():
            scale = (step.high - step.low) / (high - low) if high > low else 0.0
            voxels.shift_and_scale(-low, scale, step.low)
            if step.clip:
                voxels.clip(*sorted((step.low, step.high)))
        case MinMax():
            if voxels.counted is not voxels.mask and step.of_stage is None:
                voxels.clip(low, high)  # what is not counted stays in the range, too
            # Without contrast, low - low is exactly 0 and any finite scale will do.
            scale = (step.upper - step.lower) / (high - low) if high > low else 0.0
            voxels.shift_and_scale(-low, scale, step.lower)
    return found


def _z_score(step: ZScore, voxels: _Voxels) -> Range:
    mean, std = step.mean, step.std
    if mean is None or std is None:
        measured = voxels.moments(unbiased=step.unbiased)
        mean = measured[0] if mean is None else mean
        std = measured[1] if std is None else std
    voxels.shift_and_scale(-mean, 1 / std if std > 0 else 1.0)
    return mean, std
