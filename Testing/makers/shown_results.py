"""Results to be shown: any labels on any image, as if a network had found them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from makers.series import Stack
from makers.summing_networks import model_of, sums
from pydicom.dataset import Dataset

from IODeepLib.geometry import Grid, Volume
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.pipeline import run
from IODeepLib.recipe import Label
from IODeepLib.results.result import Result
from IODeepLib.series import VolumeImage, find_series


def grid_of(
    shape: tuple[int, int, int] = (20, 24, 28), spacing: Sequence[float] = (2.0, 1.5, 1.0)
) -> Grid:
    """Slices from inferior to superior, rows from anterior to posterior, columns to the left."""
    affine = np.zeros((4, 4))
    affine[2, 0], affine[1, 1], affine[0, 2], affine[3, 3] = *spacing, 1
    return Grid(shape, affine)


@cache
def _any_result() -> Result:
    with TemporaryDirectory() as folder:
        (series,) = find_series(Stack().write(Path(folder, "images")))
        return run(series, model_of(Path(folder), sums([[0], [1]], spatial=3)))


def shown(
    array: np.ndarray,
    grid: Grid,
    labels: Sequence[Label],
    image: np.ndarray | None = None,
    header: dict[str, Any] | None = None,
    **more: Any,
) -> Result:
    """A result with these labels.

    Args:
        array: as `Segmentation` has it.
        grid: where it lies.
        labels: of the segmentation.
        image: on the same voxels; noise without.
        header: what DICOM says of it.
        more: of the `VolumeImage`.
    """
    if image is None:
        image = np.random.default_rng(0).normal(100, 3, grid.shape)
    said = Dataset()
    for keyword, value in {"Modality": "MR", **(header or {})}.items():
        setattr(said, keyword, value)
    volume = Volume(image, grid)
    seen = VolumeImage(volume, said, "image", **more)
    found = Segmentation(array, grid, tuple(labels))
    return replace(_any_result(), channels=(seen,), volume=volume, found=found)
