"""Which labels are in which slices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from makers.results import label

from IODeepLib.geometry import Grid
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.results.frames import found_labels

VALUES = (1, 2, 300)
LABELS = tuple(label(value, f"Label {value}") for value in VALUES)


def segmentation(array: np.ndarray) -> Segmentation:
    return Segmentation(array, Grid(array.shape, np.eye(4)), LABELS)


@given(arrays.arrays(np.uint16, (2, 3, 4), elements=st.sampled_from([0, *VALUES])))
def test_a_label_is_where_one_of_its_voxels_is(array: np.ndarray) -> None:
    there, found = found_labels(segmentation(array))
    expected = np.array([(array == value).any(axis=(1, 2)) for value in VALUES])
    np.testing.assert_array_equal(there, expected)
    assert found == tuple(x for x, row in zip(LABELS, expected, strict=True) if row.any())


@given(st.tuples(st.integers(0, 1), st.integers(0, 2), st.integers(0, 3)))
def test_a_value_that_no_label_has(place: tuple[int, int, int]) -> None:
    array = np.ones((2, 3, 4), np.uint16)
    array[place] = 7
    with pytest.raises(ValueError, match="no label has"):
        found_labels(segmentation(array))
