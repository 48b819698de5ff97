"""A PACS with the demonstration network, and the panel in the real Slicer that asks it."""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import panel
import slicer
from DICOMLib import DICOMUtils
from panel import caption, find

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from pacs import servers

if TYPE_CHECKING:
    from pacs.servers import Orthanc

WORK = Path(tempfile.mkdtemp(prefix="iodeep-"))
CACHE, OUTBOX = WORK / "cache", WORK / "outbox"


@contextmanager
def orthanc(
    clients: dict[str, int] | None = None, ballast: int = 0
) -> Iterator[tuple[Orthanc, Any]]:
    """Orthanc and the model in it; the image is in Slicer's database; caches of one's own."""
    environment = {"IODEEP_CACHE": CACHE, "IODEEP_OUTBOX": OUTBOX, "IODEEP_CONFIG": WORK / "toml"}
    os.environ |= {name: str(path) for name, path in environment.items()}
    name_servers({})
    with (
        servers.orthanc(WORK / "orthanc", clients) as server,
        DICOMUtils.TemporaryDICOMDatabase(str(WORK / "database")),
    ):
        model = panel.make_large_model(WORK / "model", ballast)
        publish(server, model)
        DICOMUtils.importDicom(str(panel.DEMO / "mr_t1"), slicer.dicomDatabase, copyFiles=True)
        yield server, model


def name_servers(addresses: Mapping[str, str], **more: object) -> None:
    """What iodeep.toml says: these servers, each with the same further keys."""
    keys = "".join(f"{key} = {json.dumps(value)}\n" for key, value in more.items())
    tables = [f'[servers.{name}]\nurl = "{url}"\n{keys}' for name, url in addresses.items()]
    (WORK / "toml").write_text("\n".join(tables), "utf-8")


def publish(server: Orthanc, model: Any) -> None:
    """Put a model into Orthanc."""
    from IODeepLib import push, source_of

    push([model.card.path, *(part.path for part in model.weights())], source_of(server.source))


def retire(server: Orthanc, reason: str) -> None:
    """Withdraw the model that Orthanc has."""
    from IODeepLib import source_of
    from IODeepLib.sources import push

    source = source_of(server.source)
    (model,) = source.models().models
    push.retire(model, source, reason=reason, replacement=None)


def closed_port() -> int:
    """Where nobody listens."""
    return servers.free_port()


def cached() -> list[Path]:
    """The files that were fetched."""
    return list(CACHE.rglob("*.dcm"))


def half_written() -> list[Path]:
    """What was begun to be fetched and is not whole."""
    return list(CACHE.rglob("*.part"))


def rows() -> list[list[str]]:
    """What the table of models shows."""
    table = find("modelTable")
    return [
        [table.item(row, column).text() for column in range(table.columnCount)]
        for row in range(table.rowCount)
    ]


def names(box: str) -> list[str]:
    """What can be chosen in a list."""
    return [find(box).itemText(index) for index in range(find(box).count)]


def look_in(source: str) -> str:
    """Name a server as the place of models; what the panel says once it has answered."""
    panel.look_in(source)
    panel.until(lambda: "Asking" not in panel.said("modelsLabel"))
    return panel.said("modelsLabel")


def send_to(server: str) -> str:
    """Send what was saved; what the panel says once it is over."""
    find("sendComboBox").setEditText(server)
    assert find("sendButton").enabled and caption("sendButton") == "Send"
    find("sendButton").click()
    panel.until(lambda: caption("sendButton") == "Send")
    return panel.said("sendLabel")


def results(server: Orthanc, modality: str = "SEG") -> list[dict[str, str]]:
    """The segmentations that Orthanc has, or the reports ("SR")."""
    found = [
        json.loads(server.get(f"/instances/{name}/simplified-tags"))
        for name in json.loads(server.get("/instances"))
    ]
    return [tags for tags in found if tags["Modality"] == modality]
