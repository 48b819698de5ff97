"""Small MONAI bundles in the forms of the public zoo."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

UNET = {
    "_target_": "UNet",
    "spatial_dims": 3,
    "in_channels": 1,
    "out_channels": 3,
    "channels": [8, 16, 32],
    "strides": [2, 2],
    "num_res_units": 1,
    "norm": "batch",
}


def keyed(name: str, key: str | list[str] = "@image_key", /, **arguments: Any) -> dict[str, Any]:
    """A transform of a bundle."""
    return {"_target_": name, "keys": key, **arguments}


LOADED = [keyed("LoadImaged"), keyed("EnsureChannelFirstd")]
RAS = keyed("Orientationd", axcodes="RAS")
SAVED = keyed(
    "SaveImaged",
    "pred",
    output_dir="@output_dir",
    output_ext="@output_ext",
    output_dtype="@output_dtype",
    output_postfix="@output_postfix",
    separate_folder="@separate_folder",
)
SOFTMAX = keyed("Activationsd", "pred", softmax=True)
ARGMAX = keyed("AsDiscreted", "pred", argmax=True)


def inverted(nearest: bool = False) -> dict[str, Any]:
    return keyed(
        "Invertd",
        "pred",
        transform="@preprocessing",
        orig_keys="@image_key",
        nearest_interp=nearest,
        to_tensor=True,
    )


def config(
    network: dict[str, Any] | None = None,
    before: Sequence[dict[str, Any]] = (*LOADED, RAS, keyed("ScaleIntensityd")),
    after: Sequence[dict[str, Any]] = (SOFTMAX, inverted(), ARGMAX),
    inferer: dict[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """An inference.json as the zoo's spleen_ct_segmentation has it, with parts of one's own."""
    windows = {"_target_": "SlidingWindowInferer", "roi_size": [32, 32, 32]}
    windows |= {"sw_batch_size": 4, "overlap": 0.5}
    return {
        "imports": ["$import glob", "$import numpy", "$import os"],
        "bundle_root": ".",
        "image_key": "image",
        "output_dir": "$@bundle_root + '/eval'",
        "output_ext": ".nii.gz",
        "output_dtype": "$numpy.float32",
        "output_postfix": "trans",
        "separate_folder": False,
        "load_pretrain": True,
        "dataset_dir": "/workspace/data",
        "datalist": "$list(sorted(glob.glob(@dataset_dir + '/*.nii.gz')))",
        "device": "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')",
        "network_def": dict(network or UNET),
        "network": "$@network_def.to(@device)",
        "preprocessing": {"_target_": "Compose", "transforms": list(before)},
        "dataset": {
            "_target_": "Dataset",
            "data": "$[{'image': i} for i in @datalist]",
            "transform": "@preprocessing",
        },
        "dataloader": {
            "_target_": "DataLoader",
            "dataset": "@dataset",
            "batch_size": 1,
            "shuffle": False,
            "num_workers": 0,
        },
        "inferer": windows if inferer is None else inferer,
        "postprocessing": {"_target_": "Compose", "transforms": [*after, SAVED]},
        "handlers": [{"_target_": "StatsHandler", "iteration_log": False}],
        "evaluator": {
            "_target_": "SupervisedEvaluator",
            "device": "@device",
            "val_data_loader": "@dataloader",
            "network": "@network",
            "inferer": "@inferer",
            "postprocessing": "@postprocessing",
            "val_handlers": "@handlers",
            "amp": True,
        },
        "checkpointloader": {
            "_target_": "CheckpointLoader",
            "load_path": "$@bundle_root + '/models/model.pt'",
            "load_dict": {"model": "@network"},
        },
        "initialize": [
            "$monai.utils.set_determinism(seed=123)",
            "$@checkpointloader(@evaluator) if @load_pretrain else None",
        ],
        "run": ["$@evaluator.run()"],
        **more,
    }


def metadata(
    names: Sequence[str] = ("background", "spleen", "liver"), modality: str = "MR", **more: Any
) -> dict[str, Any]:
    """A metadata.json."""
    tensor = {"type": "image", "spatial_shape": [32, 32, 32], "dtype": "float32"}
    return {
        "version": "0.2.1",
        "monai_version": "1.4.0",
        "name": "A small bundle",
        "description": "A network for tests",
        "authors": "Test team",
        "copyright": "Copyright (c) Test Consortium",
        "data_source": "made",
        "eval_metrics": {"mean_dice": 0.5},
        "intended_use": "Tests alone",
        "network_data_format": {
            "inputs": {
                "image": {
                    **tensor,
                    "format": "magnitude",
                    "modality": modality,
                    "num_channels": 1,
                    "channel_def": {"0": "image"},
                }
            },
            "outputs": {
                "pred": {
                    **tensor,
                    "format": "segmentation",
                    "num_channels": len(names),
                    "channel_def": {str(i): name for i, name in enumerate(names)},
                }
            },
        },
        **more,
    }


def write(folder: Path, inference: dict[str, Any], about: dict[str, Any] | None = None) -> Path:
    """A bundle without weights."""
    for name in ("configs", "models"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "configs" / "inference.json").write_text(json.dumps(inference))
    (folder / "configs" / "metadata.json").write_text(
        json.dumps(metadata() if about is None else about)
    )
    (folder / "LICENSE").write_text("Apache License\nVersion 2.0, January 2004\n")
    return folder
