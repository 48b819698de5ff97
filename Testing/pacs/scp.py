"""Application entities that misbehave, for faults that no real server can be made to show."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import AE, DEFAULT_TRANSFER_SYNTAXES, evt
from pynetdicom.sop_class import (
    RawDataStorage,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)

AET = "FAKE"
FIND = StudyRootQueryRetrieveInformationModelFind
GET = StudyRootQueryRetrieveInformationModelGet
MOVE = StudyRootQueryRetrieveInformationModelMove
RAW = RawDataStorage


@dataclass
class Scp:
    """One that runs.

    Attributes:
        port: where it listens.
        associations: how many there were.
    """

    port: int
    associations: int = 0

    @property
    def source(self) -> str:
        """It as a SOURCE."""
        return f"dimse://{AET}@127.0.0.1:{self.port}"


@contextmanager
def scp(
    classes: Sequence[str],
    handlers: Mapping[Any, Callable[[Any], Any]] | None = None,
    syntax: str | None = None,
    **settings: Any,
) -> Iterator[Scp]:
    """An application entity of pynetdicom.

    Args:
        classes: the SOP classes that it knows.
        handlers: what it does at which event.
        syntax: the only transfer syntax that it takes; otherwise the usual ones.
        settings: further attributes of pynetdicom's AE.
    """
    entity = AE(ae_title=AET)
    syntaxes = [syntax] if syntax else DEFAULT_TRANSFER_SYNTAXES
    for sop_class in classes:
        entity.add_supported_context(sop_class, syntaxes, scu_role=True, scp_role=True)
    for name, value in settings.items():
        setattr(entity, name, value)
    running = Scp(0)

    def opened(event: Any) -> None:
        running.associations += 1

    bound = [(evt.EVT_CONN_OPEN, opened), *(handlers or {}).items()]
    server = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=bound)
    running.port = server.server_address[1]
    try:
        yield running
    finally:
        server.shutdown()


@contextmanager
def saying(answer: bytes) -> Iterator[Scp]:
    """One that answers every connection with these bytes, whatever it is asked."""
    listener = socket.create_server(("127.0.0.1", 0))
    running = Scp(listener.getsockname()[1])

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                running.associations += 1
                with client, contextlib.suppress(ConnectionError):
                    client.recv(2**16)
                    client.sendall(answer)
                    client.recv(2**16)

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield running
    finally:
        listener.close()


def status(code: int, comment: str = "") -> Dataset:
    """A response's status."""
    response = Dataset()
    response.Status = code
    if comment:
        response.ErrorComment = comment
    return response
