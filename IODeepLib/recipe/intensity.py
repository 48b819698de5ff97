"""Intensity steps: how voxel values are prepared for the network."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from IODeepLib.recipe.limits import Divisor, Intensity, Percent
from IODeepLib.text.json_text import StructureError
from IODeepLib.text.records import Record


class Over(StrEnum):
    """Which voxels a statistic is taken over, and which the step changes."""

    ALL = "all"
    NONZERO = "nonzero"  # before the first step of the list
    MASK = "mask"  # the non-zero voxels of any channel, holes filled, as nnU-Net does


class Per(StrEnum):
    """Whether a statistic is taken once a volume, once a slice, or once for all volumes."""

    VOLUME = "volume"
    SLICE = "slice"
    IMAGE = "image"  # all channels together, as MONAI's channel_wise=False


def _refuse_unless_in_order(step: Clip | PercentileClip | PercentileScale) -> None:
    if step.lower >= step.upper:
        found = f"{step.lower:g}, with upper {step.upper:g}: every voxel would become the same"
        raise StructureError("$.lower", found, "less than upper")


class Clip(Record, tag_field="step", tag="clip"):
    """Values below `lower` and above `upper` become these."""

    lower: Intensity
    upper: Intensity

    def __post_init__(self) -> None:
        _refuse_unless_in_order(self)


class PercentileClip(Record, tag_field="step", tag="percentile_clip"):
    """Clip to two percentiles of the image (0 and 100 are its minimum and maximum).

    With `of_stage`, here and in the other steps that have it, the two values are those that the
    same kind of step measured in that earlier stage, of the channel of this name.
    """

    lower: Percent
    upper: Percent
    over: Over = Over.ALL
    per: Per = Per.VOLUME
    of_stage: str | None = None

    def __post_init__(self) -> None:
        _refuse_unless_in_order(self)


class PercentileScale(Record, tag_field="step", tag="percentile_scale"):
    """Bring two percentiles of the image linearly to `low` and `high`; with `clip`, no farther.

    MONAI's ScaleIntensityRangePercentilesd: ((v - P_lower) / (P_upper - P_lower)) from 0 to 1.
    """

    lower: Percent
    upper: Percent
    low: Intensity = 0.0
    high: Intensity = 1.0
    clip: bool = False
    over: Over = Over.ALL
    per: Per = Per.VOLUME
    of_stage: str | None = None

    def __post_init__(self) -> None:
        _refuse_unless_in_order(self)
        if self.low == self.high:
            found = f"{self.high:g}, as low: every voxel would become the same"
            raise StructureError("$.high", found, "another value than low")


class Window(Record, tag_field="step", tag="window"):
    """A linear window (PS3.3 C.11.2.1.3.2, LINEAR_EXACT) to the range 0 to 1."""

    center: Intensity
    width: Divisor


class ZScore(Record, tag_field="step", tag="z_score"):
    """Subtract `mean`, divide by `std`; what is left out is measured on the image."""

    mean: Intensity | None = None
    std: Divisor | None = None
    over: Over = Over.ALL
    per: Per = Per.VOLUME
    unbiased: bool = False


class MinMax(Record, tag_field="step", tag="min_max"):
    """Bring the range of the image linearly to `lower` to `upper`; a constant image to `lower`."""

    lower: Intensity = 0.0
    upper: Intensity = 1.0
    over: Over = Over.ALL
    per: Per = Per.VOLUME
    of_stage: str | None = None

    def __post_init__(self) -> None:
        if self.lower == self.upper:
            found = f"{self.upper:g}, as lower: every voxel would become the same"
            raise StructureError("$.upper", found, "another value than lower")


class Quantise(Record, tag_field="step", tag="quantise"):
    """Round values between 0 and 1 to `levels` equal steps (256: what 8 bits can hold)."""

    levels: Annotated[int, Meta(ge=2, le=2**24)]  # float32 tells no more apart


class ScaleOffset(Record, tag_field="step", tag="scale_offset"):
    """value * scale + offset."""

    scale: Intensity = 1.0
    offset: Intensity = 0.0

    def __post_init__(self) -> None:
        if abs(self.scale) < 1e-30:
            found = f"{self.scale:g}: every voxel would become the same"
            raise StructureError("$.scale", found, "a factor from 1e-30 to 1e30, or its negative")


class SuvBw(Record, tag_field="step", tag="suv_bw"):
    """PET: standardized uptake values by body weight, from what the header says of dose and decay.

    Where the series has no SUV in it, it is refused for what it does not say.
    """


IntensityStep = (
    Clip
    | PercentileClip
    | PercentileScale
    | Window
    | ZScore
    | MinMax
    | Quantise
    | ScaleOffset
    | SuvBw
)
