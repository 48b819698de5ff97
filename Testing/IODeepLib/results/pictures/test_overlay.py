"""The picture of a result: what is where, and that it is the same for the same input."""

from __future__ import annotations

import itertools
from io import BytesIO

import numpy as np
import pytest
from makers.orientations import ORIENTATIONS
from makers.results import label
from msgspec.structs import replace
from PIL import Image

from IODeepLib.geometry import Grid, Volume
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.results import overlay_picture
from IODeepLib.results.colors import display_color
from IODeepLib.series import find_series

RED, GREEN = (250, 10, 10), (10, 250, 10)


def grid_of(shape=(20, 24, 28), spacing=(2.0, 1.5, 1.0)):
    """Slices from inferior to superior, rows from anterior to posterior, columns to the left."""
    affine = np.zeros((4, 4))
    affine[2, 0], affine[1, 1], affine[0, 2], affine[3, 3] = *spacing, 1
    return Grid(shape, affine)


def picture_of(array, grid, labels, image=None, **more):
    if image is None:
        image = np.random.default_rng(0).normal(100, 3, grid.shape)
    segmentation = Segmentation(array, grid, labels)
    data = overlay_picture(Volume(image, grid), segmentation, **more)
    return np.asarray(Image.open(BytesIO(data))).astype(int), data


def where(picture, color):
    """(y, x) of the pixels of a label's outline, those of the legend left out."""
    found = np.argwhere(np.abs(picture - color).max(axis=-1) <= 3)
    return found[found[:, 0] < picture.shape[0] - 60]


def panels(picture, color):
    """(top, bottom, left, right) of the outlines in each slice, from left to right."""
    points = where(picture, color)
    columns = np.unique(points[:, 1])
    groups = np.split(columns, np.flatnonzero(np.diff(columns) > 40) + 1)
    boxes = []
    for group in groups:
        inside = points[np.isin(points[:, 1], group)]
        boxes.append((*(inside[:, 0].min(), inside[:, 0].max()), group.min(), group.max()))
    return boxes


def test_a_ball_is_round_in_all_planes():
    grid = grid_of((40, 53, 80), (2.0, 1.5, 1.0))
    points = grid.point(np.indices(grid.shape).reshape(3, -1).T)
    centre = grid.point((np.array(grid.shape) - 1) / 2)
    ball = (np.linalg.norm(points - centre, axis=1) < 20).reshape(grid.shape)
    picture, _ = picture_of(ball.astype(np.uint8), grid, (label(1, color=RED),))
    boxes = panels(picture, RED)
    assert len(boxes) == 3
    sides = [side for t, b, left, right in boxes for side in (b - t, right - left)]
    assert max(sides) - min(sides) <= 0.08 * max(sides)


def test_radiological_convention():
    """A box at the left, anterior and superior end of the patient."""
    grid = grid_of((40, 40, 40), (1.0, 1.0, 1.0))
    array = np.zeros(grid.shape, np.uint8)
    array[28:38, 2:12, 28:38] = 1
    picture, _ = picture_of(array, grid, (label(1, color=RED),))
    axial, coronal, sagittal = panels(picture, RED)
    tallest = picture.shape[0] - 16 - 12 - 24 - 16
    middle = 16 + tallest / 2
    width = (picture.shape[1] - 2 * 16 - 2 * 12) / 3
    centres = [16 + width / 2 + i * (width + 12) for i in range(3)]
    assert axial[2] > centres[0] and axial[1] < middle, "left is right, anterior is up"
    assert coronal[2] > centres[1] and coronal[1] < middle, "left is right, superior is up"
    assert sagittal[3] < centres[2] and sagittal[1] < middle, "anterior is left, superior is up"


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_every_orientation_gives_the_same_picture(orientation):
    grid = grid_of()
    array = np.zeros(grid.shape, np.uint8)
    array[3:9, 4:11, 6:20] = 1
    array[10:15, 12:20, 10:14] = 2
    labels = (label(1), label(2))
    image = np.random.default_rng(0).normal(100, 3, grid.shape)
    _, wanted = picture_of(array, grid, labels, image)
    turned = Volume(image, grid).oriented(orientation)
    turned_array = Volume(array, grid).oriented(orientation).array
    _, data = picture_of(turned_array, turned.grid, labels, turned.array)
    assert data == wanted


def test_a_flat_volume_shows_three_slices_across():
    grid = grid_of((6, 100, 100), (3.0, 1.0, 1.0))
    array = np.zeros(grid.shape, np.uint8)
    array[:, 30:60, 30:60] = 1
    picture, _ = picture_of(array, grid, (label(1, color=RED),))
    boxes = panels(picture, RED)
    assert len(boxes) == 3
    assert len({(t, b, right - left) for t, b, left, right in boxes}) == 1


@pytest.mark.parametrize("shape", [(1, 30, 40), (30, 1, 40), (30, 40, 1), (1, 1, 5), (1, 1, 1)])
def test_a_single_slice_is_shown_alone(shape):
    grid = grid_of(shape, (1.0, 1.0, 1.0))
    picture, _ = picture_of(np.ones(shape, np.uint8), grid, (label(1, color=RED),))
    assert len(panels(picture, RED)) == 1


def test_overlapping_labels_keep_their_outlines():
    grid = grid_of()
    array = np.zeros((2, *grid.shape), np.uint8)
    array[0, 2:18, 2:22, 2:26] = 1
    array[1, 5:12, 5:15, 5:20] = 1
    picture, _ = picture_of(array, grid, (label(1, color=RED), label(2, color=GREEN)))
    assert len(where(picture, RED)) and len(where(picture, GREEN))


def test_nothing_found_is_said():
    grid = grid_of()
    nothing, _ = picture_of(np.zeros(grid.shape, np.uint8), grid, (label(1, color=RED),))
    assert not len(where(nothing, RED))
    legend = nothing[-64:]
    assert (legend.max(axis=-1) > 128).any(), "there is text"


@pytest.mark.parametrize("many", [1, 3, 39, 41, 300])
def test_any_number_of_labels(many):
    grid = grid_of()
    array = np.zeros(grid.shape, np.uint16)
    array.ravel()[: 20 * many] = np.repeat(np.arange(1, many + 1), 20)
    labels = tuple(
        label(i, f"a rather long name of a structure, number {i}" * 2) for i in range(1, many + 2)
    )
    labels = tuple(replace(x, name=x.name[:64]) for x in labels)
    picture, _ = picture_of(array, grid, labels)
    assert picture.shape[1] == 1200
    assert picture.shape[0] < 1000


@pytest.mark.parametrize(
    "image",
    [np.zeros((20, 24, 28)), np.full((20, 24, 28), np.nan), np.full((20, 24, 28), -2000, np.int16)],
    ids=["constant", "not a number", "below air"],
)
def test_images_without_contrast(image):
    grid = grid_of()
    array = np.zeros(grid.shape, np.uint8)
    array[5:9, 5:9, 5:9] = 1
    picture, _ = picture_of(array, grid, (label(1, color=RED),), image)
    assert len(where(picture, RED))


def test_the_window_of_ct_follows_what_is_labelled():
    grid = grid_of()
    image = np.full(grid.shape, 40, np.int16)
    image[:, :, :4], image[:, :, 8:12], image[:, :, 20:] = -1000, -850, 1000
    greys = []
    for columns in (slice(8, 12), slice(13, 18), slice(20, 28)):
        array = np.zeros(grid.shape, np.uint8)
        array[:, 10:14, columns] = 1
        picture, _ = picture_of(array, grid, (label(1, color=RED),), image)
        greys.append(np.unique(picture[picture.max(axis=-1) == picture.min(axis=-1)]))
    in_lung, in_soft, in_bone = greys
    assert (np.abs(in_lung - 85) < 2).any(), "air in the lung is gray"
    assert (np.abs(in_soft - 127) < 2).any(), "soft tissue is in the middle"
    assert (np.abs(in_bone - 247) < 2).any(), "bone is not yet white"


def test_inverse():
    grid = grid_of()
    image = np.zeros(grid.shape)
    image[:, :, 14:] = 100
    image += np.random.default_rng(0).normal(0, 1, grid.shape)
    array = np.zeros(grid.shape, np.uint8)
    plain, _ = picture_of(array, grid, (label(1),), image, placed=False)
    inverse, _ = picture_of(array, grid, (label(1),), image, placed=False, inverse=True)
    y, x = 16 + 60, 16 + 200
    assert abs(plain[y, x, 0] + inverse[y, x, 0] - 255) <= 2
    assert plain[y, x, 0] != inverse[y, x, 0]


def test_an_image_without_a_place_has_no_letters():
    grid = grid_of((1, 100, 120), (1.0, 1.0, 1.0))
    image = np.zeros(grid.shape)
    array = np.zeros(grid.shape, np.uint8)
    with_letters, _ = picture_of(array, grid, (label(1),), image)
    without, _ = picture_of(array, grid, (label(1),), image, placed=False)
    assert with_letters[: -16 - 48 - 12].max() > 100
    assert without[: -16 - 48 - 12].max() == 0


def test_default_colors_differ():
    colors = [display_color(label(i + 1), i) for i in range(50)]
    apart = [np.abs(np.subtract(a, b)).max() for a, b in itertools.combinations(colors, 2)]
    assert min(apart) > 8
    assert min(max(c) for c in colors) > 200, "bright on a dark image"


def test_real_series(shared_data):
    (series,) = find_series(shared_data / "dicom" / "ct_abdomen_totalseg_repaired")
    volume = series.volume()
    array = (volume.array > 150).astype(np.uint8)
    segmentation = Segmentation(array, series.grid, (label(1, "bone", color=RED),))
    data = overlay_picture(volume, segmentation)
    assert data == overlay_picture(volume, segmentation)
    assert Image.open(BytesIO(data)).format == "PNG"
