"""Associations with an application entity, by way of pynetdicom (PS3.8).

pynetdicom reads whole files into the queue of what it sends, waits for ever in the middle of a
piece, takes a long transfer for silence, and leaves the files behind that it receives into. Here it
is kept from that.
"""

from __future__ import annotations

import queue
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from IODeepLib.errors import SourceError, UsageError
from IODeepLib.sources.archive import Receiver, TransientError, UnreachableError
from IODeepLib.sources.settings import Server
from IODeepLib.sources.transfer import TRANSFER_SYNTAXES

# Abstract syntax, and transfer syntax or None for the usual ones.
Context = tuple[str, str | None]
# Of an association's 128 presentation contexts (PS3.8 section 7.1.1.13), one is for the request.
MOST_CONTEXTS = 127
PDU = 2**17  # bytes: the largest piece that we take, or send
_CHUNK = 2**20  # bytes
_PIECES_AHEAD = 32  # read before they can be sent
_SECONDS_TO_CONNECT = 10.0
_SECONDS_TO_BE_TURNED_DOWN = 1.0
_SECONDS_TO_LOOK = 1.0  # whether the connection is there at all
# Of the small pieces that requests and answers come in, each waits until the one before it is
# acknowledged, 40 ms: unless the sender does not wait, or the receiver acknowledges at once.
_QUICK: int | None = getattr(socket, "TCP_QUICKACK", None)  # Linux; forgotten soon


class Connection:
    """What is open to an application entity: at most one association, and a port of ours.

    Args:
        server: how to get in, and who we are.
        aet, host, port: the other side.
    """

    def __init__(self, server: Server, aet: str, host: str, port: int) -> None:
        self._server, self._aet, self._host, self._port = server, aet, host, port
        self.name = f"{aet}@{host}:{port}"
        self._association: Any = None
        self._contexts: tuple[frozenset[Context], bool] = frozenset(), False
        self._listener: Any = None
        self._receive: Receiver | None = None
        self._failed: Exception | None = None
        self._asking = self._broken = self._opened = False
        self._last_sign = 0.0  # of life, as time.monotonic() counts
        self._over = threading.Event()

    def associate(self, contexts: Sequence[Context], receiving: bool = False) -> Any:
        """An association that was asked for these contexts; the open one, if it was.

        Args:
            contexts: at most 128; a server may accept some of them only.
            receiving: whether it is the server that stores.

        Raises:
            SourceError: there is none to be had.
        """
        from pynetdicom import AE, build_role, evt
        from pynetdicom.presentation import build_context

        offered, both = self._contexts
        usable = not self._broken and self._association and self._association.is_established
        if usable and offered >= set(contexts) and both == receiving:
            return self._association
        self._end_association()
        entity = AE(ae_title=self._server.aet)
        entity.connection_timeout = min(_SECONDS_TO_CONNECT, self._server.timeout)
        entity.acse_timeout = self._server.timeout
        entity.dimse_timeout = entity.network_timeout = None  # see `_watch`
        stored = dict.fromkeys(abstract for abstract, syntax in contexts if syntax is not None)
        context = self._tls(ssl.Purpose.SERVER_AUTH) if self._server.tls else None
        self._opened, self._over = False, threading.Event()
        association = entity.associate(
            self._host,
            self._port,
            [
                build_context(abstract, syntax) if syntax else build_context(abstract)
                for abstract, syntax in contexts
            ],
            self._aet,
            PDU,
            ext_neg=[build_role(abstract, scp_role=True) for abstract in stored]
            if receiving
            else [],
            tls_args=(context, self._host) if context else None,
            evt_handlers=[(evt.EVT_CONN_OPEN, self._connected), *self._handlers()],
        )
        if not association.is_established:
            raise self._no_association(association, context)
        _limit_pieces(association)
        association.dul.to_provider_queue = _Outgoing()
        association.dimse.msg_queue = _Incoming(association.dul)
        self._association, self._contexts = association, (frozenset(contexts), receiving)
        return association

    def listen(self, port: int) -> None:
        """Take what the server moves to `port`, as long as this is open."""
        from pynetdicom import AE, AllStoragePresentationContexts
        from pynetdicom.presentation import build_context

        if self._listener is not None:
            return
        entity = AE(ae_title=self._server.aet)
        entity.require_called_aet = True
        entity.network_timeout = self._server.timeout
        entity.maximum_pdu_size = PDU
        entity.supported_contexts = [
            build_context(str(context.abstract_syntax), list(TRANSFER_SYNTAXES))
            for context in AllStoragePresentationContexts
        ]
        tls = self._tls(ssl.Purpose.CLIENT_AUTH) if self._server.tls else None
        try:
            entity.start_server(
                ("", port), block=False, ssl_context=tls, evt_handlers=self._handlers()
            )
        except OSError as error:
            raise UsageError(
                f"the port {port} is not free ({error.strerror})",
                f"to receive on it what {self.name} sends",
                "set another receive_port, here and at the server",
            ) from None
        self._listener = entity

    @contextmanager
    def asking(self, receive: Receiver | None = None) -> Iterator[None]:
        """A request and its answers; what goes wrong meanwhile is turned into errors of ours.

        Args:
            receive: is given what the server stores meanwhile; what it raises is raised here.
        """
        self._receive, self._failed = receive, None
        self._last_sign, self._asking = time.monotonic(), True
        try:
            yield
            if self._failed is not None:
                raise self._failed
            if not self._association.is_established:
                raise self.broken()
        except (RuntimeError, ValueError, OSError) as error:
            self._broken = True
            if self._failed is not None:
                raise self._failed from None
            if isinstance(error, OSError) or not self._association.is_established:
                raise self.broken() from None
            raise SourceError(
                f"{self.name} cannot be asked that ({error})",
                "a request that it takes",
                "check what the server supports",
            ) from None
        except BaseException:
            self._broken = True
            raise
        finally:
            self._asking = False

    @property
    def failed(self) -> bool:
        """Whether the receiver has failed: what else is sent is not taken."""
        return self._failed is not None

    def broken(self) -> TransientError:
        """The error to raise when answers do not come to their end."""
        return TransientError(
            f"the association with {self.name} broke",
            "an answer to its end",
            f"try again, or ask who runs the server whether {self._server.aet} may do this",
        )

    def close(self) -> None:
        """Close everything."""
        self._end_association()
        if self._listener is not None:
            self._listener.shutdown()
            self._listener = None

    def _end_association(self) -> None:
        association, self._association = self._association, None
        if association is not None:
            self._last_sign, self._asking = time.monotonic(), True
            with suppress(ConnectionError):
                if self._broken:
                    association.abort()
                else:
                    association.release()
            association.kill()
        self._asking = self._broken = False
        self._over.set()

    def _handlers(self) -> list[Any]:
        from pynetdicom import evt

        return [
            (evt.EVT_DATA_RECV, self._moved),
            (evt.EVT_DATA_SENT, self._moved),
            (evt.EVT_CONN_CLOSE, _closed),
            (evt.EVT_C_STORE, self._stored),
        ]

    def _moved(self, event: Any) -> None:
        self._last_sign = time.monotonic()
        if _QUICK is not None:
            event.assoc.dul.socket.socket.setsockopt(socket.IPPROTO_TCP, _QUICK, 1)

    def _connected(self, event: Any) -> None:
        self._opened, self._asking, self._last_sign = True, True, time.monotonic()
        connection = event.assoc.dul.socket.socket
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._watch(connection, self._over)

    def _watch(self, connection: socket.socket, over: threading.Event) -> None:
        """End the connection when nothing moves any more, whatever is being waited for."""
        timeout = self._server.timeout

        def watch() -> None:
            while not over.wait(min(1.0, timeout / 4)):
                if self._asking and time.monotonic() - self._last_sign > timeout:
                    with suppress(OSError):
                        connection.shutdown(socket.SHUT_RDWR)
                    return

        threading.Thread(target=watch, daemon=True, name="iodeep-watch").start()

    def _stored(self, event: Any) -> int:
        """Take what the server stores; after a failure, nothing any more."""
        file = event.request._dataset_file
        try:
            if self._failed is not None or self._receive is None:
                return 0xC000
            with event.dataset_path.open("rb") as arrived:
                self._receive(iter(lambda: arrived.read(_CHUNK), b""))
        except Exception as error:
            self._failed = error
            return 0xC000
        finally:
            _discard(file)
        return 0x0000

    def _tls(self, purpose: ssl.Purpose) -> ssl.SSLContext:
        server = self._server
        try:
            context = ssl.create_default_context(purpose, cafile=server.ca)
            if server.certificate is not None:
                context.load_cert_chain(server.certificate, server.key)
        except (OSError, ssl.SSLError) as error:
            raise UsageError(
                f"the certificate, key or authorities for {self.name} ({error})",
                "PEM files",
                "correct them in iodeep.toml",
            ) from None
        return context

    def _no_association(self, association: Any, context: ssl.SSLContext | None) -> SourceError:
        if association.is_rejected:
            answer = association.acceptor.primitive
            # PS3.8 table 9-21: result 2 is "rejected-transient".
            return (TransientError if answer.result == 2 else SourceError)(
                f"{self.name} rejects us as {self._server.aet} ({answer.reason_str})",
                "an association",
                "check both AE titles, and that the server knows ours",
            )
        if association.acceptor.primitive is not None:
            return SourceError(
                f"{self.name} accepts none of the services asked for",
                "a server with C-FIND, C-GET or C-MOVE, and C-STORE",
                "check the address, or set receive_port for C-MOVE",
            )
        if self._opened and context is None:
            return self.broken()
        try:
            self._try_to_connect(context)
        except (ssl.SSLEOFError, ConnectionResetError, BrokenPipeError):
            return self.broken()
        except ssl.SSLError as error:
            return SourceError(
                f"{self.name} and this side do not trust each other ({error})",
                "certificates that both sides accept",
                "name the server in iodeep.toml with its ca, and with certificate and key",
            )
        except OSError as error:
            return UnreachableError(
                f"{self.name} cannot be reached ({error.strerror or error})",
                "an application entity there",
                "check host and port, and whether it runs",
            )
        return self.broken()

    def _try_to_connect(self, context: ssl.SSLContext | None) -> None:
        """Raise what connecting raises, which pynetdicom keeps to itself."""
        address = self._host, self._port
        with socket.create_connection(address, _SECONDS_TO_CONNECT) as plain:
            if context is not None:
                with context.wrap_socket(plain, server_hostname=self._host) as secure:
                    # Our certificate may be turned down after the handshake (RFC 8446).
                    secure.settimeout(_SECONDS_TO_BE_TURNED_DOWN)
                    with suppress(TimeoutError):
                        secure.recv(1)


def _limit_pieces(association: Any) -> None:
    """Where the server takes pieces of any size, pynetdicom would send a file as a single one."""
    from pynetdicom.pdu_primitives import MaximumLengthNotification

    for item in association.acceptor.user_information:
        if isinstance(item, MaximumLengthNotification) and not item.maximum_length_received:
            item.maximum_length_received = PDU


class _Outgoing(queue.Queue[Any]):
    """The pieces that wait to be sent: few, and none any more when the connection is gone."""

    def __init__(self) -> None:
        super().__init__(_PIECES_AHEAD)
        self._gone = False

    def _put(self, item: Any) -> None:
        if self._gone:
            raise ConnectionError("the connection is gone")
        super()._put(item)

    def end(self) -> None:
        """Forget them, and refuse others."""
        with self.mutex:
            self._gone = True
            self.queue.clear()
            self.not_full.notify_all()


class _Incoming(queue.Queue[Any]):
    """The answers, for whoever waits for them.

    pynetdicom has a thread of its own that looks here, without waiting, for requests; as nothing
    keeps it from doing so while we ask, it would take an answer now and then.
    """

    def __init__(self, provider: threading.Thread) -> None:
        super().__init__()
        self._provider = provider

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        while block and self._provider.is_alive():
            with suppress(queue.Empty):
                return super().get(timeout=_SECONDS_TO_LOOK)
        if block and not self.empty():
            return super().get(block=False)
        raise queue.Empty


@contextmanager
def through_files() -> Iterator[None]:
    """pynetdicom sends from files, and receives into files, as long as this lasts."""
    from pynetdicom import _config

    before = _config.STORE_SEND_CHUNKED_DATASET, _config.STORE_RECV_CHUNKED_DATASET
    _config.STORE_SEND_CHUNKED_DATASET = _config.STORE_RECV_CHUNKED_DATASET = True
    try:
        yield
    finally:
        _config.STORE_SEND_CHUNKED_DATASET, _config.STORE_RECV_CHUNKED_DATASET = before


def _closed(event: Any) -> None:
    """A connection is gone: so is what waits to be sent, and what has come in part."""
    outgoing = event.assoc.dul.to_provider_queue
    if isinstance(outgoing, _Outgoing):
        outgoing.end()
    if event.assoc.dimse.message is not None:
        _discard(event.assoc.dimse.message._data_set_file)


def _discard(file: Any) -> None:
    """Remove a file that pynetdicom receives into."""
    if file is not None:
        file.close()
        Path(file.name).unlink(missing_ok=True)
