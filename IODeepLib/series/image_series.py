"""A DICOM image series, or the part of one that is a volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pydicom.dataset import Dataset

from IODeepLib.errors import ImageError
from IODeepLib.geometry import Grid, Volume
from IODeepLib.geometry.slice_stack import SliceStack
from IODeepLib.headers import quiet, text
from IODeepLib.machine.progress import Progress
from IODeepLib.recipe import Color
from IODeepLib.series.colors import COLORED, read_component
from IODeepLib.series.completeness import shortfall_of
from IODeepLib.series.frames import Frame
from IODeepLib.series.image_file import ImageFile, read_whole_header
from IODeepLib.series.kinds import component, is_localizer, is_secondary_capture
from IODeepLib.series.left_out import LeftOut, sentences
from IODeepLib.series.obstacles import of_another_color, refusals
from IODeepLib.series.padding import said_of
from IODeepLib.series.pixels import read_voxels
from IODeepLib.series.scaling import Scaling, Unit, scaling_of
from IODeepLib.series.slices import SliceGeometry, measure, stated_depth
from IODeepLib.text.wording import counted


@dataclass(frozen=True, eq=False)
class ImageSeries:
    """Images that lie upon each other, sorted along their normal.

    Attributes:
        frames: the slices; the first array axis of the volume.
        split_by: what sets this volume apart from others in the same DICOM series, "" for a
            series that is one volume: "echo 1 of 2, TE 4.9 ms".
        damaged: files of the series that cannot be read, each with the reason. `volume` refuses
            to leave them out silently.
        remarks: what was noticed when the series was put together.
        mixed: why its images are not of one patient, or None.
        left_out: images of the same DICOM series that do not fit upon these.
    """

    frames: tuple[Frame, ...]
    split_by: str = ""
    damaged: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    mixed: ImageError | None = None
    left_out: tuple[LeftOut, ...] = ()

    @cached_property
    def geometry(self) -> SliceGeometry:
        """How the slices lie to each other."""
        return measure(self.frames, self.left_out, len(self.damaged))

    @property
    def grid(self) -> Grid:
        """Where the voxels of `volume` lie; with a `geometry_fault`, the closest even stack."""
        return self.geometry.grid

    @property
    def slices(self) -> Grid | SliceStack:
        """Where the images lie: `grid`, or a stack of which `volume` makes an even, upright one."""
        return self.geometry.slices

    @property
    def geometry_fault(self) -> str | None:
        """Why the slices make no even, upright stack, with the measured figures, or None."""
        fault = self.geometry.fault
        return fault.found if fault is not None else None

    @property
    def correction(self) -> str:
        """What `volume` corrects by resampling, with the measured figures, or ""."""
        return self.geometry.correction

    @cached_property
    def scalings(self) -> tuple[Scaling, ...]:
        """What makes real values of the stored ones, of each of `frames`."""
        return tuple(map(scaling_of, self.frames))

    @cached_property
    def units(self) -> tuple[Unit, ...]:
        """What the values count; several if the frames differ."""
        return tuple(dict.fromkeys(scaling.unit for scaling in self.scalings))

    @property
    def padding(self) -> str:
        """The attributes that say what is padding, with their values."""
        return said_of(self.frames[0])

    @property
    def has_patient_geometry(self) -> bool:
        """Whether it is known where in the patient the voxels lie."""
        return self.frames[0].is_placed

    @property
    def has_spacing(self) -> bool:
        """Whether the size of a pixel is known."""
        return self.frames[0].spacing is not None

    @property
    def has_voxel_size(self) -> bool:
        """Whether the size of a voxel is known, in all directions and in the patient."""
        return self.has_patient_geometry and self.has_depth

    @property
    def has_depth(self) -> bool:
        """Whether it is known how deep a slice is."""
        return len(self.frames) > 1 or stated_depth(self.frames[0]) is not None

    @property
    def is_localizer(self) -> bool:
        """Whether this is a scout image, see `kinds`."""
        return is_localizer(self.frames[0])

    @cached_property
    def component(self) -> tuple[str, str]:
        """What an MR image shows instead of magnitude ("phase"), or "", and the attribute."""
        return component(self.header, self.frames[0])

    @property
    def refusal(self) -> str | None:
        """Why this is no volume of the patient that can be read, or None; see `geometry_fault`."""
        return self._refusals[0].found if self._refusals else None

    def check(self) -> None:
        """Whether this is a volume of the patient that can be read.

        Raises:
            ImageError: it is none, see `refusal`.
        """
        for error in self._refusals:
            raise self._named(error)

    @cached_property
    def _files(self) -> tuple[ImageFile, ...]:
        return tuple({id(f.file): f.file for f in self.frames}.values())

    @property
    def files(self) -> tuple[Path, ...]:
        """The files in slice order, each once."""
        return tuple(file.path for file in self._files)

    @property
    def headers(self) -> tuple[Dataset, ...]:
        """The headers of `files`, with the elements that are needed for every slice."""
        return tuple(file.header for file in self._files)

    @cached_property
    def header(self) -> Dataset:
        """The whole header of the first file, without pixels."""
        first = self._files[0]
        try:
            with quiet():
                return read_whole_header(first.path)
        except Exception:  # the file is gone or changed: what was kept of it still stands
            return first.header

    @property
    def series_instance_uid(self) -> str:
        """(0020,000E), or ""."""
        return text(self._files[0].header, "SeriesInstanceUID")

    @property
    def study_instance_uid(self) -> str:
        """(0020,000D), or ""."""
        return text(self._files[0].header, "StudyInstanceUID")

    @property
    def sop_instance_uids(self) -> tuple[str, ...]:
        """(0008,0018) of `files`, see `ImageFile.uid`."""
        return tuple(file.uid for file in self._files)

    @property
    def frame_of_reference(self) -> str | None:
        """(0020,0052), or None."""
        return self.grid.frame_of_reference

    @property
    def modality(self) -> str:
        """(0008,0060), or ""."""
        return text(self._files[0].header, "Modality")

    @property
    def description(self) -> str:
        """Series Description (0008,103E), or ""."""
        return text(self._files[0].header, "SeriesDescription")

    @property
    def label(self) -> str:
        """A name for messages: "5 't1_mprage' (MR, 384 slices, echo 1 of 2)"."""
        described = f"'{self.description}'" if self.description else ""
        number = text(self._files[0].header, "SeriesNumber")
        name = " ".join(filter(None, (number, described))) or "without name"
        count = len(self.frames)
        details = (self.modality, counted(count, "slice"), self.split_by)
        return f"{name} ({', '.join(filter(None, details))})"

    @property
    def photometric_interpretation(self) -> str:
        """(0028,0004), or "". In MONOCHROME1 low values are bright; they are not inverted here."""
        return text(self._files[0].header, "PhotometricInterpretation")

    @property
    def identifiers(self) -> dict[str, tuple[str, ...]]:
        """What results refer to the images by: keyword, and the UID or "" of each of `files`.

        PS3.3 section C.12.1, C.7.2.1, C.7.3.1.
        """
        headers = self.headers
        return {
            "StudyInstanceUID": tuple(text(h, "StudyInstanceUID") for h in headers),
            "SeriesInstanceUID": tuple(text(h, "SeriesInstanceUID") for h in headers),
            "SOPClassUID": tuple(file.sop_class for file in self._files),
            "SOPInstanceUID": self.sop_instance_uids,
        }

    @property
    def missing_identifiers(self) -> tuple[str, ...]:
        """Keywords of the `identifiers` that some file lacks, and of a frame of reference."""
        missing = [keyword for keyword, uids in self.identifiers.items() if not all(uids)]
        if self.has_patient_geometry and self.frame_of_reference is None:
            missing.append("FrameOfReferenceUID")
        return tuple(missing)

    @cached_property
    def problems(self) -> tuple[str, ...]:
        """All that was found wrong or noteworthy, the reasons why `volume` refuses first."""
        colored = self.photometric_interpretation in COLORED
        found = [error.found for error in self._obstacles(colored=colored)]
        found += filter(None, [self.correction])
        found += self.geometry.notes
        found += sentences(self.left_out)
        found += shortfall_of(self.frames)
        found += [] if colored else self._notes_on_values()
        found += self.remarks
        if is_secondary_capture(self.frames[0]) and not self._refusals:
            found.append("a Secondary Capture (SOPClassUID): made from other images, or elsewhere")
        if colored:
            found.append(f"{self.photometric_interpretation}: for networks that read color")
        if self.photometric_interpretation == "MONOCHROME1":
            found.append("MONOCHROME1: low values are bright")
        if not all(text(f.header, "SOPInstanceUID") for f in self._files) and self._files[0].uid:
            found.append("its SOP Instance UIDs are those of the file meta information")
        if self.missing_identifiers:
            found.append(f"it lacks {', '.join(self.missing_identifiers)}, which results refer to")
        return tuple(found)

    def volume(self, progress: Progress | None = None, color: Color | None = None) -> Volume:
        """Read the voxels.

        Args:
            progress: called with the fraction done and a message; may raise CancelledError.
            color: what is read of color images, see `read_component`; None for gray ones.

        Returns:
            The real values and the padding, see `read_voxels`, in the axis order slice, row,
            column; of `slices` that are no even stack, float32, interpolated linearly.

        Raises:
            ImageError: the images are no volume, or not all of them can be read.
        """
        for obstacle in self._obstacles(colored=color is not None):
            raise self._named(obstacle)
        if color is None:
            voxels, padding = read_voxels(self.frames, self.scalings, progress)
        else:
            voxels, padding = read_component(self.frames, color, progress), None
        if not isinstance(self.slices, SliceStack):
            return Volume(voxels, self.grid, padding)
        return self.slices.evened(voxels, padding)

    def _named(self, error: ImageError) -> ImageError:
        return ImageError(f"series {self.label}: {error.found}", *error.args[1:])

    @cached_property
    def _refusals(self) -> Sequence[ImageError]:
        found = refusals(self.frames, self.scalings, self.header, self.damaged)
        return [self.mixed, *found] if self.mixed is not None else found

    def _obstacles(self, *, colored: bool) -> Sequence[ImageError]:
        """Why there is no volume, of color images or of gray ones."""
        other = of_another_color(self.frames[0], colored=colored)
        found = [*self._refusals, other, self.geometry.fault]
        return [error for error in found if error is not None]

    def _notes_on_values(self) -> list[str]:
        notes = list(dict.fromkeys(scaling.note for scaling in self.scalings if scaling.note))
        if len(self.units) > 1:
            names = ", ".join(f"{unit} ({unit.attribute})" for unit in self.units)
            notes.append(f"its slices do not all count the same: {names}")
        return notes
