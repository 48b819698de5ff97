"""The whole story through the command, with everything in a real PACS."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from command import DEMO, Answer, refused
from makers.packed_models import altered, files, make_network
from makers.recipes import liver_recipe
from pacs.servers import Orthanc, free_port

from IODeepLib.model_object import write_model
from IODeepLib.sources.find import source_of
from IODeepLib.sources.folder import find_model
from IODeepLib.sources.outbox import keep, waiting

NOWHERE = "dicomweb+http://127.0.0.1:{}/dicom-web"


def instances(orthanc: Orthanc) -> list[str]:
    return json.loads(orthanc.get("/instances"))


@pytest.fixture
def labels(iodeep: Callable[..., Answer]) -> Callable[..., list[str]]:
    """The labels that `iodeep list` shows."""

    def listed(*arguments: object) -> list[str]:
        answer = iodeep("list", *arguments, "--json")
        assert answer.status == 0, answer
        models = json.loads(answer.out)["models"]
        return [f"{model['name']}@{model['version']}" for model in models]

    return listed


def test_from_publishing_to_a_result_in_the_pacs(
    orthanc: Orthanc,
    packed: Path,
    tmp_path: Path,
    iodeep: Callable[..., Answer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pacs = orthanc.source
    assert iodeep("push", packed, pacs).status == 0
    assert iodeep("push", DEMO / "mr_t1", pacs).status == 0
    image = pydicom.dcmread(next((DEMO / "mr_t1").iterdir()))
    before = len(instances(orthanc))
    monkeypatch.setenv("IODEEP_CACHE", str(tmp_path / "another cache"))
    series = [pacs, "--series", image.SeriesInstanceUID]
    (ranked,) = json.loads(iodeep("select", *series, "--models", pacs, "--json").out)
    assert ranked["candidates"][0]["fits"] is True

    call = ["run", *series, "--models", pacs, "--store", pacs, "--json"]
    answer = iodeep(*call, "--out", tmp_path / "first")
    assert answer.status == 0, answer
    document = json.loads(answer.out)
    objects = ("segmentation.dcm", "report.dcm")
    assert document["stored"] == [str(tmp_path / "first" / name) for name in objects]
    assert len(instances(orthanc)) == before + 2

    # The judge of what is there is Orthanc itself; of what it says, highdicom.
    stored = _stored_segmentation(orthanc)
    assert (stored.StudyInstanceUID, stored.PatientID) == (image.StudyInstanceUID, image.PatientID)
    local = highdicom.seg.segread(tmp_path / "first" / "segmentation.dcm")
    assert np.array_equal(stored.pixel_array, local.pixel_array)

    again = iodeep(*call, "--out", tmp_path / "second")
    assert again.status == 0
    document = json.loads(again.out)
    assert document["stored"] == []
    assert document["already_there"] == [str(tmp_path / "second" / name) for name in objects]
    assert len(instances(orthanc)) == before + 2


def _stored_segmentation(orthanc: Orthanc) -> pydicom.Dataset:
    for name in instances(orthanc):
        dataset = pydicom.dcmread(io.BytesIO(orthanc.get(f"/instances/{name}/file")))
        if dataset.Modality == "SEG":
            return highdicom.seg.Segmentation.from_dataset(dataset)
    raise AssertionError("no segmentation is there")


KILLED = """
import os, signal, sys
from IODeepLib import pipeline
from IODeepLib.cli.main import main
pipeline.run = lambda *_, **__: os.kill(os.getpid(), signal.SIGKILL)
main(sys.argv[1:])
"""


def test_no_images_are_left_of_a_run_that_was_killed(
    orthanc: Orthanc,
    packed: Path,
    tmp_path: Path,
    iodeep: Callable[..., Answer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert iodeep("push", DEMO / "mr_t1", orthanc.source).status == 0
    study = pydicom.dcmread(next((DEMO / "mr_t1").iterdir())).StudyInstanceUID
    place = tmp_path / "temporary"
    place.mkdir()
    call = [orthanc.source, "--study", study, "--models", packed]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, "run", *call, "--out", tmp_path / "out"],
        env=os.environ | {"TMPDIR": str(place)},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert len(list(place.rglob("*.dcm"))) == len(list((DEMO / "mr_t1").iterdir()))
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    assert iodeep("select", *call).status == 0
    assert list(place.iterdir()) == []


def test_a_result_that_cannot_be_stored_waits(
    orthanc: Orthanc, packed: Path, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    settings = tmp_path / "config" / "iodeep" / "iodeep.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text(f'[servers.pacs]\nurl = "{NOWHERE.format(free_port())}"\n')
    call = ["run", DEMO / "mr_t1", "--models", packed, "--store", "pacs", "--out", tmp_path / "r"]
    answer = iodeep(*call)
    refused(answer._replace(out=""), 5, "cannot be reached", str(tmp_path / "outbox"), "push")
    assert (tmp_path / "r" / "segmentation.dcm").exists()
    for name in ("segmentation.dcm", "report.dcm", "overlay.png", "result.json"):
        assert f"wrote {tmp_path / 'r' / name}\n" in answer.out
    assert "stored" not in answer.out
    refused(iodeep("push"), 5, "cannot be reached")
    settings.write_text(f'[servers.pacs]\nurl = "{orthanc.source}"\n')
    assert "pacs: 2 instances stored" in iodeep("push").out
    stored = _stored_segmentation(orthanc)
    kept = pydicom.dcmread(tmp_path / "r" / "segmentation.dcm")
    assert stored.SOPInstanceUID == kept.SOPInstanceUID
    assert "nothing waits" in iodeep("push").out


def test_what_waits_for_several_destinations(
    orthanc: Orthanc, packed: Path, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    """One that fails does not keep the others waiting, nor is what was sent kept back."""
    nowhere = NOWHERE.format(free_port())
    image, *more = sorted((DEMO / "mr_t1").iterdir())
    there = keep([image], orthanc.source)
    lost, gone = keep(more[:1], nowhere), keep(more[1:2], "a-server-that-is-not-named-any-more")
    answer = iodeep("push")
    assert answer.status == 5
    assert answer.out == f"{orthanc.source}: 1 instance stored\n"
    said = answer.err.splitlines()
    assert len(said) == 2
    for kept, reason in ((lost, "cannot be reached"), (gone, "no server")):
        assert any(str(kept.folder) in line and reason in line for line in said)
        assert kept.files
    assert not there.folder.exists()
    assert len(instances(orthanc)) == 1

    keep(more[2:4], orthanc.source)
    again = iodeep("push", "--json")
    assert again.status == 5
    document = json.loads(again.out)
    assert document["sent"] == [{"destination": orthanc.source, "stored": 2}]
    assert [item["destination"] for item in document["failed"]] == [
        kept.destination for kept in waiting()
    ]


def test_versions_are_published_once(
    orthanc: Orthanc, tmp_path: Path, iodeep: Callable[..., Answer], labels: Callable[..., list]
) -> None:
    network = make_network(tmp_path)
    write_model(network, liver_recipe(), tmp_path / "first")
    write_model(network, liver_recipe(), tmp_path / "same")
    write_model(network, liver_recipe(title="Other"), tmp_path / "other")
    first = json.loads(iodeep("push", tmp_path / "first", orthanc.source, "--json").out)
    assert (len(first["stored"]), len(first["already_there"])) == (2, 0)
    assert first["stored"][-1].endswith("card.dcm")
    for again in ("first", "same"):
        answer = json.loads(iodeep("push", tmp_path / again, orthanc.source, "--json").out)
        assert (len(answer["stored"]), len(answer["already_there"])) == (0, 2)
    answer = iodeep("push", tmp_path / "other", orthanc.source)
    refused(answer, 4, "liver@1.2.0", "another content", "new version")
    assert len(instances(orthanc)) == 2
    assert labels(orthanc.source) == ["liver@1.2.0"]


def test_half_a_model_is_not_published(
    orthanc: Orthanc, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    model = write_model(
        make_network(tmp_path), liver_recipe(), tmp_path / "m", max_part_bytes=20_000
    )
    files(model)[2].unlink()
    refused(iodeep("push", tmp_path / "m", orthanc.source), 4, "part 2 of 3", "missing")
    assert instances(orthanc) == []


def test_retired_models_are_hidden(
    orthanc: Orthanc, tmp_path: Path, iodeep: Callable[..., Answer], labels: Callable[..., list]
) -> None:
    network = make_network(tmp_path)
    for version in ("1.0.0", "2.0.0"):
        write_model(network, liver_recipe(version=version), tmp_path / "models" / version)
    pacs = orthanc.source
    assert iodeep("push", tmp_path / "models", pacs).status == 0
    call = ["retire", "liver@1.0.0", pacs]
    refused(iodeep(*call, "--replaced-by", "liver@3.0.0"), 2, "'liver@3.0.0'", "liver@2.0.0")
    answer = iodeep(*call, "--replaced-by", "liver@2.0.0", "--reason", "missed small ones")
    assert "liver@1.0.0 is retired" in answer.out
    assert labels(pacs) == ["liver@2.0.0"]
    assert labels(pacs, "--all") == ["liver@2.0.0", "liver@1.0.0"]
    assert "replaced by liver@2.0.0: missed small ones" in iodeep("list", pacs, "--all").out
    assert "retired already" in iodeep(*call).out
    # Published again, it stays retired.
    assert iodeep("push", tmp_path / "models", pacs).status == 0
    assert labels(pacs) == ["liver@2.0.0"]
    assert len(instances(orthanc)) == 5


@pytest.mark.parametrize("name", ["liver", "liver@1.2.0", "study", "card"])
def test_a_model_is_pulled(
    orthanc: Orthanc, tmp_path: Path, iodeep: Callable[..., Answer], name: str
) -> None:
    model = write_model(
        make_network(tmp_path), liver_recipe(), tmp_path / "m", max_part_bytes=20_000
    )
    assert iodeep("push", tmp_path / "m", orthanc.source).status == 0
    card = model.card
    uid = {"study": card.study_instance_uid, "card": card.sop_instance_uid}.get(name, name)
    out = tmp_path / "pulled"
    assert iodeep("pull", uid, orthanc.source, "--out", out).status == 0
    pulled = find_model(out)
    assert pulled.card.manifest == card.manifest
    assert iodeep("show", out).status == 0


def test_images_are_pulled(orthanc: Orthanc, tmp_path: Path, iodeep: Callable[..., Answer]) -> None:
    image = pydicom.dcmread(next((DEMO / "mr_t1").iterdir()))
    assert iodeep("push", DEMO / "mr_t1", orthanc.source).status == 0
    for uid in (image.StudyInstanceUID, image.SeriesInstanceUID):
        for source in (orthanc.source, DEMO / "mr_t1"):
            out = tmp_path / f"{uid} {str(source)[:4]}"
            assert iodeep("pull", uid, source, "--out", out).status == 0
            assert len(list(out.rglob("*.dcm"))) == len(list((DEMO / "mr_t1").iterdir()))
    refused(iodeep("pull", "1.2.3", orthanc.source, "--out", tmp_path / "no"), 2, "no '1.2.3'")
    assert not (tmp_path / "no").exists()


def test_cards_are_not_in_the_way_of_images(
    orthanc: Orthanc, packed: Path, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    image = tmp_path / "image.dcm"
    shutil.copy(next((DEMO / "mr_t1").iterdir()), image)
    altered(image, lambda dataset: setattr(dataset, "StudyInstanceUID", "1.2.3"))
    source_of(orthanc.source).store([image, packed / "card.dcm"])
    assert iodeep("pull", "1.2.3", orthanc.source, "--out", tmp_path / "out").status == 0
    assert len(list((tmp_path / "out").rglob("*.dcm"))) == 1
    assert not (tmp_path / "cache").exists()


def test_the_cache_is_shown_and_cleared(
    orthanc: Orthanc, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    write_model(make_network(tmp_path), liver_recipe(), tmp_path / "m")
    source_of(orthanc.source).store(sorted((tmp_path / "m").iterdir()))
    # In a process of its own: cards stay as long as the one that listed them.
    listing = [sys.executable, "-m", "IODeepLib.cli", "list", orthanc.source]
    assert subprocess.run(listing, capture_output=True, check=True).stdout
    shown = json.loads(iodeep("cache", "--json").out)
    assert shown["folder"] == str(tmp_path / "cache")
    assert (shown["cards"], shown["models"]) == (1, 0)
    assert shown["card_bytes"] == (tmp_path / "m" / "card.dcm").stat().st_size
    assert json.loads(iodeep("cache", "--clear", "--json").out)["cards"] == 0
    assert not list((tmp_path / "cache").rglob("cards/*"))


def test_servers_that_are_not_there(
    packed: Path, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    pacs = NOWHERE.format(free_port())
    for call in (
        ["list", pacs],
        ["select", DEMO / "mr_t1", "--models", pacs],
        ["push", packed, pacs],
        ["pull", "1.2", pacs, "--out", tmp_path / "o"],
        ["run", pacs, "--study", "1.2", "--models", packed, "--out", tmp_path / "o"],
    ):
        refused(iodeep(*call), 5, "cannot be reached", pacs.removeprefix("dicomweb+"))
    assert not (tmp_path / "o").exists()
    nobody = "dimse://X@no-such-host.invalid:104"
    refused(iodeep("list", nobody), 5, "no-such-host.invalid:104 cannot be reached")
    refused(iodeep("list", "ftp://somewhere"), 2, "ftp://somewhere", "dimse://")
    for place in ("127.0.0.1:99999/d", "[::1/d", "host:port/d", "/d"):
        refused(iodeep("list", f"dicomweb+http://{place}"), 2, place)
    refused(iodeep("list", "nowhere"), 4, "nowhere is no folder", "iodeep.toml")


@pytest.fixture(params=["orthanc", "dcmqrscp"])
def pacs(request: pytest.FixtureRequest) -> str:
    """Two servers, over DICOMweb and DIMSE."""
    return request.getfixturevalue(request.param).source


def test_odd_calls(
    pacs: str,
    packed: Path,
    tmp_path: Path,
    iodeep: Callable[..., Answer],
    recwarn: pytest.WarningsRecorder,
) -> None:
    assert iodeep("push", packed, pacs).status == 0
    model = "brain-tissue-t1-demo@1.1.0"
    out, full, empty, card = (tmp_path / name for name in ("out", "full", "empty", "card.dcm"))
    for folder in (full, empty):
        folder.mkdir()
    (full / "mine").write_text("")
    shutil.copy(packed / "card.dcm", card)
    run = ["run", pacs, "--models", pacs, "--out", out]
    for status, words, call in (
        (4, "no image series with StudyInstanceUID 1.2.3", [*run, "--study", "1.2.3"]),
        (2, "add --study", run),
        (4, "stored is no folder", [*run, "--study", "1.2", "--store", tmp_path / "stored"]),
        (2, "a folder or a PACS to store in", [*run, "--study", "1.2", "--store", card]),
        (2, "a SOURCE without a word", [*run, "--study", "1.2", "--store", ""]),
        (4, "already holds mine", ["pull", model, pacs, "--out", full]),
        (2, "no '*' in", ["pull", "*", pacs, "--out", out]),
        (2, "no 'no name' in", ["pull", "no name", pacs, "--out", out]),
        (2, "no '' in", ["pull", "", pacs, "--out", out]),
        (4, "holds no DICOM file", ["push", empty, pacs]),
        (4, "holds no DICOM file", ["push", full, pacs]),
        (4, "is no folder", ["push", card, pacs]),
        (2, "a folder or a PACS to store in", ["push", packed, card]),
        (2, "DIR and SOURCE", ["push", packed]),
        (2, "no model 'liver@1.0.0'", ["retire", "liver@1.0.0", pacs]),
        (2, "at most 1024", ["retire", model, pacs, "--reason", "x" * 1025]),
        (2, "a SOURCE without a word", ["list", " "]),
    ):
        refused(iodeep(*call), status, words)
    assert not out.exists()
    assert [path.name for path in full.iterdir()] == ["mine"]
    assert "0.3 MB" in iodeep("list", pacs).out  # in the PACS, though not here
    assert iodeep("retire", model, pacs, "--reason", "two\nlines").status == 0
    assert "withdrawn: two lines)" in iodeep("list", pacs, "--all").out
    assert not recwarn.list
