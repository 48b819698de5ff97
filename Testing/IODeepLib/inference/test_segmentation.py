"""Labels on a grid."""

from __future__ import annotations

import numpy as np
import pytest
from makers.recipes import label, recipe

from IODeepLib.geometry import Grid
from IODeepLib.inference.segmentation import Segmentation

LABELS = recipe(
    output={"channels": 4, "labels": [label(1, "a"), label(3, "b"), label(2, "c")]}
).output.labels


@pytest.mark.parametrize("overlapping", [False, True])
def test_dropping_labels_leaves_the_others_as_they_are(overlapping: bool) -> None:
    shape = (3, 2, 3, 4) if overlapping else (2, 3, 4)
    array = np.random.default_rng(0).integers(0, 2 if overlapping else 4, shape, np.uint8)
    probabilities = np.random.default_rng(1).integers(0, 256, (3, 2, 3, 4), np.uint8)
    every = Segmentation(array, Grid((2, 3, 4), np.eye(4)), LABELS, probabilities)
    some = every.only({"a", "c"})
    assert [item.name for item in some.labels] == ["a", "c"]
    assert some.overlapping == overlapping and some.array.dtype == array.dtype
    for item in some.labels:
        np.testing.assert_array_equal(some.mask(item), every.mask(item))
    assert some.volumes() == {name: every.volumes()[name] for name in ("a", "c")}
    np.testing.assert_array_equal(some.probabilities, probabilities[[0, 2]])
    assert every.only({"a", "b", "c"}) is every
