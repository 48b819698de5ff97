"""A connection to an application entity, by its PDUs (PS3.8 section 9.3)."""

from __future__ import annotations

import selectors
import socket
import ssl
import struct
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from IODeepLib.errors import SourceError
from IODeepLib.sources.archive import TransientError

_LARGEST = 2**20  # bytes; we ask for less
_PDU_TYPES = range(1, 8)
# Of the small pieces that requests and answers come in, each waits until the one before it is
# acknowledged, 40 ms: unless the sender does not wait, or the receiver acknowledges at once.
_QUICK: int | None = getattr(socket, "TCP_QUICKACK", None)  # Linux; forgotten soon


class Wire:
    """A connection; that it breaks, or that nothing moves for too long, is a TransientError.

    Args:
        connection: with the seconds as its timeout after which it counts as lost.
        name: how messages call the other side.
        aet: our own AE title.
    """

    def __init__(self, connection: socket.socket, name: str, aet: str) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket, self._aet = connection, aet
        self.name = name
        self._heard = False

    def secure(self, context: ssl.SSLContext, **how: Any) -> None:
        """Go on through TLS; `how` is what `SSLContext.wrap_socket` is told."""
        try:
            self._socket = context.wrap_socket(self._socket, **how)
        except OSError as error:
            raise self._failed(error) from None

    def send(self, data: bytes) -> None:
        """Send all of it."""
        left = memoryview(data)
        try:
            while left:
                left = left[self._socket.send(left) :]
        except OSError as error:
            raise self._failed(error) from None

    def receive(self, count: int) -> bytearray:
        """The next bytes, so many of them."""
        data = bytearray(count)
        left = memoryview(data)
        try:
            while left:
                got = self._socket.recv_into(left)
                if not got:
                    raise self.broken()
                left = left[got:]
        except OSError as error:
            raise self._failed(error) from None
        self._heard = True
        return data

    def next_pdu(self) -> tuple[int, int]:
        """Type and length of the next PDU, whose content is to be received then."""
        if _QUICK is not None:
            with suppress(OSError):
                self._socket.setsockopt(socket.IPPROTO_TCP, _QUICK, 1)
        kind, length = struct.unpack(">BxI", self.receive(6))
        if kind not in _PDU_TYPES or length > _LARGEST:
            raise self.broken()
        return kind, length

    def wait_for(self, seconds: float) -> None:
        """From now on it counts as lost after so many seconds."""
        self._socket.settimeout(seconds)

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def broken(self) -> TransientError:
        """The error to raise when what comes is not what has to come."""
        return TransientError(
            f"the association with {self.name} broke",
            "an answer to its end",
            f"try again, or ask who runs the server whether {self._aet} may do this",
        )

    def fileno(self) -> int:
        """For selectors."""
        return self._socket.fileno()

    @property
    def pending(self) -> bool:
        """Whether something was decrypted already, which selectors do not know."""
        return isinstance(self._socket, ssl.SSLSocket) and self._socket.pending() > 0

    def _failed(self, error: OSError) -> SourceError:
        # Our certificate may be turned down after the handshake (RFC 8446), hence `_heard`.
        broke = not isinstance(error, ssl.SSLError) or isinstance(error, ssl.SSLEOFError)
        if broke or self._heard:
            return self.broken()
        return SourceError(
            f"{self.name} and this side do not trust each other ({error})",
            "certificates that both sides accept",
            "name the server in iodeep.toml with its ca, and with certificate and key",
        )


def speaking(ends: Iterable[Wire | socket.socket], seconds: float) -> list[Any]:
    """Those of `ends` that have something to say; none if nothing comes for so long."""
    with selectors.DefaultSelector() as selector:
        for end in ends:
            if isinstance(end, Wire) and end.pending:
                return [end]
            selector.register(end, selectors.EVENT_READ)
        return [key.fileobj for key, _ in selector.select(seconds)]
