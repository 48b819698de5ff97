"""What leaves a site: numbers of the difference, how many cases, and what the round said itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from makers.federated import World, changing, world
from pydicom import dcmread
from pydicom.dataset import Dataset

from IODeepLib.federation.join import join
from IODeepLib.federation.statement import PATIENT_ID, PATIENT_NAME
from IODeepLib.model_object.private_dictionary import Element, block_of
from IODeepLib.sources.folder import FolderSource

# By keyword: what an object of an update may say, and "" for what is new or of the round.
ALLOWED = {
    "SpecificCharacterSet": "ISO_IR 192",
    "TimezoneOffsetFromUTC": "+0000",
    "PatientName": PATIENT_NAME,
    "PatientID": PATIENT_ID,
    "Modality": "DOC",
    "ImageLaterality": "U",
    "StudyID": "ROUND",
}
EMPTY = {"PatientBirthDate", "PatientSex", "StudyDate", "StudyTime", "AccessionNumber"}
EMPTY |= {"ReferringPhysicianName", "Manufacturer", "AcquisitionContextSequence"}
OF_NOW = {"InstanceCreationDate", "InstanceCreationTime", "SeriesDate", "SeriesTime"}
OF_NOW |= {"ContentDate", "ContentTime"}
OF_THE_ROUND = {"SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"}
OF_THE_ROUND |= {"StudyDescription", "SeriesDescription", "SeriesNumber", "InstanceNumber"}
OF_THE_ROUND |= {"ContentLabel", "ContentDescription", "CreatorVersionUID", "SoftwareVersions"}
OF_THE_SITE = {"PrivateDataElementCharacteristicsSequence", "MACParametersSequence"}
OF_THE_SITE |= {"DigitalSignaturesSequence"}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    (tmp_path / "shared").mkdir()
    return world(tmp_path, FolderSource(tmp_path / "shared"), monkeypatch)


def sent(here: World) -> list[Path]:
    """What one site sends."""
    assert isinstance(here.source, FolderSource)
    here.announce()
    before = set(here.source.folder.rglob("*.dcm"))
    join(here.source, here.sites[0], here.folder / "site", changing(1, 10))
    return sorted(set(here.source.folder.rglob("*.dcm")) - before)


def test_no_element_is_there_that_is_not_listed_here(here: World) -> None:
    paths = sent(here)
    assert len(paths) == 2
    for path in paths:
        dataset = dcmread(path)
        for element in dataset:
            if element.tag.is_private:
                continue
            known = element.keyword in (*ALLOWED, *EMPTY, *OF_NOW, *OF_THE_ROUND, *OF_THE_SITE)
            assert known, element
            if element.keyword in ALLOWED:
                assert element.value == ALLOWED[element.keyword]
            if element.keyword in EMPTY:
                assert not element.value, element
        for keyword in ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"):
            assert dataset[keyword].value.startswith("2.25.")


def test_the_private_block_has_nothing_else(here: World) -> None:
    wanted = {
        "ROUND_UPDATE": {Element.STATEMENT},
        "ROUND_DIFFERENCE": {
            Element.WEIGHTS_FORMAT,
            Element.PART_NUMBER,
            Element.PART_COUNT,
            Element.PAYLOAD_LENGTH,
            Element.PAYLOAD_DIGEST,
            Element.PAYLOAD,
        },
    }
    for path in sent(here):
        dataset: Dataset = dcmread(path)
        block = block_of(dataset)
        assert block is not None
        assert {element for element in Element if element in block} == wanted[dataset.ContentLabel]
        private = [element for element in dataset if element.tag.is_private]
        assert len(private) == 1 + len(wanted[dataset.ContentLabel])  # and its creator


def test_the_payload_is_the_difference_and_nothing_beside_it(here: World) -> None:
    [path] = [one for one in sent(here) if dcmread(one).ContentLabel == "ROUND_DIFFERENCE"]
    block = block_of(dcmread(path))
    assert block is not None
    length = block[Element.PAYLOAD_LENGTH].value
    payload = block[Element.PAYLOAD].value
    assert not payload[length:].strip(b"\0")
    size = 8 + int.from_bytes(payload[:8], "little")
    values = np.frombuffer(payload[size:length], "<f4")
    assert b"__metadata__" not in payload[:size]
    assert 0 < np.abs(values).max() < 0.1
