"""An image that is in memory already: what a viewer shows, whatever file it came from."""

from __future__ import annotations

from dataclasses import dataclass

from pydicom.dataset import Dataset

from IODeepLib.errors import ImageError
from IODeepLib.geometry import Grid, Volume
from IODeepLib.headers import text
from IODeepLib.recipe import Color
from IODeepLib.series.image_series import ImageSeries
from IODeepLib.series.pixels import Progress


@dataclass(frozen=True, eq=False)
class VolumeImage:
    """Voxels with what is known about them; it is selected for and run on as an `ImageSeries`.

    Attributes:
        voxels: (a0, a1, a2), rescaled values, and where they lie. The first axis runs through the
            slices.
        header: what DICOM would say about the image: the header of one of its files, or as many
            elements as are known. Without any, every criterion on it is unknown.
        name: for messages.
        geometry_fault: why the voxels are no even, upright stack, with the measured figures.
        problems: what a person should know of the image.
    """

    voxels: Volume
    header: Dataset
    name: str
    geometry_fault: str | None = None
    problems: tuple[str, ...] = ()

    # Voxels in memory are placed, and whoever shows them as a volume takes them for one.
    has_patient_geometry = has_spacing = True
    is_localizer = False
    correction = ""

    @property
    def grid(self) -> Grid:
        """Where the voxels lie."""
        return self.voxels.grid

    @property
    def slices(self) -> Grid:
        """The same."""
        return self.grid

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
    def photometric_interpretation(self) -> str:
        """(0028,0004); voxels without a header have one grey value each."""
        return text(self.header, "PhotometricInterpretation") or "MONOCHROME2"

    @property
    def label(self) -> str:
        """A name for messages: "'t1_mprage' (MR, 384 slices)"."""
        count = self.grid.shape[0]
        slices = f"{count} slice{'s' if count > 1 else ''}"
        return f"'{self.name}' ({', '.join(filter(None, (self.modality, slices)))})"

    def volume(self, on_progress: Progress | None = None, color: Color | None = None) -> Volume:
        """The voxels; there is nothing to read.

        Raises:
            ImageError: a colour is asked for.
        """
        if color is not None:
            found = f"image {self.label} in memory, with one value a voxel"
            raise ImageError(found, "red, green and blue", "run on the DICOM files")
        return self.voxels


Image = ImageSeries | VolumeImage
