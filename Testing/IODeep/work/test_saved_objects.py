"""What *Save to DICOM* writes of each kind of result: SEG and SR, together or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pydicom
import pytest
import slicer
import slicer_application
from IODeepSlicer.scene import images, nodes, saved, segments
from IODeepSlicer.scene.value_table import createValueTable
from IODeepSlicer.work import saving
from judges import report_by_dcmqi, report_by_dcmtk, standard_errors
from makers import networks
from makers.recipes import label
from makers.summing_networks import model_of, sums

from IODeepLib.errors import IODeepError
from IODeepLib.model_object import Model
from IODeepLib.pipeline import Options, run
from IODeepLib.series import find_series

pytestmark = pytest.mark.usefixtures("scene")

CT = {"modalities": ["CT"]}
OUTPUT = {"channels": 3, "labels": [label(1, "grey"), label(2, "white")]}


def result_on(
    volume: slicer.vtkMRMLScalarVolumeNode, network: Model, **options: Any
) -> slicer.vtkMRMLSegmentationNode:
    found = run(images.imageOf(volume), network, Options(**options))
    document = json.loads(json.dumps(found.document()))  # as it comes from the process
    return nodes.createSegmentationNode(volume, network, found.segmentation, document)


def of_command(study: Path, network: Model, **options: Any) -> list[str]:
    """The SOP Instance UIDs of what a run on the files writes."""
    (series,) = find_series(study)
    found = run(series, network, Options(**options))
    made = [one for one in (found.seg, found.report) if one is not None]
    return [one.sop_instance_uid for one in made]


def file_of(uid: str) -> Path:
    path = Path(slicer.dicomDatabase.fileForInstance(uid))
    assert standard_errors(path) == []
    return path


@pytest.mark.parametrize("options", [{}, {"labels": ("white",)}], ids=["all", "one label"])
def test_of_an_untouched_result_they_are_those_of_the_command(
    study: Path, network: Model, options: dict[str, Any]
) -> None:
    result = result_on(slicer_application.load(study), network, **options)
    assert saving.saveToDatabase(result, [network]) == of_command(study, network, **options)


def test_what_was_not_found_is_in_the_report(study: Path, tmp_path: Path) -> None:
    """A label of which nothing is large enough, and then of all of them."""
    layer = networks.conv(3, channels=3, layers=1)
    for number, labels in enumerate((["grey"], ["grey", "white"])):
        tidy = {"step": "minimum_volume", "millilitres": 1000, "labels": labels}
        folder = tmp_path / f"model-{number}"
        folder.mkdir()
        network = model_of(folder, layer, applies_to=CT, output=OUTPUT, after=[tidy])
        result = result_on(slicer_application.load(study), network)
        uids = saving.saveToDatabase(result, [network])
        assert uids == of_command(study, network)
        assert len(uids) == 3 - len(labels), "without a segment there is no SEG"
        said = report_by_dcmtk(file_of(uids[-1]))
        assert f'"Looked for and not found: {", ".join(labels)}"' in said
        assert saved.savedFiles(result, segments.now(result))


def test_the_report_of_an_edited_result_is_of_what_is_there(study: Path, tmp_path: Path) -> None:
    layer, output = networks.conv(3, channels=3, layers=1), OUTPUT | {"activation": "softmax"}
    network = model_of(tmp_path, layer, applies_to=CT, output=output)
    volume = slicer_application.load(study)
    result = result_on(volume, network, confidence=True)
    seg, former = saving.saveToDatabase(result, [network])
    assert report_by_dcmtk(file_of(former)).count('"Probability"') == 2
    segment_id = result.GetSegmentation().GetSegmentIdBySegmentName("grey")
    mask = slicer.util.arrayFromSegmentBinaryLabelmap(result, segment_id, volume)
    mask[:3, :5] = 1
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, result, segment_id, volume)
    edited, report = saving.saveToDatabase(result, [network])
    assert {edited, report}.isdisjoint({seg, former})
    found = {}
    for group in report_by_dcmqi(file_of(report))["Measurements"]:
        assert group["segmentationSOPInstanceUID"] == edited
        found[group["TrackingIdentifier"]] = group
    voxels = slicer.util.arrayFromVolume(volume)[mask != 0]
    grey = found["grey"]
    assert grey["measurementAlgorithmIdentification"]["AlgorithmName"].endswith(", edited by hand")
    numbers = {
        measured.get("derivationModifier", measured["quantity"])["CodeMeaning"]: measured["value"]
        for measured in grey["measurementItems"]
    }
    size = images.imageOf(volume).grid.voxel_volume / 1000
    assert float(numbers["Volume"]) == pytest.approx(len(voxels) * size, rel=1e-6)
    assert float(numbers["Mean"]) == pytest.approx(voxels.mean(), rel=1e-6)
    assert float(numbers["Maximum"]) == voxels.max()
    assert "Probability" not in {m["quantity"]["CodeMeaning"] for m in grey["measurementItems"]}
    said = report_by_dcmtk(file_of(report))
    assert '"edited by hand: grey"' in said and f"corrects the segmentation {seg}" in said
    dataset = pydicom.dcmread(file_of(report))
    assert dataset.SeriesDescription.endswith("report, edited")
    assert dataset.SeriesNumber == pydicom.dcmread(file_of(former)).SeriesNumber + 1000


@pytest.mark.parametrize("task", ["CLASSIFICATION", "REGRESSION"])
def test_what_is_said_of_a_whole_image_is_a_report(study: Path, tmp_path: Path, task: str) -> None:
    years = {"unit": {"value": "a", "scheme": "UCUM", "meaning": "year"}}
    output = {"channels": 2, "labels": [label(1, "Dark", channel=0), label(2, "Bright", channel=1)]}
    if task == "REGRESSION":
        output = {"channels": 2, "labels": [label(1, "Age", channel=1, **years)]}
    network = model_of(
        tmp_path,
        sums([[0.0], [0.02]], 3, "peak", bias=[0.0, -2.0]),
        applies_to=CT,
        task=task,
        output=output | ({"activation": "softmax"} if task == "CLASSIFICATION" else {}),
    )
    volume = slicer_application.load(study)
    found = run(images.imageOf(volume), network)
    table = createValueTable(volume, network, found.classification, found.document())
    uids = saving.saveToDatabase(table, [network])
    assert uids == of_command(study, network)
    file_of(*uids)
    assert saving.saveToDatabase(table, [network]) == uids
    assert saved.savedFiles(table, []) == [file_of(uid) for uid in uids]
    document = nodes.documentOf(table)
    for hostile in ({"values": {}}, {"values": {"Age": float("nan")}}, {"chosen": 5}):
        table.SetAttribute(nodes.DOCUMENT, json.dumps(document | hostile))
        with pytest.raises(IODeepError, match="does not say all of what made it"):
            saving.startSaving(table, [network])


@pytest.mark.parametrize(
    "hostile",
    [
        {"reasons": [{"criterion": "modality"}]},
        {"reasons": [{"criterion": 1}]},
        {"reasons": "modality"},
        {"confidence": {"grey": {"mean_probability": 2.0}}},
        {"confidence": {"grey": "sure"}},
        {"confidence": [1]},
        {"series_instance_uids": 5},
    ],
)
def test_a_scene_from_anywhere_is_refused(
    study: Path, network: Model, hostile: dict[str, Any]
) -> None:
    result = result_on(slicer_application.load(study), network)
    document = nodes.documentOf(result)
    result.SetAttribute(nodes.DOCUMENT, json.dumps(document | hostile))
    with pytest.raises(IODeepError, match="does not say all of what made it"):
        saving.startSaving(result, [network])


@pytest.mark.parametrize("fails", ["SEG", "SR"])
def test_the_database_has_both_or_neither(
    study: Path, network: Model, fails: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = result_on(slicer_application.load(study), network)
    database = slicer.dicomDatabase
    insert, before = database.insert, set(Path(database.databaseDirectory).iterdir())

    def full(path: str, *how: bool) -> None:
        if pydicom.dcmread(path, stop_before_pixels=True).Modality != fails:
            insert(path, *how)

    monkeypatch.setattr(database, "insert", full)
    with pytest.raises(IODeepError, match="did not take the file"):
        saving.saveToDatabase(result, [network])
    assert set(Path(database.databaseDirectory).iterdir()) == before
    assert saved.savedUIDs(result) == []
    monkeypatch.setattr(database, "insert", insert)
    uids = saving.saveToDatabase(result, [network])
    result.RemoveAttribute("IODeep.SavedState")  # as a second node with the same result has none
    monkeypatch.setattr(database, "insert", lambda *_: None)
    assert saving.saveToDatabase(result, [network]) == uids, "what was there stays"


def test_both_go_into_a_folder(study: Path, network: Model, tmp_path: Path) -> None:
    result = result_on(slicer_application.load(study), network)
    for folder in (tmp_path / "fresh", tmp_path / "of_database"):
        files = saving.saveToFolder(result, [network], folder)
        assert [pydicom.dcmread(file).Modality for file in files] == ["SEG", "SR"]
        assert sorted(folder.iterdir()) == sorted(files)
        saving.saveToDatabase(result, [network])
