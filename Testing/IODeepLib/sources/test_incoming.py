"""What arrives is of the study, the series and the patient that were asked for, or refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
from command import Answer, refused
from pacs.scp import FIND, GET, scp
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid
from pynetdicom import evt
from pynetdicom.sop_class import MRImageStorage

import IODeepLib
from IODeepLib.errors import SourceError
from IODeepLib.sources.archive import Entity
from IODeepLib.sources.incoming import check

IMAGE = sorted((Path(IODeepLib.__file__).parent / "demo_data" / "mr_t1").iterdir())[0]


def image(**changes: Any) -> pydicom.Dataset:
    dataset = pydicom.dcmread(IMAGE)
    for keyword, value in {"PatientID": "P-1", **changes}.items():
        setattr(dataset, keyword, value)
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return dataset


def entity(**attributes: str) -> Entity:
    asked = image()
    uids = asked.StudyInstanceUID, asked.SeriesInstanceUID, asked.SOPInstanceUID
    return Entity(*uids, {"PatientID": "P-1", **attributes})


OTHERS: dict[str, dict[str, Any]] = {
    "another study": {"StudyInstanceUID": "1.2.3"},
    "a study whose UID begins alike": {"StudyInstanceUID": image().StudyInstanceUID + "1"},
    "no study": {"StudyInstanceUID": ""},
    "another series": {"SeriesInstanceUID": "1.2.3"},
    "another instance": {"SOPInstanceUID": "1.2.3"},
    "another patient": {"PatientID": "P-2"},
    "a patient whose ID begins alike": {"PatientID": "P-11"},
    "a patient whose ID is written otherwise": {"PatientID": "p-1"},
    "no patient": {"PatientID": ""},
    "two patients": {"PatientID": "P-1\\P-2"},
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_of_another_is_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "image.dcm"
    image(**OTHERS[name]).save_as(path)
    with pytest.raises(SourceError, match="sent the instance"):
        check(path, entity(), "pacs")


# Of a series any instance is asked for.
@pytest.mark.parametrize("name", [name for name in OTHERS if name != "another instance"])
def test_the_verb_refuses_it_too(name: str, iodeep: Callable[..., Answer], tmp_path: Path) -> None:
    def find(event: Any) -> Iterator[Any]:
        asked, answer = image(), Dataset()
        for keyword in (
            *("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "PatientID", "Modality"),
        ):
            setattr(answer, keyword, asked[keyword].value)
        answer.NumberOfSeriesRelatedInstances = 1
        yield 0xFF00, answer

    def get(event: Any) -> Iterator[Any]:
        yield 1
        yield 0xFF00, image(**OTHERS[name])

    with scp([FIND, GET, MRImageStorage], {evt.EVT_C_FIND: find, evt.EVT_C_GET: get}) as server:
        words = ["--patient", "P-1", "--models", str(tmp_path), "--out", str(tmp_path / "out")]
        refused(iodeep("run", server.source, *words), 5, "sent ")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("said", "has"),
    [
        ("P-1", "P-1"),
        ("P-1 ", " P-1"),
        ("", "P-2"),
        ("M\ufffd 1", "Mü 1"),  # where the answer does not say its character set
        ("MÃ¼ 1", "Mü 1"),
        ("??? 7", "??? 7"),
    ],
)
def test_what_may_be_the_same_patient_is_taken(tmp_path: Path, said: str, has: str) -> None:
    path = tmp_path / "image.dcm"
    image(SpecificCharacterSet="ISO_IR 192", PatientID=has).save_as(path)
    assert check(path, entity(PatientID=said), "pacs").sop_uid == image().SOPInstanceUID


@pytest.mark.parametrize(("said", "has"), [("Mü 1", "Mü 2"), ("M\ufffd 1", "Ma 1"), ("Mü", "P-1")])
def test_what_cannot_be_the_same_patient_is_not(tmp_path: Path, said: str, has: str) -> None:
    path = tmp_path / "image.dcm"
    image(SpecificCharacterSet="ISO_IR 192", PatientID=has).save_as(path)
    with pytest.raises(SourceError, match="PatientID"):
        check(path, entity(PatientID=said), "pacs")


def test_an_instance_of_a_series_need_not_be_the_first(tmp_path: Path) -> None:
    path, uid = tmp_path / "image.dcm", generate_uid()
    image(SOPInstanceUID=uid).save_as(path)
    series = entity()
    found = check(path, Entity(series.study_uid, series.series_uid, "", series.attributes), "pacs")
    assert found.sop_uid == uid
