"""SUV by body weight beside the values of a PET, where its header lets it be known."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from command import Answer
from makers.pet import DECAYED, WEIGHT, pet_header
from makers.recipes import label
from makers.series import Stack, item
from makers.summing_networks import model_of, sums
from pydicom.dataset import Dataset

from IODeepLib.codes import Code
from IODeepLib.measurements.segment import OF_IMAGE
from IODeepLib.pipeline import run
from IODeepLib.recipe import SuvBw
from IODeepLib.results.result import Result
from IODeepLib.series import find_series

FACTOR = 1000 * WEIGHT / DECAYED
VOXELS = np.random.default_rng(5).integers(1, 30000, (4, 12, 12)).astype(np.int16)
# An hour after the injection to the second, and values that are those of the file.
SCANNED = {"AcquisitionTime": "100000", "RescaleSlope": 1, "RescaleIntercept": 0}


def measured(folder: Path, steps: list[dict[str, Any]] | None = None, **changes: Any) -> Result:
    """All voxels as one segment."""
    (series,) = find_series(
        Stack(VOXELS, common=pet_header(**SCANNED | changes)).write(folder / "images")
    )
    labels = [label(1, "all"), label(2, "nowhere")]
    network = sums([[0], [1], [0]], spatial=3, bias=[0, 0, -1e9])
    made = {"modalities": ["PT"]}
    input_ = {"intensity": steps or []}
    output = {"channels": 3, "labels": labels}
    return run(series, model_of(folder, network, applies_to=made, input=input_, output=output))


def figures(result: Result) -> dict[str, Any]:
    return result.document()["measurements"]["segments"][0]


def test_both_are_given_and_say_what_they_are_made_of(tmp_path: Path) -> None:
    result = measured(tmp_path)
    said = figures(result)
    values = VOXELS.astype(float)
    assert said["mean"] == pytest.approx(values.mean())
    assert said["suv_mean"] == pytest.approx(values.mean() * FACTOR)
    assert said["suv_stdev"] == pytest.approx(values.std(ddof=1) * FACTOR)
    assert said["suv_maximum"] == pytest.approx(values.max() * FACTOR)
    document = result.document()
    assert document["measurements"]["unit"] == "BQML"
    (note,) = (note for note in result.notes if note.startswith("SUV by body weight: "))
    assert document["measurements"]["suv"] == note
    assert f"factor {FACTOR:.4g}" in note and "PatientWeight 70 kg" in note
    nowhere = document["measurements"]["segments"][1]
    assert nowhere["suv_mean"] is None and nowhere["voxels"] == 0


def test_a_network_that_reads_suv_says_so_once(tmp_path: Path) -> None:
    result = measured(tmp_path, steps=[{"step": "suv_bw"}])
    assert len([note for note in result.notes if note.startswith("SUV by body weight: ")]) == 1
    assert f"values multiplied by {FACTOR:.6g}" in result.steps
    assert SuvBw.__struct_config__.tag == "suv_bw"
    # What is measured is the image, in its own unit and in SUV, whatever the network was given.
    assert figures(result)["mean"] == pytest.approx(VOXELS.astype(float).mean())


def test_what_is_missing_is_said_and_nothing_is_guessed(tmp_path: Path) -> None:
    result = measured(tmp_path, PatientWeight="")
    assert not any(key.startswith("suv_") for key in figures(result))
    (note,) = (note for note in result.notes if note.startswith("no SUV by body weight"))
    assert "PatientWeight" in note
    assert result.document()["measurements"]["suv"] == note


def test_values_that_are_suv_are_not_made_so_twice(tmp_path: Path) -> None:
    result = measured(tmp_path / "1", Units="GML", SUVType="BW")
    said = figures(result)
    assert all(said[f"suv_{name}"] == said[name] for name in OF_IMAGE)
    unit = Code("{SUVbw}g/ml", "UCUM", "Standardized Uptake Value body weight")
    mapped = item(
        RealWorldValueFirstValueMapped=0,
        RealWorldValueLastValueMapped=30000,
        RealWorldValueSlope=0.001,
        RealWorldValueIntercept=0.0,
        MeasurementUnitsCodeSequence=[unit.to_dataset()],
    )
    (tmp_path / "2").mkdir()
    unscaled = {"RescaleSlope": None, "RescaleIntercept": None, "Units": ""}
    result = measured(tmp_path / "2", RealWorldValueMappingSequence=[mapped], **unscaled)
    assert not any(key.startswith("suv_") for key in figures(result))
    assert figures(result)["mean"] == pytest.approx(VOXELS.mean() * 0.001)


def test_other_images_have_none(tmp_path: Path) -> None:
    (series,) = find_series(Stack(VOXELS).write(tmp_path / "images"))
    result = run(series, model_of(tmp_path, sums([[0], [1]], spatial=3)))
    assert set(result.document()["measurements"]) == {"unit", "segments"}
    assert not any("SUV" in note for note in result.notes)


def numbers_of(report: Dataset, code: str) -> dict[str, float]:
    """The numbers with this code in the first group, by what they are derived by."""
    found = {}
    for one in report.ContentSequence[-2].ContentSequence[0].ContentSequence:
        if one.ValueType == "NUM" and one.ConceptNameCodeSequence[0].CodeValue == code:
            (value,) = one.MeasuredValueSequence
            assert value.MeasurementUnitsCodeSequence[0].CodeValue == "{SUVbw}g/ml"
            derived = one.ContentSequence[0].ConceptCodeSequence[0].CodeMeaning
            found[derived] = float(value.NumericValue)
    return found


def test_every_file_has_them(tmp_path: Path, iodeep: Any) -> None:
    result = measured(tmp_path)
    said, out = figures(result), tmp_path / "out"
    result.save(out, also=["csv", "html"])
    found = numbers_of(pydicom.dcmread(out / "report.dcm"), "126401")
    assert found["Mean"] == pytest.approx(said["suv_mean"], rel=1e-9)
    assert found["Maximum"] == pytest.approx(said["suv_maximum"], rel=1e-9)
    assert len(found) == len(OF_IMAGE)
    with (out / "measurements.csv").open(encoding="utf-8", newline="") as file:
        row = next(csv.DictReader(file))
    assert float(row["suv_mean [g/mL]"]) == said["suv_mean"]
    assert float(row["mean [BQML]"]) == said["mean"]
    page = (out / "report.html").read_text("utf-8")
    assert "SUV mean" in page and repr(said["suv_mean"]) in page
    # What the patient weighs, and when that was, stays in the hospital.
    assert "70 kg" not in page and "2020-01-02" not in page
    assert "PatientWeight (left out here), RadionuclideTotalDose 374 MBq" in page
    shown: Answer = iodeep("show", out, "--json")
    (one,) = json.loads(shown.out)["results"]
    known = [value for key, value in said.items() if "voxels" not in key and key != "label"]
    count = len([value for value in known if value is not None])
    assert any(f"its {count} numbers are" in check["words"] for check in one["checks"])
