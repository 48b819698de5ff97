"""Where a server sends what it was asked to move to us (PS3.4 section C.4.2).

Whoever reaches the port could store anything as the answer to what we asked. So only the server is
let in, by its address and, through TLS, its certificate; and only with what it was asked for, by
our AE title and the number of our request, which nobody else knows. Nobody there waits for others.
"""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pynetdicom.association import MODE_ACCEPTOR

from IODeepLib.errors import UsageError
from IODeepLib.headers import text
from IODeepLib.sources.dimse.association import Association
from IODeepLib.sources.dimse.dial import SocketAddress, secure_context, shake_hands
from IODeepLib.sources.dimse.messages import C_STORE, Message, Pipe
from IODeepLib.sources.dimse.wire import cut
from IODeepLib.sources.limits import TimeLimit
from IODeepLib.sources.settings import Server
from IODeepLib.text.foreign import printable

_log = logging.getLogger(__name__)
_MOST_CALLERS = 16  # at once, who have not sent anything that was asked for
_SECONDS_TO_GREET = 10.0
_TICK = 0.2  # seconds between two looks whether the port is still to be listened on


@dataclass(frozen=True, slots=True)
class Move:
    """A C-MOVE request that goes on.

    Attributes:
        number: its message ID.
        sop_uid: the instance that was asked for; "" for all of a series.
    """

    number: int
    sop_uid: str


@dataclass(eq=False)
class _Caller:
    """Somebody who is connected, as far as they have come."""

    connection: socket.socket
    association: Association | None = None

    @property
    def used(self) -> bool:
        return self.association is not None and self.association.used

    @property
    def ended(self) -> bool:
        return self.association is not None and self.association.ended

    def cut(self) -> None:
        cut(self.connection)


class MoveDestination:
    """A port of ours, and who is connected to it.

    Args:
        address: where to listen: an address of this machine, and the port.
        server, name: who sends, and how messages call it.
        titles: the AE titles that it may call the originator of our request by.
        allowed: its addresses.
        time_limit: of what is asked now.
        inbox: where messages go.

    Raises:
        UsageError: the port is not free.

    Attributes:
        move: what was asked for; without it nothing is taken.
        refused: what was turned away last, in words; "" if nothing was.
    """

    def __init__(
        self,
        address: tuple[str, int],
        server: Server,
        name: str,
        titles: Collection[str],
        allowed: Collection[str],
        time_limit: Callable[[], TimeLimit],
        inbox: Pipe[Message],
    ) -> None:
        self.move: Move | None = None
        self.refused = ""
        self._server, self._name = server, name
        self._titles, self._allowed = titles, allowed
        purpose = ssl.Purpose.CLIENT_AUTH
        self._tls = secure_context(server, name, purpose) if server.tls else None
        self._time_limit, self._inbox = time_limit, inbox
        self._callers: list[_Caller] = []
        self._lock, self._closed = threading.Lock(), False
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        try:
            self._listener = socket.create_server(address, family=family)
        except OSError as error:
            raise UsageError(
                f"the port {address[1]} is not free on {address[0]} ({error.strerror})",
                f"to receive on it what {name} sends",
                "set another receive_port, here and at the server",
            ) from None
        self._listener.settimeout(_TICK)
        self._listening = threading.Thread(target=self._listen, daemon=True)
        self._listening.start()

    def close(self) -> None:
        """Listen no more, and end what is open."""
        self._closed, self.move = True, None
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread, where systems allow it
        self._listening.join()
        self._listener.close()
        with self._lock:
            callers, self._callers = self._callers, []
        for caller in callers:
            caller.cut()
        for caller in callers:
            if caller.association is not None:
                caller.association.abort()

    def _listen(self) -> None:
        while not self._closed:
            with suppress(OSError):  # nobody for a while, or closed
                connection, address = self._listener.accept()
                if address[0] in self._allowed:
                    ends = connection, address
                    threading.Thread(target=self._greet, args=ends, daemon=True).start()
                else:
                    connection.close()
                    self._refuse(f"a connection from {address[0]}")

    def _greet(self, connection: socket.socket, address: SocketAddress) -> None:
        """Let them ask for an association."""
        caller = _Caller(connection)
        self._enter(caller)
        seconds = min(_SECONDS_TO_GREET, self._server.timeout)
        try:
            connection.settimeout(self._server.timeout)
            if self._tls is not None:
                secure = self._tls.wrap_socket(
                    connection, server_side=True, do_handshake_on_connect=False
                )
                caller.connection = secure
                shake_hands(secure, seconds)
            caller.association = Association(
                MODE_ACCEPTOR,
                caller.connection,
                address,
                self._server,
                self._name,
                seconds,
                self._time_limit,
                self._inbox,
                self._is_asked_for,
            )
            caller.association.accept()
        except OSError as error:
            self._refuse(f"somebody without TLS or the right certificate ({error})")
            self._leave(caller)
        if self._closed:
            self._leave(caller)

    def _enter(self, caller: _Caller) -> None:
        """Of those who only keep a connection the one who has longest makes room."""
        with self._lock:
            self._callers = [one for one in self._callers if not one.ended]
            silent = [one for one in self._callers if not one.used]
            if len(silent) >= _MOST_CALLERS:
                silent[0].cut()
                self._callers.remove(silent[0])
            self._callers.append(caller)

    def _leave(self, caller: _Caller) -> None:
        caller.cut()
        caller.connection.close()
        with self._lock, suppress(ValueError):
            self._callers.remove(caller)

    def _is_asked_for(self, command: Dataset) -> bool:
        """Whether this is the request to store what is moved for us now."""
        move = self.move
        if move is None or command.CommandField != C_STORE:
            return False
        asked = {
            "MoveOriginatorMessageID": {str(move.number)},
            "MoveOriginatorApplicationEntityTitle": self._titles,
        }
        if move.sop_uid:
            asked["AffectedSOPInstanceUID"] = {move.sop_uid}
        for keyword, wanted in asked.items():
            has = text(command, keyword)
            if has not in wanted:
                self._refuse(f"an object whose {keyword} is {printable(has[:64]) or 'left out'}")
                return False
        return True

    def _refuse(self, what: str) -> None:
        self.refused = what
        _log.info("turned away on the port for %s: %s", self._name, what)
