"""How a series becomes the network's input tensor."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from msgspec import Meta

from IODeepLib.geometry import is_orientation
from IODeepLib.recipe.applies_to import AttributeConstraint
from IODeepLib.recipe.intensity import IntensityStep
from IODeepLib.recipe.limits import Index, Millimetres, Modality, Voxels
from IODeepLib.text.json_text import StructureError
from IODeepLib.text.records import Many, OneOrMore, Record


class Interpolation(StrEnum):
    """How values between voxels are made."""

    LINEAR = "linear"
    NEAREST_EXACT = "nearest-exact"  # the voxel whose extent holds the point, as in PyTorch


class Outside(StrEnum):
    """What stands where the image does not reach."""

    MINIMUM = "minimum"
    ZERO = "zero"
    EDGE = "edge"


class Native(Record, tag_field="mode", tag="native"):
    """The series' own voxels, turned to the network's orientation."""


class Spacing(Record, tag_field="mode", tag="spacing"):
    """Resample the whole field of view to a voxel size.

    With `anti_alias`, axes that become coarser are smoothed first by a Gaussian of standard
    deviation (factor - 1) / 2 voxels of the source.
    """

    spacing: Many[Millimetres]
    interpolation: Interpolation = Interpolation.LINEAR
    anti_alias: bool = False


class Resize(Record, tag_field="mode", tag="resize"):
    """Resample the whole field of view to a number of voxels."""

    shape: Many[Voxels]
    interpolation: Interpolation = Interpolation.LINEAR
    anti_alias: bool = False


class Conform(Record, tag_field="mode", tag="conform"):
    """Resample to a voxel size, then crop and pad around the center, by whole voxels."""

    spacing: Many[Millimetres]
    shape: Many[Voxels]
    interpolation: Interpolation = Interpolation.LINEAR
    anti_alias: bool = False
    outside: Outside = Outside.MINIMUM


GridMode = Native | Spacing | Resize | Conform


class Color(StrEnum):
    """A component of a color image; 0 to 255 in images of 8 bits."""

    RED = "red"
    GREEN = "green"
    BLUE = "blue"


class Channel(Record):
    """One input channel: the series that fills it, and its own intensity steps where it has any.

    `input` is the network's input that it belongs to, where there are several.
    """

    name: Annotated[str, Meta(min_length=1)]
    modality: Modality | None = None
    words: Many[str] = ()
    attributes: Many[AttributeConstraint] = ()
    color: Color | None = None  # then all channels are of one and the same series
    intensity_before_grid: Many[IntensityStep] | None = None
    intensity: Many[IntensityStep] | None = None
    input: str | None = None


class Crop(StrEnum):
    """What the image is cropped to before everything else."""

    NONZERO = "nonzero"  # the bounding box of the non-zero voxels, as nnU-Net does


class ImportanceMap(StrEnum):
    """How the voxels of a patch are weighted where patches overlap."""

    CONSTANT = "constant"
    GAUSSIAN = "gaussian"  # standard deviation of an eighth of the patch, as MONAI and nnU-Net


class Input(Record):
    """How a series becomes the network's input tensor."""

    channels: OneOrMore[Channel]
    orientation: str
    axis_order: str = "NCZYX"
    name: str | None = None
    neighbours: Index = 0
    crop: Crop | None = None
    intensity_before_grid: Many[IntensityStep] = ()
    grid: GridMode = Native()
    intensity: Many[IntensityStep] = ()
    patch_size: Many[Voxels] | None = None
    overlap: Annotated[float, Meta(ge=0, lt=1)] = 0.5
    importance_map: ImportanceMap = ImportanceMap.GAUSSIAN
    divisible_by: Voxels = 1
    outside: Outside = Outside.ZERO

    def __post_init__(self) -> None:
        if not is_orientation(self.orientation):
            raise StructureError(
                "$.orientation", repr(self.orientation), "three patient axes, such as 'RAS'"
            )
        if len({channel.color is None for channel in self.channels}) > 1:
            raise StructureError(
                "$.channels", "a color for some channels only", "one for each of them, or for none"
            )
        letters = sorted(self.axis_order)
        if letters not in (sorted("NCXYZ"), sorted("NCXY"), sorted("NCXZ"), sorted("NCYZ")):
            raise StructureError(
                "$.axis_order",
                repr(self.axis_order),
                "N, C and two or three of X, Y, Z, each once, such as 'NCZYX'",
            )
        if self.neighbours and self.spatial_dims == 3:
            raise StructureError(
                "$.neighbours", f"{self.neighbours} for a 3D network", "0, or two spatial axes"
            )
        for key in ("spacing", "shape"):
            self._check_length(f"$.grid.{key}", getattr(self.grid, key, None))
        self._check_length("$.patch_size", self.patch_size)
        for i, size in enumerate(self.patch_size or ()):
            if size % self.divisible_by:
                raise StructureError(
                    f"$.patch_size[{i}]", str(size), f"a multiple of {self.divisible_by}"
                )

    def _check_length(self, path: str, values: tuple[Any, ...] | None) -> None:
        if values is not None and len(values) != self.spatial_dims:
            raise StructureError(
                path,
                f"{len(values)} numbers",
                f"{self.spatial_dims}, one for each spatial axis of {self.axis_order!r}",
            )

    @property
    def spatial_axes(self) -> str:
        """The spatial letters of `axis_order` in the tensor's order, such as "ZYX"."""
        return "".join(letter for letter in self.axis_order if letter in "XYZ")

    @property
    def spatial_dims(self) -> int:
        """2 (slice by slice) or 3."""
        return len(self.spatial_axes)

    @property
    def working_orientation(self) -> str:
        """Orientation of the three axes of the array from which patches are cut.

        The tensor's own spatial order; a 2D network's slice axis comes first.
        """
        sides = dict(zip("XYZ", self.orientation, strict=True))
        slice_axis = "".join(letter for letter in "XYZ" if letter not in self.axis_order)
        return "".join(sides[letter] for letter in slice_axis + self.spatial_axes)

    @property
    def slices_a_channel(self) -> int:
        """How many channels of the tensor one channel fills: neighboring slices are such, too."""
        return 2 * self.neighbours + 1

    def steps(self, channel: Channel) -> tuple[tuple[IntensityStep, ...], ...]:
        """The intensity steps of `channel` before and after the grid."""
        before, after = channel.intensity_before_grid, channel.intensity
        return (
            self.intensity_before_grid if before is None else before,
            self.intensity if after is None else after,
        )
