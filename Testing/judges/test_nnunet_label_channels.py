"""Labels of an earlier stage on the network's voxels, judged by nnU-Net's own functions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from makers.recipes import label, recipe
from makers.staged_recipes import label_channel

from IODeepLib.geometry import Grid, Volume
from IODeepLib.inference.preprocess import Earlier, prepare
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.recipe import (
    Anchor,
    Channel,
    Input,
    Interpolation,
    LabelInterpolation,
    SeparateAxis,
    Spacing,
)

pytest.importorskip("nnunetv2")

from nnunetv2.preprocessing.resampling.default_resampling import (
    compute_new_shape,
    resample_data_or_seg_to_shape,
)

# Shape, the spacing that the series has and that the network wants, along the working axes.
CASES = [
    ((12, 20, 22), (1.0, 1.0, 1.0), (1.3, 0.8, 1.1)),  # no coarse axis
    ((9, 20, 22), (5.0, 0.9, 0.9), (5.0, 1.2, 1.3)),  # coarse already, the axis stays
    ((9, 20, 22), (5.0, 0.9, 0.9), (1.0, 1.0, 1.0)),  # coarse, becomes fine
    ((18, 20, 22), (1.0, 1.0, 1.0), (4.0, 0.9, 1.1)),  # becomes coarse
    ((20, 8, 19), (0.8, 4.0, 1.0), (1.0, 2.5, 1.0)),  # the middle axis
    ((20, 8, 7), (0.8, 4.0, 4.0), (1.0, 3.0, 3.0)),  # two coarse axes: none is separate
    ((1, 20, 22), (5.0, 0.9, 0.9), (5.0, 1.2, 1.3)),  # one slice
    ((14, 20, 22), (0.75, 0.75, 0.75), (1.5, 1.5, 1.5)),  # halves: ties at every border
    ((7, 10, 11), (1.5, 1.5, 1.5), (0.75, 0.75, 0.75)),
]
LABELS = recipe(output={"channels": 4, "labels": [label(i) for i in (1, 2, 3)]}).labels


def blocks(shape: tuple[int, int, int], kind: str) -> np.ndarray:
    """Labels 0 to 3: noise, of which every voxel is a border, or larger pieces; or one alone."""
    rng = np.random.default_rng(4)
    if kind == "noise":
        return rng.integers(0, 4, shape).astype(np.uint8)
    if kind == "constant":
        return np.full(shape, 2, np.uint8)
    coarse = rng.integers(0, 4, [-(-n // 3) for n in shape]).astype(np.uint8)
    for axis in range(3):
        coarse = coarse.repeat(3, axis)
    return coarse[: shape[0], : shape[1], : shape[2]]


def rounded(old: Sequence[int], new: Sequence[int]) -> np.ndarray:
    """Voxels that lie in the middle between two: the rounding of float64 decides there."""
    middle = np.zeros(new, bool)
    for axis, (n, m) in enumerate(zip(old, new, strict=True)):
        places = (np.arange(m) + 0.5) * n / m
        between = np.abs(places - np.rint(places)) < 1e-9
        middle |= between.reshape([-1 if i == axis else 1 for i in range(3)])
    return middle


@pytest.mark.parametrize("kind", ["pieces", "noise", "constant"])
@pytest.mark.parametrize(("shape", "spacing", "wanted"), CASES)
def test_each_class_by_itself(kind: str, shape, spacing, wanted) -> None:
    found = blocks(shape, kind)
    series = Volume(np.ones(shape, np.float32), Grid(shape, np.diag([*spacing, 1.0])))
    channels = (Channel("image"), *(Channel(**label_channel("low", one.name)) for one in LABELS))
    input_ = Input(
        channels,
        "LPS",
        axis_order="NCXYZ",
        grid=Spacing(
            wanted,
            interpolation=Interpolation.CUBIC,
            anchor=Anchor.EXTENT,
            clip=True,
            separate_axis=SeparateAxis(),
        ),
        label_interpolation=LabelInterpolation.PER_CLASS,
    )
    earlier = Earlier({"low": Segmentation(found, series.grid, LABELS)})
    array = prepare([series], input_, earlier=earlier).array
    new_shape = compute_new_shape(shape, spacing, wanted)
    peer = resample_data_or_seg_to_shape(
        found[None].astype(np.int8),
        new_shape,
        spacing,
        wanted,
        is_seg=True,
        order=1,
        order_z=0,
        force_separate_z=None,
    )[0]
    ours = sum(one.value * array[i] for i, one in enumerate(LABELS, 1))
    assert set(np.unique(array[1:])) <= {0, 1}
    decided = np.ones(peer.shape, bool)
    if wanted != (1.5, 1.5, 1.5):  # halves, and quarters, are exact in both
        decided = ~rounded(shape, peer.shape)
    # One voxel of noise: shares of three classes that are equal in one precision only.
    assert np.count_nonzero((ours != peer) & decided) <= 1
