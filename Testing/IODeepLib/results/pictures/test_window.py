"""The window of an image as its header says it, judged by pydicom."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from makers.series import Stack, image, put, save
from pydicom.dataset import Dataset
from pydicom.pixels import apply_voi_lut, apply_windowing
from pydicom.sequence import Sequence
from pydicom.uid import EnhancedMRImageStorage

from IODeepLib.results.pictures.window import Window, stated
from IODeepLib.series import ImageSeries, find_series

VALUES = np.arange(-200, 300, dtype=np.int16).reshape(20, 25)


def series_of(folder: Path, **attributes: object) -> ImageSeries:
    stack = Stack(np.repeat(VALUES[None], 3, axis=0), common=attributes)
    (series,) = find_series(stack.write(folder))
    return series


def judged(**attributes: object) -> np.ndarray:
    """Gray from 0 to 1, as pydicom has it."""
    ds = image(VALUES, **attributes)
    shown = apply_windowing(VALUES, ds)
    least, most = -(2.0**15), 2.0**15 - 1
    return (shown - least) / (most - least)


@pytest.mark.parametrize("function", ["", "LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize(("center", "width"), [(40, 400), (40.5, 1.5), (-100, 37), (0, 2)])
def test_center_and_width(tmp_path, function, center, width):
    attributes = {"WindowCenter": center, "WindowWidth": width}
    if function:
        attributes["VOILUTFunction"] = function
    window = stated(series_of(tmp_path, **attributes), VALUES)
    assert window is not None
    np.testing.assert_allclose(window.gray(VALUES), judged(**attributes), atol=1e-4)
    np.testing.assert_allclose(
        window.gray(VALUES, inverse=True), 1 - judged(**attributes), atol=1e-4
    )


def test_the_first_window_of_several(tmp_path):
    window = stated(series_of(tmp_path, WindowCenter=[40, 500], WindowWidth=[400, 1500]), VALUES)
    assert window == Window(39.5 - 399 / 2, 39.5 + 399 / 2)


def lut(first: int, count: int) -> Sequence:
    return table([count, first, 12], [round(4095 * (i / (count - 1)) ** 2) for i in range(count)])


def table(descriptor: list[int], data: list[int]) -> Sequence:
    item = Dataset()
    item.add_new("LUTDescriptor", "US", descriptor)
    item.add_new("LUTData", "US", data)
    return Sequence([item])


def test_a_table(tmp_path):
    tables = lut(0, 200)
    window = stated(series_of(tmp_path, VOILUTSequence=tables), VALUES)
    assert window is not None
    expected = apply_voi_lut(VALUES, image(VALUES, VOILUTSequence=tables)) / 4095
    np.testing.assert_allclose(window.gray(VALUES), expected, atol=1e-6)


def test_functional_groups(tmp_path):
    voi, group = Dataset(), Dataset()
    voi.WindowCenter, voi.WindowWidth = 50, 201
    group.FrameVOILUTSequence = [voi]
    ds = image(np.concatenate([VALUES] * 2), NumberOfFrames=2, Rows=20)
    put(ds, SOPClassUID=EnhancedMRImageStorage, SharedFunctionalGroupsSequence=[group])
    (series,) = find_series(save(ds, tmp_path / "one.dcm"))
    assert stated(series, VALUES) == Window(-50.5, 149.5)


@pytest.mark.parametrize(
    ("center", "width"), [(40, 0), (40, -5), ("40", ""), ("", "400"), (1e9, 10), (-5000, 10)]
)
def test_windows_that_show_nothing_do_not_count(tmp_path, center, width):
    assert stated(series_of(tmp_path, WindowCenter=center, WindowWidth=width), VALUES) is None


@pytest.mark.parametrize("descriptor", [[2, 0, 12], [0, 0, 0], [3, 0]])
def test_broken_tables_do_not_count(tmp_path, descriptor):
    tables = table(descriptor, [5])
    assert stated(series_of(tmp_path, VOILUTSequence=tables), VALUES) is None


def test_no_number_is_black():
    window = Window(0, 10)
    values = np.array([np.nan, np.inf, -np.inf, 5])
    np.testing.assert_array_equal(window.gray(values), np.float32([0, 1, 0, 0.5]))
    np.testing.assert_array_equal(window.gray(values, inverse=True), np.float32([0, 0, 1, 0.5]))
