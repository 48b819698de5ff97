"""How a series becomes the network's input tensor."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from msgspec import Meta

from IODeepLib.geometry import AxisMap, Grid, is_orientation
from IODeepLib.recipe.applies_to import AttributeConstraint
from IODeepLib.recipe.grid import Axes, Conform, CropAbove, GridMode, Native, Outside
from IODeepLib.recipe.intensity import IntensityStep, Per, SuvBw
from IODeepLib.recipe.limits import Index, Modality, Voxels
from IODeepLib.text.json_text import StructureError
from IODeepLib.text.records import Many, OneOrMore, Record

# The axes of the series as it lies: its columns, rows and slices are X, Y and Z.
SOURCE_ORIENTATION = "source"


class Color(StrEnum):
    """A component of a color image; 0 to 255 in images of 8 bits."""

    RED = "red"
    GREEN = "green"
    BLUE = "blue"


class Channel(Record):
    """One input channel: the series that fills it, and its own intensity steps where it has any.

    `input` is the network's input that it belongs to, where there are several. With `stage` and
    `label` it is no image: 1 where that label of an earlier stage is, and 0 elsewhere.
    """

    name: Annotated[str, Meta(min_length=1)]
    modality: Modality | None = None
    words: Many[str] = ()
    attributes: Many[AttributeConstraint] = ()
    color: Color | None = None  # then all channels are of one and the same series
    intensity_before_grid: Many[IntensityStep] | None = None
    intensity: Many[IntensityStep] | None = None
    input: str | None = None
    stage: str | None = None
    label: str | None = None

    def __post_init__(self) -> None:
        if (self.stage is None) != (self.label is None):
            missing = "label" if self.label is None else "stage"
            raise StructureError(f"$.{missing}", "nothing", "both 'stage' and 'label', or neither")
        if self.stage is None:
            return
        for key in ("modality", "words", "attributes", "color", "intensity_before_grid"):
            if getattr(self, key):
                found = f"{key}, of a channel with a label of the stage {self.stage!r}"
                raise StructureError(f"$.{key}", found, "nothing: it is filled by no series")


class Crop(StrEnum):
    """What the image is cropped to before everything else."""

    NONZERO = "nonzero"  # the bounding box of the non-zero voxels, as nnU-Net does


class PatchStarts(StrEnum):
    """Where patches begin along an axis."""

    STRIDE = "stride"  # every int(size * (1 - overlap)) voxels, the last one moved back: MONAI
    EVEN = "even"  # as few as leave no greater step, at equal distances: nnU-Net


class ImportanceMap(StrEnum):
    """How the voxels of a patch are weighted where patches overlap."""

    CONSTANT = "constant"
    GAUSSIAN = "gaussian"


class GaussianCenter(StrEnum):
    """Where a patch counts most."""

    MIDDLE = "middle"  # (size - 1) / 2, as MONAI's
    VOXEL = "voxel"  # size // 2, as nnU-Net's


class Gaussian(Record):
    """The weights of a patch: their standard deviation in parts of its size, and the least weight.

    nnU-Net's are {"center": "voxel", "least": 6e-9}: what is zero in float16 becomes the smallest
    other weight.
    """

    sigma: Annotated[float, Meta(gt=0, le=100)] = 0.125
    center: GaussianCenter = GaussianCenter.MIDDLE
    least: Annotated[float, Meta(ge=1e-30, le=1)] = 1e-3


class LabelInterpolation(StrEnum):
    """How the labels of an earlier stage get to the network's voxels."""

    NEAREST_EXACT = "nearest-exact"
    PER_CLASS = "per_class"  # each class linearly by itself, the highest wins: nnU-Net's cascade


def _is_joint(step: IntensityStep) -> bool:
    return getattr(step, "per", None) is Per.IMAGE


class Input(Record):
    """How a series becomes the network's input tensor."""

    channels: OneOrMore[Channel]
    orientation: str
    axis_order: str = "NCZYX"
    name: str | None = None
    neighbours: Index = 0
    crop: Crop | CropAbove | None = None
    intensity_before_grid: Many[IntensityStep] = ()
    grid: GridMode = Native()
    intensity: Many[IntensityStep] = ()
    patch_size: Many[Voxels] | None = None
    overlap: Annotated[float, Meta(ge=0, lt=1)] = 0.5
    importance_map: ImportanceMap = ImportanceMap.GAUSSIAN
    divisible_by: Voxels = 1
    outside: Outside = Outside.ZERO
    patch_starts: PatchStarts = PatchStarts.STRIDE
    gaussian: Gaussian = Gaussian()
    mirror: str = ""  # spatial letters of the axis order; all their combinations are run
    # How the channels with labels of earlier stages are brought to the network's voxels.
    label_interpolation: LabelInterpolation = LabelInterpolation.NEAREST_EXACT

    def __post_init__(self) -> None:
        if not (is_orientation(self.orientation) or self.orientation == SOURCE_ORIENTATION):
            raise StructureError(
                "$.orientation",
                repr(self.orientation),
                "three patient axes, such as 'RAS', or 'source': the axes of the series as it lies",
            )
        if len({channel.color is None for channel in self.channels if not channel.stage}) > 1:
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
        if len(set(self.mirror)) < len(self.mirror) or not set(self.mirror) <= set(
            self.spatial_axes
        ):
            raise StructureError(
                "$.mirror", repr(self.mirror), f"letters of {self.spatial_axes!r}, each once"
            )
        if isinstance(self.grid, Conform) and self.grid.axes is Axes.PATIENT:
            self._check_patient_axes()
        self._check_joint_steps()
        for key in ("spacing", "shape"):
            self._check_length(f"$.grid.{key}", getattr(self.grid, key, None))
        self._check_length("$.patch_size", self.patch_size)
        for i, size in enumerate(self.patch_size or ()):
            if size % self.divisible_by:
                raise StructureError(
                    f"$.patch_size[{i}]", str(size), f"a multiple of {self.divisible_by}"
                )

    def _check_patient_axes(self) -> None:
        if self.orientation == SOURCE_ORIENTATION:
            raise StructureError(
                "$.orientation",
                "'source', for a grid along the axes of the patient",
                "three patient axes, such as 'RAS'",
            )
        if self.spatial_dims == 2:
            raise StructureError(
                "$.grid.axes", "'patient', for a 2D network, which reads slices", "'series'"
            )

    def _check_joint_steps(self) -> None:
        """Steps on all channels together are one list for all of them, in the values of images."""
        for key in ("intensity_before_grid", "intensity"):
            steps = getattr(self, key)
            joint = any(_is_joint(step) for step in steps)
            for i, channel in enumerate(self.channels):
                own = getattr(channel, key)
                apart = own is not None and joint and channel.stage is None
                if apart or any(map(_is_joint, own or ())):
                    raise StructureError(
                        f"$.channels[{i}].{key}",
                        "steps of its own, where one is per image, for all channels together",
                        "the same steps for all channels",
                    )
            if joint and any(isinstance(step, SuvBw) for step in steps):
                raise StructureError(
                    f"$.{key}", "suv_bw, and a step per image", "suv_bw, or a step per image"
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
    def working_axes(self) -> str:
        """The letters of the three axes of the array from which patches are cut.

        The tensor's own spatial order; a 2D network's slice axis comes first.
        """
        slice_axis = "".join(letter for letter in "XYZ" if letter not in self.axis_order)
        return slice_axis + self.spatial_axes

    @property
    def working_orientation(self) -> str:
        """Orientation of the working axes; "" where it is that of each series."""
        if self.orientation == SOURCE_ORIENTATION:
            return ""
        sides = dict(zip("XYZ", self.orientation, strict=True))
        return "".join(sides[letter] for letter in self.working_axes)

    def axis_map(self, grid: Grid) -> AxisMap:
        """The turn that brings an array on the `grid` of a series to the working axes.

        With the orientation "source", X counts columns, Y rows and Z slices, as a series is read.
        """
        if self.working_orientation:
            return grid.axis_map(self.working_orientation)
        a0, a1, a2 = ("ZYX".index(letter) for letter in self.working_axes)
        return AxisMap((a0, a1, a2), (False, False, False))

    @property
    def slices_a_channel(self) -> int:
        """How many channels of the tensor one channel fills: neighboring slices are such, too."""
        return 2 * self.neighbours + 1

    def steps(self, channel: Channel) -> tuple[tuple[IntensityStep, ...], ...]:
        """The intensity steps of `channel` before and after the grid; of labels, only their own."""
        before, after = channel.intensity_before_grid, channel.intensity
        if channel.stage is not None:
            return (), after or ()
        return (
            self.intensity_before_grid if before is None else before,
            self.intensity if after is None else after,
        )
