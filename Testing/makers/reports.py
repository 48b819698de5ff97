"""Structured reports to judge, and the images that they are of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from makers.placed_blobs import LAYOUTS, write
from makers.results import LIVER, PROVENANCE, SPLEEN, label
from makers.series import Stack, item
from pydicom.dataset import Dataset
from pydicom.uid import (
    DigitalXRayImageStorageForPresentation,
    PositronEmissionTomographyImageStorage,
)

from IODeepLib.codes import Code
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.measurements import Measurements, measure
from IODeepLib.recipe import Laterality
from IODeepLib.results import Seg, make_seg
from IODeepLib.results.sr import Report, SrType, report_segments
from IODeepLib.series import ImageSeries, find_series

ABDOMEN = Code("818981001", "SCT", "Abdomen")
LABELS = (
    label(1, "liver", type=LIVER, anatomic_region=ABDOMEN),
    label(2, "left kidney", type=Code("64033007", "SCT", "Kidney"), laterality=Laterality.LEFT),
    label(3, "one voxel", type=SPLEEN),
    label(4, "nowhere", type=SPLEEN, laterality=Laterality.RIGHT),
)
NAMES = {"PatientName": "Wang^XiaoDong=王^小東", "StudyDescription": "Übersicht ☂"}
ODD = {"StudyDate": "***", "ContentDate": "20201399", "PatientSex": "FEMALE", "AccessionNumber": ""}


def _pet(**more) -> Callable[[Path], Path]:
    common = {"Modality": "PT", "SOPClassUID": PositronEmissionTomographyImageStorage}
    scaled = {"RescaleSlope": "0.5", "RescaleIntercept": "0"}
    return lambda folder: Stack(common={**common, **scaled, **more}).write(folder)


def _suv(folder: Path) -> Path:
    """Values in SUV, as a Real World Value Mapping says."""

    def change(_, ds: Dataset) -> None:
        unit = Code("{SUVbw}g/ml", "UCUM", "Standardized Uptake Value body weight")
        ds.RealWorldValueMappingSequence = [
            item(
                RealWorldValueFirstValueMapped=0,
                RealWorldValueLastValueMapped=400,
                RealWorldValueSlope=0.03125,
                RealWorldValueIntercept=0.0,
                MeasurementUnitsCodeSequence=[unit.to_dataset()],
            )
        ]

    common = {"Modality": "PT", "SOPClassUID": PositronEmissionTomographyImageStorage}
    return Stack(common=common).write(folder, change)


def _xray(folder: Path) -> Path:
    """A plain image without a place in the patient, on which low values are bright."""

    def change(_, ds: Dataset) -> None:
        for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "FrameOfReferenceUID"):
            delattr(ds, keyword)

    common = {
        "Modality": "DX",
        "SOPClassUID": DigitalXRayImageStorageForPresentation,
        "PhotometricInterpretation": "MONOCHROME1",
    }
    stack = Stack(np.arange(480, dtype=np.int16).reshape(1, 20, 24), common=common)
    return stack.write(folder, change)


def _layout(name: str, **common) -> Callable[[Path], Path]:
    return lambda folder: write(LAYOUTS[name], folder, **common)


SERIES: Mapping[str, Callable[[Path], Path]] = {
    "CT, tilted": _layout("tilted by 18.5 degrees"),
    "CT, single slice": _layout("single slice"),
    "CT, names": _layout("coronal", SpecificCharacterSet="ISO_IR 192", **NAMES),
    "CT, odd header": _layout("axial", **ODD),
    "MR, multi-frame": _layout("multi-frame"),
    "MR, multi-frame, one missing": _layout("multi-frame, one missing"),
    "PET": _pet(Units="BQML"),
    "PET in SUV": _suv,
    "X-ray": _xray,
}


@dataclass(frozen=True, eq=False)
class Reported:
    """A report, and what it is of."""

    report: Report
    seg: Seg | None
    measurements: Measurements
    series: ImageSeries


def reported(
    folder: Path,
    name: str = "CT, tilted",
    *,
    others: Sequence[ImageSeries] = (),
    sr_type: SrType = SrType.COMPREHENSIVE,
    nothing: bool = False,
) -> Reported:
    """A report of three segments of four labels on one of `SERIES`, or of nothing found."""
    (series,) = find_series(SERIES[name](folder))
    volume = series.volume()
    array = np.zeros(volume.grid.shape, np.uint8)
    if not nothing:
        rows, columns = array.shape[1:]
        array[:, : rows // 2, : columns // 2] = 1
        array[array.shape[0] // 2, rows // 2 :, columns // 3 :] = 2
        array[0, 0, columns - 1] = 3
    segmentation = Segmentation(array, volume.grid, LABELS)
    seg = make_seg(segmentation, series, PROVENANCE, others=others)
    measurements = measure(segmentation, volume, series)
    why = ["modality fits: required CT, found CT (Modality)"]
    report = report_segments(
        measurements, series, PROVENANCE, seg, others=others, reasons=why, sr_type=sr_type
    )
    return Reported(report, seg, measurements, series)
