"""Plans of nnU-Net that differ in one thing: the same voxels as its own predictor.

A trained network is given images that were prepared otherwise than those it was trained on: what it
finds is of no use, and has to be the same nonetheless. nnU-Net keeps scores in float16; here it is
made to keep them in float32, as IODeep does, and then hardly a voxel may differ.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("nnunetv2")

from command import Answer  # noqa: E402
from makers.nnunet_training import ABDOMEN, Cache, cache_folder  # noqa: E402
from makers.series import Stack  # noqa: E402
from nnunetv2.inference import predict_from_raw_data  # noqa: E402
from nnunetv2.inference.sliding_window_prediction import compute_gaussian  # noqa: E402
from pydicom.uid import CTImageStorage  # noqa: E402

from IODeepLib.importers.checkpoint import read_checkpoint  # noqa: E402
from IODeepLib.pipeline import run  # noqa: E402
from IODeepLib.series import find_series  # noqa: E402
from IODeepLib.sources.folder import find_model  # noqa: E402

LEAST_OF_ALL, LEAST_OF_FOREGROUND = 0.9999, 0.999
THIN, THICK = (2.0, 1.953125, 1.953125), (7.0, 1.9, 1.7)
RESAMPLING = ("resampling_fn_data", "resampling_fn_probabilities")


def scipys(**kwargs: Any) -> dict[str, Any]:
    """Arguments of nnU-Net's usual resampling, of images and of scores."""
    usual = {"is_seg": False, "order_z": 0, "force_separate_z": None} | kwargs
    orders = {"resampling_fn_data": 3, "resampling_fn_probabilities": 1}
    return {f"{key}_kwargs": {"order": order} | usual for key, order in orders.items()}


def torchs(**kwargs: Any) -> dict[str, Any]:
    """Resampling by PyTorch, as the planners *_torchres write it."""
    usual = {"is_seg": False, "memefficient_seg_resampling": False} | kwargs
    names = dict.fromkeys(RESAMPLING, "resample_torch_fornnunet")
    return names | {f"{key}_kwargs": usual for key in RESAMPLING}


# What is changed in the plans, in the configuration, and the spacing of the image.
VARIANTS: dict[str, tuple[dict[str, Any], dict[str, Any], tuple[float, float, float]]] = {
    "as it was": ({}, {}, THIN),
    "torch": ({}, torchs(force_separate_z=False), THIN),
    "torch, thick slices": ({}, torchs(force_separate_z=None), THICK),
    "thick slices, together": ({}, scipys(force_separate_z=False), THICK),
    "thick slices from twice on": ({}, scipys(separate_z_anisotropy_threshold=2.0), (4.5, 2, 2)),
    "linear": ({}, scipys(order=1), THIN),
    "across linear": ({}, scipys(order_z=1), THICK),
    "x, z, y": ({"transpose_forward": [2, 0, 1], "transpose_backward": [1, 2, 0]}, {}, THIN),
    "0 to 1": ({}, {"normalization_schemes": ["RescaleTo01Normalization"]}, THIN),
    "of the image": ({}, {"normalization_schemes": ["ZScoreNormalization"]}, THIN),
    "of the mask": (
        {},
        {"normalization_schemes": ["ZScoreNormalization"], "use_mask_for_norm": [True]},
        THIN,
    ),
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Path:
    return Cache(cache_folder() or tmp_path_factory.mktemp("nnunet")).trained("fullres")


def variant(trained: Path, folder: Path, plans: dict[str, Any], of: dict[str, Any]) -> Path:
    """One fold of a trained model with other plans, of a trainer that nnU-Net has."""
    made = folder / "Dataset301_Abdomen" / "nnUNetTrainer__nnUNetPlans__3d_fullres"
    (made / "fold_0").mkdir(parents=True)
    whole = json.loads((trained / "plans.json").read_text()) | plans
    whole["configurations"]["3d_fullres"] |= of
    (made / "plans.json").write_text(json.dumps(whole))
    (made / "dataset.json").write_text((trained / "dataset.json").read_text())
    checkpoint = dict(read_checkpoint(trained / "fold_0" / "checkpoint_final.pth"))
    checkpoint["trainer_name"] = "nnUNetTrainer"
    torch.save(checkpoint, made / "fold_0" / "checkpoint_final.pth")
    return made


def image() -> np.ndarray:
    """CT (slice, row, column), with a border of nothing that is cropped away."""
    voxels = ABDOMEN.make()[0][0, 2:18, 20:100, 25:140].copy()
    voxels[:, :6] = voxels[:, :, 100:] = voxels[:1] = 0
    return voxels


def in_float32(*arguments: Any, **more: Any) -> torch.Tensor:
    """nnU-Net's weights of the voxels of a patch, which it keeps in float16."""
    return compute_gaussian(*arguments, **(more | {"dtype": torch.float32}))


def predicted(folder: Path, voxels: np.ndarray, spacing: tuple[float, ...]) -> np.ndarray:
    """Labels by nnU-Net's predictor, with scores in float32."""
    predictor = predict_from_raw_data.nnUNetPredictor(device=torch.device("cpu"), allow_tqdm=False)
    predictor.initialize_from_trained_model_folder(str(folder), (0,))
    image = voxels[None].astype(np.float32)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(torch, "half", torch.float32)
        patched.setattr(predict_from_raw_data, "compute_gaussian", in_float32)
        return predictor.predict_single_npy_array(image, {"spacing": list(spacing)})


@pytest.mark.long
@pytest.mark.parametrize("name", VARIANTS)
def test_the_same_voxels(
    trained: Path, tmp_path: Path, iodeep: Callable[..., Answer], name: str
) -> None:
    plans, of, spacing = VARIANTS[name]
    folder = variant(trained, tmp_path, plans, of)
    given = ["input.orientation=source", "applies_to.anatomic_regions=", "card.publisher=Nobody"]
    given += ["card.intended_use=Tests", "card.licence=MIT"]
    out = tmp_path / "model"
    answers = [word for answer in given for word in ("--set", answer)]
    done = iodeep("import", "nnunet", folder, "--out", out, *answers)
    assert done.status == 0, done.err
    voxels = image()
    common = {"Modality": "CT", "SOPClassUID": CTImageStorage, "RescaleType": "HU"}
    common |= {"RescaleSlope": 1, "RescaleIntercept": 0}
    [series] = find_series(Stack(voxels, spacing, common=common).write(tmp_path / "series"))
    segmentation = run(series, find_model(out)).segmentation
    assert segmentation is not None
    found, wanted = segmentation.array, predicted(folder, voxels, spacing)
    equal, foreground = found == wanted, (found > 0) | (wanted > 0)
    shares = equal.mean(), equal[foreground].mean()
    assert foreground.sum() >= 500
    assert shares[0] >= LEAST_OF_ALL, shares
    assert shares[1] >= LEAST_OF_FOREGROUND, shares
