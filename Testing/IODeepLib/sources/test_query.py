"""Whose images are taken: only those of whom they were asked for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pydicom
import pytest
from pacs.servers import Dcmqrscp, Orthanc
from pydicom.uid import generate_uid

import IODeepLib
from IODeepLib.errors import ImageError, ModelError, UsageError
from IODeepLib.sources.archive import Matches
from IODeepLib.sources.dicomweb import DicomwebArchive
from IODeepLib.sources.find import source_of
from IODeepLib.sources.query import Query

DEMO = Path(IODeepLib.__file__).parent / "demo_data" / "mr_t1"
DATE = "20240101"


def series_of(folder: Path, patient: str) -> list[Path]:
    """A few slices of another patient, whose ID has letters that no search is sure to find."""
    folder.mkdir()
    study, series = generate_uid(), generate_uid()
    paths = []
    for path in sorted(DEMO.iterdir())[:4]:
        image = pydicom.dcmread(path)
        image.SpecificCharacterSet = "ISO_IR 100"
        image.PatientID, image.StudyDate = patient, DATE
        image.StudyInstanceUID, image.SeriesInstanceUID = study, series
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        paths.append(folder / path.name)
        image.save_as(paths[-1])
    return paths


@pytest.mark.parametrize("kind", ["orthanc", "dcmqrscp"])
def test_letters_beyond_ascii_over_dimse(
    orthanc: Orthanc, dcmqrscp: Dcmqrscp, tmp_path: Path, kind: str
) -> None:
    over_dimse = f"dimse://{orthanc.aet}@127.0.0.1:{orthanc.dicom_port}"
    source = source_of({"orthanc": over_dimse, "dcmqrscp": dcmqrscp.source}[kind])
    source.store([*series_of(tmp_path / "1", "Mü 1"), *series_of(tmp_path / "2", "Mü 2")])
    [found] = source.images(Query(patient_id="Mü 1"), tmp_path)
    assert found.header.PatientID == "Mü 1"


def test_nobody_elses_images_where_answers_do_not_say_whose_they_are(
    orthanc: Orthanc, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = source_of(orthanc.source)
    source.store([*series_of(tmp_path / "1", "Mü 1"), *series_of(tmp_path / "2", "Mü 2")])
    find = DicomwebArchive.find_series

    def without_patient(archive: DicomwebArchive, keys: dict[str, str]) -> Matches:
        found = find(archive, keys).entities
        assert all(entity.attributes["PatientID"] for entity in found)
        left = [{k: v for k, v in e.attributes.items() if k != "PatientID"} for e in found]
        return Matches([replace(e, attributes=a) for e, a in zip(found, left, strict=True)])

    monkeypatch.setattr(DicomwebArchive, "find_series", without_patient)
    [found] = source.images(Query(patient_id="Mü 2", study_date=DATE), tmp_path)
    assert found.header.PatientID == "Mü 2"
    with pytest.raises(ImageError, match="sent 2 image series for PatientID Mü 3"):
        source.images(Query(patient_id="Mü 3", study_date=DATE), tmp_path)


def test_images_that_do_not_say_whose_they_are_are_nobodys(tmp_path: Path) -> None:
    for path in series_of(tmp_path / "1", "A"):
        image = pydicom.dcmread(path)
        image.PatientID = ""
        image.save_as(path)
    source = source_of(tmp_path)
    with pytest.raises(UsageError, match="no series with PatientID A"):
        source.images(Query(patient_id="A"), tmp_path)
    assert len(source.images(Query(study_date=DATE), tmp_path)) == 1


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("study_date", value) for value in ("", "today", "2024-01-01", "-", "1-20240101")),
        *(("study_uid", value) for value in ("", "1.2.x", "1" * 65, "1.2\\1.3", "*")),
        *(("patient_id", value) for value in ("", " ", "A\\B", "A\nB")),
        *(("accession_number", value) for value in ("", "\t")),
        *(("modality", value) for value in ("", "ct", "CT\\MR")),
    ],
)
def test_values_that_cannot_be_meant(key: str, value: str) -> None:
    with pytest.raises(UsageError):
        Query(**{key: value})


@pytest.mark.parametrize("value", ["20240101", "20240101-", "-20240101", "20230101-20240101"])
def test_dates_and_ranges(value: str) -> None:
    assert Query(study_date=value).allows({"StudyDate": "20240101"})
    assert not Query(study_date=value).allows({"StudyDate": "20220101"}) or value[0] == "-"


def test_nothing_without_uids_is_stored(
    orthanc: Orthanc, shared_data: Path, tmp_path: Path
) -> None:
    path = next((shared_data / "dicom" / "ct_abdomen_totalseg_raw").glob("CT.*"))
    for source in (source_of(orthanc.source), source_of(tmp_path)):
        with pytest.raises(ModelError, match="no Study Instance UID"):
            source.store([path])
    assert orthanc.get("/instances").strip() == b"[]"
