"""DIMSE through TLS, with AE titles that both sides check, and with servers that turn objects
into implicit VR."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pydicom
import pytest
import trustme
from command import Answer, refused
from makers.packed_models import files, make_model
from pacs import servers
from pacs.scp import FIND, scp
from pacs.servers import Orthanc, free_port
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import evt

from IODeepLib.disk.cache import Cache
from IODeepLib.errors import SourceError
from IODeepLib.model_object import verify
from IODeepLib.sources.archive import Entity
from IODeepLib.sources.dimse import DimseArchive
from IODeepLib.sources.find import source_of
from IODeepLib.sources.pacs import PacsSource
from IODeepLib.sources.settings import Server


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def moved_to() -> int:
    return free_port()


@pytest.fixture(scope="module")
def guarded(
    authority: trustme.CA, moved_to: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Orthanc]:
    """An Orthanc that wants TLS and a client certificate, both ways."""
    folder = tmp_path_factory.mktemp("certificates")
    certificate = authority.issue_cert("127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(str(folder / "certificate.pem"))
    certificate.private_key_pem.write_to_path(str(folder / "key.pem"))
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    known = {"AET": "IODEEP", "Host": "127.0.0.1", "Port": moved_to, "UseDicomTls": True}
    with servers.orthanc(
        tmp_path_factory.mktemp("guarded"),
        DicomModalities={"IODEEP": known},
        DicomTlsEnabled=True,
        DicomTlsCertificate=f"{folder}/certificate.pem",
        DicomTlsPrivateKey=f"{folder}/key.pem",
        DicomTlsTrustedCertificates=f"{folder}/ca.pem",
        DicomCheckCalledAet=True,
    ) as server:
        yield server


@pytest.fixture
def settings(tmp_path: Path, authority: trustme.CA, guarded: Orthanc) -> Callable[..., None]:
    """Writes iodeep.toml with the server `pacs`; a key that is None is left out."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "another.pem"))
    mine = authority.issue_cert("127.0.0.1")
    mine.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "me.pem"))

    def write(**changes: Any) -> None:
        keys = {
            "url": f'"dimse://{guarded.aet}@127.0.0.1:{guarded.dicom_port}"',
            "tls": "true",
            "timeout": "5",
            "ca": f'"{tmp_path}/ca.pem"',
            "certificate": f'"{tmp_path}/me.pem"',
        } | changes
        path = tmp_path / "config" / "iodeep" / "iodeep.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [f"{key} = {value}" for key, value in keys.items() if value is not None]
        path.write_text("\n".join(["[servers.pacs]", *lines]))

    return write


@pytest.mark.parametrize("way", ["C-GET", "C-MOVE"])
def test_through_tls(
    settings: Callable[..., None], guarded: Orthanc, moved_to: int, tmp_path: Path, way: str
) -> None:
    guarded.clear()
    settings(receive_port=moved_to if way == "C-MOVE" else None)
    source = source_of("pacs")
    model = make_model(tmp_path, parts=3)
    assert len(source.store(files(model))) == 4
    [found] = source.models().models
    verify(source.fetch(found))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ca": None}, "do not trust each other"),
        ({"ca": '"{folder}/another.pem"'}, "certificate verify failed"),
        ({"certificate": None}, "do not trust each other"),
        ({"tls": "false"}, "broke"),
        ({"url": '"dimse://OTHER@127.0.0.1:{port}"'}, "rejects us as IODEEP"),
    ],
)
def test_without_one_of_them(
    settings: Callable[..., None],
    guarded: Orthanc,
    tmp_path: Path,
    iodeep: Callable[..., Answer],
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, str | None],
    words: str,
) -> None:
    monkeypatch.setattr("IODeepLib.sources.retries._sleep", lambda seconds: None)
    settings(
        **{
            key: value and value.format(folder=tmp_path, port=guarded.dicom_port)
            for key, value in changes.items()
        }
    )
    refused(iodeep("list", "pacs"), 5, words)


def test_a_server_that_speaks_no_tls(
    orthanc: Orthanc,
    settings: Callable[..., None],
    iodeep: Callable[..., Answer],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("IODeepLib.sources.retries._sleep", lambda seconds: None)
    settings(url=f'"dimse://ORTHANC@127.0.0.1:{orthanc.dicom_port}"')
    refused(iodeep("list", "pacs"), 5, "127.0.0.1")


@pytest.mark.parametrize("name", ["orthanc", "dcmqrscp"])
def test_a_port_that_the_server_does_not_send_to(
    request: pytest.FixtureRequest, name: str, tmp_path: Path
) -> None:
    server = request.getfixturevalue(name)
    port = free_port()
    aet, its = server.aet, server.dicom_port if name == "orthanc" else server.port
    archive = DimseArchive(Server(f"dimse://{aet}@127.0.0.1:{its}", receive_port=port))
    card = make_model(tmp_path).card
    archive.store([card.path], lambda path: None)
    entity = Entity(card.study_instance_uid, card.series_instance_uid, card.sop_instance_uid)
    with pytest.raises(SourceError, match=f"sends IODEEP to this machine's port {port}"):
        archive.retrieve(entity, lambda arriving: None)


def test_our_ae_title(iodeep: Callable[..., Answer], tmp_path: Path) -> None:
    path = tmp_path / "config" / "iodeep" / "iodeep.toml"
    path.parent.mkdir(parents=True)
    nothing = {evt.EVT_C_FIND: lambda event: iter(())}
    with scp([FIND], nothing, require_calling_aet=["READER"], require_called_aet=True) as server:
        refused(iodeep("list", server.source), 5, "rejects us as IODEEP")
        path.write_text(f'[servers.pacs]\nurl = "{server.source}"\naet = "READER"\n')
        assert iodeep("list", "pacs").status == 0
    path.write_text(f'[servers.pacs]\nurl = "{server.source}"\naet = "MUCH-TOO-LONG-A-TITLE"\n')
    refused(iodeep("list", "pacs"), 2, "AE title")


@pytest.mark.parametrize(
    ("way", "arriving"), [("C-GET", ExplicitVRLittleEndian), ("C-MOVE", ImplicitVRLittleEndian)]
)
def test_a_server_that_keeps_implicit_vr(
    tmp_path: Path, client_port: int, way: str, arriving: str
) -> None:
    """There private elements lose their VR, also if it is explicit again when they come back."""
    clients, options = {"IODEEP": client_port}, ["--write-xfer-implicit", "--propose-implicit"]
    with servers.dcmqrscp(tmp_path / "dcmqrscp", clients, options) as server:
        port = client_port if way == "C-MOVE" else None
        archive = DimseArchive(Server(server.source, receive_port=port))
        model = make_model(tmp_path, parts=3)
        PacsSource(archive, Cache(tmp_path / "cache")).store(files(model))
        kept = [path for path in (server.folder / "storage").iterdir() if path.name != "index.dat"]
        assert {syntax_of(path) for path in kept} == {ImplicitVRLittleEndian}
        elsewhere = PacsSource(archive, Cache(tmp_path / "elsewhere"))
        [found] = elsewhere.models().models
        assert found.card.manifest == model.card.manifest
        fetched = elsewhere.fetch(found)
        verify(fetched)
        assert {syntax_of(path) for path in files(fetched)} == {arriving}


def syntax_of(path: Path) -> str:
    return pydicom.dcmread(path, stop_before_pixels=True).file_meta.TransferSyntaxUID
