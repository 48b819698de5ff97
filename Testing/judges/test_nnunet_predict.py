"""Trained models of nnU-Net: the same voxels as its own nnUNetv2_predict.

nnU-Net keeps scores in float16, and one voxel in some thousands falls otherwise for that alone.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
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

from IODeepLib.pipeline import run
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


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Cache:
    return Cache(cache_folder() or tmp_path_factory.mktemp("nnunet"))


def predicted(cache: Cache, name: str, image: np.ndarray, folder: Path) -> np.ndarray:
    """nnU-Net's labels, kept beside its models."""
    kept = cache.folder / "predicted" / f"{name}.nii.gz"
    if not kept.exists():
        labels = cache.predicted(name, image, folder=folder)
        kept.parent.mkdir(exist_ok=True)
        SimpleITK.WriteImage(SimpleITK.GetImageFromArray(labels), str(kept))
    return SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(kept)))


def series_of(data: Data, image: np.ndarray, folder: Path) -> list[ImageSeries]:
    """A DICOM series for each channel, of one study."""
    first = None
    found = []
    for number, (name, voxels) in enumerate(zip(data.channels, image, strict=True)):
        kind = CTImageStorage if data.modality == "CT" else MRImageStorage
        common = {"Modality": data.modality, "SOPClassUID": kind, "SeriesDescription": name}
        if data.modality == "CT":
            common |= {"RescaleSlope": 1, "RescaleIntercept": 0, "RescaleType": "HU"}
        stack = Stack(np.ascontiguousarray(voxels), data.spacing, common=common)
        first = first or stack
        stack.study, stack.frame = first.study, first.frame
        [series] = find_series(stack.write(folder / str(number)))
        found.append(series)
    return found


def shares(found: np.ndarray, wanted: np.ndarray) -> tuple[float, float]:
    """Of all voxels, and of those that are foreground in one of them, how many are equal."""
    equal, foreground = found == wanted, (found > 0) | (wanted > 0)
    return float(equal.mean()), float(equal[foreground].mean())


@pytest.mark.parametrize("name", MODELS)
def test_the_same_voxels(
    cache: Cache, name: str, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    model = MODELS[name]
    folder = cache.trained(name)
    answers = dict(ANSWERS)
    if model.after:
        pytest.skip("cascades cannot be imported yet")
    for label, structure in STRUCTURES.items():
        if label in model.data.labels:
            answers[f"output.labels[{label}].type"] = structure
            answers[f"output.labels[{label}].category"] = "SCT^91723000^Anatomical Structure"
    given = [word for path, value in answers.items() for word in ("--set", f"{path}={value}")]
    done = iodeep("import", "nnunet", folder, "--out", tmp_path / "model", *given)
    assert done.status == 0, done.err
    image, _ = model.data.make()
    first, *others = series_of(model.data, image, tmp_path / "series")
    result = run(first, find_model(tmp_path / "model"), others=others)
    assert result.segmentation is not None
    (tmp_path / "peer").mkdir()
    wanted = predicted(cache, name, image, tmp_path / "peer")
    of_all, of_foreground = shares(result.segmentation.array, wanted)
    values = set(np.unique(wanted)) - {0}
    assert len(values) >= 2, "it learned nothing that could be compared"
    assert of_all >= LEAST_OF_ALL, (of_all, of_foreground)
    assert of_foreground >= LEAST_OF_FOREGROUND, (of_all, of_foreground)
    shutil.rmtree(tmp_path)
