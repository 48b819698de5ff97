"""Application entities that misbehave, for faults that no real server can be made to show."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import AE, DEFAULT_TRANSFER_SYNTAXES, evt
from pynetdicom.dimse_primitives import C_FIND
from pynetdicom.pdu_primitives import P_DATA
from pynetdicom.sop_class import (
    RawDataStorage,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)
from pynetdicom.transport import ThreadedAssociationServer

from pacs.listener import Listener

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
    tls: ssl.SSLContext | None = None,
    **settings: Any,
) -> Iterator[Scp]:
    """An application entity of pynetdicom.

    Args:
        classes: the SOP classes that it knows.
        handlers: what it does at which event.
        syntax: the only transfer syntax that it takes; otherwise the usual ones.
        tls: what clients have to get through first.
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
    server = entity.make_server(
        ("127.0.0.1", 0),
        evt_handlers=bound,
        ssl_context=tls,
        server_class=ThreadedAssociationServer,
    )
    running.port = server.server_address[1]
    # What `start_server` does, but ended in a hundredth of a second, not in half of one.
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield running
    finally:
        socketserver.BaseServer.shutdown(server)
        server.server_close()


@contextmanager
def saying(answer: bytes) -> Iterator[Scp]:
    """One that answers every connection with these bytes, whatever it is asked."""
    running = Scp(0)

    def serve(client: socket.socket) -> None:
        running.associations += 1
        with client, contextlib.suppress(ConnectionError):
            client.recv(2**16)
            client.sendall(answer)
            client.recv(2**16)

    with contextlib.closing(Listener(serve)) as listener:
        running.port = listener.port
        yield running


def answer_with(event: Any, identifier: bytes, status: int = 0xFF00) -> None:
    """A response to a search, with whatever bytes are its identifier."""
    response = C_FIND()
    response.MessageIDBeingRespondedTo = event.request.MessageID
    response.AffectedSOPClassUID = event.request.AffectedSOPClassUID
    response.Identifier, response.Status = BytesIO(identifier), status
    event.assoc.dimse.send_msg(response, event.context.context_id)


def say(event: Any, *fragments: tuple[int, int, bytes]) -> None:
    """Fragments of messages: presentation context, message control header (PS3.8 E.2), content."""
    for number, control, content in fragments:
        data = P_DATA()
        data.presentation_data_value_list.append((number, bytes([control]) + content))
        event.assoc.dul.send_pdu(data)


def status(code: int, comment: str = "") -> Dataset:
    """A response's status."""
    response = Dataset()
    response.Status = code
    if comment:
        response.ErrorComment = comment
    return response
