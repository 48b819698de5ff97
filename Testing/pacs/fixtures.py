"""Servers for a whole test run, empty for every test that uses one; and a cache of one's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from IODeepLib.text import foreign
from pacs import servers
from pacs.servers import Dcmqrscp, Orthanc, free_port

# The AE titles that the servers know, so that they send to them and let them search.
CLIENT_AET = "IODEEP"


@pytest.fixture(scope="session")
def client_port() -> int:
    """Where the servers send what CLIENT_AET asks them to move."""
    return free_port()


@pytest.fixture(scope="session")
def _orthanc(tmp_path_factory: pytest.TempPathFactory, client_port: int) -> Iterator[Orthanc]:
    folder = tmp_path_factory.mktemp("orthanc")
    with servers.orthanc(folder, {CLIENT_AET: client_port}) as server:
        yield server


@pytest.fixture
def orthanc(_orthanc: Orthanc) -> Orthanc:
    """Orthanc with nothing in it."""
    _orthanc.clear()
    return _orthanc


@pytest.fixture
def dcmqrscp(tmp_path: Path, client_port: int) -> Iterator[Dcmqrscp]:
    """dcmqrscp with nothing in it; it starts too quickly to be shared."""
    with servers.dcmqrscp(tmp_path / "dcmqrscp", {CLIENT_AET: client_port}) as server:
        yield server


@pytest.fixture(autouse=True)
def _own_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is a secret in one test is a word in another."""
    monkeypatch.setattr(foreign, "_secrets", {})
    monkeypatch.setattr(foreign, "_any_secret", None)


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test touches the cache, the outbox or the settings of whoever runs it."""
    monkeypatch.setenv("IODEEP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("IODEEP_OUTBOX", str(tmp_path / "outbox"))
    monkeypatch.setenv("IODEEP_MEMORY", str(tmp_path / "memory"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("IODEEP_CONFIG", "")  # so that it is given back, whoever sets it
    monkeypatch.delenv("IODEEP_CONFIG")
