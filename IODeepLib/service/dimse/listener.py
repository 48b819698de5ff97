"""The port on which the service is an application entity.

Whoever may call is known by address and AE title, and through TLS by certificate. Each caller has a
thread, and nobody waits for others.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

from pynetdicom.association import MODE_ACCEPTOR

from IODeepLib.errors import IODeepError, SourceError
from IODeepLib.service.addresses import is_in, listening, tls_context
from IODeepLib.service.dimse.request import C_ECHO, NOT_OFFERED, SUCCESS, Request
from IODeepLib.service.dimse.settings import Dimse
from IODeepLib.service.hands import Hands
from IODeepLib.service.listeners import Ring
from IODeepLib.service.log import tell
from IODeepLib.sources.dimse.association import Association
from IODeepLib.sources.dimse.dial import SocketAddress, shake_hands
from IODeepLib.sources.dimse.messages import Message, Pipe
from IODeepLib.sources.dimse.wire import cut
from IODeepLib.sources.limits import TimeLimit
from IODeepLib.sources.settings import Server
from IODeepLib.sources.transfer import PLAIN

VERIFICATION = "1.2.840.10008.1.1"
_SECONDS_TO_GREET = 10.0
_MOST_SILENT = 16  # who are connected and have not said who they are
_TICK = 0.2  # seconds between two looks whether to go on
_COMMAND_OF_RESPONSES = 0x8000
_C_CANCEL = 0x0FFF

# Does what a request asks for, and answers; whether there may be something to do now.
Answer = Callable[[Hands, Request], bool]


@dataclass(frozen=True)
class Services:
    """What is done for callers.

    Attributes:
        offered: transfer syntaxes by SOP class.
        answers: by the field of the command that they answer.
    """

    offered: Mapping[str, Sequence[str]]
    answers: Mapping[int, Answer]


class DimseListener:
    """The port. See `Listener`.

    Args:
        settings: how it listens.
        services: what is done there, beside C-ECHO.

    Raises:
        UsageError: certificate or key cannot be used.
    """

    name = "dimse"

    def __init__(self, settings: Dimse, services: Sequence[Callable[[Hands], Services]]) -> None:
        self._settings, self._services = settings, services
        self._offered: dict[str, Sequence[str]] = {VERIFICATION: PLAIN}
        self._answers: dict[int, Answer] = {C_ECHO: _echo}
        files = settings.certificate, settings.key, settings.ca
        self._tls = tls_context("service.dimse", *files)
        self._server = Server("", timeout=settings.timeout, aet=settings.aet)
        self._listener: socket.socket | None = None
        self._threads: list[threading.Thread] = []
        self._silent: list[socket.socket] = []
        self._talking: set[socket.socket] = set()
        self._open: set[socket.socket] = set()
        self._lock, self._ending = threading.Lock(), threading.Event()

    def start(self, hands: Hands, ring: Ring) -> None:
        """See `Listener`."""
        for one in (service(hands) for service in self._services):
            self._offered |= one.offered
            self._answers |= one.answers
        place = self._settings.host, self._settings.port
        self._listener = listening("service.dimse", *place)
        self._listener.settimeout(_TICK)
        thread = threading.Thread(target=self._listen, args=[hands, ring])
        self._threads.append(thread)
        thread.start()

    def stop(self) -> None:
        """See `Listener`."""
        self._ending.set()
        if self._listener is None:
            return
        self._threads[0].join()
        self._listener.close()
        with self._lock:
            connections = [*self._open]
        for connection in connections:
            cut(connection)
        for thread in self._threads:
            thread.join()

    def _listen(self, hands: Hands, ring: Ring) -> None:
        assert self._listener is not None  # noqa: S101 - see `start`
        while not self._ending.is_set():
            with suppress(OSError):  # nobody for a while
                connection, address = self._listener.accept()
                if not self._enter(connection, address[0]):
                    connection.close()
                    continue
                self._threads[1:] = [one for one in self._threads[1:] if one.is_alive()]
                ends = connection, address, hands, ring
                thread = threading.Thread(target=self._serve, args=ends)
                self._threads.append(thread)
                thread.start()

    def _enter(self, connection: socket.socket, address: str) -> bool:
        """Whether there is room for somebody who calls from there, and they may."""
        if self._settings.callers and not self._titles(address):
            tell("caller turned away", address=address)
            return False
        with self._lock:
            if len(self._talking) >= self._settings.associations:
                tell("caller turned away", why="too many associations")
                return False
            if len(self._silent) >= _MOST_SILENT:
                cut(self._silent.pop(0))
            self._silent.append(connection)
            self._open.add(connection)
        return True

    def _titles(self, address: str) -> list[str]:
        """The AE titles of those who may call from there."""
        callers = self._settings.callers
        return [one.aet for one in callers if not one.addresses or is_in(address, one.addresses)]

    def _serve(
        self, connection: socket.socket, address: SocketAddress, hands: Hands, ring: Ring
    ) -> None:
        """Answer all that one caller asks for."""
        wire = connection
        try:
            connection.settimeout(self._settings.timeout)
            if self._tls is not None:
                wire = self._tls.wrap_socket(
                    connection, server_side=True, do_handshake_on_connect=False
                )
                with self._lock:  # a socket that TLS has taken is no good any more
                    self._open.add(wire)
                    self._open.discard(connection)
                    self._silent = [wire if one is connection else one for one in self._silent]
                shake_hands(wire, min(_SECONDS_TO_GREET, self._settings.timeout))
            self._converse(wire, address, hands, ring)
        except OSError:  # ssl.SSLError is one
            tell("caller turned away", why="no TLS, or no certificate that is trusted here")
        finally:
            with self._lock:
                self._open.discard(wire)
                self._talking.discard(wire)
                self._silent = [one for one in self._silent if one is not wire]
            cut(wire)
            wire.close()

    def _converse(
        self, wire: socket.socket, address: SocketAddress, hands: Hands, ring: Ring
    ) -> None:
        name = f"a caller of {self._settings.aet}"
        limits = [TimeLimit(name, self._settings.timeout)]

        def watch() -> None:
            association.watch()
            if self._ending.is_set():
                raise SourceError("the service ends", "a running one", "call again later")

        inbox: Pipe[Message] = Pipe(watch)
        association = Association(
            MODE_ACCEPTOR,
            wire,
            address,
            self._server,
            name,
            min(_SECONDS_TO_GREET, self._settings.timeout),
            lambda: limits[0],
            inbox,
            lambda command: not command.CommandField & _COMMAND_OF_RESPONSES,
        )
        count = 0
        association.accept(self._offered, self._titles(address[0]))
        try:
            while True:
                message = inbox.get()
                limits[0] = TimeLimit(name, self._settings.timeout)
                with self._lock:
                    self._silent = [one for one in self._silent if one is not wire]
                    self._talking.add(wire)
                count += self._answered(hands, Request(message, association.caller))
        except SourceError:  # it is over, be it as agreed upon or not
            pass
        except IODeepError as error:
            tell("trouble", at=self.name, why=str(error))
        finally:
            if count:
                tell("caller heard", aet=association.caller, taken=count)
                ring()
            association.abort()

    def _answered(self, hands: Hands, request: Request) -> bool:
        """Do what is asked for; whether there may be something to do now."""
        if request.field == _C_CANCEL:  # of a search, which was answered already
            return False
        answer = self._answers.get(request.field)
        try:
            if answer is None or request.sop_class not in self._offered:
                request.answer(NOT_OFFERED)
                return False
            return answer(hands, request)
        except (AttributeError, KeyError, TypeError, ValueError):
            # pynetdicom raises whatever a broken command leads it to.
            raise SourceError("a command that is none", "one", "ask who calls") from None


def _echo(hands: Hands, request: Request) -> bool:
    request.answer(SUCCESS)
    return False
