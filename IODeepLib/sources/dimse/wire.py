"""The connection below an association, with an end to everything."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from pynetdicom import Association
from pynetdicom.transport import AssociationSocket

LARGEST_PDU = 2**20  # bytes: we ask for less
# Of the small pieces that requests and answers come in, each waits until the one before it is
# acknowledged, 40 ms: unless the sender does not wait, or the receiver acknowledges at once.
_QUICK: int | None = getattr(socket, "TCP_QUICKACK", None)  # Linux; forgotten soon
_PDU_HEAD = 6  # bytes


class Wire(AssociationSocket):
    """What pynetdicom reads from and writes to, in a thread of its own for each association.

    Args:
        association: whose it is.
        connection: a connection that is open already; with a timeout for everything it does.
        moved: is told the bytes that come and go, as they do.

    Attributes:
        error: what ended it; None if nothing has.
        heard: whether the other side has said anything.
    """

    def __init__(
        self, association: Association, connection: socket.socket, moved: Callable[[int], None]
    ) -> None:
        with suppress(OSError):  # one that was reset: why is still to be read
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().__init__(association, client_socket=connection)
        self._connection, self._moved_on = connection, moved
        self._begun = not association.is_requestor
        self.error: OSError | None = None
        self.heard = False

    def connect(self, primitive: Any) -> None:
        """See pynetdicom. It is done, where what goes wrong can be raised."""
        primitive.result = "Evt2"  # transport connection confirmed; PS3.8 section 9.2.2
        self.provider_queue.put(primitive)
        self._begun = True

    @property
    def ready(self) -> bool:
        """See pynetdicom, whose protocol machine knows no end before it has begun."""
        return self._begun and super().ready

    def recv(self, nr_bytes: int) -> bytearray:
        """See pynetdicom: so many bytes, or fewer if the connection has ended."""
        if nr_bytes > LARGEST_PDU:
            raise self._ended(ConnectionError("a PDU that is longer than was agreed upon"))
        if _QUICK is not None and nr_bytes == _PDU_HEAD:
            with suppress(OSError):
                self._connection.setsockopt(socket.IPPROTO_TCP, _QUICK, 1)
        data = bytearray(nr_bytes)
        left = memoryview(data)
        try:
            while left and (count := self._connection.recv_into(left)):
                left = left[count:]
                self.heard = True
                self._moved_on(count)
        except OSError as error:
            raise self._ended(error) from None
        missing = len(left)
        left.release()
        return data[: nr_bytes - missing] if missing else data

    def send(self, bytestream: bytes) -> None:
        """See pynetdicom: all of it, or the connection has ended."""
        left = memoryview(bytestream)
        try:
            while left:
                count = self._connection.send(left)
                left = left[count:]
                self._moved_on(count)
        except OSError as error:
            self._ended(self._turned_down() or error)
            self.event_queue.put("Evt17")  # transport connection closed

    def cut(self) -> None:
        """End it, whatever another thread does with it."""
        cut(self._connection)

    def free(self) -> None:
        """Give it back to the system, once no thread has it any more."""
        self._connection.close()

    def _turned_down(self) -> ssl.SSLError | None:
        """What TLS has to say of our certificate, after the handshake (RFC 8446)."""
        try:
            if not self.heard:
                self._connection.recv(1)
        except ssl.SSLError as error:
            return error
        except OSError:
            pass
        return None

    def _ended(self, error: OSError) -> OSError:
        self.error = self.error or error
        return error


def cut(connection: socket.socket) -> None:
    """End a connection that other threads may be using, be it in the midst of TLS."""
    with suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)  # SSLSocket's would forget its state
