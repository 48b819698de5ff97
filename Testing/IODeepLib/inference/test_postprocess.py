"""Largest component, holes and smallest volume, judged by scipy."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk  # noqa: N813
from hypothesis import given, settings
from hypothesis import strategies as st
from makers.recipes import recipe
from scipy import ndimage

from IODeepLib.geometry import Grid
from IODeepLib.inference import postprocess as module
from IODeepLib.inference.postprocess import postprocess
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.recipe import Connectivity, FillHoles, LargestComponent, MinimumVolume
from IODeepLib.voxels.enclosures import fill_enclosed

CODE = {"value": "1", "scheme": "99T", "meaning": "Thing"}
NAMES = {1: "Liver", 2: "Spleen", 300: "Kidney"}
SHAPE = (14, 15, 16)
FACES, CORNERS = Connectivity.FACES, Connectivity.CORNERS
STRUCTURE = {FACES: ndimage.generate_binary_structure(3, 1), CORNERS: np.ones((3, 3, 3))}
LABELS = recipe(
    output={
        "channels": 301,
        "labels": [
            {"value": v, "name": name, "category": CODE, "type": CODE} for v, name in NAMES.items()
        ],
    }
).output.labels
# 2 x 2 x 2.5 mm: a voxel is 0.01 mL.
GRID = Grid(SHAPE, np.diag([2.0, 2.0, 2.5, 1.0]))


def exclusive(seed=0):
    rng = np.random.default_rng(seed)
    array = rng.choice([0, 1, 2, 300], SHAPE, p=(0.7, 0.14, 0.14, 0.02)).astype(np.uint16)
    return Segmentation(array, GRID, LABELS)


def overlapping(seed=0):
    rng = np.random.default_rng(seed)
    array = (rng.random((3, *SHAPE)) < 0.15).astype(np.uint8)
    return Segmentation(array, GRID, LABELS, np.zeros((3, *SHAPE), np.uint8))


def empty():
    return Segmentation(np.zeros(SHAPE, np.uint8), GRID, LABELS)


@pytest.fixture(params=["in boxes", "one by one", "all in one pass"])
def in_passes(request, monkeypatch):
    """All ways to search several exclusive labels for components."""
    if request.param != "in boxes":
        monkeypatch.setattr(module, "separate_boxes", lambda array, values: None)
    if request.param == "all in one pass":
        monkeypatch.setattr(module, "MANY_LABELS", 1)


def components(mask, connectivity):
    found, count = ndimage.label(mask, STRUCTURE[connectivity])
    return found, np.bincount(found.ravel(), minlength=count + 1)[1:]


@pytest.mark.parametrize("make", [exclusive, overlapping])
@pytest.mark.parametrize("connectivity", [FACES, CORNERS])
@pytest.mark.parametrize("names", [None, ("Spleen",), ("Kidney", "Liver")])
def test_largest_component_of_each_label(make, connectivity, names, in_passes):
    before = make()
    after, said = postprocess(before, [LargestComponent(names, connectivity=connectivity)])
    for label in LABELS:
        mask = before.mask(label)
        if names is None or label.name in names:
            found, counts = components(mask, connectivity)
            largest = found == counts.argmax() + 1
            if len(counts) > 1:
                ml = (mask.sum() - largest.sum()) * 0.01
                number = len(counts) - 1
                pieces = "1 component" if number == 1 else f"{number} components"
                assert f"{label.name}: removed {pieces} of {len(counts)}, {ml:.3g} mL" in said
            mask = largest
        np.testing.assert_array_equal(after.mask(label), mask)
    assert len(said) <= len(LABELS)
    np.testing.assert_array_equal(before.array, make().array)
    assert after.probabilities is before.probabilities


@pytest.mark.parametrize("make", [exclusive, overlapping])
def test_largest_component_together(make):
    before = make()
    step = LargestComponent(("Liver", "Spleen"), together=True, connectivity=FACES)
    after, said = postprocess(before, [step])
    liver, spleen, kidney = LABELS
    both = before.mask(liver) | before.mask(spleen)
    found, counts = components(both, FACES)
    largest = found == counts.argmax() + 1
    for label in (liver, spleen):
        np.testing.assert_array_equal(after.mask(label), before.mask(label) & largest)
    np.testing.assert_array_equal(after.mask(kidney), before.mask(kidney))
    assert said[0].startswith(f"Liver, Spleen: removed {len(counts) - 1} components of")


def test_the_first_of_equally_large_components_stays(in_passes):
    segmentation = empty()
    for place in ((1, 1, 1), (5, 5, 5), (9, 9, 9)):
        segmentation.array[tuple(slice(p, p + 2) for p in place)] = 1
    after, said = postprocess(segmentation, [LargestComponent()])
    assert after.array[1, 1, 1] == 1 and after.array.sum() == 8
    assert said == ["Liver: removed 2 components of 3, 0.16 mL"]


@pytest.mark.parametrize("connectivity", [FACES, CORNERS])
def test_corners_connect_only_where_asked(connectivity):
    segmentation = empty()
    segmentation.array[2, 2, 2] = segmentation.array[3, 3, 3] = segmentation.array[3, 3, 4] = 1
    after, _ = postprocess(segmentation, [LargestComponent(connectivity=connectivity)])
    assert after.array[2, 2, 2] == (connectivity is CORNERS)


@pytest.mark.parametrize("make", [exclusive, overlapping])
@pytest.mark.parametrize("millilitres", [0.02, 0.021, 5.0])
def test_components_below_the_minimum_volume(make, millilitres, in_passes):
    before = make()
    after, _ = postprocess(before, [MinimumVolume(millilitres, ("Liver",), FACES)])
    found, counts = components(before.mask(LABELS[0]), FACES)
    keep = np.append(False, counts * 0.01 >= millilitres)
    np.testing.assert_array_equal(after.mask(LABELS[0]), keep[found])
    np.testing.assert_array_equal(after.mask(LABELS[1]), before.mask(LABELS[1]))


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 999), st.floats(0.1, 0.9))
def test_holes_are_what_scipy_fills(seed, density):
    array = (np.random.default_rng(seed).random((3, *SHAPE)) < density).astype(np.uint8)
    before = Segmentation(array, GRID, LABELS)
    after, _ = postprocess(before, [FillHoles()])
    for layer, ours in zip(array, after.array, strict=True):
        np.testing.assert_array_equal(ours != 0, ndimage.binary_fill_holes(layer))


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 9999), st.sampled_from([2, 4, 7]), st.permutations(LABELS))
def test_filling_in_one_pass_is_filling_one_after_the_other(seed, scale, order):
    rng = np.random.default_rng(seed)
    coarse = rng.choice([0, 1, 2, 300], [-(-n // scale) + 1 for n in SHAPE], p=(0.4, 0.3, 0.2, 0.1))
    array = np.kron(coarse, np.ones((scale,) * 3))[tuple(slice(n) for n in SHAPE)]
    specks = rng.random(SHAPE) < 0.05
    array[specks] = rng.choice([0, 1, 2, 300], specks.sum())
    for value in rng.permutation([1, 2, 300]):  # shells, maybe within each other
        low = rng.integers(0, 6, 3)
        high = low + rng.integers(4, 9, 3)
        array[tuple(slice(a, b) for a, b in zip(low, high, strict=True))] = value
        array[tuple(slice(a + 1, b - 1) for a, b in zip(low, high, strict=True))] = 0
    wanted = array = array.astype(np.uint16)
    before = np.count_nonzero(array)
    for label in order:
        mask = wanted == label.value
        filled = ndimage.binary_fill_holes(mask) & (wanted == 0)
        wanted = np.where(filled, np.uint16(label.value), wanted)
    counts = fill_enclosed(array, [label.value for label in order])
    np.testing.assert_array_equal(array, wanted)
    assert sum(counts.values()) == np.count_nonzero(array) - before


@pytest.mark.parametrize("name", ["forrest_m18", "forrest_m5"])
def test_real_label_maps_are_filled_as_label_by_label(name, shared_data):
    image = sitk.ReadImage(str(shared_data / "nifti" / f"{name}.nii.gz"))
    array = sitk.GetArrayFromImage(image)[60:160, 60:160, 60:160].astype(np.uint8)
    order = [int(value) for value in np.unique(array) if value]
    wanted = array.copy()
    for value in order:
        wanted[ndimage.binary_fill_holes(wanted == value) & (wanted == 0)] = value
    assert (wanted != array).any()
    counts = fill_enclosed(array, order)
    np.testing.assert_array_equal(array, wanted)
    assert sum(counts.values()) > 0


def test_filling_takes_no_voxel_from_another_label():
    segmentation = empty()
    segmentation.array[2:9, 2:9, 2:9] = 1
    segmentation.array[4:7, 4:7, 4:7] = 0
    segmentation.array[5, 5, 5] = 2
    after, said = postprocess(segmentation, [FillHoles(("Liver",))])
    assert after.array[5, 5, 5] == 2 and (after.array == 1).sum() == 7**3 - 1
    assert said == ["Liver: filled holes, 0.26 mL"]


def test_what_is_open_to_the_border_is_no_hole():
    segmentation = empty()
    segmentation.array[:5] = 1
    segmentation.array[0:3, 4, 4] = 0
    after, said = postprocess(segmentation, [FillHoles()])
    np.testing.assert_array_equal(after.array, segmentation.array)
    assert said == []


def test_steps_run_in_order():
    segmentation = empty()
    segmentation.array[2:7, 2:7, 2:7] = 1
    segmentation.array[3:6, 3:6, 3:6] = 0
    segmentation.array[4, 4, 4] = 1
    filled_first, _ = postprocess(segmentation, [FillHoles(), LargestComponent()])
    largest_first, said = postprocess(segmentation, [LargestComponent(), FillHoles()])
    assert (filled_first.array == 1).sum() == (largest_first.array == 1).sum() == 125
    assert said == ["Liver: removed 1 component of 2, 0.01 mL", "Liver: filled holes, 0.27 mL"]


@pytest.mark.parametrize("step", [LargestComponent(), FillHoles(), MinimumVolume(1.0)])
def test_nothing_to_do(step, in_passes):
    after, said = postprocess(empty(), [step, LargestComponent(together=True)])
    assert after.empty and said == []
    assert postprocess(exclusive(), [])[1] == []
