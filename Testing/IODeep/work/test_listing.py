"""Models of a PACS: cards when it is asked, weights when one is run, nothing before that."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import slicer
import slicer_application
from IODeepSlicer import requirements
from IODeepSlicer.scene import nodes
from IODeepSlicer.sources import models, servers
from IODeepSlicer.sources.models import DATABASE, SERVER
from IODeepSlicer.work.runner import State
from makers import networks
from makers.recipes import label, recipe
from pacs.proxy import Fault, proxy
from pacs.servers import Dcmqrscp, Orthanc, free_port

from IODeep import IODeepLogic
from IODeepLib.errors import CancelledError, InputError, IODeepError, UsageError
from IODeepLib.model_object import Model
from IODeepLib.publish import pack
from IODeepLib.sources import push
from IODeepLib.sources.find import source_of
from IODeepLib.sources.outbox import waiting

pytestmark = pytest.mark.usefixtures("scene")


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """One that is large enough for weights of its own."""
    folder = tmp_path_factory.mktemp("network")
    path = networks.save(networks.conv(3, channels=16, layers=1), folder / "network.onnx")
    labels = [label(value, f"label {value}") for value in range(1, 16)]
    needs = recipe(applies_to={"modalities": ["CT"]}, output={"channels": 16, "labels": labels})
    return pack(path, needs, folder / "model")


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
    assert len(list(cache.rglob("*.dcm"))) == 1 and not list(cache.rglob("*.part"))
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
    assert servers.serverNames() == (["old", "pacs"], "")
    assert servers.isServer("pacs") and not servers.isServer(tmp_path)
    assert servers.neededFor("old") and not servers.neededFor("pacs")
    with pytest.raises(InputError, match="nowhere is no folder"):
        servers.isServer("nowhere")
    with pytest.raises(UsageError, match="a password in an address"):
        servers.isServer("dicomweb+https://me:secret@pacs.example.org/")
    settings.write_text("no TOML", encoding="utf-8")
    names, problem = servers.serverNames()
    assert names == [] and "iodeep.toml cannot be read" in problem


def list_of_servers(**protocols: str) -> SimpleNamespace:
    """That of Slicer's DICOM module, as far as it is read; the real one needs Qt."""
    found = [
        SimpleNamespace(
            connectionName=name,
            calledAETitle="ARCHIVE",
            callingAETitle="ME",
            host="10.0.0.5",
            port=104,
            queryRetrieveEnabled=protocol != "",
            storageEnabled=False,
            retrieveProtocolAsString=lambda protocol=protocol: protocol,
        )
        for name, protocol in protocols.items()
    ]
    return SimpleNamespace(
        storageAETitle="SLICER",
        storagePort=11112,
        serversCount=lambda: len(found),
        server=found.__getitem__,
    )


def test_the_servers_of_slicers_dicom_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = list_of_servers(gets="CGET", moves="CMOVE", unticked="", pacs="CGET")
    widget = SimpleNamespace(browserWidget=SimpleNamespace(dicomVisualBrowser=browser))
    representation = SimpleNamespace(self=lambda: widget)
    module = SimpleNamespace(widgetRepresentation=lambda: representation)
    monkeypatch.setattr(slicer.modules, "dicom", module, raising=False)
    settings = tmp_path / "iodeep.toml"
    settings.write_text('[servers.pacs]\nurl = "dimse://OTHER@127.0.0.1:104"\n', "utf-8")
    monkeypatch.setenv("IODEEP_CONFIG", str(settings))
    assert servers.serverNames() == (["pacs", "gets", "moves"], "")
    url = "dimse://ARCHIVE@10.0.0.5:104"
    assert servers.addressOf("gets") == {"url": url, "aet": "ME"}
    assert servers.addressOf("moves") == {"url": url, "aet": "SLICER", "receive_port": 11112}
    assert servers.addressOf("pacs") == "pacs", "iodeep.toml goes first"
    assert servers.isServer("gets") and servers.neededFor("gets")
    assert servers.wordsOf(servers.addressOf("gets")) == url
    assert servers.sourceAt(servers.addressOf("gets")).name == "ARCHIVE@10.0.0.5:104"
    with pytest.raises(InputError, match="unticked is no folder"):
        servers.isServer("unticked")


def test_what_dimse_needs_is_named_at_once(
    monkeypatch: pytest.MonkeyPatch, network: Model, study: Path
) -> None:
    here = {**requirements.installedVersions()}
    del here["pynetdicom"]
    monkeypatch.setattr(requirements, "installedVersions", lambda: here)
    logic, volume = IODeepLogic(), slicer_application.load(study)
    address = "dimse://ARCHIVE@127.0.0.1:104"
    with pytest.raises(requirements.RequirementsError, match="lacks pynetdicom"):
        logic.findModels(address)
    with pytest.raises(requirements.RequirementsError, match="lacks pynetdicom"):
        logic.run(volume, network, source=address)
    logic.cleanup()


def test_what_a_server_has_retired_is_not_offered(
    published: Orthanc, network: Model, study: Path
) -> None:
    """Also where the database has it; but what was listed before is refused when it is fetched."""
    logic, volume = IODeepLogic(), slicer_application.load(study)
    (model,) = logic.findModels(published.source).models
    push.retire(network, source_of(published.source), reason="too old", replacement=None)
    with pytest.raises(
        IODeepError, match=r"was retired since it was listed \(withdrawn: too old\)"
    ):
        logic.run(volume, model, source=published.source)
    slicer_application.insert(network.card.path.parent)
    assert logic.findModels().models
    found = logic.findModels(published.source)
    assert not found.models and not found.problems
    ((retired, notice),) = found.retired
    assert retired.card.sop_instance_uid == network.card.sop_instance_uid
    assert str(notice) == "withdrawn: too old"
    logic.cleanup()


def test_results_are_sent_or_wait(
    orthanc: Orthanc,
    dcmqrscp: Dcmqrscp,
    network: Model,
    study: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    logic, volume = IODeepLogic(), slicer_application.load(study)
    segmentation = logic.run(volume, network)
    with pytest.raises(IODeepError, match="not in the DICOM database"):
        logic.send(segmentation, orthanc.source)
    uids = logic.saveToDICOM(segmentation, [network])
    assert logic.send(segmentation, dcmqrscp.source)
    assert not logic.send(segmentation, dcmqrscp.source), "it was there"

    settings = tmp_path / "iodeep.toml"
    monkeypatch.setenv("IODEEP_CONFIG", str(settings))
    nobody = f"dicomweb+http://127.0.0.1:{free_port()}"
    settings.write_text(f'[servers.pacs]\nurl = "{nobody}"\n', encoding="utf-8")
    with pytest.raises(IODeepError, match=r"cannot be reached.*; the result is kept in"):
        logic.send(segmentation, "pacs")
    (kept,) = waiting()
    assert kept.destination == "pacs" and len(kept.files) == 2
    settings.write_text(f'[servers.pacs]\nurl = "{orthanc.source}"\n', encoding="utf-8")
    assert logic.send(segmentation, "pacs")
    assert not waiting()
    tags = [
        json.loads(orthanc.get(f"/instances/{name}/simplified-tags"))
        for name in json.loads(orthanc.get("/instances"))
    ]
    assert {each["SOPInstanceUID"] for each in tags} == {*uids}
    assert {each["Modality"] for each in tags} == {"SEG", "SR"}
    logic.cleanup()
