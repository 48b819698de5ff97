"""Components and holes box by box are those of the whole image, judged by scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import ndimage

from IODeepLib.recipe import Connectivity
from IODeepLib.voxels import separate_boxes as module
from IODeepLib.voxels.components import components_in_boxes, fill_holes
from IODeepLib.voxels.enclosures import fill_enclosed
from IODeepLib.voxels.separate_boxes import separate_boxes

VALUES = (1, 2, 300)
STRUCTURE = {
    Connectivity.FACES: ndimage.generate_binary_structure(3, 1),
    Connectivity.CORNERS: np.ones((3, 3, 3)),
}


@st.composite
def label_maps(draw):
    """Few blobs, specks, and shells that may lie in each other or stand on the border."""
    shape = tuple(draw(st.integers(1, 17)) for _ in range(3))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    array = np.zeros(shape, np.uint16)
    for _ in range(draw(st.integers(0, 9))):
        low = [int(rng.integers(0, n)) for n in shape]
        high = [a + int(rng.integers(1, 10)) for a in low]
        array[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = rng.choice(VALUES)
        if rng.random() < 0.7:
            inside = zip(low, high, strict=True)
            array[tuple(slice(a + 1, max(a + 1, b - 1)) for a, b in inside)] = 0
    specks = rng.random(shape) < draw(st.sampled_from([0, 0.003, 0.03]))
    array[specks] = rng.choice(VALUES, np.count_nonzero(specks))
    return array


@pytest.fixture(params=[1, 3, 16], scope="module")
def block(request):
    """Small images have many pieces in small blocks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", request.param)
        yield


@settings(deadline=None, max_examples=30)
@given(label_maps())
def test_boxes_are_disjoint_and_hold_every_component(block, array):
    boxes = separate_boxes(array, VALUES)
    assume(boxes is not None)
    assert set(boxes) == set(np.unique(array).tolist()) - {0}
    for value, own in boxes.items():
        owner = np.zeros(array.shape, int)
        for i, box in enumerate(own, 1):
            assert not owner[box].any()
            owner[box] = i
        found, count = ndimage.label(array == value, STRUCTURE[Connectivity.CORNERS])
        for component in range(1, count + 1):
            owners = np.unique(owner[found == component])
            assert len(owners) == 1 and owners[0] > 0


@settings(deadline=None, max_examples=30)
@given(label_maps(), st.sampled_from(Connectivity))
def test_components_are_those_of_the_image_in_its_order(block, array, connectivity):
    boxes = separate_boxes(array, VALUES)
    assume(boxes is not None)
    for value, own in boxes.items():
        wanted, count = ndimage.label(array == value, STRUCTURE[connectivity])
        found = components_in_boxes(array, value, own, connectivity)
        sizes = np.bincount(wanted.ravel(), minlength=count + 1)[1:]
        np.testing.assert_array_equal(found.counts, sizes)
        ours = np.zeros(array.shape, int)
        for box, numbers, places in found.parts:
            ours[box] = np.append(0, places + 1)[numbers]
        np.testing.assert_array_equal(ours, wanted)  # scipy's are in the order of voxels, too


@settings(deadline=None, max_examples=30)
@given(label_maps(), st.permutations(VALUES))
def test_holes_are_those_of_the_image(block, array, order):
    assume(separate_boxes(array, VALUES) is not None)
    wanted = array.copy()
    for value in order:
        wanted[ndimage.binary_fill_holes(wanted == value) & (wanted == 0)] = value
    before = array.copy()
    counts = fill_enclosed(array, order)
    np.testing.assert_array_equal(array, wanted)
    assert sum(counts.values()) == np.count_nonzero(before != wanted)


def test_a_speck_far_away_has_a_box_of_its_own():
    array = np.zeros((160, 160, 160), np.uint8)
    array[4:40, 4:40, 4:40] = 1
    array[150, 150, 150] = 1
    boxes = separate_boxes(array, [1])[1]
    assert len(boxes) == 2
    assert sum(math.prod(part.stop - part.start for part in box) for box in boxes) < 60**3


def test_labels_all_over_a_large_image_are_not_searched_in_boxes(monkeypatch):
    monkeypatch.setattr(module, "_CALL", 0)
    rng = np.random.default_rng(0)
    array = rng.choice(np.arange(10, dtype=np.uint8), (40, 40, 40))
    assert separate_boxes(array, range(1, 10)) is None
    array[array > 2] = 0
    assert separate_boxes(array, range(1, 10)).keys() == {1, 2}


@pytest.mark.parametrize("name", ["forrest_m18", "ct_abdomen_totalseg_117class"])
def test_holes_of_a_real_label_map(name, shared_data):
    image = sitk.ReadImage(str(shared_data / "nifti" / f"{name}.nii.gz"))
    array = sitk.GetArrayFromImage(image)[-100:, 60:200, 60:200].astype(np.uint8)
    boxes = separate_boxes(array, range(1, 118))
    assert set(boxes) == set(np.unique(array).tolist()) - {0}
    for value, own in boxes.items():
        filled = array == value
        wanted = ndimage.binary_fill_holes(filled)
        for box in own:
            filled[box] = fill_holes(filled[box])
        np.testing.assert_array_equal(filled, wanted)
