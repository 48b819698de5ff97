"""Padding is no image: it counts in no statistic, wherever the voxels go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from makers.recipes import recipe
from makers.series import Stack, enhanced, save
from msgspec.structs import replace
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless

from IODeepLib.errors import ImageError
from IODeepLib.geometry import Volume
from IODeepLib.inference.preprocess import prepare
from IODeepLib.recipe import Clip, MinMax, Over, Per, PercentileClip, ScaleOffset, ZScore
from IODeepLib.series import VolumeImage, find_series
from IODeepLib.voxels.intensity import apply_steps

RANDOM = np.random.default_rng(11)
SHAPE = (6, 10, 12)
MASK = np.zeros(SHAPE, bool)
MASK[:, :2], MASK[2, 5:, 7:], MASK[4] = True, True, True  # one slice is nothing else
IMAGE = RANDOM.integers(24, 2000, SHAPE)  # stored; real values are 1024 less
IMAGE[0, 5, 5], IMAGE[1, 5, 5] = 24, 1999
CT = {"SOPClassUID": CTImageStorage, "Modality": "CT", "RescaleType": "HU"}
WANTED = np.where(MASK, -1000, IMAGE - 1024)


def stored(value: int, pixels: type, vr: str, limit: int | None = None) -> dict[str, Any]:
    """A series with `value` for padding, which the attribute has with this VR."""
    voxels = np.where(MASK, value, IMAGE).astype(pixels)
    return {"voxels": voxels, "vr": vr, "value": value, "limit": limit}


def write(folder: Path, made: dict[str, Any], syntax: str = ExplicitVRLittleEndian, **more: Any):
    def change(i: int, ds: Dataset) -> None:
        def as_vr(v: int) -> int:
            return v % 2**16 if made["vr"] == "US" else (v + 2**15) % 2**16 - 2**15

        ds.add_new("PixelPaddingValue", made["vr"], as_vr(made["value"]))
        if made["limit"] is not None:
            ds.add_new("PixelPaddingRangeLimit", made["vr"], as_vr(made["limit"]))

    stack = Stack(made["voxels"], common=CT | {"RescaleSlope": 1, "RescaleIntercept": -1024} | more)
    for i, ds in enumerate(stack.images()):
        change(i, ds)
        if syntax == RLELossless:
            path = save(ds, folder / f"{i}.dcm")
            again = dcmread(path)
            again.compress(RLELossless, generate_instance_uid=False)
            again.save_as(path)
        else:
            save(ds, folder / f"{i}.dcm", syntax)
    (series,) = find_series(folder)
    return series


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, RLELossless])
@pytest.mark.parametrize(
    "made",
    [
        stored(-2000, np.int16, "SS"),
        stored(-2000, np.int16, "US"),  # 63536
        stored(63536, np.uint16, "US"),
        stored(63536, np.uint16, "SS"),  # -2000
        stored(0, np.uint16, "US"),
        stored(-32768, np.int16, "SS"),  # real values that int16 does not hold
        stored(-20, np.int16, "SS", limit=10),
        stored(0, np.uint16, "US", limit=23),
    ],
    ids=lambda made: "{value} {vr} {limit}".format(**made),
)
def test_padding_is_told_from_the_image(made: dict[str, Any], syntax: str, tmp_path: Path) -> None:
    if made["limit"] is not None:
        inside = np.linspace(made["value"], made["limit"], MASK.sum()).astype(int)
        made["voxels"][MASK] = inside
    volume = write(tmp_path, made, syntax).volume()
    np.testing.assert_array_equal(volume.padding, MASK)
    np.testing.assert_array_equal(volume.array, WANTED)
    assert volume.array.dtype == np.int16


def test_without_padding_there_is_no_mask(tmp_path: Path) -> None:
    made = {"voxels": IMAGE.astype(np.int16), "vr": "SS", "value": -2000, "limit": None}
    series = write(tmp_path, made)
    assert series.volume().padding is None
    np.testing.assert_array_equal(series.volume().array, IMAGE - 1024)


@pytest.mark.parametrize(
    ("photometric", "low", "filled"),
    [
        ("MONOCHROME2", -500, -500),  # the smallest value of the image
        ("MONOCHROME2", 0, 0),
        ("MONOCHROME2", 300, 0),  # nothing is measured there
        ("MONOCHROME1", -500, 2000),  # dark is high
    ],
)
def test_what_stands_for_nothing(photometric: str, low: int, filled: int, tmp_path: Path) -> None:
    image = np.clip(IMAGE, low + 1, 2000)
    image[0, 5, 5], image[1, 5, 5] = low, 2000
    made = {"voxels": np.where(MASK, -3000, image).astype(np.int16), "vr": "SS", "value": -3000}
    series = write(
        tmp_path, made | {"limit": None}, RescaleIntercept=0, PhotometricInterpretation=photometric
    )
    np.testing.assert_array_equal(series.volume().array, np.where(MASK, filled, image))


def test_each_frame_may_have_its_own_padding(tmp_path: Path) -> None:
    values = [-3000 - 10 * i for i in range(6)]
    voxels = np.where(MASK, np.array(values)[:, None, None], IMAGE).astype(np.int16)
    made = enhanced(Stack(voxels), range(6))
    for value, frame in zip(values, made.PerFrameFunctionalGroupsSequence, strict=True):
        own = Dataset()
        own.add_new("PixelPaddingValue", "SS", value)
        frame.UnassignedPerFrameConvertedAttributesSequence = [own]
    save(made, tmp_path / "one.dcm")
    (series,) = find_series(tmp_path)
    np.testing.assert_array_equal(series.volume().padding, MASK)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("value", [np.nan, -1e30, -9999.0])
def test_padding_of_float_pixels(dtype: str, value: float, tmp_path: Path) -> None:
    voxels = np.where(MASK, value, IMAGE / 7).astype(dtype)
    keyword = {"float32": "Float", "float64": "DoubleFloat"}[dtype] + "PixelPaddingValue"
    common = {keyword: float(np.dtype(dtype).type(value))}
    (series,) = find_series(Stack(voxels, common=common).write(tmp_path))
    volume = series.volume()
    np.testing.assert_array_equal(volume.padding, MASK)
    np.testing.assert_array_equal(volume.array, np.where(MASK, 0, IMAGE / 7).astype(np.float32))


@pytest.mark.parametrize("limit", [None, 65535])
def test_images_that_are_all_padding(limit: int | None, tmp_path: Path) -> None:
    made = {"voxels": np.zeros(SHAPE, np.uint16), "vr": "US", "value": 0, "limit": limit}
    with pytest.raises(ImageError, match=r"all padding \(PixelPaddingValue 0"):
        write(tmp_path, made).volume()


def test_the_mask_goes_along_to_the_even_grid(tmp_path: Path) -> None:
    """A missing slice: what is made up lies between two slices and is padding where they are."""
    series = write(tmp_path / "all", stored(-2000, np.int16, "SS"))
    for path in (tmp_path / "all").iterdir():
        if dcmread(path).InstanceNumber == 3:
            path.unlink()
    (series,) = find_series(tmp_path / "all")
    volume = series.volume()
    assert volume.padding is not None and volume.array.shape == SHAPE
    for i in (0, 1, 3, 4, 5):
        np.testing.assert_array_equal(volume.padding[i], MASK[i])
        np.testing.assert_array_equal(volume.array[i], WANTED[i])


def test_an_image_of_a_viewer_has_the_padding_of_its_header(tmp_path: Path) -> None:
    series = write(tmp_path, stored(-2000, np.int16, "US"))
    shown = Volume(np.where(MASK, -3024, IMAGE - 1024).astype(np.int16), series.grid)
    volume = VolumeImage(shown, series.header, "shown").volume()
    np.testing.assert_array_equal(volume.padding, MASK)
    np.testing.assert_array_equal(volume.array, WANTED)
    assert (shown.array == -3024).any()  # what the viewer holds is left as it is


STEPS = [
    [MinMax()],
    [PercentileClip(10, 90)],
    [ZScore()],
    [ZScore(unbiased=True), ScaleOffset(2.0, 1.0)],
    [ZScore(mean=3.0)],
    [Clip(-500, 500), MinMax(-1, 1)],
]


@pytest.mark.parametrize("steps", STEPS, ids=lambda steps: steps[0].__class__.__name__)
@pytest.mark.parametrize("over", list(Over))
def test_statistics_are_those_of_the_image_alone(steps: list, over: Over) -> None:
    """The image by itself, as one row of voxels, has the same statistics."""
    steps = [replace(step, over=over) if hasattr(step, "over") else step for step in steps]
    image = WANTED.astype(np.float32)
    image[1, 5:8, 5:8] = 0
    alone = image[~MASK].reshape(1, 1, -1).copy()
    chosen = image != 0
    apply_steps(image, steps, mask=lambda: chosen, padding=MASK)
    alone_chosen = alone != 0
    apply_steps(alone, steps, mask=lambda: alone_chosen)
    np.testing.assert_allclose(image[~MASK], alone.ravel(), rtol=1e-5, atol=1e-5)
    # The padding is changed like a voxel with its value: there is one in the image.
    like = np.flatnonzero(WANTED[~MASK] == -1000)
    np.testing.assert_allclose(image[MASK], alone.ravel()[like[0]], rtol=1e-5, atol=1e-5)


def test_a_slice_that_is_nothing_else_counts_as_it_is() -> None:
    image = WANTED.astype(np.float32)
    apply_steps(image, [MinMax(per=Per.SLICE)], padding=MASK)
    assert (image[4] == 0).all()
    for i in (0, 1, 2, 3, 5):
        assert image[i].min() == 0 and image[i].max() == pytest.approx(1)
        assert (image[i][MASK[i]] == 0).all()


@pytest.mark.parametrize("axis_order", ["NCZYX", "NCXYZ", "NCYX"])
@pytest.mark.parametrize(
    "grid",
    [
        {"mode": "native"},
        {"mode": "spacing", "spacing": [2.0, 1.6, 1.4]},
        {"mode": "resize", "shape": [4, 8, 6]},
    ],
    ids=lambda grid: grid["mode"],
)
@pytest.mark.parametrize("orientation", ["LPS", "RAS", "SAR"])
def test_no_grid_and_no_orientation_brings_padding_back(
    axis_order: str, grid: dict[str, Any], orientation: str, tmp_path: Path
) -> None:
    """Padding of whatever value gives what the same image gives with another value there."""
    if axis_order == "NCYX":
        grid = {key: value[1:] if isinstance(value, list) else value for key, value in grid.items()}
    given = {
        "orientation": orientation,
        "axis_order": axis_order,
        "grid": grid,
        "intensity": [{"step": "percentile_clip", "lower": 5, "upper": 95}, {"step": "z_score"}],
    }
    input_ = recipe(applies_to={"modalities": ["CT"]}, input=given).input
    found = []
    for value in (-2000, -20000, 20000):
        series = write(tmp_path / str(value), stored(value, np.int16, "SS"))
        found.append(prepare([series.volume()], input_).array)
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])
    plain = prepare([Volume(WANTED, series.grid)], input_).array
    assert not np.allclose(found[0], plain, atol=0.1)  # it would have counted
