"""The sheet in the study and what points at it, judged by dciodvfy, DCMTK and highdicom."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pydicom
import pytest
from judges import PIXELMED, pixelmed_errors, report_by_dcmtk, standard_errors
from makers.recipes import label
from makers.series import Stack
from makers.summing_networks import model_of, sums
from PIL import Image

from IODeepLib.headers import text
from IODeepLib.pipeline import Options, run
from IODeepLib.results.captures.write import FILE_NAMES
from IODeepLib.results.pictures.sheet import contact_sheet
from IODeepLib.results.result import Result
from IODeepLib.series import VolumeImage, find_series

VOXELS = np.zeros((4, 16, 12), np.int16)
VOXELS[1:3, 2:9, 3:10] = 1000
OFFSET = {"axis_order": "NCYX", "intensity": [{"step": "scale_offset", "offset": -500}]}
NAMES: dict[str, Any] = {
    "plain": {"PatientID": "P1", "StudyID": "7"},
    "not ASCII": {"SpecificCharacterSet": "ISO_IR 192", "PatientName": "Müller^Jürgen=山田^太郎"},
    "odd": {"StudyDate": "***", "PatientSex": "FEMALE", "SeriesNumber": "999999999999"},
}


def result_of(folder: Path, voxels: np.ndarray = VOXELS, **common: Any) -> Result:
    (series,) = find_series(Stack(voxels, common=common).write(folder / "images"))
    return run(series, model_of(folder, sums([[0], [1]], spatial=2), input=OFFSET))


def written(result: Result, folder: Path) -> tuple[Path, Path]:
    paths = {path.name: path for path in result.save(folder, also=["sc"])}
    return paths[FILE_NAMES[0]], paths[FILE_NAMES[1]]


@pytest.mark.parametrize("name", NAMES)
def test_the_standard_and_other_readers_take_them(tmp_path: Path, name: str) -> None:
    result = result_of(tmp_path, **NAMES[name])
    capture, selection = written(result, tmp_path / "out")
    assert standard_errors(capture) == [] and standard_errors(selection) == []
    shown = Image.open(BytesIO(contact_sheet(result)))
    picture = tmp_path / "picture.ppm"
    subprocess.run(["dcmj2pnm", "+op", capture, picture], check=True, capture_output=True)
    np.testing.assert_array_equal(np.asarray(Image.open(picture)), np.asarray(shown))
    said = report_by_dcmtk(selection)
    assert "Of Interest" in said and "test-network@1.0.0" in said
    document = highdicom.ko.KeyObjectSelectionDocument.from_dataset(pydicom.dcmread(selection))
    assert result.seg is not None
    first, second = document.content.get_references()
    made = pydicom.dcmread(capture)
    assert first.referenced_sop_instance_uid == made.SOPInstanceUID
    assert second.referenced_sop_instance_uid == result.seg.sop_instance_uid
    study, series, _ = document.resolve_reference(made.SOPInstanceUID)
    assert (study, series) == (result.series.study_instance_uid, made.SeriesInstanceUID)
    for one in (made, pydicom.dcmread(selection)):
        header = result.series.header  # type: ignore[union-attr]
        assert str(one.PatientName) == str(header.PatientName)
        assert one.PatientID == header.PatientID
        assert one.StudyInstanceUID == result.series.study_instance_uid


def test_the_report_is_the_root_of_all_that_is_stored(tmp_path: Path) -> None:
    """It names SEG, map and picture, and says what each is; beside no picture it names none."""
    (series,) = find_series(Stack(VOXELS).write(tmp_path / "images"))
    output = {"channels": 2, "labels": [label(1)], "activation": "softmax"}
    model = model_of(tmp_path, sums([[0], [1]], spatial=2), input=OFFSET, output=output)
    result = run(series, model, Options(confidence=True))
    paths = {path.name: path for path in result.save(tmp_path / "out", also=["sc"])}
    report = paths["report.dcm"]
    assert standard_errors(report) == []
    if PIXELMED.exists():
        assert pixelmed_errors([report]) == {report: []}
    made = {name: pydicom.dcmread(path) for name, path in paths.items() if name.endswith(".dcm")}
    read = highdicom.sr.ComprehensiveSR.from_dataset(made["report.dcm"])
    assert isinstance(read.content, highdicom.sr.MeasurementReport)
    (picture,) = (
        item
        for item in made["report.dcm"].ContentSequence
        if item.ConceptNameCodeSequence[0].CodeValue == "121080"
    )
    sheet = made["sheet.dcm"]
    (named,) = picture.ReferencedSOPSequence
    assert (picture.ValueType, picture.RelationshipType) == ("IMAGE", "CONTAINS")
    assert named.ReferencedSOPInstanceUID == sheet.SOPInstanceUID
    evidence = {
        (study.StudyInstanceUID, series.SeriesInstanceUID, one.ReferencedSOPInstanceUID)
        for study in read.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for one in series.ReferencedSOPSequence
    }
    for name in ("segmentation.dcm", "confidence.dcm", "sheet.dcm"):
        one = made[name]
        uids = one.StudyInstanceUID, one.SeriesInstanceUID, one.SOPInstanceUID
        assert uids in evidence
    assert "Best illustration of finding" in report_by_dcmtk(report)
    document = json.loads(paths["result.json"].read_text())
    assert document["sop_instance_uid_report"] == made["report.dcm"].SOPInstanceUID
    (plain,) = (path for path in result.save(tmp_path / "plain") if path.name == "report.dcm")
    assert sheet.SOPInstanceUID.encode() not in plain.read_bytes()


@pytest.mark.parametrize(
    ("said", "modality", "burned_in"),
    [("", "MR", "NO"), ("YES", "MR", "YES"), ("NO", "US", "NO"), ("", "US", "")],
)
def test_words_in_the_images_stay_words_in_the_picture(
    tmp_path: Path, said: str, modality: str, burned_in: str
) -> None:
    common = {"Modality": modality} | ({"BurnedInAnnotation": said} if said else {})
    (series,) = find_series(Stack(VOXELS, common=common).write(tmp_path / "images"))
    network, applies = sums([[0], [1]], spatial=2), {"modalities": [modality]}
    result = run(series, model_of(tmp_path, network, input=OFFSET, applies_to=applies))
    capture, _ = written(result, tmp_path / "out")
    assert text(pydicom.dcmread(capture), "BurnedInAnnotation") == burned_in


def test_the_same_run_gives_the_same_objects(tmp_path: Path) -> None:
    result = result_of(tmp_path)
    once = [path.read_bytes() for path in written(result, tmp_path / "a")]
    later = replace(result, started=None, ended=None)
    assert [path.read_bytes() for path in written(later, tmp_path / "b")] == once


def test_nothing_found_and_classifications_have_a_picture_only(tmp_path: Path) -> None:
    empty = result_of(tmp_path / "empty", np.zeros_like(VOXELS))
    labels = [label(1, "a", channel=0), label(2, "b", channel=1)]
    output = {"activation": "softmax", "labels": labels}
    network = sums([[1], [0]], spatial=3, ending="pool")
    model = model_of(tmp_path, network, task="CLASSIFICATION", output=output)
    said = run(empty.series, model)
    for i, result in enumerate((empty, said)):
        capture, selection = written(result, tmp_path / f"out{i}")
        assert standard_errors(capture) == [] and standard_errors(selection) == []
        read = highdicom.ko.KeyObjectSelectionDocument.from_dataset(pydicom.dcmread(selection))
        assert len(read.content.get_references()) == 1


def test_an_image_in_memory_has_none(tmp_path: Path) -> None:
    result = result_of(tmp_path)
    seen = VolumeImage(result.volume, result.series.header, "one")
    refused = replace(result, channels=(seen,)).also_refused(["sc", "sheet", "html"])
    assert list(refused) == ["sc"] and "in memory only" in refused["sc"]
