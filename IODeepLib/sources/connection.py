"""What is open to an application entity, and what it is asked: DIMSE messages (PS3.7 chapter 9)."""

from __future__ import annotations

import itertools
import logging
import socket
import ssl
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import BinaryIO

from pydicom.dataset import Dataset
from pydicom.uid import UID

from IODeepLib.errors import ModelError, SourceError, UsageError
from IODeepLib.headers import quiet
from IODeepLib.sources.archive import Receiver, UnreachableError
from IODeepLib.sources.association import Association, Context, Message, accept, request
from IODeepLib.sources.settings import Server
from IODeepLib.sources.transfer import Part10
from IODeepLib.sources.wire import Wire, speaking

_log = logging.getLogger(__name__)
# Command fields (PS3.7 section E.1-1).
C_STORE, C_GET, C_FIND, C_MOVE = 0x0001, 0x0010, 0x0020, 0x0021
_RESPONSE = 0x8000
_PENDING = {0xFF00, 0xFF01}  # more will come; PS3.4 section C.4
_MEDIUM = 0  # priority
_SECONDS_TO_CONNECT = 10.0


class Connection:
    """What is open to an application entity: at most one association, and a port of ours.

    Args:
        server: how to get in, and who we are.
        aet, host, port: the other side.
    """

    def __init__(self, server: Server, aet: str, host: str, port: int) -> None:
        self._server, self._aet, self._host, self._port = server, aet, host, port
        self.name = f"{aet}@{host}:{port}"
        self._association: Association | None = None
        self._contexts: tuple[frozenset[Context], bool] = frozenset(), False
        self._listener: socket.socket | None = None
        self._incoming: list[Association] = []

    def associate(self, contexts: Sequence[Context], receiving: bool = False) -> Association:
        """An association that was asked for these contexts; the open one, if it was.

        Args:
            contexts: at most 128; a server may accept some of them only.
            receiving: whether it is the server that stores.

        Raises:
            SourceError: there is none to be had.
        """
        offered, both = self._contexts
        now = self._association
        fits = offered >= set(contexts) and both == receiving
        # What a server says without being asked is that it ends the association.
        if now is not None and now.idle and fits and not speaking([now.wire], 0):
            return now
        self._end_association()
        wire = self._connect()
        try:
            now = request(wire, self._server.aet, self._aet, contexts, receiving)
        except BaseException:
            wire.close()
            raise
        self._association, self._contexts = now, (frozenset(contexts), receiving)
        return now

    def listen(self, port: int) -> None:
        """Take what the server moves to `port`, as long as this is open."""
        if self._listener is not None:
            return
        try:
            self._listener = socket.create_server(("", port))
        except OSError as error:
            raise UsageError(
                f"the port {port} is not free ({error.strerror})",
                f"to receive on it what {self.name} sends",
                "set another receive_port, here and at the server",
            ) from None

    def query(
        self,
        number: int,
        field: int,
        identifier: Dataset,
        receive: Receiver | None = None,
        **more: str,
    ) -> list[tuple[Dataset, Dataset]]:
        """Ask by C-FIND, C-GET or C-MOVE.

        Args:
            number: of the presentation context.
            field: the service.
            identifier: what is asked for.
            receive: is given what the server stores meanwhile; what it raises is raised here.
            more: other parts of the command.

        Returns:
            The responses to the last one: command set and identifier, which may be empty.
        """
        from pynetdicom.dsutils import decode, encode

        syntax = UID(self._now.contexts[number][1])
        data = BytesIO(encode(identifier, syntax.is_implicit_VR, True) or b"")
        found = []
        for command, answer in self._ask(number, field, data, receive, **more):
            try:
                with quiet():
                    found.append((command, decode(BytesIO(answer), syntax.is_implicit_VR, True)))
            except Exception:  # pydicom raises whatever a broken one leads it to
                raise self._now.wire.broken() from None
        return found

    def store(self, number: int, file: Part10) -> Dataset:
        """Ask by C-STORE.

        Returns:
            The response.

        Raises:
            ModelError: the file cannot be read.
        """
        try:
            with file.path.open("rb") as content:
                content.seek(file.offset)
                answers = self._ask(number, C_STORE, content, AffectedSOPInstanceUID=file.sop_uid)
                *_, (command, _) = answers
        except OSError as error:
            raise ModelError(
                f"{file.path} cannot be read ({error.strerror or error})",
                "a DICOM file",
                "check the file",
            ) from None
        return command

    def close(self) -> None:
        """Close everything."""
        self._end_association()
        if self._listener is not None:
            self._listener.close()

    @property
    def _now(self) -> Association:
        assert self._association is not None  # noqa: S101 - see `associate`
        return self._association

    def _ask(
        self,
        number: int,
        field: int,
        data: BinaryIO,
        receive: Receiver | None = None,
        **more: str,
    ) -> Iterator[tuple[Dataset, bytes]]:
        """Send a request; the responses to the last one, each with its data set."""
        association = self._now
        association.idle = False
        command = {
            "AffectedSOPClassUID": association.contexts[number][0],
            "CommandField": field,
            "MessageID": 1,
            "Priority": _MEDIUM,
        }
        association.send(number, {**command, **more}, data)
        while not association.idle:
            speaker, message = self._next_message()
            status = message.command.get("Status")
            if message.command.CommandField == C_STORE and receive is not None:
                self._take(speaker, message, receive)
            elif message.command.CommandField == field | _RESPONSE and isinstance(status, int):
                answer = b"".join(message.data)
                association.idle = status not in _PENDING
                yield message.command, answer
            else:
                raise speaker.wire.broken()

    def _next_message(self) -> tuple[Association, Message]:
        """What is said next, be it over an association that the server opened to move objects."""
        while self._listener is not None:
            ends = {one.wire: one for one in (*self._incoming, self._now)}
            ready = speaking([*ends, self._listener], self._server.timeout)
            if not ready:
                raise self._now.wire.broken()
            if ready[0] is self._listener:
                self._accept(self._listener)
                continue
            speaker = ends[ready[0]]
            if speaker is self._now:
                break
            try:
                return speaker, speaker.receive()
            except SourceError:  # released, most of all; the server will tell us if it gave up
                speaker.wire.close()
                self._incoming.remove(speaker)
        return self._now, self._now.receive()

    def _take(self, speaker: Association, message: Message, receive: Receiver) -> None:
        """Receive what the server stores as a DICOM file (PS3.10 section 7.1)."""
        from pynetdicom.dsutils import create_file_meta, encode_file_meta

        uids = {
            keyword: message.command.get(keyword, "")
            for keyword in ("AffectedSOPClassUID", "AffectedSOPInstanceUID")
        }
        try:
            with quiet():
                meta = create_file_meta(
                    sop_class_uid=uids["AffectedSOPClassUID"],
                    sop_instance_uid=uids["AffectedSOPInstanceUID"],
                    transfer_syntax=UID(speaker.contexts[message.number][1]),
                )
                head = bytes(128) + b"DICM" + encode_file_meta(meta)
        except Exception:  # pydicom raises whatever a broken command leads it to
            raise speaker.wire.broken() from None
        receive(itertools.chain([head], message.data))
        for _ in message.data:
            pass
        answer = {
            "CommandField": C_STORE | _RESPONSE,
            "MessageIDBeingRespondedTo": message.command.get("MessageID", 0),
            "Status": 0,
        }
        speaker.send(message.number, {**answer, **uids})

    def _accept(self, listener: socket.socket) -> None:
        """Let in who connects to our port, and calls us by our AE title."""
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        wire = self._wire(connection)
        wire.wait_for(min(_SECONDS_TO_CONNECT, self._server.timeout))  # while others do
        try:
            if self._server.tls:
                wire.secure(self._tls(ssl.Purpose.CLIENT_AUTH), server_side=True)
            self._incoming.append(accept(wire, self._server.aet))
            wire.wait_for(self._server.timeout)
        except SourceError:
            _log.info("somebody who does not want %s connected", self._server.aet)
            wire.close()

    def _end_association(self) -> None:
        while self._incoming:
            self._incoming.pop().wire.close()
        association, self._association = self._association, None
        if association is not None and association.idle:
            association.release()
        elif association is not None:
            association.abort()

    def _connect(self) -> Wire:
        seconds = min(_SECONDS_TO_CONNECT, self._server.timeout)
        try:
            connection = socket.create_connection((self._host, self._port), seconds)
        except (OSError, UnicodeError) as error:  # the latter for impossible names
            raise UnreachableError(
                f"{self.name} cannot be reached ({getattr(error, 'strerror', None) or error})",
                "an application entity there",
                "check host and port, and whether it runs",
            ) from None
        wire = self._wire(connection)
        if self._server.tls:
            try:
                context = self._tls(ssl.Purpose.SERVER_AUTH)
                wire.secure(context, server_hostname=self._host)
            except BaseException:
                wire.close()
                raise
        return wire

    def _wire(self, connection: socket.socket) -> Wire:
        connection.settimeout(self._server.timeout)
        return Wire(connection, self.name, self._server.aet)

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
