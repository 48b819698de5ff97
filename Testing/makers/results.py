"""Segmentations to write, and the series that they are of."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from IODeepLib.codes import Code
from IODeepLib.geometry import Grid
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.recipe import Label
from IODeepLib.results import Provenance
from IODeepLib.series import ImageSeries, find_series

ANATOMICAL_STRUCTURE = Code("91723000", "SCT", "Anatomical Structure")
LIVER = Code("10200004", "SCT", "Liver")
SPLEEN = Code("78961009", "SCT", "Spleen")
KIDNEY = Code("64033007", "SCT", "Kidney")

PROVENANCE = Provenance(
    title="Organs of the abdomen",
    name="abdomen",
    version="1.2.3",
    publisher="A hospital",
    model_uid="2.25.10",
    card_sop_instance_uid="2.25.11",
    card_series_instance_uid="2.25.12",
    card_study_instance_uid="2.25.13",
    network_digest="cd" * 32,
    weights_digest="ab" * 32,
    runtime="onnxruntime 1.31.1",
    provider="CPUExecutionProvider",
    options={"seg_type": "BINARY"},
    notes=("the slices were sorted",),
)


def label(value: int, name: str = "", **more) -> Label:
    given = {"category": ANATOMICAL_STRUCTURE, "type": LIVER, **more}
    return Label(value=value, name=name or f"label {value}", **given)


def three_labels(grid: Grid, values: Sequence[int] = (1, 2, 5)) -> Segmentation:
    """Two of three labels: a box that touches the edges, and one voxel in the last slice."""
    array = np.zeros(grid.shape, np.uint16 if max(values) > 255 else np.uint8)
    slices, rows, columns = grid.shape
    array[slices // 3 : 2 * slices // 3 + 1, : rows // 2, 1 : columns // 3] = values[0]
    array[slices - 1, rows - 1, columns - 1] = values[2]
    return Segmentation(array, grid, tuple(label(v) for v in values))


def scattered(grid: Grid, seed: int = 0) -> Segmentation:
    """Two labels in voxels by chance."""
    chance = np.random.default_rng(seed).random(grid.shape)
    array = (chance > 0.9).astype(np.uint8) + (chance > 0.97)
    return Segmentation(array, grid, (label(1), label(2)))


SERIES = {
    "oblique MR": "mr_t1_forrest.zip",
    "MR template": "mni152_t1_as_mr",
    "CT abdomen": "ct_abdomen_totalseg_repaired",
    "CT head": "ct_head_slicer_64x64",
    "sagittal MR": "mr_t1_siemens_prisma_HFDL",
    "enhanced MR, Siemens": "enhanced_mr_siemens_philips/siemens_vida_xa10",
    "enhanced MR, Philips": "enhanced_mr_siemens_philips/IM_0027_fMAP.dcm",
    "legacy converted CT": "dcmqi_segmentations/23x38x3/multiframe",
    "CT without anything": "dcmqi_segmentations/24x38x3/image",
}


def real_series(shared_data: Path, name: str, tmp: Path) -> ImageSeries:
    """One of `SERIES`."""
    path = shared_data / "dicom" / SERIES[name]
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            archive.extractall(tmp)
        path = tmp
    return find_series(path)[0]
