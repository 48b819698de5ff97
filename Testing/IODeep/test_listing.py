"""Models of a PACS: cards when it is asked, weights when one is run, nothing before that."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import slicer_application
from IODeepSlicer import models, nodes
from IODeepSlicer.models import DATABASE, SERVER
from IODeepSlicer.runner import State
from makers import networks
from makers.recipes import label, recipe
from pacs.proxy import Fault, proxy
from pacs.servers import Orthanc

from IODeep import IODeepLogic
from IODeepLib.errors import CancelledError, InputError, IODeepError, UsageError
from IODeepLib.model_object import Model
from IODeepLib.publish import publish
from IODeepLib.sources.find import source_of

pytestmark = pytest.mark.usefixtures("scene")


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """One that is large enough for weights of its own."""
    folder = tmp_path_factory.mktemp("network")
    path = networks.save(networks.conv(3, channels=16, layers=1), folder / "network.onnx")
    labels = [label(value, f"label {value}") for value in range(1, 16)]
    needs = recipe(applies_to={"modalities": ["CT"]}, output={"channels": 16, "labels": labels})
    return publish(path, needs, folder / "model")


@pytest.fixture
def published(orthanc: Orthanc, network: Model) -> Orthanc:
    files = [network.card.path, *(part.path for part in network.weights())]
    source_of(orthanc.source).store(files)
    return orthanc


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def test_cards_when_asked_and_weights_when_run(
    published: Orthanc, network: Model, study: Path, cache: Path
) -> None:
    logic = IODeepLogic()
    volume = slicer_application.load(study)
    found = logic.findModels(published.source)
    (model,) = found.models
    assert found.sources == {network.card.sop_instance_uid: SERVER}
    assert found.onServer == {network.card.sop_instance_uid} and model.missing_parts == (1,)
    assert len(list(cache.rglob("*.dcm"))) == 1

    segmentation = logic.run(volume, model, source=published.source)
    assert nodes.imageNodeOf(segmentation) is volume
    assert len(list(cache.rglob("*.dcm"))) == 2
    published.clear()  # from here on, the cache alone
    (model,) = models.findModels(cards=models.cachedCards()).models
    assert not model.missing_parts
    logic.run(volume, model)
    logic.cleanup()


def test_what_the_database_has_is_not_fetched(published: Orthanc, network: Model) -> None:
    slicer_application.insert(network.card.path.parent)
    found = IODeepLogic().findModels(published.source)
    (model,) = found.models
    assert found.sources == {network.card.sop_instance_uid: DATABASE}
    assert not model.missing_parts


def test_fetching_is_cancelled_and_goes_on_later(
    published: Orthanc, network: Model, study: Path, cache: Path
) -> None:
    logic = IODeepLogic()
    volume = slicer_application.load(study)
    (model,) = logic.findModels(published.source).models
    with proxy(published.http_port, lambda _: Fault(answered=300, stall=True)) as stalling:
        one = logic.start(
            volume, model, source=f"dicomweb+http://127.0.0.1:{stalling.port}/dicom-web"
        )
        until = time.monotonic() + 60
        while not stalling.bytes_answered:
            assert one.poll() is State.RUNNING and time.monotonic() < until, one.log
            time.sleep(0.02)
        one.cancel()
    with pytest.raises(CancelledError):
        one.outcome()
    assert len(list(cache.rglob("*.dcm"))) == 1
    logic.run(volume, model, source=published.source)
    logic.cleanup()


def test_a_server_that_fails_is_one_error(orthanc: Orthanc) -> None:
    with pytest.raises(IODeepError, match="404"):
        IODeepLogic().findModels(f"{orthanc.source}/nowhere")


def test_folders_servers_and_neither(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, orthanc: Orthanc
) -> None:
    settings = tmp_path / "iodeep.toml"
    settings.write_text(
        f'[servers.pacs]\nurl = "{orthanc.source}"\n'
        '[servers.old]\nurl = "dimse://OLD@127.0.0.1:104"\n',
        encoding="utf-8",
    )
    monkeypatch.setenv("IODEEP_CONFIG", str(settings))
    assert models.serverNames() == ["old", "pacs"]
    assert models.isServer("pacs") and not models.isServer(tmp_path)
    assert models.neededFor("old") and not models.neededFor("pacs")
    with pytest.raises(InputError, match="nowhere is no folder"):
        models.isServer("nowhere")
    with pytest.raises(UsageError, match="a password in an address"):
        models.isServer("dicomweb+https://me:secret@pacs.example.org/")
    settings.write_text("no TOML", encoding="utf-8")
    assert models.serverNames() == []
