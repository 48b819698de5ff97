"""The contact sheet: every segment is on it, it is never too large, and it is the same again."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from makers.results import label
from makers.shown_results import grid_of, shown
from PIL import Image

from IODeepLib.inference.classification import Classification
from IODeepLib.results.pictures.sheet import contact_sheet
from IODeepLib.results.pictures.tiles import Tiles
from IODeepLib.results.result import Result

HOSTILE = ["\x1b[31m\u202eevil", "<script>alert(1)</script>", "n" * 10_000, "名前", ""]


def sheet_of(result: Result) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(contact_sheet(result)))).astype(int)


def counts(sheet: np.ndarray, colors: list[tuple[int, int, int]]) -> list[int]:
    """How many pixels have each color exactly."""
    packed, how_many = np.unique(sheet @ (65536, 256, 1), return_counts=True)
    found = dict(zip(packed.tolist(), how_many.tolist(), strict=True))
    return [found.get(r * 65536 + g * 256 + b, 0) for r, g, b in colors]


def colors(count: int) -> list[tuple[int, int, int]]:
    return [(200 + i % 50, 40 + i // 50 * 20, 120) for i in range(count)]


def cubes(count: int, *, missing: int = 0) -> Result:
    """As many cubes of 8 voxels, each of another color."""
    grid = grid_of((12, 60, 120), (4.0, 1.0, 1.0))
    array = np.zeros(grid.shape, np.uint16)
    for i in range(count):
        x, y, z = i % 38 * 3 + 1, i // 38 % 18 * 3 + 1, i // 684 * 3 + 1
        array[z : z + 2, y : y + 2, x : x + 2] = i + 1
    shades = colors(count + missing)
    labels = [label(i + 1, f"cube {i + 1}", color=shades[i]) for i in range(count + missing)]
    return shown(array, grid, labels, np.zeros(grid.shape))


@pytest.mark.parametrize("count", [1, 7, 60])
def test_every_segment_has_its_color_and_the_sheet_is_not_too_large(count):
    sheet = sheet_of(cubes(count))
    assert sheet.shape[1] <= 1600 and sheet.shape[0] <= 5200
    assert min(counts(sheet, colors(count))) > 14 * 14  # more than its swatch


def test_of_very_many_segments_the_largest_are_shown():
    result = cubes(160)
    assert result.segmentation is not None
    result.segmentation.array[0, :3, 115:118] = 160
    sheet = sheet_of(result)
    assert sheet.shape[0] <= 5200
    assert sheet.shape[0] < 160 / 4 * 160, "not all of them"
    assert counts(sheet, colors(160))[159] > 14 * 14
    kept = Tiles(result).largest(3)
    assert [one.label.value for one in kept] == [1, 2, 160]


def test_cards_stand_in_the_order_of_the_labels():
    sheet = sheet_of(cubes(7))
    first = [tuple(np.argwhere((sheet == c).all(axis=-1))[0]) for c in colors(7)]
    assert first == sorted(first)


def test_what_was_not_found_is_named_below():
    with_line, without = sheet_of(cubes(3, missing=2)), sheet_of(cubes(3))
    assert with_line.shape[0] > without.shape[0]
    assert with_line[without.shape[0] - 20 :].max() > 128


def test_nothing_found_shows_the_image():
    grid = grid_of()
    sheet = sheet_of(shown(np.zeros(grid.shape, np.uint8), grid, [label(1, color=(250, 0, 0))]))
    assert not (sheet == (250, 0, 0)).all(axis=-1).any()
    assert sheet.max() > 200


@pytest.mark.parametrize("count", [2, 1000])
def test_values_of_a_classification_stand_below_the_image(count):
    labels = tuple(label(i + 1, f"class {i}") for i in range(count))
    said = Classification(labels, tuple(np.linspace(0, 1, count)), labels[-1:])
    result = replace(cubes(1), found=said)
    assert sheet_of(result).shape[0] <= 2000


@pytest.mark.parametrize("name", HOSTILE)
def test_names_may_be_anything(name):
    result = cubes(1)
    assert result.segmentation is not None
    (one,) = result.segmentation.labels
    odd = label(1, name or " ", color=one.color)
    found = replace(result.segmentation, labels=(odd,))
    assert sheet_of(replace(result, found=found)).shape[1] <= 1600


def test_the_same_result_gives_the_same_bytes():
    assert contact_sheet(cubes(5)) == contact_sheet(cubes(5))
