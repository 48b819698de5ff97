"""Dice of labels, held against SimpleITK's."""

from __future__ import annotations

import json

import msgspec
import numpy as np
import pytest
import SimpleITK
from makers.recipes import label

from IODeepLib.geometry import Grid
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.recipe import Label
from IODeepLib.shrink.comparison import Comparison

SHAPE = (3, 7, 5)
# Values with gaps between them; nobody finds the last one.
LABELS = [msgspec.json.decode(json.dumps(label(value)), type=Label) for value in (1, 3, 200, 300)]


def segmentation(array: np.ndarray) -> Segmentation:
    grid = Grid(SHAPE, np.eye(4))
    return Segmentation(array, grid, tuple(LABELS))


def pairs(overlapping: bool) -> list[tuple[np.ndarray, np.ndarray]]:
    generator = np.random.default_rng(0)
    if overlapping:
        shape = (2, 2, len(LABELS), *SHAPE)
        arrays = generator.integers(0, 2, shape).astype(np.uint8)
        arrays[:, :, -1] = 0
    else:
        arrays = generator.choice([0, 1, 3, 200], (2, 2, *SHAPE)).astype(np.uint16)
    return [(one, other) for one, other in arrays]


def itk_dice(one: np.ndarray, other: np.ndarray) -> float:
    judge = SimpleITK.LabelOverlapMeasuresImageFilter()
    judge.Execute(*(SimpleITK.GetImageFromArray(mask.astype(np.uint8)) for mask in (one, other)))
    return judge.GetDiceCoefficient(1)


@pytest.mark.parametrize("overlapping", [False, True])
def test_dice_over_several_images(overlapping: bool) -> None:
    comparison = Comparison(LABELS)
    drawn = pairs(overlapping)
    for one, other in drawn:
        comparison.add(segmentation(one), segmentation(other))
    dice = comparison.dice()
    assert list(dice) == ["Label 1", "Label 3", "Label 200"]
    for i, known in enumerate(LABELS[:3]):
        masks = [
            np.concatenate(
                [(pair[side][i] if overlapping else pair[side] == known.value) for pair in drawn]
            )
            for side in (0, 1)
        ]
        assert dice[known.name] == pytest.approx(itk_dice(*masks), abs=1e-12)


def test_what_only_one_finds_is_not_alike() -> None:
    comparison = Comparison(LABELS)
    found = np.zeros(SHAPE, np.uint16)
    found[1, 2, 3] = 3
    comparison.add(segmentation(found), segmentation(np.zeros_like(found)))
    assert comparison.dice() == {"Label 3": 0.0}
