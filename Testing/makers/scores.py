"""Scores of a network on its grid, and what scipy makes of them on the voxels of the series."""

from __future__ import annotations

import numpy as np
from makers.recipes import recipe
from scipy import ndimage

from IODeepLib.geometry import Grid, Volume
from IODeepLib.inference.preprocess import prepare
from IODeepLib.recipe import Channel, Conform, Input, Native, Output, Resize, Spacing

SHAPE = (9, 12, 14)
AFFINE = np.array([[0.1, 0.02, 0.8, -40], [0.05, 0.9, 0, 12], [2.0, 0, 0.01, 600], [0, 0, 0, 1]])
CODE = {"value": "1", "scheme": "99T", "meaning": "Thing"}


def labels(values=(1, 2, 3), channels=None):
    found = [
        {"value": v, "name": f"Label {v}", "category": CODE, "type": CODE}
        | ({} if channels is None else {"channel": channels[i]})
        for i, v in enumerate(values)
    ]
    return recipe(output={"channels": 70000, "labels": found}).output.labels


def make_output(channels=4, values=(1, 2, 3), label_channels=None, **changes):
    return Output(channels=channels, labels=labels(values, label_channels), **changes)


def prepared_of(grid=None, orientation="LPS", axis_order="NCZYX", crop=None, source=None):
    if source is None:
        rng = np.random.default_rng(0)
        source = Volume(rng.integers(1, 100, SHAPE).astype(np.int16), Grid(SHAPE, AFFINE))
    input_ = Input(
        channels=(Channel("image"),),
        orientation=orientation,
        axis_order=axis_order,
        grid=grid or Native(),
        crop=crop,
    )
    return prepare([source], input_)


def random_scores(prepared, channels=4, seed=1, smooth=0.0):
    scores = np.random.default_rng(seed).normal(size=(channels, *prepared.network.shape))
    if smooth:
        scores = ndimage.gaussian_filter(scores, (0, smooth, smooth, smooth))
        scores /= scores.std()
    return scores.astype(np.float32)


def in_slabs(scores, depth=3):
    """Slabs that share one buffer, which is spoilt as soon as the next one is asked for."""
    buffer = np.empty((len(scores), depth, *scores.shape[2:]), scores.dtype)
    for start in range(0, scores.shape[1], depth):
        part = scores[:, start : start + depth]
        buffer[:, : part.shape[1]] = part
        yield start, buffer[:, : part.shape[1]]
        buffer.view(np.uint8)[...] = 0xFF  # no number, or no channel


def interpolated(scores, prepared):
    """(channel, a0, a1, a2) float64 at the source's voxels, and which of them the network sees."""
    points = prepared.source.point(np.moveaxis(np.indices(prepared.source.shape), 0, -1))
    index = np.moveaxis(prepared.network.index(points), -1, 0)
    values = np.stack(
        [ndimage.map_coordinates(c.astype(float), index, order=1, mode="nearest") for c in scores]
    )
    seen = np.zeros(prepared.source.shape, bool)
    prepared.axis_map.apply(seen)[prepared.box] = True
    return values, seen, index


GRIDS = [
    Spacing((1.1, 1.7, 0.5)),
    Resize((5, 20, 14)),
    Conform((1.3, 1.3, 1.3), (9, 6, 20)),
    Conform((2.0, 0.9, 0.8), (20, 30, 9)),
    Native(),
]
