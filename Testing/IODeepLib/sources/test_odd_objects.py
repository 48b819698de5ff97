"""One odd object in a PACS: it is said, nothing is written outside, and the others go on."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pydicom
import pytest
from command import DEMO, Answer, refused
from makers.odd_objects import changed, put, set_uid
from makers.packed_models import files, make_model
from pacs.proxy import Fault, answer, proxy
from pacs.servers import Orthanc
from pydicom.uid import generate_uid

from IODeepLib.disk.cache import Cache
from IODeepLib.model_object.private_dictionary import CREATOR, Element
from IODeepLib.sources import retries
from IODeepLib.sources.archive import Level


@pytest.fixture(params=["DICOMweb", "DIMSE"])
def source(request: pytest.FixtureRequest, orthanc: Orthanc) -> str:
    """Orthanc as a SOURCE."""
    over_dimse = f"dimse://{orthanc.aet}@127.0.0.1:{orthanc.dicom_port}"
    return {"DICOMweb": orthanc.source, "DIMSE": over_dimse}[request.param]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "_sleep", lambda seconds: None)


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that is nobody's business, seen from a deep working folder: it stays empty."""
    folder, work = tmp_path / "outside", tmp_path / "a" / "b" / "c"
    folder.mkdir()
    work.mkdir(parents=True)
    monkeypatch.chdir(work)
    yield folder
    assert not list(folder.iterdir())
    assert {path.name for path in tmp_path.iterdir()} <= EXPECTED


EXPECTED = {"outside", "a", "cache", "packed", "network.onnx", "models", "odd.dcm", "config"}
# UIDs that a real Orthanc keeps; {} is an absolute path.
OUTSIDE = {
    "absolute": "{}/x",
    "upwards": "../../../outside/x",
    "backslashes": "..\\..\\..\\outside\\x",
    "upwards from a UID": "1.2/../../../../outside/x",
    "escaped": "%2e%2e/%2e%2e/%2e%2e/outside/x",
    "a letter": "1.2.x",
    "a query": "1.2?a=b",
}


@pytest.mark.parametrize("uid", OUTSIDE.values(), ids=OUTSIDE)
@pytest.mark.parametrize("keyword", ["SeriesInstanceUID", "StudyInstanceUID"])
def test_images_never_go_where_their_uids_say(
    orthanc: Orthanc,
    source: str,
    outside: Path,
    tmp_path: Path,
    iodeep: Callable[..., Answer],
    caplog: pytest.LogCaptureFixture,
    keyword: str,
    uid: str,
) -> None:
    good = sorted((DEMO / "mr_t1").iterdir())[:3]

    def change(dataset: pydicom.Dataset) -> None:
        dataset.SeriesInstanceUID = generate_uid()
        set_uid(dataset, keyword, uid.format(outside))

    for path in (*good, changed(good[0], tmp_path / "odd.dcm", change)):
        put(orthanc, path)
    header = pydicom.dcmread(good[0])
    pulled = iodeep("pull", header.StudyInstanceUID, source, "--out", "o")
    assert pulled.status == 0, pulled
    assert len(list(Path("o").rglob("*.dcm"))) == len(good)
    (tmp_path / "models").mkdir()
    iodeep("select", source, "--patient", header.PatientID, "--models", tmp_path / "models")
    assert f"an object with the {Level(keyword).words}" in caplog.text
    refused(iodeep("pull", uid.format(outside), source, "--out", "p"), 2, "wanted: a model")
    assert os.listdir() == ["o"]  # noqa: PTH208


def test_a_series_of_which_one_image_cannot_be_asked_for_is_not_whole(
    orthanc: Orthanc, outside: Path, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    good = sorted((DEMO / "mr_t1").iterdir())[:3]
    bad = changed(
        good[0], tmp_path / "odd.dcm", lambda ds: set_uid(ds, "SOPInstanceUID", f"{outside}/x")
    )
    for path in (*good, bad):
        put(orthanc, path)
    uid = pydicom.dcmread(good[0]).SeriesInstanceUID
    refused(
        iodeep("pull", uid, orthanc.source, "--out", "o"),
        5,
        "has the SOP Instance UID",
    )
    assert not os.listdir()  # noqa: PTH208


def image(folder: Path) -> Path:
    """Of somebody who is called IODEEP."""

    def change(dataset: pydicom.Dataset) -> None:
        dataset.PatientID, dataset.SeriesNumber = "IODEEP", 1
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()

    return changed(next((DEMO / "mr_t1").iterdir()), folder / "odd.dcm", change)


def card(change: Callable[[pydicom.Dataset], object]) -> Callable[[Path], Path]:
    """Another model's card, changed."""

    def made(folder: Path) -> Path:
        (folder / "models").mkdir()
        path = files(make_model(folder / "models"))[0]
        return changed(path, folder / "odd.dcm", change)

    return made


def change_recipe(dataset: pydicom.Dataset) -> None:
    dataset.private_block(0x0017, CREATOR)[Element.RECIPE].value = "{}"


# Each with what its line says.
ODD_OBJECTS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "an image": (image, "IODEEP"),
    "a letter in a UID": (card(lambda ds: set_uid(ds, "SOPInstanceUID", "1.2.x")), "'1.2.x'"),
    "a path in a UID": (card(lambda ds: set_uid(ds, "StudyInstanceUID", "../../x")), "'../../x'"),
    "a UID with a NUL": (card(lambda ds: set_uid(ds, "SeriesInstanceUID", "1.2\0/x")), "1.2"),
    "an anonymized card": (card(lambda ds: ds.remove_private_tags()), "as anonymization does"),
    "an altered card": (card(change_recipe), "was altered"),
}


@pytest.mark.parametrize(("made", "words"), ODD_OBJECTS.values(), ids=ODD_OBJECTS)
def test_models_are_listed_beside_one_odd_object(
    orthanc: Orthanc,
    source: str,
    tmp_path: Path,
    iodeep: Callable[..., Answer],
    made: Callable[[Path], Path],
    words: str,
) -> None:
    model = make_model(tmp_path)
    for path in (*files(model), made(tmp_path)):
        put(orthanc, path)
    for _ in range(2):  # the second time as well
        listed = iodeep("list", source, "--json")
        assert listed.status == 0, listed
        document = json.loads(listed.out)
        assert [found["card_sop_instance_uid"] for found in document["models"]] == [
            model.card.sop_instance_uid
        ]
        [problem] = document["problems"]
        [line] = listed.err.strip().splitlines()
        assert problem["error"] in line
        if "dimse" not in source:
            assert words in line
    assert [path.stem for path in Cache().cards()] == [model.card.sop_instance_uid]


def test_a_card_that_is_there_twice(
    orthanc: Orthanc, source: str, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    models = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        models.append(make_model(tmp_path / name))
        for path in files(models[-1]):
            put(orthanc, path)
    forged = pydicom.dcmread(files(models[0])[0])
    forged.StudyInstanceUID, forged.SeriesInstanceUID = "1.2.3", "1.2.3.1"
    forged.save_as(tmp_path / "odd.dcm")
    put(orthanc, tmp_path / "odd.dcm")
    listed = iodeep("list", source, "--json")
    [found] = json.loads(listed.out)["models"]
    assert found["card_sop_instance_uid"] == models[1].card.sop_instance_uid
    [line] = listed.err.strip().splitlines()
    assert f"2 objects with the SOP Instance UID {models[0].card.sop_instance_uid}" in line


def test_nothing_but_odd_objects(
    orthanc: Orthanc, source: str, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    put(orthanc, ODD_OBJECTS["a path in a UID"][0](tmp_path))
    listed = iodeep("list", source)
    assert (listed.status, listed.out) == (0, "no models\n")
    assert "'../../x'" in listed.err
    refused(iodeep("select", DEMO / "mr_t1", "--models", source), 5, "'../../x'")


@pytest.mark.parametrize("fails", ["500 Internal Server Error", "404 Not Found", "200 OK"])
def test_an_object_that_the_server_fails_over(
    orthanc: Orthanc, tmp_path: Path, iodeep: Callable[..., Answer], fails: str
) -> None:
    models = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        models.append(make_model(tmp_path / name))
        for path in files(models[-1]):
            put(orthanc, path)
    bad = models[0].card.sop_instance_uid.encode()

    def fault(number: int) -> Fault:
        return Fault(answer=answer(fails, b"nonsense"), only=bad)

    with proxy(orthanc.http_port, fault) as between:
        address = f"dicomweb+http://127.0.0.1:{between.port}/dicom-web"
        listed = iodeep("list", address, "--json")
        assert listed.status == 0, listed
        [found] = json.loads(listed.out)["models"]
        assert found["card_sop_instance_uid"] == models[1].card.sop_instance_uid
        assert len(listed.err.strip().splitlines()) == 1
