"""What a result says was done to the images is what was done to them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pydicom
import pytest
from makers.recipes import label, recipe
from makers.results import PROVENANCE
from makers.series import Stack
from makers.staged_recipes import IMAGE, label_channel, stage, staged
from makers.summing_networks import model_of, models_of, sums

from IODeepLib.inference.preprocess import prepare
from IODeepLib.pipeline import Options, run
from IODeepLib.recipe import Input
from IODeepLib.results.result import Result
from IODeepLib.series import ImageSeries, find_series

VOXELS = np.random.default_rng(7).integers(0, 2000, (6, 20, 24)).astype(np.int16)
SPACING = (5.0, 0.7, 0.7)
PLAIN = sums([[0], [1]], spatial=3)


def series_of(folder: Path, voxels: np.ndarray = VOXELS) -> ImageSeries:
    (series,) = find_series(Stack(voxels, spacing=SPACING).write(folder))
    return series


def said_of(folder: Path, voxels: np.ndarray = VOXELS, **input_: Any) -> tuple[str, ...]:
    """The sentences on how the image becomes the network's."""
    made: Input = recipe(input=input_).all_stages[0].input
    return prepare([series_of(folder, voxels).volume()], made).steps


def test_nothing_is_said_where_nothing_was_done(tmp_path: Path) -> None:
    assert said_of(tmp_path, orientation="source", grid={"mode": "native"}) == ()
    same = {"mode": "spacing", "spacing": SPACING}
    assert said_of(tmp_path, orientation="source", grid=same) == ()
    assert said_of(tmp_path, orientation="source", crop="nonzero") == ()


def test_the_values_that_were_measured_are_told(tmp_path: Path) -> None:
    steps = [
        {"step": "clip", "lower": 100, "upper": 900},
        {"step": "z_score"},
    ]
    before = [{"step": "percentile_clip", "lower": 1, "upper": 99}]
    (said,) = said_of(
        tmp_path, orientation="source", intensity_before_grid=before, intensity=steps
    )[:1]
    low, high = np.percentile(VOXELS.astype(float), (1, 99))
    assert f"clipped to the percentiles 1 and 99 ({low:.6g} and {high:.6g})" in said
    said = " ".join(said_of(tmp_path, orientation="source", intensity=steps))
    clipped = np.clip(VOXELS.astype(float), 100, 900)
    mean, std = clipped.mean(), clipped.std()
    assert "clipped to 100 to 900, then normalized by mean and standard deviation" in said
    assert f"({mean:.6g} and {std:.6g})" in said
    by_slice = [{"step": "z_score", "per": "slice"}]
    (said,) = said_of(tmp_path, orientation="source", intensity=by_slice)
    assert said == "values normalized by mean and standard deviation of each slice"


def test_what_was_cropped_and_resampled_is_told_with_its_sizes(tmp_path: Path) -> None:
    voxels = np.zeros_like(VOXELS)
    voxels[1:4, 5:15, 2:20] = 7
    grid = {"mode": "spacing", "spacing": [2.5, 1.4, 1.4], "interpolation": "nearest-exact"}
    crop, turned, grids = said_of(tmp_path, voxels, orientation="RAS", crop="nonzero", grid=grid)
    assert crop == ("cropped to the non-zero voxels: from 6 × 20 × 24 voxels to 3 × 10 × 18 voxels")
    assert turned == "turned from the axes SPL to SAR"
    assert grids == (
        "resampled along SAR from 5 × 0.7 × 0.7 mm (3 × 10 × 18 voxels) "
        "to 2.5 × 1.4 × 1.4 mm (6 × 5 × 9 voxels), nearest-exact"
    )


def test_steps_without_a_voxel_to_measure_did_nothing(tmp_path: Path) -> None:
    steps = [{"step": "z_score", "over": "nonzero"}]
    empty = np.zeros_like(VOXELS)
    assert said_of(tmp_path, empty, orientation="source", intensity=steps) == ()


def test_an_axis_that_was_resampled_by_itself(tmp_path: Path) -> None:
    grid = {
        "mode": "spacing",
        "spacing": [2.5, 1.0, 1.0],
        "interpolation": "cubic",
        "separate_axis": {"ratio": 3, "interpolation": "nearest-exact"},
    }
    (said,) = said_of(tmp_path, orientation="source", grid=grid)
    assert said.endswith("cubic in the planes, nearest-exact along the axis S")
    grid["separate_axis"] = {"ratio": 30}
    (said,) = said_of(tmp_path / "2", orientation="source", grid=grid)
    assert said.endswith(", cubic")


def test_as_many_patches_and_mirror_images_as_were_run(tmp_path: Path) -> None:
    input_ = {"patch_size": [4, 8, 8], "overlap": 0.25, "mirror": "XY"}
    model = model_of(tmp_path, PLAIN, schema="iodeep-recipe/2", input=input_)
    runs: list[Any] = []
    result = run(series_of(tmp_path / "images"), model, watch=lambda *given: runs.append(given))
    (said,) = (one for one in result.steps if one.startswith("run on "))
    found = re.search(r"run on (\d+) patches .* mean of (\d+) mirror images \(XY\)", said)
    assert found is not None
    patches, mirrored = map(int, found.groups())
    assert patches * mirrored == len(runs)
    result = run(series_of(tmp_path / "images"), model, Options(mirroring=False))
    assert not any("mirror" in one for one in result.steps)


def test_stages_say_where_they_looked_and_which_did_not_run(tmp_path: Path) -> None:
    made = staged(
        stage("coarse", label(1, "Low"), input={"orientation": "source"}),
        stage(
            "fine",
            label(1, "Bright"),
            input={"orientation": "source", "channels": [IMAGE, label_channel("coarse", "Low")]},
            region={"stage": "coarse", "margin": 0},
        ),
    )
    networks = {"coarse": sums([[0], [1]], 3), "fine": sums([[0, 0], [1, 0]], 3)}
    model = models_of(tmp_path, networks, made)
    voxels = np.full_like(VOXELS, -5)
    voxels[2:4, 3:10, 5:9] = 40
    steps = run(series_of(tmp_path / "images", voxels), model).steps
    assert "stage coarse: decided by argmax on the voxels of the series" in steps
    (looked,) = (one for one in steps if "looked only" in one)
    assert looked.endswith(
        "of stage coarse and 0 mm around: 2 × 7 × 4 voxels of 6 × 20 × 24 voxels"
    )
    assert "stage fine: given Low of stage coarse as channel coarse Low" in steps
    nothing = run(series_of(tmp_path / "none", np.full_like(VOXELS, -5)), model).steps
    assert not any(one.startswith("stage fine") for one in nothing)


@pytest.fixture
def result(tmp_path: Path) -> Result:
    input_ = {"intensity": [{"step": "clip", "lower": 0, "upper": 500}]}
    model: onnx.ModelProto = sums([[0], [1]], spatial=3, bias=[300, 0])
    more = {"activation": "softmax"}
    made = model_of(tmp_path, model, input=input_, output=more)
    return run(series_of(tmp_path / "images"), made, Options(confidence=True))


def test_every_object_and_file_has_the_steps(result: Result, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result.save(out, also=["rtstruct", "sc", "html"])
    assert "values clipped to 0 to 500" in result.steps
    for name in ("segmentation", "confidence", "rtstruct", "sheet"):
        dataset = pydicom.dcmread(out / f"{name}.dcm")
        for step in result.steps:
            assert f" {step[:1].upper()}{step[1:]}." in dataset.DerivationDescription
    seg = pydicom.dcmread(out / "segmentation.dcm")
    (algorithm,) = seg.SegmentSequence[0].SegmentationAlgorithmIdentificationSequence
    assert json.loads(algorithm.AlgorithmParameters)["steps"] == list(result.steps)
    report = pydicom.dcmread(out / "report.dcm")
    words = [
        item.TextValue
        for item in report.ContentSequence[-1].ContentSequence
        if item.ConceptNameCodeSequence[0].CodeValue == "STEP"
    ]
    assert words == list(result.steps)
    document = json.loads((out / "result.json").read_text("utf-8"))
    assert document["provenance"]["steps"] == list(result.steps)
    assert "Values clipped to 0 to 500." in (out / "report.html").read_text("utf-8")


def test_what_has_no_room_is_counted() -> None:
    steps = tuple(f"step number {i} of some that are as long as this" for i in range(400))
    long = replace(PROVENANCE, steps=steps)
    said = long.derivation()
    assert 900 < len(said) <= 1024
    found = re.search(r"And (\d+) more, which had no room here\.$", said)
    assert found is not None
    assert int(found.group(1)) + said.count("Step number") == len(steps)
    parameters = long.parameters()
    assert 10_000 < len(parameters) <= 10_240
    *kept, last = json.loads(parameters)["steps"]
    assert kept == list(steps[: len(kept)])
    assert last == f"And {len(steps) - len(kept)} more, which had no room here."
    assert long.to_json()["steps"] == list(steps)
    assert len(replace(PROVENANCE, title="t" * 3000).derivation()) <= 1024
