"""An image that stands in for the source ones: highdicom takes patient and study from an image."""

from __future__ import annotations

from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, SecondaryCaptureImageStorage

from IODeepLib.results import source_images
from IODeepLib.series import ImageSeries

# Stands for a UID while the UID is not known: the object's content decides on it.
NO_UID = "0.0"


def stand_in(series: ImageSeries, *, placed: bool) -> Dataset:
    """An image of one pixel with patient, study and device of `series`, and nothing else.

    Its class is CT, whatever the images are: highdicom then finds its attributes where it looks,
    and it does not take several multi-frame images. Secondary Capture needs no place in space.
    """
    image = stand_in_for(series.header)
    image.update(source_images.device(series.header))
    image.SeriesInstanceUID = series.series_instance_uid
    image.Modality = series.modality or "OT"
    if placed:
        image.SOPClassUID = CTImageStorage
        image.FrameOfReferenceUID = source_images.frame_of_reference(series)
        image.PositionReferenceIndicator = ""
        image.ImageOrientationPatient = [0, 1, 0, 0, 0, 1]
        image.ImagePositionPatient = [0, 0, 0]
        image.PixelSpacing, image.SliceThickness = [1, 1], 1
    return image


def stand_in_for(header: Dataset) -> Dataset:
    """An image of one pixel with patient and study of any object, and no place in space."""
    image = source_images.patient_and_study(header)
    image.SOPClassUID = SecondaryCaptureImageStorage
    image.SOPInstanceUID = image.SeriesInstanceUID = NO_UID
    image.Modality = "OT"
    image.Rows = image.Columns = 1
    return image
