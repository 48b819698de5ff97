"""The image of the demonstration as of other patients and another scanner, with truth."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import highdicom as hd
import numpy as np
from makers.demo_image import DEMO
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from scipy import ndimage

from IODeepLib.geometry import Grid, Volume
from IODeepLib.series import VolumeImage, find_series

# Of the 2 mm voxels, so much that training takes seconds: a block in the middle of the brain.
_BLOCK = (slice(24, 64), slice(30, 78), slice(22, 70))


@dataclass(frozen=True)
class Brain:
    """What `cohort.load` gives of a case.

    Attributes:
        series, others: the image, and no other.
        truth: (slice, row, column): 1 grey matter, 2 white matter.
        patient: whose it is.
        unknown: labels of which nobody says whether they are there.
    """

    series: VolumeImage
    truth: NDArray[np.uint8]
    patient: int
    others: tuple[VolumeImage, ...] = ()
    unknown: tuple[int, ...] = ()


@functools.cache
def _original() -> tuple[Volume, NDArray[np.uint8]]:
    (series,) = find_series(DEMO / "mr_t1")
    uids = [header.SOPInstanceUID for header in series.headers]
    truth = hd.seg.segread(DEMO / "reference_seg.dcm").get_pixels_by_source_instance(
        uids, combine_segments=True, assert_missing_frames_are_empty=True
    )
    volume = series.volume()
    return volume, np.asarray(truth, np.uint8)


def brain(patient: int, *, shifted: bool = True, seed: int = 0) -> Brain:
    """A patient: bent by a few voxels; `shifted`: dark is bright, with noise."""
    generator = np.random.default_rng((seed, patient))
    volume, truth = _original()
    image, labels = volume.array[_BLOCK].astype(np.float32), truth[_BLOCK]
    knots = generator.normal(0, 2.5, (3, 4, 4, 4))
    zoom = [n / 4 for n in image.shape]
    bend = np.stack([ndimage.zoom(axis, zoom, order=1) for axis in knots])
    at = np.indices(image.shape) + bend
    image = ndimage.map_coordinates(image, at, order=1, mode="nearest")
    labels = ndimage.map_coordinates(labels, at, order=0, mode="nearest")
    image /= image.max()
    field = 1 + 0.15 * ndimage.zoom(generator.normal(size=(3, 3, 3)), [n / 3 for n in image.shape])
    if shifted:
        inside = image > 0.05
        image = np.where(inside, (1.15 - image) ** 1.5, image)
        image = image + inside * generator.normal(0, 0.03, image.shape)
    values = np.clip(image * field, 0, None) * 800
    return Brain(_image(values.astype(np.float32), volume.grid, patient), labels, patient)


def _image(values: NDArray[Any], whole: Grid, patient: int) -> VolumeImage:
    grid = whole.cropped([part.start for part in _BLOCK], values.shape)
    header = Dataset()
    header.Modality = "MR"
    header.SeriesDescription = "T1"
    header.BodyPartExamined = "BRAIN"
    header.SeriesInstanceUID = f"2.25.{1000 + patient}"
    header.StudyInstanceUID = f"2.25.{2000 + patient}"
    return VolumeImage(Volume(values, grid), header, f"<patient {patient}>")
