"""Results that are hardly any, or cannot be: a clear line, and never half a result."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pydicom
import pytest
from command import Answer, refused
from judges import standard_errors
from makers.recipes import label, recipe_json
from makers.series import Stack
from makers.summing_networks import model_of, sums

ALSO = "nifti,nrrd,rtstruct,sheet,html,sc,csv"
SIZE = (5, 24, 28)
LABELS = [label(1, "low"), label(2, "high"), label(3, "nowhere")]
NEAREST = sums([[0], [2], [4], [6]], spatial=3, bias=[0, -100, -400, -900])  # of 0, 100, 200, 300


@pytest.fixture
def ran(tmp_path: Path, iodeep: Callable[..., Answer]) -> Callable[..., Answer]:
    """Runs a network on an image; the result is in `out`."""

    def run(
        voxels: np.ndarray,
        network: onnx.ModelProto = NEAREST,
        labels: Any = LABELS,
        also: str = ALSO,
        header: dict[str, Any] | None = None,
        **changes: Any,
    ) -> Answer:
        images = Stack(voxels, common=header or {}).write(tmp_path / "images")
        output = {"channels": 4, "activation": "softmax", "labels": labels}
        model_of(tmp_path, network, output=output, **changes)
        where = ("--models", tmp_path / "model", "--out", tmp_path / "out", "--also", also)
        return iodeep("run", images, *where)

    return run


@pytest.fixture
def shown(tmp_path: Path, iodeep: Callable[..., Answer]) -> Callable[[], list[str]]:
    """What `show` says of it, check by check."""

    def show() -> list[str]:
        where = ("--models", tmp_path / "model", "--images", tmp_path / "images")
        answer = iodeep("show", tmp_path / "out", *where, "--json")
        assert answer.status == 0, answer
        (one,) = json.loads(answer.out)["results"]
        return [
            f"{check['outcome']} {check['subject']}: {check['words']}" for check in one["checks"]
        ]

    return show


def table(out: Path) -> dict[str, dict[str, str]]:
    with (out / "measurements.csv").open(encoding="utf-8", newline="") as file:
        return {row["label"]: row for row in csv.DictReader(file)}


def assert_in_order(out: Path) -> None:
    paths = sorted(out.glob("*.dcm"))
    assert len(paths) >= 3
    assert {path.name: standard_errors(path) for path in paths} == {path.name: [] for path in paths}


def test_one_voxel_in_a_corner_and_a_segment_that_ends_with_the_image(
    tmp_path: Path, ran: Callable[..., Answer], shown: Callable[[], list[str]]
) -> None:
    voxels = np.zeros(SIZE, np.int16)
    voxels[0, 0, 0], voxels[1:, :12] = 100, 200
    answer = ran(voxels)
    assert answer.status == 0 and "nowhere                   not found" in answer.out
    rows = table(tmp_path / "out")
    assert [rows[name]["voxels"] for name in ("low", "high", "nowhere")] == ["1", "1344", "0"]
    assert rows["low"]["mean"] == "100.0"
    assert rows["low"]["stdev"] == rows["low"]["surface [mm2]"] == ""
    assert not any(rows["nowhere"][key] for key in ("volume [mL]", "mean", "long_axis [mm]"))
    assert_in_order(tmp_path / "out")
    assert all(line.startswith("OK ") for line in shown())


@pytest.mark.parametrize("value", [0, 200])
def test_nothing_and_all_of_it(
    value: int, tmp_path: Path, ran: Callable[..., Answer], shown: Callable[[], list[str]]
) -> None:
    answer = ran(np.full(SIZE, value, np.int16))
    assert answer.status == 0
    if value:
        assert table(tmp_path / "out")["high"]["voxels"] == str(np.prod(SIZE))
    else:
        assert "it found nothing: no segmentation is written" in answer.out
        assert "no rtstruct is written: nothing was found" in answer.out + answer.err
        assert not (tmp_path / "out" / "segmentation.dcm").exists()
    assert_in_order(tmp_path / "out")
    assert all(line.startswith("OK ") for line in shown())


def test_images_without_units(tmp_path: Path, ran: Callable[..., Answer]) -> None:
    voxels = np.zeros(SIZE, np.int16)
    voxels[1:3] = 200
    refused(
        ran(voxels, header={"Modality": "CT"}, applies_to={"modalities": ["CT"]}),
        *(4, "no RescaleSlope", "Hounsfield units"),
    )
    assert not (tmp_path / "out").exists()
    for folder in ("images", "model"):
        shutil.rmtree(tmp_path / folder)
    assert ran(voxels).status == 0
    assert table(tmp_path / "out")["high"]["mean"] == "200.0"  # and no unit in brackets
    units = [
        item.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue
        for item in _numbers(pydicom.dcmread(tmp_path / "out" / "report.dcm"))
        if item.ConceptNameCodeSequence[0].CodeMeaning == "MR signal intensity"
    ]
    assert len(units) == 5 and set(units) == {"1"}


def _numbers(dataset: pydicom.Dataset) -> list[pydicom.Dataset]:
    found = []
    for item in dataset.get("ContentSequence", []):
        found += ([item] if item.ValueType == "NUM" else []) + _numbers(item)
    return found


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
@pytest.mark.parametrize("task", ["SEGMENTATION", "CLASSIFICATION", "REGRESSION"])
def test_scores_that_are_no_numbers(
    task: str, value: float, tmp_path: Path, ran: Callable[..., Answer]
) -> None:
    ending = "" if task == "SEGMENTATION" else "pool"
    network = sums([[0], [1], [1], [1]], spatial=3, bias=[0, value, 0, 0], ending=ending)
    labels = [label(i + 1, f"label {i}", channel=i) for i in range(4)]
    if task == "SEGMENTATION":
        labels = LABELS
    answer = ran(np.ones(SIZE, np.int16), network, labels, "csv,html", task=task)
    refused(answer, 4, str(value), "finite")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("key", ["type", "category"])
def test_labels_without_codes(key: str, tmp_path: Path, iodeep: Callable[..., Answer]) -> None:
    whole = recipe_json()
    del whole["output"]["labels"][0][key]
    (tmp_path / "recipe.json").write_text(json.dumps(whole), "utf-8")
    onnx.save(sums([[0], [1]], spatial=3), str(tmp_path / "network.onnx"))
    recipe = ("--recipe", tmp_path / "recipe.json", "--out", tmp_path / "model")
    answer = iodeep("pack", tmp_path / "network.onnx", *recipe)
    refused(answer, 4, f"$.output.labels[0].{key}: nothing", "this key is required")
    assert not (tmp_path / "model").exists()


def test_codes_of_a_scheme_of_ones_own_are_said_as_they_are(
    tmp_path: Path, ran: Callable[..., Answer]
) -> None:
    code = {"value": "X 1", "scheme": "99LOCAL", "meaning": "Something of ours"}
    voxels = np.full(SIZE, 100, np.int16)
    assert ran(voxels, labels=[label(1, "low", code), *LABELS[1:]]).status == 0
    assert_in_order(tmp_path / "out")
    (segment,) = pydicom.dcmread(tmp_path / "out" / "segmentation.dcm").SegmentSequence
    (said,) = segment.SegmentedPropertyTypeCodeSequence
    assert (said.CodeValue, said.CodingSchemeDesignator) == ("X 1", "99LOCAL")
    assert table(tmp_path / "out")["low"]["code_scheme"] == "99LOCAL"


def test_a_network_that_was_deleted(
    tmp_path: Path, ran: Callable[..., Answer], shown: Callable[[], list[str]]
) -> None:
    assert ran(np.full(SIZE, 100, np.int16), also="csv").status == 0
    uid = json.loads((tmp_path / "out" / "result.json").read_text("utf-8"))["provenance"]
    shutil.rmtree(tmp_path / "model")
    (tmp_path / "model").mkdir()
    lines = shown()
    (line,) = [line for line in lines if not line.startswith("OK ")]
    assert line.startswith(f"not found here model: no card {uid['card_sop_instance_uid']} in ")
