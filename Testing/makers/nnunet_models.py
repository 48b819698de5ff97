"""Folders of nnU-Net with random weights: what a training leaves, without the training."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from makers import nnunet_plans

from IODeepLib.importers import packages


def random_weights(
    dims: int = 3, channels: int = 1, heads: int = 3, seed: int = 0, **arguments: Any
) -> dict[str, torch.Tensor]:
    """The state dict of the network that `nnunet_plans.architecture` describes."""
    torch.manual_seed(seed)
    described = nnunet_plans.architecture(dims, **arguments)
    kind = described["network_class_name"].rpartition(".")[2]
    kwargs = dict(described["arch_kwargs"])
    for key in ("conv_op", "norm_op", "nonlin"):
        kwargs[key] = getattr(torch.nn, kwargs[key].rpartition(".")[2])
    network = getattr(packages.unet(), kind)(
        input_channels=channels, num_classes=heads, deep_supervision=True, **kwargs
    )
    return network.state_dict()


def checkpoint(
    weights: Mapping[str, Any], of: str = "3d_fullres", **changes: Any
) -> dict[str, Any]:
    """What nnU-Net's trainer saves."""
    return {
        "network_weights": weights,
        "optimizer_state": {},
        "grad_scaler_state": None,
        "logging": {"ema_fg_dice": [np.float64(0.5), np.float32(0.25)]},
        "_best_ema": np.float64(0.5),
        "current_epoch": 1,
        "init_args": {"configuration": of, "fold": 0, "device": torch.device("cpu")},
        "trainer_name": "nnUNetTrainerOfAStranger",
        "inference_allowed_mirroring_axes": (0, 1, 2) if of != "2d" else (0, 1),
        **changes,
    }


def model_folder(
    parent: Path,
    configuration: str = "3d_fullres",
    folds: Sequence[str] = ("0",),
    plans: Mapping[str, Any] | None = None,
    dataset: Mapping[str, Any] | None = None,
    weights: Mapping[str, Any] | None = None,
    **changes: Any,
) -> Path:
    """A trained model below `parent`; `changes` are those of the checkpoints."""
    name = f"nnUNetTrainerOfAStranger__nnUNetPlans__{configuration}"
    folder = parent / (plans or {}).get("dataset_name", "Dataset301_Abdomen") / name
    folder.mkdir(parents=True)
    (folder / "plans.json").write_text(json.dumps(plans or nnunet_plans.plans()))
    (folder / "dataset.json").write_text(json.dumps(dataset or nnunet_plans.dataset()))
    for number, fold in enumerate(folds):
        (folder / f"fold_{fold}").mkdir()
        tensors = weights
        if tensors is None:
            tensors = random_weights(2 if configuration == "2d" else 3, seed=number)
        made = checkpoint(tensors, configuration, **changes)
        torch.save(made, folder / f"fold_{fold}" / "checkpoint_final.pth")
    return folder
