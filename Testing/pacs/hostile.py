"""A DICOMweb service that answers whatever a test wants, byte by byte, for faults of all kinds."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pydicom

from pacs.listener import Listener

# Answers to a search hold these, and the UID of a SOP instance where instances were searched for.
_SERIES_TAGS = ("0020000D", "0020000E", "00080060", "00100020", "00200011")
_JSON = "application/dicom+json"


@dataclass(frozen=True)
class Request:
    """What was asked for.

    Attributes:
        path: without the query.
        query: the last value of each parameter.
        head: all of the request's head.
    """

    path: str
    query: dict[str, str]
    head: str

    @property
    def kind(self) -> str:
        """ "series" or "instances" for searches, "whole" or "one" for what is retrieved."""
        last = self.path.rpartition("/")[2]
        if last in ("series", "instances"):
            return last
        return "one" if "/instances/" in self.path else "whole"


# Gives the whole answer, head and body, in the pieces in which it is sent.
Respond = Callable[[Request], Iterable[bytes]]


@dataclass
class Service:
    """One that runs.

    Attributes:
        port: where it listens.
        requests: what it was asked.
    """

    port: int
    requests: list[Request] = field(default_factory=list)

    @property
    def source(self) -> str:
        """It as a SOURCE."""
        return f"dicomweb+http://127.0.0.1:{self.port}"


@contextmanager
def serving(respond: Respond) -> Iterator[Service]:
    """A service; every connection is for one request."""
    running = Service(0)

    def serve(client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            head = _head_of_request(client)
            url = urlsplit(head.split()[1].decode())
            query = {key: values[-1] for key, values in parse_qs(url.query).items()}
            running.requests.append(Request(url.path, query, head.decode("latin-1")))
            for piece in respond(running.requests[-1]):
                client.sendall(piece)

    def begin(client: socket.socket) -> None:
        threading.Thread(target=serve, args=(client,), daemon=True).start()

    with contextlib.closing(Listener(begin)) as listener:
        running.port = listener.port
        yield running


def _head_of_request(client: socket.socket) -> bytes:
    """The head of a request, whose body is taken too: where some is left, closing is a reset."""
    stream, received, length = client.makefile("rb"), b"", 0
    while (line := stream.readline()) not in (b"\r\n", b""):
        received += line
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    if not received or not line:
        raise ConnectionError  # whoever it was has gone
    stream.read(length)
    return received


def head(status: str = "200 OK", kind: str = _JSON, **more: str) -> bytes:
    """A head that announces nothing; the body ends with the connection."""
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", "Connection: close"]
    lines += [f"{key.replace('_', '-')}: {value}" for key, value in more.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def dripping(content: bytes, seconds: float = 0.01) -> Iterator[bytes]:
    """One byte at a time, for ever: at its end it begins anew."""
    while True:
        for byte in content:
            yield bytes([byte])
            time.sleep(seconds)


def endless(content: bytes) -> Iterator[bytes]:
    """It again and again, as quickly as it is taken."""
    while True:
        yield content * max(1, 2**16 // len(content))


@dataclass
class Files:
    """A service that behaves, but for what a test changes.

    Attributes:
        paths: the DICOM files that it has.
        retrieved: which of these it sends for a whole series.
        listed: which of these an instance search finds; None: it does not know such searches.
        count: what it says of the number of instances; None: nothing.
        page: the most that it gives for one search; None: as many as are asked for.
        knows_offset: whether it goes on where it is told to.
        status: of the answer with a whole series.
        extra: more in each answer to a search for series.
    """

    paths: Sequence[Path]
    retrieved: Sequence[int] | None = None
    listed: Sequence[int] | None = ()
    count: int | None = None
    page: int | None = None
    knows_offset: bool = True
    status: str = "200 OK"
    extra: dict[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._sets = [pydicom.dcmread(path, stop_before_pixels=True) for path in self.paths]

    def __call__(self, request: Request) -> Iterable[bytes]:
        if request.kind in ("series", "instances"):
            return [self._found(request)]
        names = {str(found.SOPInstanceUID): i for i, found in enumerate(self._sets)}
        if request.kind == "one":
            one = names.get(request.path.rpartition("/")[2])
            return [head("404 Not Found")] if one is None else [multipart([self.paths[one]])]
        everything = range(len(self.paths))
        wanted = everything if self.retrieved is None else self.retrieved
        return [multipart([self.paths[i] for i in wanted], self.status)]

    def _found(self, request: Request) -> bytes:
        instances = request.kind == "instances"
        if instances and self.listed is None:
            return head("501 Not Implemented")
        numbers = self._numbers(instances)
        found = [
            self._answer(i, instances)
            for i in numbers
            if all(str(self._sets[i].get(k, v)) == v for k, v in request.query.items())
        ]
        first = int(request.query.get("offset", 0)) if self.knows_offset else 0
        most = self.page or int(request.query.get("limit", 1000))
        return head() + json.dumps(found[first : first + most]).encode()

    def _numbers(self, instances: bool) -> Sequence[int]:
        if not instances:  # one answer for each series
            uids = [found.SeriesInstanceUID for found in self._sets]
            return [uids.index(uid) for uid in dict.fromkeys(uids)]
        assert self.listed is not None
        return self.listed or range(len(self.paths))

    def _answer(self, number: int, instances: bool) -> dict:
        tags = _SERIES_TAGS + (("00080018",) if instances else ())
        whole = self._sets[number].to_json_dict()
        answer = {tag: whole[tag] for tag in tags if tag in whole}
        if self.count is not None and not instances:
            answer["00201209"] = {"vr": "IS", "Value": [self.count]}
        return answer if instances else answer | self.extra


def multipart(paths: Iterable[Path], status: str = "200 OK") -> bytes:
    """An answer with these DICOM files."""
    kind = 'multipart/related; type="application/dicom"; boundary=XYZ'
    parts = [
        b"--XYZ\r\nContent-Type: application/dicom\r\n\r\n" + path.read_bytes() + b"\r\n"
        for path in paths
    ]
    return head(status, kind) + b"".join(parts) + b"--XYZ--"
