"""Patches as other patients, days and scanners would give them: MONAI's transforms.

How much and how often is nnU-Net's, a little less turning. Intensities are changed in units of the
patch's own spread, for recipes leave images in Hounsfield units or between 0 and 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from monai.transforms import (
    Compose,
    RandAdjustContrastd,
    RandAffined,
    RandFlipd,
    RandGaussianNoised,
    RandGaussianSmoothd,
    RandScaleIntensityd,
    RandScaleIntensityFixedMeand,
)

_IMAGE, _TRUTH = "image", "truth"
_ANGLE = math.radians(15)
_FLAT_ANGLE = math.radians(30)  # within planes
# Voxels that are longer than this beside their other sides are not turned out of their plane.
_THIN = 2.0


class Augmentation:
    """Changes a patch and its truth.

    Args:
        spacing: of the patch's spatial axes, in mm.
        mirrored: axes along which it may be mirrored.
    """

    def __init__(self, spacing: Sequence[float], mirrored: Sequence[int]) -> None:
        both, image = (_IMAGE, _TRUTH), (_IMAGE,)
        self._transforms = Compose(
            [
                RandAffined(
                    both,
                    prob=0.3,
                    rotate_range=_angles(spacing),
                    scale_range=[(-0.2, 0.25)] * len(spacing),
                    mode=("bilinear", "nearest"),
                    padding_mode="border",
                ),
                *(RandFlipd(both, prob=0.5, spatial_axis=axis) for axis in mirrored),
                RandGaussianNoised(image, prob=0.1, std=0.3),
                RandGaussianSmoothd(
                    image, prob=0.1, sigma_x=(0.5, 1), sigma_y=(0.5, 1), sigma_z=(0.5, 1)
                ),
                RandScaleIntensityd(image, factors=0.25, prob=0.15),  # brightness
                RandScaleIntensityFixedMeand(image, factors=0.35, prob=0.15),  # contrast
                RandAdjustContrastd(image, prob=0.15, gamma=(0.7, 1.5), retain_stats=True),
            ]
        )

    def __call__(
        self, image: npt.NDArray[Any], truth: npt.NDArray[Any], seed: int
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[Any]]:
        """Another patch for each seed.

        Args:
            image: (channel, spatial axes) float32.
            truth: (layer, spatial axes).
            seed: what all chance is made of.
        """
        axes = tuple(range(1, image.ndim))
        mean = image.mean(axes, keepdims=True)
        spread = image.std(axes, keepdims=True)
        spread[spread == 0] = 1
        self._transforms.set_random_state(seed=seed)
        given = {_IMAGE: (image - mean) / spread, _TRUTH: truth.astype(np.float32)}
        made = self._transforms(given)
        changed = np.asarray(made[_IMAGE], np.float32) * spread + mean
        return changed.astype(np.float32), np.rint(np.asarray(made[_TRUTH])).astype(truth.dtype)


def _angles(spacing: Sequence[float]) -> list[float]:
    """The largest turn around each axis."""
    if len(spacing) == 2:
        return [_FLAT_ANGLE]
    longest = max(spacing)
    if longest > _THIN * min(spacing):
        return [_FLAT_ANGLE if one == longest else 0.0 for one in spacing]
    return [_ANGLE] * 3
