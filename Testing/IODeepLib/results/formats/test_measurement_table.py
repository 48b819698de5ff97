"""measurements.csv, read by Python's own reader: whole, tidy, and nothing that is computed."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from makers import recipes
from makers.series import Stack
from makers.summing_networks import model_of, sums

from IODeepLib.pipeline import Options, run
from IODeepLib.results.formats.measurement_table import FILE_NAME
from IODeepLib.results.result import Result
from IODeepLib.series import find_series

OFFSET = {"axis_order": "NCYX", "intensity": [{"step": "scale_offset", "offset": -500}]}


def segmented(folder: Path, name: str = "Liver", **common: Any) -> Result:
    """A box of 98 voxels of 1000, and a second label that is nowhere."""
    voxels = np.zeros((4, 16, 12), np.int16)
    voxels[1:3, 2:9, 3:10] = 1000
    (series,) = find_series(Stack(voxels, common=common).write(folder / "images"))
    labels = [recipes.label(1, name), recipes.label(2, "Nowhere")]
    network = sums([[0], [1], [0]], spatial=2, bias=[0, 0, -1e6])
    output = {"channels": 3, "labels": labels}
    return run(series, model_of(folder, network, input=OFFSET, output=output))


def rows(result: Result, folder: Path) -> list[dict[str, str]]:
    (path,) = [p for p in result.save(folder / "out", also=["csv"]) if p.name == FILE_NAME]
    text = path.read_bytes().decode("utf-8")
    assert text.count("\n") == text.count("\r\n") > 1  # RFC 4180, section 2.1
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def test_a_row_for_each_segment_with_units(tmp_path: Path) -> None:
    hounsfield = {"RescaleSlope": 1, "RescaleIntercept": 0, "RescaleType": "HU"}
    result = segmented(tmp_path, **hounsfield)
    found, nowhere = rows(result, tmp_path)
    assert found["label"] == "Liver" and found["network"] == result.model.card.name
    assert found["series_instance_uid"] == result.series.series_instance_uid
    assert float(found["volume [mL]"]) == pytest.approx(98 * 2.5 * 0.8 * 0.7 / 1000)
    assert float(found["mean [HU]"]) == 1000 and float(found["stdev [HU]"]) == 0
    document = result.document()["measurements"]["segments"][0]
    assert float(found["long_axis [mm]"]) == document["long_axis_mm"]
    assert found["surface [mm2]"] == ""  # two slices only
    assert nowhere["label"] == "Nowhere" and nowhere["voxels"] == "0"
    assert nowhere["volume [mL]"] == nowhere["mean [HU]"] == ""


def test_how_sure_the_network_is_where_that_was_asked_for(tmp_path: Path) -> None:
    voxels = np.zeros((4, 16, 12), np.int16)
    voxels[1:3, 2:9, 3:10] = 1000
    (series,) = find_series(Stack(voxels).write(tmp_path / "images"))
    labels = [recipes.label(1, "Liver"), recipes.label(2, "Nowhere")]
    network = sums([[0], [0.01], [0]], spatial=2, bias=[1, 0, -1e6])
    output = {"channels": 3, "labels": labels, "activation": "softmax"}
    model = model_of(tmp_path, network, input={"axis_order": "NCYX"}, output=output)
    result = run(series, model, Options(confidence=True))
    found, nowhere = rows(result, tmp_path)
    said = result.document()["confidence"]["Liver"]
    assert said["mean_probability"] > 0.9
    for name, value in said.items():
        assert found[f"{name} [1]"] == ("" if value is None else str(value))
        assert nowhere[f"{name} [1]"] == ""
    without = rows(run(series, model), tmp_path / "without")
    assert not any(name.endswith("[1]") for name in without[0])


def test_images_without_unit_and_size(tmp_path: Path) -> None:
    def result(common: dict[str, Any]) -> dict[str, str]:
        return rows(segmented(tmp_path, Modality="MR", **common), tmp_path)[0]

    found = result({"RescaleSlope": 1, "RescaleIntercept": 0})
    assert float(found["mean"]) == 1000 and found["volume [mL]"]


@pytest.mark.parametrize("hostile", ['=HYPERLINK("http://x","y")', "@SUM(1;2)", "a;=1+1"])
def test_words_of_others_are_no_formulas(tmp_path: Path, hostile: str) -> None:
    found, _ = rows(segmented(tmp_path, hostile), tmp_path)
    assert found["label"] != hostile and found["label"].replace("'", "") == hostile.strip()


def test_a_unit_that_is_a_formula(tmp_path: Path) -> None:
    found, _ = rows(
        segmented(tmp_path, RescaleSlope=1, RescaleIntercept=0, RescaleType="=1+1"), tmp_path
    )
    assert float(found["mean ['=1+1]"]) == 1000


def test_a_row_for_each_value_of_a_whole_image(tmp_path: Path) -> None:
    (series,) = find_series(Stack().write(tmp_path / "images"))
    labels = [recipes.label(1, "bright", channel=0), recipes.label(2, "dark", channel=1)]
    model = model_of(
        tmp_path,
        sums([[1], [0]], spatial=3, ending="pool"),
        task="CLASSIFICATION",
        output={"activation": "softmax", "labels": labels},
    )
    bright, dark = rows(run(series, model), tmp_path)
    assert (bright["label"], bright["chosen"], dark["chosen"]) == ("bright", "1", "0")
    assert float(bright["value"]) + float(dark["value"]) == pytest.approx(1)


def test_the_same_run_gives_the_same_bytes(tmp_path: Path) -> None:
    result = segmented(tmp_path)
    written = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        result.write(tmp_path / name, ["csv"])
        written.append((tmp_path / name / FILE_NAME).read_bytes())
    assert written[0] == written[1]
