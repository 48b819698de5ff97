"""`iodeep run` on series that are corrected: what is said, written and stored in a PACS."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from command import Answer
from judges import measured_by_dcmqi, standard_errors
from makers.placed_blobs import LAYOUTS, network, write
from pacs.servers import Orthanc

CORRECTED = [
    "tilted by 18.5 degrees",
    "one missing",
    "two missing",
    "one missing, tilted",
    "two distances",
]


@pytest.fixture
def models(tmp_path: Path) -> Path:
    network(tmp_path / "network")
    return tmp_path / "network" / "model"


@pytest.mark.parametrize("name", CORRECTED)
def test_one_segmentation_or_two(
    name: str, models: Path, tmp_path: Path, iodeep: Callable[..., Answer], orthanc: Orthanc
) -> None:
    images = write(LAYOUTS[name], tmp_path / "images")
    pacs = orthanc.source
    call = ["run", images, "--models", models, "--store", pacs, "--json", "--out"]
    first = json.loads(iodeep(*call, tmp_path / "first").out)
    assert [Path(file).name for file in first["stored"]] == ["segmentation.dcm", "report.dcm"]
    assert first["sop_instance_uid_on_slices"] is None
    assert any(note.endswith("on which the result lies") for note in first["notes"])

    second = json.loads(iodeep(*call, tmp_path / "second", "--seg-on-slices").out)
    files = [
        tmp_path / "second" / name for name in ("segmentation.dcm", "segmentation_on_slices.dcm")
    ]
    report = tmp_path / "second" / "report.dcm"
    assert second["already_there"] == [str(files[0]), str(report)]  # they are the same objects
    assert second["stored"] == [str(files[1])]
    there = [
        pydicom.dcmread(io.BytesIO(orthanc.get(f"/instances/{one}/file")))
        for one in json.loads(orthanc.get("/instances"))
    ]
    assert {ds.SOPInstanceUID for ds in there} == {
        second["sop_instance_uid"],
        second["sop_instance_uid_on_slices"],
        second["sop_instance_uid_report"],
    }
    assert len({ds.SeriesInstanceUID for ds in there}) == 3
    assert len({ds.StudyInstanceUID for ds in there}) == 1
    assert len({ds.SeriesDescription for ds in there}) == 3

    assert [standard_errors(file) for file in files] == [[], []]
    measured = measured_by_dcmqi(files[0], tmp_path / "dcmqi")
    volumes = dict(enumerate(second["volumes_ml"].values(), 1))
    assert {k: m.millilitres for k, m in measured.items()} == pytest.approx(volumes, rel=1e-3)


@pytest.mark.parametrize("name", ["oblique", "coronal", "one decimal", "multi-frame", "axial"])
def test_a_series_that_needs_no_correction_has_one(
    name: str, models: Path, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    images = write(LAYOUTS[name], tmp_path / "images")
    call = ["run", images, "--models", models, "--out"]
    answer = iodeep(*call, tmp_path / "out", "--seg-on-slices")
    assert answer.status == 0
    assert "no second DICOM SEG is written: the first one lies on the slices" in answer.out
    assert not (tmp_path / "out" / "segmentation_on_slices.dcm").exists()
    assert "second" not in iodeep(*call, tmp_path / "another").out
