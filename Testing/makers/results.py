"""Segmentations to write, and the judges of what was written."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK

from IODeepLib.codes import Code
from IODeepLib.geometry import Grid
from IODeepLib.recipe import Label
from IODeepLib.results import Provenance
from IODeepLib.segmentation import Segmentation
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


def tool(name: str, *arguments) -> str:
    """What a command beside Python says."""
    command = [str(Path(sys.executable).parent / name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout + done.stderr


def standard_errors(path: Path) -> list[str]:
    """The errors that dciodvfy finds."""
    said = tool("dciodvfy", path)
    assert said.strip(), "dciodvfy says at least what it is"
    return [line for line in said.splitlines() if line.startswith("Error")]


def read_by_dcmqi(path: Path, folder: Path) -> dict[str, SimpleITK.Image]:
    """The images that segimage2itkimage makes, by their number."""
    folder.mkdir()
    said = tool(
        "segimage2itkimage",
        "--inputDICOM",
        path,
        "--outputDirectory",
        folder,
        "--outputType",
        "nrrd",
    )
    images = {file.stem: SimpleITK.ReadImage(str(file)) for file in sorted(folder.glob("*.nrrd"))}
    assert images, said
    return images


def on_grid(image: SimpleITK.Image, grid: Grid) -> np.ndarray:
    """The voxels of `image` in an array on `grid`, on which its own grid must lie."""
    affine = np.eye(4)
    directions = np.array(image.GetDirection()).reshape(3, 3)
    affine[:3, :3] = (directions * image.GetSpacing())[:, ::-1]
    affine[:3, 3] = image.GetOrigin()
    array = SimpleITK.GetArrayFromImage(image)
    own = Grid(array.shape, affine)
    there = np.argwhere(array)
    index = grid.index(own.point(there))
    whole = np.rint(index).astype(int)
    assert np.abs(index - whole).max(initial=0) < 0.01, "the voxels lie beside the grid"
    result = np.zeros(grid.shape, array.dtype)
    result[tuple(whole.T)] = array[tuple(there.T)]
    return result
