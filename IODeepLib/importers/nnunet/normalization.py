"""nnU-Net's normalizations, as intensity steps of a recipe.

(nnunetv2/preprocessing/normalization/default_normalization_schemes.py)
"""

from __future__ import annotations

from typing import Any

from IODeepLib.errors import ModelError
from IODeepLib.importers.nnunet.plans import Configuration, Plans

_LEAST = 1e-8  # what nnU-Net divides by where the standard deviation is smaller
KNOWN = (
    *("CTNormalization", "ZScoreNormalization", "RescaleTo01Normalization"),
    *("RGBTo01Normalization", "NoNormalization"),
)


def steps(plans: Plans, of: Configuration, channel: int) -> list[dict[str, Any]]:
    """The steps of a channel, zero based; they come before resampling.

    Raises:
        ModelError: it is normalized in another way.
    """
    schemes, masks = of.normalization_schemes, of.use_mask_for_norm
    if channel >= len(schemes) or channel >= len(masks):
        raise ModelError(
            f"plans.json: {len(schemes)} normalizations, and channel {channel} in dataset.json",
            "one for each channel",
            "take plans.json and dataset.json of one training",
        )
    match schemes[channel]:
        case "CTNormalization":
            found = plans.intensities(channel)
            clip = {"lower": found.percentile_00_5, "upper": found.percentile_99_5}
            return [
                {"step": "clip"} | clip,
                {"step": "z_score", "mean": found.mean, "std": max(found.std, _LEAST)},
            ]
        case "ZScoreNormalization":
            return [{"step": "z_score"} | ({"over": "mask"} if masks[channel] else {})]
        case "RescaleTo01Normalization":
            return [{"step": "min_max"}]
        case "RGBTo01Normalization":
            return [{"step": "scale_offset", "scale": 1 / 255}]
        case "NoNormalization":
            return []
        case other:
            raise ModelError(
                f"plans.json: {other}",
                "one of " + ", ".join(KNOWN),
                "export the network as ONNX, and import that: iodeep import onnx",
            )
