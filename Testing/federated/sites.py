"""Synthetic sites: patients made of one brain, as three scanners might show them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import highdicom
import numpy as np
import pydicom
from highdicom.seg import SegmentAlgorithmTypeValues, SegmentationTypeValues, SegmentDescription
from makers.series import Stack
from pydicom.sr.coding import Code
from scipy import ndimage

Array = np.ndarray
_SPACING = 2.0  # mm
# Of a head: enough of it to have all that is learned, and quick to be trained on.
_SLAB, _MARGIN = slice(26, 66), 8
_STRUCTURE = Code("91723000", "SCT", "Anatomical Structure")
_TISSUES = {
    1: ("Gray Matter", Code("389081007", "SCT", "Gray Matter")),
    2: ("White Matter", Code("389080008", "SCT", "White Matter")),
}


@dataclass(frozen=True)
class Site:
    """A site and what its scanner does to a brain.

    Attributes:
        name: of the site.
        scanner: in words.
        shift: of values between 0 and 1 within a mask, with a source of chance.
    """

    name: str
    scanner: str
    shift: Callable[[Array, Array, np.random.Generator], Array]


def _bright(brain: Array, mask: Array, rng: np.random.Generator) -> Array:
    return brain**0.3 + 0.04 * rng.standard_normal(brain.shape)


def _shaded(brain: Array, mask: Array, rng: np.random.Generator) -> Array:
    across = np.linspace(-1, 1, brain.shape[2])
    return brain**2 * (1 + 0.85 * rng.choice([-1, 1]) * across)


def _coarse(brain: Array, mask: Array, rng: np.random.Generator) -> Array:
    return ndimage.gaussian_filter(brain, 1.0) + 0.12 * rng.standard_normal(brain.shape)


SITES = (
    Site("North", "little contrast between tissues", _bright),
    Site("South", "one side brighter than the other", _shaded),
    Site("West", "coarse and noisy", _coarse),
)


def brain_of(shared: Path) -> tuple[Array, Array]:
    """The ICBM 152 template at 2 mm, 0 to 1, and its tissues: (slice, row, column)."""
    files = sorted((shared / "dicom" / "mni152_t1_as_mr").glob("*.dcm"))
    image = highdicom.get_volume_from_series([pydicom.dcmread(file) for file in files])
    segments = highdicom.seg.segread(shared / "dicom" / "mni152_reference_seg.dcm")
    masks = segments.get_volume(segment_numbers=[1, 2], combine_segments=False)
    masks = masks.match_geometry(image)
    white, gray = masks.array[..., 0] > 0, masks.array[..., 1] > 0
    values = ndimage.gaussian_filter(image.array.astype(np.float64), 0.8)[::2, ::2, ::2]
    labels = np.where(white, 2, np.where(gray, 1, 0)).astype(np.uint8)[::2, ::2, ::2]
    return (values / values.max())[_SLAB], labels[_SLAB]


def write_patient(
    folder: Path, site: Site, number: int, brain: Array, tissues: Array, rng: np.random.Generator
) -> None:
    """A patient of a site, as DICOM images and the segmentation that a person made of them."""
    values, labels = _another_head(brain, tissues, rng)
    values, labels = values[_MARGIN:-_MARGIN], labels[_MARGIN:-_MARGIN]
    mask = values > 0.02
    shown = np.clip(np.where(mask, site.shift(values, mask, rng), 0), 0, 1.5)
    stack = Stack(
        np.round(1000 * shown).astype(np.int16),
        spacing=(_SPACING,) * 3,
        common={
            "PatientID": f"{site.name}-{number}",
            "PatientName": f"{site.name}^Patient {number}",
            "PatientBirthDate": f"19{40 + number}0{number % 9 + 1}17",
            "PatientSex": "O",
            "StudyDate": "20250317",
            "StudyTime": "101112",
            "SeriesDescription": "T1 MPRAGE",
            "BodyPartExamined": "BRAIN",
            "Manufacturer": f"Scanners of {site.name}",
            "AccessionNumber": f"{site.name[0]}{number:04}",
            "StudyID": "1",
            "ReferringPhysicianName": "Doctor^Who",
        },
    )
    stack.write(folder / f"{number}")
    images = [pydicom.dcmread(file) for file in sorted((folder / f"{number}").glob("*.dcm"))]
    segmentation = highdicom.seg.Segmentation(
        images,
        labels,
        SegmentationTypeValues.BINARY,
        [
            SegmentDescription(value, name, _STRUCTURE, code, SegmentAlgorithmTypeValues.MANUAL)
            for value, (name, code) in _TISSUES.items()
        ],
        series_instance_uid=highdicom.UID(),
        series_number=100,
        sop_instance_uid=highdicom.UID(),
        instance_number=1,
        manufacturer=f"Readers of {site.name}",
        manufacturer_model_name="by hand",
        software_versions="1",
        device_serial_number="1",
    )
    segmentation.save_as(folder / f"{number}" / "truth.dcm")


def _another_head(brain: Array, tissues: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """The same brain turned, scaled and bent."""
    shape = np.array(brain.shape)
    angles = np.deg2rad(rng.uniform(-8, 8, 3))
    turned = np.eye(3)
    for axis, angle in enumerate(angles):
        one = np.eye(3)
        i, j = (k for k in range(3) if k != axis)
        one[i, i] = one[j, j] = np.cos(angle)
        one[i, j], one[j, i] = -np.sin(angle), np.sin(angle)
        turned = turned @ one
    matrix = turned @ np.diag(rng.uniform(0.93, 1.07, 3))
    center = (shape - 1) / 2
    places = np.indices(brain.shape).reshape(3, -1).astype(float) - center[:, None]
    bend = [
        ndimage.zoom(rng.normal(0, 1.5, (5, 5, 5)), shape / 5, order=3).reshape(-1)[
            : places.shape[1]
        ]
        for _ in range(3)
    ]
    places = matrix @ places + center[:, None] + np.stack(bend)
    values = ndimage.map_coordinates(brain, places, order=1).reshape(brain.shape)
    labels = ndimage.map_coordinates(tissues, places, order=0).reshape(brain.shape)
    return values, labels.astype(np.uint8)
