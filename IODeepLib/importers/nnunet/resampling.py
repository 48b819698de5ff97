"""nnU-Net's resampling, as a recipe has it: the functions that plans name, with their arguments.

(nnunetv2/preprocessing/resampling/default_resampling.py and resample_torch.py)
"""

from __future__ import annotations

from typing import Any

from IODeepLib.errors import ModelError
from IODeepLib.importers.nnunet.plans import Configuration

_RATIO = 3.0  # ANISO_THRESHOLD of nnunetv2/configuration.py
_OF_SCIPY = ("resample_data_or_seg_to_shape",)
_OF_TORCH = ("resample_torch_fornnunet", "resample_torch_simple")
_ORDERS = {0: "nearest-exact", 1: "linear", 3: "cubic"}
# How torch's functions call them, where the two programs mean the same.
_MODES = {"linear": "linear", "nearest-exact": "nearest-exact"}
_SPEED = {"is_seg", "num_threads", "device", "memefficient_seg_resampling"}


def grid(of: Configuration) -> dict[str, Any]:
    """The recipe's grid.

    Raises:
        ModelError: images or scores are resampled in a way that recipes have not.
    """
    data = _way("resampling_fn_data", of.resampling_fn_data, of.resampling_fn_data_kwargs, 3)
    scores = _way(
        "resampling_fn_probabilities",
        of.resampling_fn_probabilities,
        of.resampling_fn_probabilities_kwargs,
        1,
    )
    if scores["interpolation"] != "linear":
        raise _unknown("resampling_fn_probabilities", scores["interpolation"], "order 1 (linear)")
    if data["separate_axis"] != scores["separate_axis"]:
        raise _unknown("resampling_fn_probabilities", "another way with thick slices", "the same")
    made = {"mode": "spacing", "spacing": list(of.spacing), "anchor": "extent"} | data
    if data["interpolation"] == "cubic":
        made["clip"] = True
    return {key: value for key, value in made.items() if value is not None}


def check_labels(of: Configuration) -> None:
    """Refuse a cascade whose labels are resampled in a way that recipes have not.

    Raises:
        ModelError: they are.
    """
    kwargs = {"order": 1, "order_z": 0, "force_separate_z": None, "is_seg": True}
    given = kwargs | of.resampling_fn_seg_kwargs
    if of.resampling_fn_seg not in _OF_SCIPY or given != kwargs:
        raise _unknown("resampling_fn_seg", of.resampling_fn_seg, f"{_OF_SCIPY[0]} with {kwargs}")


def _way(key: str, name: str, kwargs: dict[str, Any], order: int) -> dict[str, Any]:
    """Interpolation, and what is done with thick slices."""
    kwargs = dict(kwargs)
    if kwargs.pop("is_seg", False) is not False:
        raise _unknown(key, "is_seg", "images and scores resampled as such")
    if name in _OF_SCIPY:
        interpolation = _ORDERS.get(kwargs.pop("order", order))
        across = _ORDERS.get(kwargs.pop("order_z", 0))
    elif name in _OF_TORCH:
        for ignored in _SPEED:
            kwargs.pop(ignored, None)
        interpolation = _MODES.get(kwargs.pop("mode", "linear"))
        across = _MODES.get(kwargs.pop("aniso_axis_mode", "nearest-exact"))
    else:
        raise _unknown(key, name, " or ".join(_OF_SCIPY + _OF_TORCH))
    force = kwargs.pop("force_separate_z", None)
    ratio = kwargs.pop("separate_z_anisotropy_threshold", _RATIO)
    if kwargs or interpolation is None or across is None or force is True:
        left = ", ".join([*kwargs, *["force_separate_z"] * (force is True)]) or "its interpolation"
        raise _unknown(key, f"{name} with {left} of its own", "what nnU-Net's planners write")
    separate: dict[str, Any] | None = None
    if force is None and name != "resample_torch_simple":
        separate = {}
        separate |= {"ratio": ratio} if ratio != _RATIO else {}
        separate |= {"interpolation": across} if across != "nearest-exact" else {}
    return {"interpolation": interpolation, "separate_axis": separate}


def _unknown(key: str, found: str, wanted: str) -> ModelError:
    return ModelError(
        f"plans.json: {key}: {found}",
        wanted,
        "IODeep resamples otherwise: train with another planner, or ask for it in an issue",
    )
