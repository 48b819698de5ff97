"""The planes through segments: what is where, how large, and what the letters and the bar say."""

from __future__ import annotations

import numpy as np
import pytest
from makers.orientations import ORIENTATIONS
from makers.results import label
from makers.shown_results import grid_of, shown

from IODeepLib.geometry import Grid, Volume
from IODeepLib.results.pictures.drawing import DISPLAY, TEXT, Sides, sides
from IODeepLib.results.pictures.tiles import Tile, Tiles, bar_length

RED = (250, 10, 10)
SIDE = 240


def pixels(tile: Tile) -> np.ndarray:
    return np.asarray(tile.picture).astype(int)


def where(tile: Tile, color: tuple[int, int, int]) -> np.ndarray:
    """(n, 2): y and x of the pixels of this color."""
    return np.argwhere(np.abs(pixels(tile) - color).max(axis=-1) <= 3)


def box(grid: Grid, *parts: slice) -> np.ndarray:
    array = np.zeros(grid.shape, np.uint8)
    array[parts] = 1
    return array


def tiles_of(array: np.ndarray, grid: Grid, image: np.ndarray | None = None, **more: object):
    """The planes through label 1, in red."""
    tiles = Tiles(shown(array, grid, [label(1, color=RED)], image, **more))
    return tiles.of(tiles.found[0], SIDE)


def test_a_segment_is_as_long_as_it_is_and_in_the_middle():
    grid = grid_of((60, 80, 120), (2.0, 1.5, 1.0))
    array = box(grid, slice(20, 40), slice(30, 50), slice(40, 80))  # 40 x 30 x 40 mm
    axial, coronal, sagittal = tiles_of(array, grid)
    for tile, height, width in ((axial, 30, 40), (coronal, 40, 40), (sagittal, 40, 30)):
        found = where(tile, RED)
        assert tile.millimeters == pytest.approx(2 * 40 / SIDE)
        seen = (np.ptp(found, axis=0) + 1) * tile.millimeters
        np.testing.assert_allclose(seen, (height, width), atol=2 * tile.millimeters)
        middle = (found.max(axis=0) + found.min(axis=0)) / 2
        np.testing.assert_allclose(middle, (SIDE - 1) / 2, atol=1.5)


def test_the_patients_sides_are_where_the_letters_say():
    """A bright spot at the left, anterior and superior of the segment."""
    grid = grid_of((60, 60, 60), (1.0, 1.0, 1.0))
    array = box(grid, slice(25, 35), slice(25, 35), slice(25, 35))
    image = np.zeros(grid.shape)
    image[36:39, 22:25, 25:35] = image[25:35, 22:25, 36:39] = image[36:39, 25:35, 36:39] = 1000
    image += np.random.default_rng(0).normal(0, 1, grid.shape)
    header = {"WindowCenter": 500, "WindowWidth": 1000}
    tiles = tiles_of(array, grid, image, header=header)
    turned = grid.turned(grid.axis_map(DISPLAY))
    for axis, tile in enumerate(tiles):
        named = sides(turned, axis)
        bright = np.argwhere((pixels(tile)[20:220, 20:220] > 240).all(axis=-1)).mean(axis=0) - 100
        assert abs(bright[0]) > 10 and abs(bright[1]) > 10
        vertical = named.top if bright[0] < 0 else named.bottom
        horizontal = named.left if bright[1] < 0 else named.right
        assert vertical in ("A", "S") and horizontal in ("L", "A")
    assert sides(turned, 0) == Sides("R", "L", "A", "P")
    assert sides(turned, 1) == Sides("R", "L", "S", "I")
    assert sides(turned, 2) == Sides("A", "P", "S", "I")


def test_what_lies_aslant_has_two_letters():
    affine = grid_of().affine.copy()
    turn = np.radians(30)
    affine[:2, :3] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]] @ affine[:2, :3]
    grid = Grid((20, 24, 28), affine)
    named = sides(grid.turned(grid.axis_map(DISPLAY)), 0)
    assert named == Sides("RA", "LP", "AL", "PR")


@pytest.mark.parametrize("orientation", ORIENTATIONS[::5])
def test_every_orientation_gives_the_same(orientation):
    grid = grid_of()
    array = box(grid, slice(3, 9), slice(4, 11), slice(6, 20))
    image = np.random.default_rng(0).normal(100, 3, grid.shape)
    turned = Volume(image, grid).oriented(orientation)
    labels = np.ascontiguousarray(Volume(array, grid).oriented(orientation).array)
    for one, other in zip(
        tiles_of(array, grid, image),
        tiles_of(labels, turned.grid, np.ascontiguousarray(turned.array)),
        strict=True,
    ):
        np.testing.assert_array_equal(pixels(one), pixels(other))


@pytest.mark.parametrize("size", [40, 97, 150])
def test_the_bar_is_as_long_as_it_says(size):
    grid = grid_of((size, size, size), (1.0, 1.0, 1.0))
    array = box(grid, *[slice(size // 3, size // 2)] * 3)
    tile = tiles_of(array, grid, np.full(grid.shape, 7.0))[0]
    length = bar_length(SIDE * tile.millimeters)
    row = np.abs(pixels(tile)[SIDE - 7] - TEXT).max(axis=-1) == 0
    assert np.count_nonzero(row) * tile.millimeters == pytest.approx(length, abs=tile.millimeters)


def test_planes_meet_within_a_segment_that_is_hollow():
    grid = grid_of((40, 40, 40), (1.0, 1.0, 1.0))
    array = box(grid, slice(5, 35), slice(5, 35), slice(5, 35))
    array[10:30, 10:30, 10:30] = 0
    tiles = Tiles(shown(array, grid, [label(1, color=RED)]))
    for tile in tiles.of(tiles.found[0], SIDE):
        assert len(where(tile, RED)) > 100
    number, count = tiles.slice_number(tiles.found[0])
    assert array[number - 1].any() and count == 40


@pytest.mark.parametrize(
    "parts",
    [(slice(9, 10),) * 3, (slice(0, 1),) * 3, (slice(18, 20), slice(0, 3), slice(25, 28))],
    ids=["one voxel", "in the first corner", "at the edge"],
)
@pytest.mark.parametrize("size", [1, 20])
def test_small_segments_and_those_at_the_edge_are_seen(parts, size):
    grid = grid_of((20 * size, 24 * size, 28 * size) if size == 1 else (20, 480, 560))
    array = np.zeros(grid.shape, np.uint8)
    array[parts] = 1
    for tile in tiles_of(array, grid):
        assert len(where(tile, RED)) >= 2


def test_overlapping_segments_are_each_on_top_in_their_own_tiles():
    grid = grid_of()
    array = np.zeros((2, *grid.shape), np.uint8)
    array[0, 4:16, 4:20, 4:20] = 1
    array[1, 4:16, 4:20, 4:20] = 1
    green = (10, 250, 10)
    result = shown(array, grid, [label(1, color=RED), label(2, color=green)])
    tiles = Tiles(result)
    for one, own, other in zip(tiles.found, (RED, green), (green, RED), strict=True):
        tile = tiles.of(one, SIDE)[0]
        assert len(where(tile, own)) > 300
        assert len(where(tile, other)) < 30  # corners, which are round on top


@pytest.mark.parametrize("shape", [(1, 30, 40), (30, 1, 40), (30, 40, 1), (1, 1, 5), (1, 1, 1)])
def test_of_a_single_image_there_is_one_plane(shape):
    grid = grid_of(shape, (1.0, 1.0, 1.0))
    (tile,) = tiles_of(np.ones(shape, np.uint8), grid)
    assert len(where(tile, RED)) > 10
    assert tile.picture.size == (SIDE, SIDE)


@pytest.mark.parametrize("short", [0, 1, 2])
def test_of_a_flat_volume_some_planes_are_half_as_large(short):
    shape = [128, 128, 128]
    shape[short] = 4
    grid = grid_of(tuple(shape), (1.0, 1.0, 1.0))
    array = box(grid, *(slice(n // 4, 3 * n // 4) for n in shape))
    tiles = tiles_of(array, grid)
    assert sum(np.prod(tile.picture.size) for tile in tiles) < 2.1 * SIDE**2
    covered = np.zeros((SIDE, 3 * SIDE), int)
    for tile in tiles:
        (x, y), (width, height) = tile.place, tile.picture.size
        covered[y : y + height, x : x + width] += 1
        assert len(where(tile, RED)) > 10
    assert covered.max() == 1, "none lies upon another"


def test_without_size_or_place_there_is_no_bar_and_no_letter():
    grid = grid_of((1, 60, 60), (1.0, 1.0, 1.0))
    array = box(grid, slice(0, 1), slice(20, 40), slice(20, 40))
    black = np.zeros(grid.shape)
    known = {"has_patient_geometry": False, "has_spacing": False, "has_depth": False}
    (tile,) = tiles_of(array, grid, black, **known)
    assert tile.millimeters is None and tile.plane == "image"
    border = np.concatenate([pixels(tile)[:20], pixels(tile)[-20:]])
    assert border.max() == 0
    (tile,) = tiles_of(array, grid, black, **{**known, "has_spacing": True})
    assert tile.millimeters and pixels(tile)[-20:].max() > 200


def test_low_values_are_bright_where_the_image_says_so():
    grid = grid_of((1, 60, 60), (1.0, 1.0, 1.0))
    image = np.zeros(grid.shape)
    image[:, :, 30:] = 100
    array = box(grid, slice(0, 1), slice(0, 2), slice(0, 2))
    window = {"WindowCenter": 50, "WindowWidth": 100}
    grays = []
    for kind in ("MONOCHROME1", "MONOCHROME2"):
        header = {**window, "PhotometricInterpretation": kind}
        tiles = Tiles(shown(array, grid, [label(1)], image, header))
        (tile,) = tiles.whole(SIDE)
        grays.append(pixels(tile)[120, [60, 180], 0])
    np.testing.assert_allclose(grays[0] + grays[1], 255, atol=1)
    assert grays[0][0] > 240 > 15 > grays[0][1]
