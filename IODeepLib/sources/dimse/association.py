"""An association (PS3.8), asked for or accepted: what pynetdicom has of it, and how it ends."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import pynetdicom
from pydicom.dataset import Dataset
from pynetdicom import AE, AllStoragePresentationContexts, build_context, build_role
from pynetdicom.association import MODE_REQUESTOR
from pynetdicom.transport import AddressInformation

from IODeepLib.errors import SourceError
from IODeepLib.sources.archive import StalledError, TransientError
from IODeepLib.sources.dimse.dial import SocketAddress, broken
from IODeepLib.sources.dimse.messages import PDU, Arriving, Message, Messages, Pipe, SendQueue
from IODeepLib.sources.dimse.wire import Wire
from IODeepLib.sources.limits import TimeLimit
from IODeepLib.sources.settings import Server
from IODeepLib.sources.transfer import PLAIN, TRANSFER_SYNTAXES

# Abstract syntax, and transfer syntax or None for the plain ones.
Context = tuple[str, str | None]
_REJECTED_FOR_NOW = 2  # a result; PS3.8 table 9-21
_SECONDS_TO_PART = 5.0
_SECONDS_TO_END = 1.0  # of a thread that nothing keeps any more
_TICK = 0.002  # seconds between two looks at what pynetdicom has negotiated


class Association:
    """An association with an application entity.

    Args:
        mode: `requestor` or `acceptor`.
        connection: what it goes over, open, with a timeout.
        there: the address at its other end.
        server, name: the other side, and how messages call it.
        seconds: within which it has to be agreed upon.
        time_limit: of what is asked now.
        inbox: where its messages go.
        wanted: whether a message with this command set is; one that is not ends it.

    Attributes:
        messages: what it says and hears.
        idle: whether no request waits for its last response.
        used: whether anything that was wanted has come over it.
    """

    def __init__(
        self,
        mode: str,
        connection: socket.socket,
        there: SocketAddress,
        server: Server,
        name: str,
        seconds: float,
        time_limit: Callable[[], TimeLimit],
        inbox: Pipe[Message],
        wanted: Callable[[Dataset], bool],
    ) -> None:
        self.idle, self.used, self._over = True, mode == MODE_REQUESTOR, threading.Event()
        self._server, self._name, self._seconds = server, name, seconds
        self._time_limit, self._wanted = time_limit, wanted
        entity = AE(server.aet)
        entity.acse_timeout = seconds + _SECONDS_TO_END  # it is not pynetdicom that gives up first
        entity.dimse_timeout = entity.network_timeout = None  # for these there is `time_limit`
        entity.require_called_aet = True
        self._one = one = pynetdicom.Association(entity, mode)
        self._wire = Wire(one, connection, self._moved)
        one.set_socket(self._wire)
        for event in one.get_events():  # what writes to the log
            if event.is_notification:
                handlers: Any = one.get_handlers(event)
                for handler, _ in list(handlers):
                    one.unbind(event, handler)
        self.messages = one.dimse = Messages(one, inbox, self._arriving, self._is_wanted)
        self._sending = one.dul.to_provider_queue = SendQueue(self.watch)
        for thread in (one, one.dul):
            thread.daemon = True
            thread.run = self._in_silence(thread.run)  # type: ignore[method-assign,unused-ignore]
        us, them = one.requestor, one.acceptor
        if mode == MODE_REQUESTOR:
            one.dul.event_queue.get()  # that somebody connected, and may ask for it
        else:
            us, them = them, us
        us.address_info = AddressInformation.from_tuple(connection.getsockname())
        them.address_info = AddressInformation.from_tuple(there)
        us.ae_title, us.maximum_length = server.aet, PDU
        us.implementation_version_name = entity.implementation_version_name

    def request(self, theirs: str, contexts: Sequence[Context], receiving: bool) -> None:
        """Ask for it.

        Args:
            theirs: the AE title of the other side.
            contexts: at most 128; some of them may not be accepted.
            receiving: whether it is the server that stores.

        Raises:
            SourceError: the other side does not want it.
        """
        proposed = [
            build_context(abstract, [syntax] if syntax else list(PLAIN))
            for abstract, syntax in contexts
        ]
        for index, context in enumerate(proposed):
            context.context_id = 2 * index + 1
        one, stored = self._one, dict.fromkeys(name for name, syntax in contexts if syntax)
        one.acceptor.ae_title, one.requestor.requested_contexts = theirs, proposed
        for abstract in stored if receiving else ():
            one.requestor.add_negotiation_item(build_role(abstract, scp_role=True))
        one.start()
        self._negotiate()

    def accept(
        self, offered: Mapping[str, Sequence[str]] | None = None, titles: Sequence[str] = ()
    ) -> None:
        """Let the other side ask for it.

        Args:
            offered: the transfer syntaxes by abstract syntax; by default those of all storage.
            titles: the AE titles that it may have; any, by default.
        """
        if offered is None:
            storage = [str(one.abstract_syntax) for one in AllStoragePresentationContexts]
            offered = dict.fromkeys(storage, TRANSFER_SYNTAXES)
        self._one.ae.require_calling_aet = list(titles)
        self._one.acceptor.supported_contexts = [
            build_context(abstract, list(syntaxes)) for abstract, syntaxes in offered.items()
        ]
        self._one.start()

    @property
    def caller(self) -> str:
        """The AE title of the side that has asked for it."""
        return self._one.requestor.ae_title.strip()

    def number(self, context: Context) -> int | None:
        """That of an accepted presentation context; None if it was not accepted."""
        abstract, syntax = context
        for number, (has, how) in self.messages.contexts.items():
            if has == abstract and (how == syntax if syntax else how in PLAIN):
                return number
        return None

    @property
    def ended(self) -> bool:
        """Whether nothing comes any more."""
        return self._one.is_aborted or self._one.acse.is_aborted() or self._over.is_set()

    @property
    def spoken_to(self) -> bool:
        """Whether the other side has said anything since its last response: it has ended it."""
        return self.ended or not self._one.is_established or self._wire.ready

    def watch(self) -> None:
        """Raise if nothing is to be waited for any more.

        Raises:
            SourceError: it has ended, or nothing has moved for too long.
        """
        self._time_limit().check()
        if self.ended:
            raise self.broken()

    def broken(self) -> SourceError:
        """The error to raise when what comes is not what has to come."""
        return broken(self._server, self._name, self._wire.error, heard=self._wire.heard)

    def release(self) -> None:
        """End it as agreed upon."""
        self._part(self._one.acse.send_release, _SECONDS_TO_PART)

    def abort(self) -> None:
        """End it in the midst of whatever is going on."""
        self._sending.forget()
        self._part(lambda: self._one.acse.send_abort(0), _SECONDS_TO_END)

    def _part(self, say: Callable[[], None], seconds: float) -> None:
        """Say that it is over, wait a little for the other side to hear it, and end it."""
        self.messages.close()
        with suppress(SourceError):
            if self._one.is_established:
                say()
                self._one.dul.join(seconds)
        self._wire.cut()
        self._one.dul.to_user_queue.put(None)  # who waits there for more
        for thread in (self._one.dul, self._one):
            if thread.is_alive():
                thread.join(_SECONDS_TO_END)
        self._wire.free()

    def _negotiate(self) -> None:
        """Wait for the answer to our request."""
        one, end = self._one, time.monotonic() + self._seconds
        ended = False
        while not one.is_established:
            answer = one.acceptor.primitive
            if one.is_rejected and answer is not None:
                raise self._rejected(answer)
            if answer is not None and answer.result == 0 and self.ended:
                if not one.accepted_contexts:
                    raise self._nothing_accepted()
                raise self.broken()
            if self.ended and not ended:  # the answer may lie there still
                ended, end = True, time.monotonic() + _SECONDS_TO_END
            if time.monotonic() > end or not one.is_alive():
                raise self.broken() if ended else StalledError(self._name, self._seconds)
            time.sleep(_TICK)

    def _nothing_accepted(self) -> SourceError:
        return SourceError(
            f"{self._name} accepts none of the services asked for",
            "a server with C-FIND, C-GET or C-MOVE, and C-STORE",
            "check the address, or set receive_port for C-MOVE",
        )

    def _rejected(self, answer: Any) -> SourceError:
        return (TransientError if answer.result == _REJECTED_FOR_NOW else SourceError)(
            f"{self._name} rejects us as {self._server.aet} ({answer.reason_str})",
            "an association",
            "check both AE titles, and that the server knows ours",
        )

    def _moved(self, count: int) -> None:
        if self.used:
            self._time_limit().moved(count)

    def _is_wanted(self, command: Dataset) -> bool:
        wanted = self._wanted(command)
        self.used = self.used or wanted
        return wanted

    def _arriving(self) -> Arriving:
        return Arriving(self._name, self.watch)

    def _in_silence(self, run: Callable[[], None]) -> Callable[[], None]:
        """A thread of pynetdicom's; where its protocol machine knows no further it just ends."""

        def run_on() -> None:
            with suppress(Exception):
                run()
            self._over.set()

        return run_on
