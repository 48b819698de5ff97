"""Patients with images, segmentations that are right about them, and networks that find as much."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from makers import networks, summing_networks
from makers.recipes import LIVER, label, recipe
from makers.results import PROVENANCE
from makers.series import Stack
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.model_object import Model, write_model
from IODeepLib.recipe import Label
from IODeepLib.results import Edit, SegmentationType, StoredObject, make_seg
from IODeepLib.series import ImageSeries, find_series
from IODeepLib.sources.folder import find_model

SPLEEN = {"value": "78961009", "scheme": "SCT", "meaning": "Spleen"}
LABELS = [label(1, "Liver", LIVER), label(2, "Spleen", SPLEEN)]
MODEL_UID = "2.25.4711"
SHAPE = (8, 24, 20)


def organ_model(folder: Path, *, threshold: float = 100.0, **changes: Any) -> Model:
    """Liver is what is brighter than `threshold`, spleen what is brighter by 100 more."""
    weights, bias = [[0], [1], [2]], [0, -threshold, -(2 * threshold + 100)]
    changes.setdefault("output", {"channels": 3, "labels": LABELS})
    asked = {"name": "organs", "model_uid": MODEL_UID, "version": "1.0.0", **changes}
    network = summing_networks.sums(weights, 3, bias=bias)
    folder.mkdir(parents=True)
    path = networks.save(network, folder / "network.onnx")
    write_model(path, recipe(**asked), folder / "packed")
    return find_model(folder / "packed")


def organs(seed: int, *, spleen: bool = True) -> np.ndarray:
    """(slice, row, column): what is right: a liver of some size, and maybe a spleen."""
    rng = np.random.default_rng(seed)
    where = np.indices(SHAPE)
    center = np.array([4, 9, 8]) + rng.uniform(-1, 1, 3)
    radii = np.array([2.5, 5, 4]) + rng.uniform(-0.5, 0.5, 3)
    away = sum(((w - c) / r) ** 2 for w, c, r in zip(where, center, radii, strict=True))
    truth = (away <= 1).astype(np.uint8)
    if spleen:
        truth[3:5, 17:21, 14:18] = 2
    return truth


def images_of(truth: np.ndarray, seed: int, patient: str = "", **more: Any) -> Stack:
    """An MR series in which the organs are bright: 150 and 250, beside 50, and some noise."""
    rng = np.random.default_rng(seed)
    values = np.array([50, 150, 250])[truth] + rng.integers(-5, 6, truth.shape)
    words = {
        "PatientID": patient or f"p{seed}",
        "PatientName": "Secret^Name",
        "StudyDate": "20250314",
    }
    common = words | more.pop("common", {})
    return Stack(values.astype(np.int16), spacing=(3.0, 1.25, 1.0), common=common, **more)


def write_seg(
    path: Path,
    series: ImageSeries,
    truth: np.ndarray,
    *,
    labels: Sequence[Label] | None = None,
    by: str = "MANUAL",
    kind: SegmentationType = SegmentationType.BINARY,
    change: Callable[[Dataset], None] | None = None,
) -> str:
    """A DICOM SEG by other software; its SOP Instance UID."""
    names = tuple(labels or recipe(output={"channels": 3, "labels": LABELS}).labels)
    seg = make_seg(Segmentation(truth, series.grid, names), series, PROVENANCE, seg_type=kind)
    assert seg is not None
    path.parent.mkdir(parents=True, exist_ok=True)
    seg.save(path)
    dataset = dcmread(path)
    dataset.Manufacturer, dataset.DeviceSerialNumber = "Somebody", "1"
    dataset.SOPInstanceUID = generate_uid()
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    for item in dataset.SegmentSequence:
        item.SegmentAlgorithmType = by
    if change is not None:
        change(dataset)
    dataset.save_as(path)
    return str(dataset.SOPInstanceUID)


def write_result(
    path: Path, series: ImageSeries, truth: np.ndarray, corrects: StoredObject | None = None
) -> StoredObject:
    """A result of our own, or a correction of one; what it was stored as."""
    names = recipe(output={"channels": 3, "labels": LABELS}).labels
    edit = None if corrects is None else Edit(frozenset({1}), corrects=corrects)
    seg = make_seg(Segmentation(truth, series.grid, names), series, PROVENANCE, edit=edit)
    assert seg is not None
    path.parent.mkdir(parents=True, exist_ok=True)
    seg.save(path)
    said = seg.dataset
    uids = said.StudyInstanceUID, said.SeriesInstanceUID, said.SOPInstanceUID
    return StoredObject(*map(str, uids), str(said.SOPClassUID))


def written_patient(
    folder: Path, seed: int, patient: str = "", *, spleen: bool = True, **more: Any
) -> ImageSeries:
    """A folder with a patient's series and its SEG."""
    truth = organs(seed, spleen=spleen)
    images_of(truth, seed, patient).write(folder / "images")
    (series,) = find_series(folder / "images")
    write_seg(folder / "seg.dcm", series, truth, **more)
    return series
