"""An image that is in memory already: what a viewer shows, whatever file it came from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.uid import UID

from IODeepLib.errors import ImageError
from IODeepLib.geometry import Grid, Volume
from IODeepLib.geometry.arrays import Mask
from IODeepLib.geometry.slice_stack import SliceStack
from IODeepLib.headers import items, text
from IODeepLib.machine.progress import Progress
from IODeepLib.recipe import Color
from IODeepLib.series.frames import Frame
from IODeepLib.series.image_file import ImageFile
from IODeepLib.series.image_series import ImageSeries
from IODeepLib.series.kinds import component
from IODeepLib.series.padding import PaddingMask, padded, padding_of, said_of
from IODeepLib.series.scaling import Unit, scaling_of
from IODeepLib.text.wording import counted


@dataclass(frozen=True, eq=False)
class VolumeImage:
    """Voxels with what is known about them; it is selected for and run on as an `ImageSeries`.

    Attributes:
        voxels: (a0, a1, a2), rescaled values, and where they lie. The first axis runs through the
            slices; with a `stack`, in its order, and the grid is the closest one to the slices.
        header: what DICOM would say about the image: the header of one of its files, or as many
            elements as are known. Without any, every criterion on it is unknown.
        name: for messages.
        geometry_fault: why the voxels are no even, upright stack, with the measured figures.
        problems: what a person should know of the image.
        refusal: why this is no volume of the patient, or None.
        stack: where the slices lie, if not evenly and upright upon each other: an even, upright
            grid is made of them by resampling.
        correction: what is corrected so, with the measured figures, or "".
        has_patient_geometry: whether it is known where in the patient the voxels lie.
        has_spacing, has_depth: whether the size of a pixel, and how deep a slice is, are known; if
            not, those of the grid are made up.
    """

    voxels: Volume
    header: Dataset
    name: str
    geometry_fault: str | None = None
    problems: tuple[str, ...] = ()
    refusal: str | None = None
    stack: SliceStack | None = None
    correction: str = ""
    has_patient_geometry: bool = True
    has_spacing: bool = True
    has_depth: bool = True

    is_localizer = False  # see `refusal`

    @property
    def has_voxel_size(self) -> bool:
        """Whether the size of a voxel is known, in the patient."""
        return self.has_patient_geometry and self.has_spacing and self.has_depth

    def check(self) -> None:
        """Whether this is a volume of the patient.

        Raises:
            ImageError: it is none, see `refusal`.
        """
        if self.refusal is not None:
            found = f"image {self.label}: {self.refusal}"
            raise ImageError(found, "slices of the patient", "choose another image")

    @property
    def component(self) -> tuple[str, str]:
        """What an MR image shows instead of magnitude, or "", and the attribute that says so."""
        return component(self.header)

    @property
    def grid(self) -> Grid:
        """Where the voxels of `volume` lie."""
        return self.voxels.grid if self.stack is None else self.stack.even_grid

    @property
    def slices(self) -> Grid | SliceStack:
        """Where the slices lie: `grid`, or the stack from which it is made."""
        return self.grid if self.stack is None else self.stack

    @property
    def headers(self) -> tuple[Dataset]:
        """The one that is known."""
        return (self.header,)

    @property
    def frame_of_reference(self) -> str | None:
        """Frame of Reference UID (0020,0052), or None."""
        return self.grid.frame_of_reference

    @property
    def series_instance_uid(self) -> str:
        """(0020,000E), or ""."""
        return text(self.header, "SeriesInstanceUID")

    @property
    def study_instance_uid(self) -> str:
        """(0020,000D), or ""."""
        return text(self.header, "StudyInstanceUID")

    @property
    def modality(self) -> str:
        """(0008,0060), or ""."""
        return text(self.header, "Modality")

    @property
    def description(self) -> str:
        """Series Description (0008,103E), or ""."""
        return text(self.header, "SeriesDescription")

    @property
    def units(self) -> tuple[Unit, ...]:
        """What the values count, as far as the header says."""
        return (scaling_of(self._frame).unit,)

    @property
    def padding(self) -> str:
        """The attributes that say what is padding, with their values."""
        return said_of(self._frame)

    @property
    def photometric_interpretation(self) -> str:
        """(0028,0004); voxels without a header have one gray value each."""
        return text(self.header, "PhotometricInterpretation") or "MONOCHROME2"

    @property
    def label(self) -> str:
        """A name for messages: "'t1_mprage' (MR, 384 slices)"."""
        count = self.slices.shape[0]
        details = (self.modality, counted(count, "slice"))
        return f"'{self.name}' ({', '.join(filter(None, details))})"

    def volume(self, progress: Progress | None = None, color: Color | None = None) -> Volume:
        """The voxels, on `grid`; there is nothing to read.

        Raises:
            ImageError: a color is asked for.
        """
        if color is not None:
            found = f"image {self.label} in memory, with one value a voxel"
            raise ImageError(found, "red, green and blue", "run on the DICOM files")
        array, padding = self._without_padding
        if self.stack is not None:
            return self.stack.evened(array, padding)
        return self.voxels if padding is None else Volume(array, self.grid, padding)

    @cached_property
    def _without_padding(self) -> tuple[npt.NDArray, Mask | None]:
        """The voxels, with what stands for nothing where the header says that they are padding."""
        array = self.voxels.array
        scaling, stored = scaling_of(self._frame), padding_of(self._frame)
        if stored is None or not scaling.is_rescaling:
            return array, None
        ends = sorted(value * scaling.slope + scaling.intercept for value in stored)
        mask = PaddingMask(array.shape)
        for i, plane in enumerate(array):
            found = padded(plane, (ends[0], ends[1]))
            if found is not None:
                array = array if mask.array is not None else array.copy()
                mask.add(i, found, array[i])
        mask.fill(array, [self._frame])
        return array, mask.array

    @cached_property
    def _frame(self) -> Frame:
        """What the header says as one of its images, the first one of a multi-frame file."""
        header = self.header
        own = items(header, "PerFrameFunctionalGroupsSequence")[:1]
        groups = own + items(header, "SharedFunctionalGroupsSequence")[:1]
        sop_class = text(header, "SOPClassUID")
        file = ImageFile(Path(self.name), header, UID(""), "PixelData", None, "", "", sop_class)
        return Frame(file, 1, groups, *self.grid.shape[1:], None, None, None, "")


Image = ImageSeries | VolumeImage
