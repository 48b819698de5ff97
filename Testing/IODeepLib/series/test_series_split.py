"""What is not one volume is told apart, in words: echoes, time points, localizers."""

from __future__ import annotations

import numpy as np
import pytest
from makers.series import Stack, enhanced, item, save
from pydicom import dcmread
from pydicom.dataset import Dataset

from IODeepLib.errors import ImageError
from IODeepLib.series import find_series

SAGITTAL = np.array([[0, 1, 0], [0, 0, -1]])


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("EchoTime", [4.9, 9.8], ["echo 1 of 2, TE 4.9 ms", "echo 2 of 2, TE 9.8 ms"]),
        ("EchoNumbers", [2, 1], ["echo 1 of 2", "echo 2 of 2"]),
        ("DiffusionBValue", [0.0, 1000.0], ["b-value 1 of 2, b = 0 s/mm2", None]),
        ("TemporalPositionIdentifier", [1, 2, 3], ["time point 1 of 3", None, None]),
        (
            "ImageType",
            [["ORIGINAL", "PRIMARY", "M"], ["ORIGINAL", "PRIMARY", "P"]],
            ["image type 1 of 2, ORIGINAL\\PRIMARY\\M", None],
        ),
        ("AcquisitionNumber", [4, 7], ["acquisition 1 of 2", None]),
        ("FrameReferenceTime", [15.0, 45.0], ["time point 1 of 2, 15 ms", None]),
        ("ConvolutionKernel", ["B30", "B70"], ["kernel 1 of 2, B30", "kernel 2 of 2, B70"]),
        (
            "DiffusionGradientOrientation",
            [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
            ["gradient direction 1 of 2, 0\\1\\0", None],
        ),
    ],
)
def test_volumes_of_one_series_are_told_apart(tmp_path, name, values, expected):
    voxels = {}
    stack = Stack()
    base = stack.voxels
    for n, value in enumerate(values):
        stack.voxels = base + 1000 * n
        voxels[str(value)] = stack.voxels
        for i, ds in enumerate(stack.images(**{name: value})):
            save(ds, tmp_path / f"{i}_{n}.dcm")
    found = find_series(tmp_path)
    assert len(found) == len(values)
    for series, words in zip(found, expected, strict=True):
        if words:
            assert series.split_by == words
        value = series.header[name].value
        key = str(list(value) if hasattr(value, "append") else value)
        np.testing.assert_array_equal(series.volume().array, voxels[key])


def test_echoes_and_components_of_enhanced_images_are_told_apart(tmp_path):
    stack = Stack()
    kinds = [("MAGNITUDE", 3.0), ("PHASE", 3.0), ("MAGNITUDE", 6.0), ("PHASE", 6.0)]
    stack.voxels = np.arange(20 * 6 * 7, dtype=np.int16).reshape(20, 6, 7)
    places = [i // 4 for i in range(20)]  # all kinds of one slice after another
    ds = enhanced(
        stack,
        range(20),
        MRImageFrameTypeSequence=lambda n: {"ComplexImageComponent": kinds[n % 4][0]},
        MREchoSequence=lambda n: {"EffectiveEchoTime": kinds[n % 4][1]},
    )
    for n, frame in enumerate(ds.PerFrameFunctionalGroupsSequence):
        frame.PlanePositionSequence[0].ImagePositionPatient = stack.image(
            places[n]
        ).ImagePositionPatient
    save(ds, tmp_path / "one.dcm")
    found = find_series(tmp_path)
    assert [s.split_by for s in found] == [
        "component 1 of 2, MAGNITUDE, echo 1 of 2, TE 3 ms",
        "component 1 of 2, MAGNITUDE, echo 2 of 2, TE 6 ms",
        "component 2 of 2, PHASE, echo 1 of 2, TE 3 ms",
        "component 2 of 2, PHASE, echo 2 of 2, TE 6 ms",
    ]
    for series, n in zip(found, (0, 2, 1, 3), strict=True):
        np.testing.assert_array_equal(series.volume().array, stack.voxels[n::4])


def test_time_points_are_told_apart_by_the_clock(tmp_path):
    """Every slice has its own time, as in functional MR; the order in each place decides."""
    stack = Stack()
    base = stack.voxels
    for n in range(3):
        stack.voxels = base + 1000 * n
        for i, ds in enumerate(stack.images()):
            ds.AcquisitionTime = f"10{n:02}{5 * i:02}.5"
            save(ds, tmp_path / f"{i}_{n}.dcm")
    found = find_series(tmp_path)
    assert found[1].split_by == "time point 2 of 3, time 100100.5"
    for n, series in enumerate(found):
        np.testing.assert_array_equal(series.volume().array, base + 1000 * n)


def test_what_varies_along_one_volume_does_not_split_it(tmp_path):
    def change(i: int, ds: Dataset) -> None:
        ds.AcquisitionTime = f"1000{i:02}"
        ds.AcquisitionNumber = i
        ds.EchoTime = 4.9 + i / 100
        ds.ImageType = ["ORIGINAL" if i % 2 else "DERIVED", "PRIMARY", "OTHER"]

    (series,) = find_series(Stack().write(tmp_path, change))
    assert series.split_by == ""


@pytest.mark.parametrize("beside", [0.4, 1.0, 10.5])
def test_volumes_between_each_other_are_not_mixed(tmp_path, beside):
    """Two acquisitions of the same place, whose slices do not meet."""
    first = Stack(common={"AcquisitionNumber": 1})
    second = Stack(common={"AcquisitionNumber": 2}, origin=(-10.0, 20.0, 30.0 + beside))
    second.voxels = first.voxels + 1000
    second.series, second.study, second.frame = first.series, first.study, first.frame
    first.write(tmp_path / "1")
    second.write(tmp_path / "2")
    found = find_series(tmp_path)
    if beside < 10:
        assert [s.split_by for s in found] == ["acquisition 1 of 2", "acquisition 2 of 2"]
        np.testing.assert_array_equal(found[0].volume().array, first.voxels)
        np.testing.assert_array_equal(found[1].volume().array, second.voxels)
    else:  # the second goes on, a little farther away, where the first ends
        (series,) = found
        assert "0.5 to 2.5 mm apart" in series.correction


def test_localizer_in_the_same_series(tmp_path):
    stack = Stack()
    stack.write(tmp_path)
    scout = Stack(directions=SAGITTAL, voxels=np.zeros((1, 9, 9), np.int16))
    scout.series, scout.study, scout.frame = stack.series, stack.study, stack.frame
    save(scout.image(0, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]), tmp_path / "scout.dcm")
    volume, localizer = sorted(find_series(tmp_path), key=lambda s: s.is_localizer)
    assert (volume.split_by, localizer.split_by) == ("without the localizer", "the localizer")
    np.testing.assert_array_equal(volume.volume().array, stack.voxels)
    assert localizer.is_localizer and localizer.grid.shape == (1, 9, 9)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"directions": SAGITTAL}, "orientation 2 of 2, sagittal"),
        ({"voxels": np.zeros((5, 8, 7), np.int16)}, "matrix 2 of 2, 8 x 7 MONOCHROME2"),
        ({"spacing": (2.5, 0.8, 0.9)}, "pixel spacing 2 of 2, 0.8 x 0.9 mm"),
    ],
)
def test_images_of_another_shape_are_another_volume(tmp_path, change, words):
    first, second = Stack(), Stack(**change)
    second.series, second.study, second.frame = first.series, first.study, first.frame
    first.write(tmp_path / "a")
    second.write(tmp_path / "b")
    found = find_series(tmp_path)
    assert found[1].split_by == words
    np.testing.assert_array_equal(found[0].volume().array, first.voxels)
    np.testing.assert_array_equal(found[1].volume().array, second.voxels)


def test_a_dimension_that_only_the_image_itself_names(tmp_path):
    """Private pointers, as Philips has them: no known attribute differs."""
    stack = Stack(voxels=np.arange(6 * 4 * 4, dtype=np.int16).reshape(6, 4, 4))
    ds = enhanced(
        stack,
        range(6),
        FrameContentSequence=lambda n: {"DimensionIndexValues": [1, n // 2 + 1, n % 2 + 5]},
    )
    pointers = (0x00209056, 0x00209057, 0x20011234)  # stack, place in it, a private one
    ds.DimensionIndexSequence = [item(DimensionIndexPointer=p) for p in pointers]
    for n, frame in enumerate(ds.PerFrameFunctionalGroupsSequence):
        frame.PlanePositionSequence = [item(ImagePositionPatient=[0, 0, n // 2])]
    save(ds, tmp_path / "one.dcm")
    found = find_series(tmp_path)
    assert [s.split_by for s in found] == ["dimension 1 of 2", "dimension 2 of 2"]
    for n, series in enumerate(found):
        np.testing.assert_array_equal(series.volume().array, stack.voxels[n::2])


def test_fields_of_view_beside_each_other(tmp_path):
    left, right = Stack(), Stack(origin=(90.0, 20.0, 30.0))
    right.series, right.study, right.frame = left.series, left.study, left.frame
    left.write(tmp_path / "left")
    right.write(tmp_path / "right")
    found = find_series(tmp_path)
    assert [s.split_by for s in found] == ["field of view 1 of 2", "field of view 2 of 2"]
    assert [s.volume().grid.origin[0] for s in found] == [-10.0, 90.0]


def test_a_time_series_that_was_stopped_is_not_guessed_at(tmp_path):
    """Without a time point's number, nobody knows which of its images is missing."""
    stack = Stack()
    base = stack.voxels
    for n in range(3):
        stack.voxels = base + n
        for i, ds in enumerate(stack.images()):
            ds.AcquisitionTime = f"10{n:02}{i:02}"
            if (n, i) != (1, 3):
                save(ds, tmp_path / f"{n}_{i}.dcm")
    (series,) = find_series(tmp_path)
    with pytest.raises(ImageError, match="9 of 14 slices in the place of another one"):
        series.volume()
    for path in tmp_path.iterdir():
        ds = dcmread(path)
        ds.TemporalPositionIdentifier = int(path.name[0]) + 1
        ds.save_as(path)
    first, second, third = find_series(tmp_path)
    assert (first.geometry.missing, second.geometry.missing, third.geometry.missing) == (0, 1, 0)
