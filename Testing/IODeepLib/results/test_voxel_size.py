"""Where the size of a voxel is not known no milliliters are given, wherever volumes appear."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from makers.series import Stack, image, put, save
from makers.summing_networks import model_of, sums

from IODeepLib.geometry import Grid, Volume
from IODeepLib.pipeline import run
from IODeepLib.results import overlay_picture
from IODeepLib.results.result import PICTURE_NAME, Result
from IODeepLib.series import VolumeImage, find_series

VOXELS = np.zeros((1, 16, 12), np.int16)
VOXELS[0, 2:9, 3:10] = 1000
VOXELS[0, 12, 1] = 1000  # a component of its own
AFTER = [{"step": "minimum_volume", "millilitres": 0.02}, {"step": "fill_holes"}]

# One image each: attributes, and those that are not there.
UNKNOWN: dict[str, tuple[dict[str, Any], list[str]]] = {
    "nothing": ({}, ["PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient"]),
    "no pixel spacing": ({}, ["PixelSpacing"]),
    "no position": ({}, ["ImagePositionPatient"]),
    "no depth": ({}, ["SliceThickness"]),
    "at the detector": (
        {"ImagerPixelSpacing": [0.2, 0.2]},
        ["PixelSpacing", "ImagePositionPatient", "ImageOrientationPatient"],
    ),
    "of a film": ({"NominalScannedPixelSpacing": [0.2, 0.2]}, ["PixelSpacing"]),
    "calibrated, without position": (
        {},
        ["ImagePositionPatient", "ImageOrientationPatient"],
    ),
}


def result_of(folder: Path, attributes: dict[str, Any], missing: list[str]) -> Result:
    ds = put(Stack(VOXELS).image(0), **attributes)
    for keyword in missing:
        delattr(ds, keyword)
    save(ds, folder / "images" / "one.dcm")
    (series,) = find_series(folder / "images")
    return run(series, model(folder))


def model(folder: Path) -> Any:
    offset = {"axis_order": "NCYX", "intensity": [{"step": "scale_offset", "offset": -500}]}
    return model_of(folder, sums([[0], [1]], spatial=2), input=offset, after=AFTER)


def assert_unsized(result: Result, folder: Path) -> None:
    document = result.document()
    assert document["volumes_ml"] == {"Label 1": None} and document["missing"] == []
    assert "the size of a voxel is not known: no milliliters are given" in result.notes
    assert "components below 0.02 mL were not removed: the size of a voxel is not known" in (
        result.notes
    )
    without = [s for s in result.sentences() if "millilitres" not in s and "below 0.02" not in s]
    assert not any(re.search(r"\bml\b", sentence) for sentence in without)
    assert any(sentence.split() == ["Label", "1", "found"] for sentence in without)
    assert result.segmentation is not None
    result.write(folder)
    placed = result.series.has_patient_geometry
    pictures = [
        overlay_picture(result.volume, result.segmentation, placed=placed, sized=sized)
        for sized in (False, True)
    ]
    assert (folder / PICTURE_NAME).read_bytes() == pictures[0] != pictures[1]


@pytest.mark.parametrize("what", UNKNOWN)
def test_no_millilitres_from_sizes_that_nobody_knows(tmp_path: Path, what: str) -> None:
    assert_unsized(result_of(tmp_path, *UNKNOWN[what]), tmp_path)


def test_a_film_of_many_frames(tmp_path: Path) -> None:
    film = image(np.concatenate([VOXELS[0]] * 3), NumberOfFrames=3, Rows=16, Modality="MR")
    save(film, tmp_path / "images" / "film.dcm")
    (series,) = find_series(tmp_path / "images")
    assert_unsized(run(series, model(tmp_path)), tmp_path)


@pytest.mark.parametrize("unknown", ["has_spacing", "has_patient_geometry"])
def test_an_image_in_memory(tmp_path: Path, unknown: str) -> None:
    voxels = Volume(VOXELS, Grid(VOXELS.shape, np.eye(4)[[2, 1, 0, 3]]))
    header = Stack(VOXELS).image(0)
    del header.PixelData
    seen = VolumeImage(voxels, header, "one", **{unknown: False})
    assert_unsized(run(seen, model(tmp_path)), tmp_path)


@pytest.mark.parametrize("slices", [1, 3])
def test_millilitres_where_sizes_are_known(tmp_path: Path, slices: int) -> None:
    stack = Stack(np.repeat(VOXELS, slices, axis=0))
    (series,) = find_series(stack.write(tmp_path / "images"))
    result = run(series, model(tmp_path))
    expected = 49 * slices * 2.5 * 0.8 * 0.7 / 1000
    assert result.document()["volumes_ml"] == {"Label 1": pytest.approx(expected, abs=1e-3)}
    assert not any("millilitres" in note for note in result.notes)
    assert any(sentence.endswith(" mL") for sentence in result.sentences())
