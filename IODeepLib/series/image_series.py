"""A DICOM image series, or the part of one that is a volume."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from pydicom.dataset import Dataset

from IODeepLib.errors import ImageError
from IODeepLib.geometry import Grid, Volume
from IODeepLib.headers import integer, quiet, text, texts
from IODeepLib.recipe import Color
from IODeepLib.series.colors import COLORED, read_component
from IODeepLib.series.frames import Frame
from IODeepLib.series.image_file import ImageFile, read_whole_header
from IODeepLib.series.pixels import Progress, read_voxels
from IODeepLib.series.slices import SliceGeometry, measure
from IODeepLib.series.split import is_localizer
from IODeepLib.slice_stack import SliceStack

GREY = ("MONOCHROME1", "MONOCHROME2")


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
    """

    frames: tuple[Frame, ...]
    split_by: str = ""
    damaged: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @cached_property
    def geometry(self) -> SliceGeometry:
        """How the slices lie to each other."""
        return measure(self.frames)

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

    @property
    def has_patient_geometry(self) -> bool:
        """Whether it is known where in the patient the voxels lie."""
        return self.frames[0].is_placed

    @property
    def has_spacing(self) -> bool:
        """Whether the size of a pixel is known."""
        return self.frames[0].spacing is not None

    @property
    def is_localizer(self) -> bool:
        """Whether this is a scout image (Image Type value 3)."""
        return is_localizer(self.frames[0])

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
        details = (self.modality, f"{count} slice{'s' if count > 1 else ''}", self.split_by)
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
        found += self.remarks
        if colored:
            found.append(f"{self.photometric_interpretation}: for networks that read colour")
        if self.photometric_interpretation == "MONOCHROME1":
            found.append("MONOCHROME1: low values are bright")
        if not all(text(f.header, "SOPInstanceUID") for f in self._files) and self._files[0].uid:
            found.append("its SOP Instance UIDs are those of the file meta information")
        if self.missing_identifiers:
            found.append(f"it lacks {', '.join(self.missing_identifiers)}, which results refer to")
        return tuple(found)

    def volume(self, on_progress: Progress | None = None, color: Color | None = None) -> Volume:
        """Read the voxels.

        Args:
            on_progress: called with the fraction done and a message; may raise CancelledError.
            color: what is read of colour images, see `read_component`; None for grey ones.

        Returns:
            The rescaled values, see `read_voxels`, in the axis order slice, row, column; of
            `slices` that are no even stack, float32, interpolated linearly.

        Raises:
            ImageError: the images are no volume, or not all of them can be read.
        """
        for obstacle in self._obstacles(colored=color is not None):
            raise ImageError(f"series {self.label}: {obstacle.found}", *obstacle.args[1:])
        if color is None:
            voxels = read_voxels(self.frames, on_progress)
        else:
            voxels = read_component(self.frames, color, on_progress)
        if isinstance(self.slices, SliceStack):
            return self.slices.evened(voxels)
        return Volume(voxels, self.grid)

    def _obstacles(self, *, colored: bool) -> Sequence[ImageError]:
        """Why there is no volume, of colour images or of grey ones."""
        found = []
        broken = [*self.damaged]
        broken += [f"{f.path}: {f.damage}" for f in self._files if f.damage]
        if broken:
            more = f" and {len(broken) - 3} more" if len(broken) > 3 else ""
            found.append(
                ImageError(
                    "damaged files: " + ", ".join(broken[:3]) + more,
                    "every image of the series, complete",
                    "fetch the series again",
                )
            )
        header = self._files[0].header
        photometric = self.photometric_interpretation or "no photometric interpretation"
        samples = integer(header, "SamplesPerPixel") or 1
        if photometric not in (COLORED if colored else GREY) or (samples != 1 and not colored):
            found.append(
                ImageError(
                    f"{photometric} with {samples} value{'s' if samples > 1 else ''} a pixel",
                    "red, green and blue"
                    if colored
                    else "one grey value a pixel (MONOCHROME1 or MONOCHROME2)",
                    f"choose a series in {'colour' if colored else 'grey'}",
                )
            )
        if integer(header, "TotalPixelMatrixColumns"):
            found.append(
                ImageError(
                    "the tiles of a slide", "slices or a single image", "choose another series"
                )
            )
        if "MOSAIC" in texts(header, "ImageType"):
            found.append(
                ImageError(
                    "a mosaic: all slices side by side in one image",
                    "one slice in each image",
                    "export it from the scanner as single slices or as an enhanced image",
                )
            )
        if self.geometry.fault is not None:
            found.append(self.geometry.fault)
        return found
