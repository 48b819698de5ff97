"""Whose fault it is: the server's is what its answer is wrong about, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import requests
import urllib3
from makers.packed_models import make_model
from pacs.hostile import Files, head, multipart, serving

from IODeepLib.errors import SourceError
from IODeepLib.sources import retries
from IODeepLib.sources.archive import Entity, TransientError
from IODeepLib.sources.dicomweb import DicomwebArchive
from IODeepLib.sources.settings import Server

# What those that take an answer may raise; none of it has anything to do with the server.
FAULTS = [
    ValueError("ours"),
    KeyError("ours"),
    OSError("ours"),
    TimeoutError("ours"),
    requests.ConnectionError("ours"),
    requests.Timeout("ours"),
    urllib3.exceptions.ProtocolError("ours"),
]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "_sleep", lambda seconds: None)
    monkeypatch.setattr(TransientError, "tries", 1)


def archive(source: str) -> DicomwebArchive:
    return DicomwebArchive(Server(source, timeout=10))


def before(_: Iterable[bytes]) -> None:
    """Nothing of the instance."""


def meanwhile(chunks: Iterable[bytes]) -> None:
    """Some of it."""
    next(iter(chunks))


def after(chunks: Iterable[bytes]) -> None:
    """All of it."""
    for _ in chunks:
        pass


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
@pytest.mark.parametrize("take", [before, meanwhile, after])
@pytest.mark.parametrize("alone", [True, False])
def test_a_fault_of_whoever_receives_is_none_of_the_server(
    fault: Exception, take: Callable[[Iterable[bytes]], None], alone: bool, tmp_path: Path
) -> None:
    make_model(tmp_path)
    card = next((tmp_path / "packed").rglob("card.dcm"))
    answer = multipart([card])
    if alone:  # a single object, against the standard
        answer = head(kind="application/dicom") + card.read_bytes()

    def receive(chunks: Iterable[bytes]) -> None:
        take(chunks)
        raise fault

    with serving(lambda request: [answer]) as server, pytest.raises(type(fault)) as raised:
        archive(server.source).retrieve(Entity("1", "2", "3"), receive)
    assert raised.value is fault


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: type(fault).__name__)
def test_a_fault_of_whoever_hears_of_what_is_stored(fault: Exception, tmp_path: Path) -> None:
    make_model(tmp_path)
    card = next((tmp_path / "packed").rglob("card.dcm"))
    uid = Files([card])._sets[0].SOPInstanceUID
    stored = b'{"00081199": {"Value": [{"00081155": {"Value": ["%s"]}}]}}' % uid.encode()

    def hear(_: Path) -> None:
        raise fault

    with (
        serving(lambda request: [head() + stored]) as server,
        pytest.raises(type(fault)) as raised,
    ):
        archive(server.source).store([card], hear)
    assert raised.value is fault


BAD = {
    "no JSON": head() + b"[{",
    "a number without an end": head() + b"9" * 5000,
    "nested too deeply": head() + b"[" * 100_000,
    "no gzip": head(Content_Encoding="gzip") + b"nonsense",
    "a place that is no URL": head("302 Found", Location="http://[::1"),
    "a place in no UTF-8": head("302 Found", Location="http://\xff\xfe"),
}


@pytest.mark.parametrize("answer", BAD.values(), ids=BAD)
@pytest.mark.parametrize("storing", [True, False])
def test_a_bad_answer_is_the_servers(answer: bytes, storing: bool, tmp_path: Path) -> None:
    make_model(tmp_path)
    card = next((tmp_path / "packed").rglob("card.dcm"))
    with serving(lambda request: [answer]) as server, pytest.raises(SourceError, match="answered"):
        if storing:
            archive(server.source).store([card], lambda path: None)
        else:
            archive(server.source).find_series({"StudyInstanceUID": "1.2"})


@pytest.mark.parametrize(
    "boundary",
    ["", '""', "*=undefined''x", "*=punycode''%ff", "*=utf-7''+2AA-", "\xe4"],
)
def test_a_bad_boundary_is_the_servers(boundary: str) -> None:
    name = "boundary" + ("" if boundary.startswith("*") else "=")
    kind = f"multipart/related; {name}{boundary}"
    with (
        serving(lambda request: [head(kind=kind)]) as server,
        pytest.raises(SourceError, match="answered"),
    ):
        archive(server.source).retrieve(Entity("1", "2", "3"), list)
