"""Real servers for the tests, on free ports of this machine, each with a storage of its own.

Orthanc with its DICOMweb plugin runs as Debian configures it, but for ports, storage and the AE
titles that it knows; so does DCMTK's dcmqrscp. A server ends with the process that started it,
however that ends: it is watched by a shell whose input is a pipe from here.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Waits for the end of its input, then ends the server and removes its folder.
_WATCH = 'folder=$1; shift; "$@" >"$folder/log" 2>&1 & cat >/dev/null; kill -9 $!; rm -rf "$folder"'
_CONFIGURATION = Path("/etc/orthanc")
_PLUGINS = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"
_SECONDS_TO_START = 60.0
_CHANCE = random.SystemRandom()  # hypothesis seeds the other one, the same in every process


class NoServerError(Exception):
    """A server is not installed, or does not start."""


@dataclass(frozen=True)
class Orthanc:
    """A running Orthanc.

    Attributes:
        http_port, dicom_port: where it listens.
        aet: its AE title.
        folder: its files.
    """

    http_port: int
    dicom_port: int
    aet: str
    folder: Path

    @property
    def url(self) -> str:
        """The DICOMweb service."""
        return f"http://127.0.0.1:{self.http_port}/dicom-web"

    @property
    def source(self) -> str:
        """The same as a SOURCE."""
        return f"dicomweb+{self.url}"

    @property
    def version(self) -> tuple[int, ...]:
        """Of Orthanc itself; its DICOMweb plugin has versions of its own."""
        return tuple(map(int, json.loads(self.get("/system"))["Version"].split(".")))

    def get(self, path: str) -> bytes:
        """An answer of Orthanc's own interface: an independent judge of what it holds."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http_port}{path}") as answer:
            return answer.read()

    def clear(self) -> None:
        """Remove everything in it."""
        for patient in json.loads(self.get("/patients")):
            request = urllib.request.Request(
                f"http://127.0.0.1:{self.http_port}/patients/{patient}", method="DELETE"
            )
            urllib.request.urlopen(request).close()  # noqa: S310


@dataclass(frozen=True)
class Dcmqrscp:
    """A running dcmqrscp.

    Attributes:
        port: where it listens.
        aet: its AE title, which is the name of its only storage area.
        folder: its files.
    """

    port: int
    aet: str
    folder: Path

    @property
    def source(self) -> str:
        """It as a SOURCE."""
        return f"dimse://{self.aet}@127.0.0.1:{self.port}"


def free_port() -> int:
    """A port that nobody listens on.

    It is none of those that the system gives to outgoing connections (above 32768 on Linux), and is
    drawn by chance, so that other processes with tests get others.
    """
    while True:
        port = _CHANCE.randrange(15000, 32000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextmanager
def orthanc(
    folder: Path,
    clients: dict[str, int] | None = None,
    ports: tuple[int, int] | None = None,
    **settings: object,
) -> Iterator[Orthanc]:
    """An Orthanc in `folder`.

    Args:
        folder: a new folder, removed in the end.
        clients: the ports of the AE titles that it may send to.
        ports: where it listens for HTTP and DICOM; free ones by default.
        settings: what is otherwise in its configuration.
    """
    program = _found("Orthanc", "orthanc and orthanc-dicomweb")
    if not Path(_PLUGINS).exists():
        raise NoServerError(_missing("Orthanc's DICOMweb plugin", "orthanc-dicomweb"))
    server = Orthanc(*(ports or (free_port(), free_port())), "ORTHANC", folder)
    configuration = {
        **_without_comments((_CONFIGURATION / "orthanc.json").read_text("utf-8")),
        **_without_comments((_CONFIGURATION / "dicomweb.json").read_text("utf-8")),
        "HttpPort": server.http_port,
        "DicomPort": server.dicom_port,
        "StorageDirectory": f"{folder}/storage",
        "IndexDirectory": f"{folder}/storage",
        "Plugins": [_PLUGINS],
        "DicomModalities": {aet: [aet, "127.0.0.1", port] for aet, port in (clients or {}).items()},
        **settings,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "orthanc.json").write_text(json.dumps(configuration), "utf-8")
    command = [program, str(folder / "orthanc.json")]
    with _running(command, folder, [server.http_port, server.dicom_port]):
        yield server


@contextmanager
def dcmqrscp(
    folder: Path, clients: dict[str, int] | None = None, options: Sequence[str] = ()
) -> Iterator[Dcmqrscp]:
    """A dcmqrscp in `folder`.

    Args:
        folder: a new folder, removed in the end.
        clients: the ports of the AE titles that it may send to.
        options: of its command line.
    """
    program = _found("dcmqrscp", "dcmtk")
    server = Dcmqrscp(free_port(), "QRSCP", folder)
    (folder / "storage").mkdir(parents=True)
    hosts = "\n".join(
        f"{aet} = ({aet}, 127.0.0.1, {port})" for aet, port in (clients or {}).items()
    )
    configuration = folder / "dcmqrscp.cfg"
    configuration.write_text(
        f"""NetworkTCPPort  = {server.port}
MaxPDUSize      = 131072
MaxAssociations = 16
HostTable BEGIN
{hosts}
HostTable END
VendorTable BEGIN
VendorTable END
AETable BEGIN
{server.aet} {folder}/storage RW (10000, 4096mb) ANY
AETable END
""",
        "utf-8",
    )
    with _running([program, *options, "-c", str(configuration)], folder, [server.port]):
        yield server


def _without_comments(text: str) -> dict[str, Any]:
    """Orthanc's JSON, which has comments, as JSON."""
    string, comment = r'"(?:\\.|[^"\\])*"', r"//[^\n]*|/\*.*?\*/"
    plain = re.sub(rf"({string})|{comment}", lambda found: found[1] or "", text, flags=re.DOTALL)
    return json.loads(plain)


@contextmanager
def _running(command: Sequence[str], folder: Path, ports: Sequence[int]) -> Iterator[None]:
    watcher = subprocess.Popen(
        ["sh", "-c", _WATCH, "sh", str(folder), *command], stdin=subprocess.PIPE
    )
    try:
        for port in ports:
            _wait_for(port, command[0], folder / "log")
        yield
    finally:
        assert watcher.stdin is not None
        watcher.stdin.close()
        watcher.wait()


def _wait_for(port: int, program: str, log: Path) -> None:
    end = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    lines = log.read_text("utf-8", "replace").splitlines() if log.exists() else []
    raise NoServerError(f"{program} does not listen on {port}: " + " | ".join(lines[-5:]))


def _found(program: str, packages: str) -> str:
    path = shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin")
    if path is None:
        raise NoServerError(_missing(program, packages))
    return path


def _missing(what: str, packages: str) -> str:
    return f"found no {what}; next: apt-get install {packages} ('make test' does as root)"
