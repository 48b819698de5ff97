"""On which voxels a network works, and how values get there and back.

What differs between programs is named for whose way it is: MONAI's, nnU-Net's, PyTorch's.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from IODeepLib.recipe.limits import Index, Intensity, Millimetres, Voxels
from IODeepLib.text.json_text import StructureError
from IODeepLib.text.records import Many, Record


class OnGrid(StrEnum):
    """On which voxels something is done: those of the series, or those of the network."""

    SOURCE = "source"
    NETWORK = "network"


class Interpolation(StrEnum):
    """How values between voxels are made."""

    LINEAR = "linear"
    NEAREST_EXACT = "nearest-exact"  # the voxel whose extent holds the point, as in PyTorch
    NEAREST_EVEN = "nearest-even"  # a point between two voxels takes the even one: MONAI's Invertd
    CUBIC = "cubic"  # B-spline of order 3, the edge extended: scipy's zoom in nnU-Net
    AREA = "area"  # the mean of what a voxel covers: PyTorch's "area", MONAI's Resized


class Outside(StrEnum):
    """What stands where the image does not reach."""

    MINIMUM = "minimum"
    ZERO = "zero"
    EDGE = "edge"
    REFLECT = "reflect"  # around a patch that is larger than the image only, as MONAI's inferer


class Anchor(StrEnum):
    """What stays in its place when voxels get another size."""

    CENTER = "center"  # the middle of the field of view; the size is exact
    EXTENT = "extent"  # the outer edges: round(n * old / new) voxels fill them, as nnU-Net's
    FIRST_VOXEL = "first_voxel"  # round((n - 1) * old / new + 1) voxels behind it: MONAI's Spacingd


class Axes(StrEnum):
    """Along which axes voxels lie."""

    SERIES = "series"
    PATIENT = "patient"  # right-left, back-front, feet-head, as FreeSurfer's mri_convert --conform


_ACROSS = (Interpolation.NEAREST_EXACT, Interpolation.LINEAR)
_SMOOTHED = (Interpolation.LINEAR, Interpolation.NEAREST_EXACT, Interpolation.NEAREST_EVEN)
_AT_AN_ANGLE = (Interpolation.LINEAR, Interpolation.NEAREST_EXACT, Interpolation.CUBIC)


def _refuse(found: Interpolation, allowed: tuple[Interpolation, ...], why: str = "") -> None:
    """Refuse `found` unless it is allowed."""
    if found not in allowed:
        wanted = ", ".join(repr(one.value) for one in allowed)
        raise StructureError("$.interpolation", f"{found.value!r}{why}", f"one of {wanted}")


class SeparateAxis(Record):
    """nnU-Net's way with thick slices: the coarsest axis is resampled by itself, after the plane.

    It is done where the largest spacing of the grid that is left, or else of the one that is made,
    is more than `ratio` times its smallest one, and one axis alone has it. The same holds for
    the way back. (nnunetv2, preprocessing/resampling/default_resampling.py)
    """

    ratio: Annotated[float, Meta(gt=1, le=1e6)] = 3.0
    interpolation: Interpolation = Interpolation.NEAREST_EXACT

    def __post_init__(self) -> None:
        _refuse(self.interpolation, _ACROSS)


class Native(Record, tag_field="mode", tag="native"):
    """The series' own voxels, turned to the network's orientation."""


class Spacing(Record, tag_field="mode", tag="spacing"):
    """Resample the whole field of view to a voxel size.

    With `anti_alias`, axes that become coarser are smoothed first by a Gaussian of standard
    deviation (factor - 1) / 2 voxels of the source. With `clip`, what cubic interpolation makes
    beyond the range of the channel (of the slice, where an axis is separate) is brought back to it.
    """

    spacing: Many[Millimetres]
    interpolation: Interpolation = Interpolation.LINEAR
    anti_alias: bool = False
    anchor: Anchor = Anchor.CENTER
    clip: bool = False
    separate_axis: SeparateAxis | None = None

    def __post_init__(self) -> None:
        if self.anti_alias:
            _refuse(self.interpolation, _SMOOTHED, " with anti_alias")


class Resize(Record, tag_field="mode", tag="resize"):
    """Resample the whole field of view to a number of voxels."""

    shape: Many[Voxels]
    interpolation: Interpolation = Interpolation.LINEAR
    anti_alias: bool = False
    clip: bool = False

    def __post_init__(self) -> None:
        if self.anti_alias:
            _refuse(self.interpolation, _SMOOTHED, " with anti_alias")


class Conform(Record, tag_field="mode", tag="conform"):
    """Resample to a voxel size, then crop and pad around the center, by whole voxels."""

    spacing: Many[Millimetres]
    shape: Many[Voxels]
    interpolation: Interpolation = Interpolation.LINEAR
    anti_alias: bool = False
    outside: Outside = Outside.MINIMUM
    clip: bool = False
    axes: Axes = Axes.SERIES

    def __post_init__(self) -> None:
        if self.outside is Outside.REFLECT:
            raise StructureError("$.outside", "'reflect'", "'minimum', 'zero' or 'edge'")
        if self.anti_alias:
            _refuse(self.interpolation, _SMOOTHED, " with anti_alias")
        if self.axes is Axes.PATIENT:
            _refuse(self.interpolation, _AT_AN_ANGLE, " along the axes of the patient")


GridMode = Native | Spacing | Resize | Conform


class Component(StrEnum):
    """Which connected pieces of what lies above a value count."""

    LARGEST = "largest"  # over faces: the body without the table


class CropAbove(Record):
    """Crop to the box around the voxels above a value in any channel, wider by `margin` voxels.

    Before everything else, or on the network's voxels after all intensity steps, as MONAI's
    CropForegroundd does. An image without such voxels stays whole.
    """

    above: Intensity = 0.0
    margin: Index = 0
    on: OnGrid = OnGrid.SOURCE
    component: Component | None = None
