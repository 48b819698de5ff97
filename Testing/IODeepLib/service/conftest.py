"""An Orthanc that calls a study stable after a second, and settings of a service beside it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from makers.small_studies import small_model
from pacs import servers
from pacs.servers import Orthanc

from IODeepLib.service import helpers
from IODeepLib.service.hands import Hands, hands_for
from IODeepLib.service.looking import pacs_of
from IODeepLib.service.settings import ServiceSettings, service_settings
from IODeepLib.sources.settings import Settings, read_settings

TESTING = Path(__file__).parents[2]
SETTINGS = """
[servers.pacs]
url = "{pacs}"

[service]
source = "pacs"
models = {models!r}
folder = {folder!r}
quiet_seconds = 0
threads = 1
{more}
"""


@pytest.fixture(scope="session")
def _quick_orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with servers.orthanc(tmp_path_factory.mktemp("orthanc"), StableAge=1) as server:
        yield server


@pytest.fixture
def pacs(_quick_orthanc: Orthanc) -> Orthanc:
    """Orthanc with nothing in it."""
    _quick_orthanc.clear()
    return _quick_orthanc


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one small model."""
    folder = tmp_path_factory.mktemp("models")
    small_model(folder)
    return folder


@pytest.fixture
def send(pacs: Orthanc) -> Callable[[Path], None]:
    """Sends all files in a folder with storescu, as a modality does."""

    def sent(folder: Path) -> None:
        call = ["storescu", "-aec", pacs.aet, "127.0.0.1", str(pacs.dicom_port)]
        subprocess.run([*call, *map(str, sorted(folder.iterdir()))], check=True)

    return sent


@pytest.fixture
def configured(
    pacs: Orthanc, models: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Settings]:
    """Settings with these lines in the table of the service, and tables behind it."""

    def read(more: str = "[service.changes]\nevery = 0.2", models: Path | str = models) -> Settings:
        path = tmp_path / "iodeep.toml"
        folder = str(tmp_path / "service")
        path.write_text(
            SETTINGS.format(pacs=pacs.source, models=str(models), folder=folder, more=more)
        )
        monkeypatch.setenv("IODEEP_CONFIG", str(path))
        return read_settings()

    return read


@pytest.fixture
def hands(configured: Callable[..., Settings]) -> Iterator[Hands]:
    """A service that does one thing after the other, as it is told."""
    settings: ServiceSettings = service_settings(configured())
    hands = hands_for(settings, pacs_of(settings)).of("test")
    yield hands
    hands.helpers.end()


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Lets another process do the tasks."""

    def set_(what: str) -> None:
        path = os.pathsep.join([str(TESTING), os.environ.get("PYTHONPATH", "")])
        monkeypatch.setenv("PYTHONPATH", path)
        monkeypatch.setenv("CHILD", what)
        monkeypatch.setattr(helpers, "_MODULE", "service_children")

    return set_
