"""Intensity steps: how voxel values are prepared for the network."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, ClassVar

from IODeepLib.recipe.limits import Percent, Positive
from IODeepLib.structured import Limits


class Over(StrEnum):
    """Which voxels a statistic is taken over, and which the step changes."""

    ALL = "all"
    NONZERO = "nonzero"  # before the first step of the list
    MASK = "mask"  # the non-zero voxels of any channel, holes filled, as nnU-Net does


class Per(StrEnum):
    """Whether a statistic is taken once a volume or once a slice."""

    VOLUME = "volume"
    SLICE = "slice"


@dataclass(frozen=True, slots=True)
class Clip:
    """Values below `lower` and above `upper` become these."""

    tag: ClassVar[str] = "step"
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class PercentileClip:
    """Clip to two percentiles of the image (0 and 100 are its minimum and maximum)."""

    tag: ClassVar[str] = "step"
    lower: Percent
    upper: Percent
    over: Over = Over.ALL
    per: Per = Per.VOLUME


@dataclass(frozen=True, slots=True)
class Window:
    """A linear window (PS3.3 C.11.2.1.3.2, LINEAR_EXACT) to the range 0 to 1."""

    tag: ClassVar[str] = "step"
    center: float
    width: Positive


@dataclass(frozen=True, slots=True)
class ZScore:
    """Subtract `mean`, divide by `std`; what is left out is measured on the image."""

    tag: ClassVar[str] = "step"
    mean: float | None = None
    std: Positive | None = None
    over: Over = Over.ALL
    per: Per = Per.VOLUME
    unbiased: bool = False


@dataclass(frozen=True, slots=True)
class MinMax:
    """Bring the range of the image linearly to `lower` to `upper`; a constant image to `lower`."""

    tag: ClassVar[str] = "step"
    lower: float = 0.0
    upper: float = 1.0
    over: Over = Over.ALL
    per: Per = Per.VOLUME


@dataclass(frozen=True, slots=True)
class Quantise:
    """Round values between 0 and 1 to `levels` equal steps (256: what 8 bits can hold)."""

    tag: ClassVar[str] = "step"
    levels: Annotated[int, Limits(minimum=2)]


@dataclass(frozen=True, slots=True)
class ScaleOffset:
    """value * scale + offset."""

    tag: ClassVar[str] = "step"
    scale: float = 1.0
    offset: float = 0.0


@dataclass(frozen=True, slots=True)
class SuvBw:
    """PET: standardised uptake values by body weight, from what the header says of dose and decay.

    Where the series has no SUV in it, it is refused for what it does not say.
    """

    tag: ClassVar[str] = "step"


IntensityStep = Clip | PercentileClip | Window | ZScore | MinMax | Quantise | ScaleOffset | SuvBw
