"""Trained models of nnU-Net: the same voxels as its own nnUNetv2_predict.

nnU-Net keeps scores in float16, and one voxel in some thousands falls otherwise for that alone.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from pydicom.uid import CTImageStorage, MRImageStorage

pytest.importorskip("torch")
pytest.importorskip("nnunetv2")

from command import Answer
from makers.nnunet_training import MODELS, Cache, Data, cache_folder
from makers.series import Stack

from IODeepLib.geometry import Volume
from IODeepLib.pipeline import Options, run
from IODeepLib.series import ImageSeries, find_series
from IODeepLib.sources.folder import find_model

LEAST_OF_ALL, LEAST_OF_FOREGROUND = 0.999, 0.995
ANSWERS = {
    "input.orientation": "source",
    "applies_to.anatomic_regions": "",
    "applies_to.modalities": "CT,MR",
    "card.publisher": "Nobody",
    "card.intended_use": "Tests",
    "card.licence": "MIT",
}
STRUCTURES = {"head": "Head", "brain": "Brain", "white": "Brain"}
WHOLE = (slice(None), slice(None), slice(None))


@dataclass(frozen=True)
class Case:
    """An image for a model: a part of that it was trained on, with voxels of any size.

    Attributes:
        model: its name in MODELS.
        window: which slices, rows and columns.
        spacing: mm between them, where it is not that of the training.
    """

    model: str
    window: tuple[slice, slice, slice] = WHOLE
    spacing: tuple[float, float, float] | None = None

    @property
    def data(self) -> Data:
        return MODELS[self.model].data

    def image(self) -> np.ndarray:
        """Values (channel, slice, row, column)."""
        return np.ascontiguousarray(self.data.make()[0][(slice(None), *self.window)])


CASES = {name: Case(name) for name in MODELS} | {
    "thick slices": Case("fullres", (slice(0, 20, 3), *WHOLE[1:]), (7.0, 1.9, 1.7)),
    "fine voxels": Case("fullres", (slice(4, 16), slice(30, 110), slice(20, 110)), (1.1, 1.0, 1.3)),
    "smaller than a patch": Case("fullres", (slice(5, 10), slice(40, 81), slice(30, 73))),
    "one slice": Case("2d", (slice(10, 11), *WHOLE[1:])),
}


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Cache:
    return Cache(cache_folder() or tmp_path_factory.mktemp("nnunet"))


def predicted(cache: Cache, name: str, folder: Path, *more: str) -> np.ndarray:
    """nnU-Net's labels for a case, kept beside its models."""
    case = CASES[name]
    kept = cache.folder / "predicted" / f"{'_'.join((name, *more)).replace(' ', '_')}.nii.gz"
    if not kept.exists():
        folder.mkdir()
        spacing = case.spacing or case.data.spacing
        labels = cache.predicted(case.model, case.image(), spacing, *more, folder=folder)
        kept.parent.mkdir(exist_ok=True)
        SimpleITK.WriteImage(SimpleITK.GetImageFromArray(labels), str(kept))
    return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(kept)))


def series_of(case: Case, folder: Path) -> list[ImageSeries]:
    """A DICOM series for each channel, of one study."""
    first = None
    found = []
    data, image = case.data, case.image()
    for number, (name, voxels) in enumerate(zip(data.channels, image, strict=True)):
        kind = CTImageStorage if data.modality == "CT" else MRImageStorage
        common = {"Modality": data.modality, "SOPClassUID": kind, "SeriesDescription": name}
        if data.modality == "CT":
            common |= {"RescaleSlope": 1, "RescaleIntercept": 0, "RescaleType": "HU"}
        stack = Stack(voxels, case.spacing or data.spacing, common=common)
        first = first or stack
        stack.study, stack.frame = first.study, first.frame
        [series] = find_series(stack.write(folder / str(number)))
        found.append(series)
    return found


def answers(case: Case, **others: str) -> list[str]:
    """The options that answer everything."""
    given = ANSWERS | others
    labels = [label for label in STRUCTURES if label in case.data.labels]
    place = f"stages[{MODELS[case.model].configuration}]." if MODELS[case.model].after else ""
    for label in labels:
        given[f"{place}output.labels[{label}].type"] = STRUCTURES[label]
        given[f"{place}output.labels[{label}].category"] = "SCT^91723000^Anatomical Structure"
    return [word for path, value in given.items() for word in ("--set", f"{path}={value}")]


def assert_equal(found: np.ndarray, wanted: np.ndarray) -> None:
    """Nearly all voxels are equal, and nearly all that are foreground in one of the two."""
    equal, foreground = found == wanted, (found > 0) | (wanted > 0)
    of_all, of_foreground = equal.mean(), equal[foreground].mean()
    assert (wanted > 0).sum() >= 500, "it found nothing that could be compared"
    assert of_all >= LEAST_OF_ALL, (of_all, of_foreground)
    assert of_foreground >= LEAST_OF_FOREGROUND, (of_all, of_foreground)


Import = Callable[..., Path]


@pytest.fixture
def imported(iodeep: Callable[..., Answer], tmp_path: Path) -> Import:
    """Calls `iodeep import nnunet`; the folder of the model."""

    def call(folder: Path, given: Sequence[str]) -> Path:
        done = iodeep("import", "nnunet", folder, "--out", tmp_path / "model", *given)
        assert done.status == 0, done.err
        return tmp_path / "model"

    return call


# Training and predicting the others takes minutes.
NAMES = [name if name == "2d" else pytest.param(name, marks=pytest.mark.long) for name in CASES]


@pytest.mark.parametrize("name", NAMES)
def test_the_same_voxels(cache: Cache, imported: Import, name: str, tmp_path: Path) -> None:
    case = CASES[name]
    model = imported(cache.trained(case.model), answers(case))
    first, *others = series_of(case, tmp_path / "series")
    result = run(first, find_model(model), others=others)
    assert result.segmentation is not None
    assert_equal(result.segmentation.array, predicted(cache, name, tmp_path / "peer"))


@pytest.mark.long
def test_without_mirroring(cache: Cache, imported: Import, tmp_path: Path) -> None:
    case = CASES["fullres"]
    model = imported(cache.trained("fullres"), answers(case))
    [series] = series_of(case, tmp_path / "series")
    result = run(series, find_model(model), Options(mirroring=False))
    assert result.segmentation is not None
    wanted = predicted(cache, "fullres", tmp_path / "peer", "--disable_tta")
    assert_equal(result.segmentation.array, wanted)


@pytest.mark.long
def test_an_old_description_of_the_network(cache: Cache, imported: Import, tmp_path: Path) -> None:
    folder = shutil.copytree(cache.trained("fullres"), tmp_path / "old")
    plans = json.loads((folder / "plans.json").read_text())
    of = plans["configurations"]["3d_fullres"]
    arguments = of.pop("architecture")["arch_kwargs"]
    of |= {
        "UNet_class_name": "PlainConvUNet",
        "UNet_base_num_features": 8,
        "unet_max_num_features": 24,
        "n_conv_per_stage_encoder": arguments["n_conv_per_stage"],
        "n_conv_per_stage_decoder": arguments["n_conv_per_stage_decoder"],
        "num_pool_per_axis": [1, 2, 2],
        "pool_op_kernel_sizes": arguments["strides"],
        "conv_kernel_sizes": arguments["kernel_sizes"],
    }
    (folder / "plans.json").write_text(json.dumps(plans))
    case = CASES["fullres"]
    model = imported(folder, answers(case))
    [series] = series_of(case, tmp_path / "series")
    result = run(series, find_model(model))
    assert result.segmentation is not None
    assert_equal(result.segmentation.array, predicted(cache, "fullres", tmp_path / "peer"))


# Which axes of the image the slices, rows and columns of the series go along, whether backward, and
# the directions of its rows and columns. The image itself is axial: slices S, rows P, columns L.
TURNED = {
    "coronal": ((1, 0, 2), (False, True, False), [[1, 0, 0], [0, 0, -1]]),
    "sagittal": ((2, 0, 1), (True, True, False), [[0, 1, 0], [0, 0, -1]]),
}


@pytest.mark.long
@pytest.mark.parametrize("plane", TURNED)
def test_a_series_that_lies_otherwise(
    cache: Cache, imported: Import, tmp_path: Path, plane: str
) -> None:
    case = CASES["fullres"]
    axes, flipped, directions = TURNED[plane]
    voxels = case.image()[0].transpose(axes)
    voxels = np.ascontiguousarray(voxels[tuple(slice(None, None, -1 if f else 1) for f in flipped)])
    spacing = [case.data.spacing[axis] for axis in axes]
    common = {"Modality": "CT", "SOPClassUID": CTImageStorage}
    common |= {"RescaleSlope": 1, "RescaleIntercept": 0, "RescaleType": "HU"}
    stack = Stack(voxels, spacing, np.array(directions, float), common=common)
    [series] = find_series(stack.write(tmp_path / "series"))
    model = imported(cache.trained("fullres"), answers(case, **{"input.orientation": "LPS"}))
    found = run(series, find_model(model)).segmentation
    assert found is not None
    axial = Volume(found.array, found.grid).oriented("SPL").array
    assert_equal(axial, predicted(cache, "fullres", tmp_path / "peer"))
