"""What is open to an application entity, and what it is asked: DIMSE messages (PS3.7 chapter 9)."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from io import BytesIO
from typing import Any

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import dimse_primitives as primitives
from pynetdicom.association import MODE_REQUESTOR
from pynetdicom.dsutils import create_file_meta, decode, encode, encode_file_meta

from IODeepLib.errors import ModelError, SourceError
from IODeepLib.headers import quiet
from IODeepLib.sources.archive import Receiver
from IODeepLib.sources.dimse.association import Association, Context
from IODeepLib.sources.dimse.dial import addresses, dial
from IODeepLib.sources.dimse.messages import C_STORE, Message, Pipe
from IODeepLib.sources.dimse.receiver import Move, MoveDestination
from IODeepLib.sources.limits import MOST_ANSWERS, TimeLimit, too_many
from IODeepLib.sources.settings import Server
from IODeepLib.sources.transfer import Part10

# Command fields (PS3.7 section E.1-1).
_FIELDS = {
    primitives.C_STORE: C_STORE,
    primitives.C_GET: 0x0010,
    primitives.C_FIND: 0x0020,
    primitives.C_MOVE: 0x0021,
    primitives.N_EVENT_REPORT: 0x0100,
}
_RESPONSE = 0x8000
_PENDING = {0xFF00, 0xFF01}  # more will come; PS3.4 section C.4
_MEDIUM = 0  # priority
_UNDEFINED = 0xFFFFFFFF  # a length; PS3.5 section 7.1.1
_MOST_FOUND = 2**28  # bytes: of all answers to a search
_SECONDS_TO_CANCEL = 5.0
_random = random.SystemRandom()


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
        self._ends = "", ""  # our address and theirs, as the connection has them
        self._receiver: MoveDestination | None = None
        self._time_limit = TimeLimit(self.name, server.timeout)
        self._inbox: Pipe[Message] = Pipe(self._watch)

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
        if now is not None and now.idle and fits and not now.spoken_to:
            return now
        self._end_association()
        self._begin()
        self._inbox = Pipe(self._watch)
        connection, there = dial(self._server, self.name, self._host, self._port)
        self._ends = connection.getsockname()[0], there[0]
        now = Association(
            MODE_REQUESTOR,
            connection,
            there,
            self._server,
            self.name,
            self._server.timeout,
            lambda: self._time_limit,
            self._inbox,
            lambda command: True,
        )
        try:
            now.request(self._aet, contexts, receiving)
        except BaseException:
            now.abort()
            raise
        self._association, self._contexts = now, (frozenset(contexts), receiving)
        return now

    def find(self, number: int, identifier: Dataset, most: int) -> list[tuple[Dataset, Dataset]]:
        """Ask by C-FIND.

        Args:
            number: of the presentation context.
            identifier: what is asked for.
            most: answers that are taken.

        Returns:
            The responses to the last one: command set and identifier, which may be empty.
        """
        request = self._identified(primitives.C_FIND(), number, identifier)
        answers = self._ask(number, request)
        found: list[tuple[Dataset, Dataset]] = []
        size = 0
        for command, answer in answers:
            size += len(answer)
            if command.Status in _PENDING and (len(found) == most or size > _MOST_FOUND):
                self._cancel(number, request)
                end = time.monotonic() + _SECONDS_TO_CANCEL
                with suppress(SourceError):
                    while time.monotonic() < end and next(answers, None):
                        pass
                if len(found) == most:
                    raise too_many(self.name, "answers to a search", most)
                raise too_many(self.name, "bytes of answers to a search", _MOST_FOUND)
            found.append((command, self._decoded(number, answer)))
        return found

    def get(self, number: int, identifier: Dataset, most: int, receive: Receiver) -> Dataset:
        """Ask by C-GET.

        Args:
            number: of the presentation context.
            identifier: what is asked for.
            most: instances that are taken.
            receive: is given what the server stores meanwhile; what it raises is raised here.

        Returns:
            The last response.
        """
        request = self._identified(primitives.C_GET(), number, identifier)
        return self._asked(number, request, receive, most)

    def move(
        self, number: int, identifier: Dataset, most: int, receive: Receiver, port: int
    ) -> tuple[Dataset, str]:
        """Ask by C-MOVE to send to a port of ours; otherwise as `get`.

        Returns:
            The last response; and what was turned away at the port, in words.
        """
        receiver = self._listen(port)
        request = self._identified(primitives.C_MOVE(), number, identifier)
        request.MoveDestination = self._server.aet
        receiver.refused = ""
        receiver.move = Move(request.MessageID, identifier.get("SOPInstanceUID", ""))
        try:
            return self._asked(number, request, receive, most), receiver.refused
        finally:
            receiver.move = None

    def store(self, number: int, file: Part10) -> Dataset:
        """Ask by C-STORE.

        Returns:
            The response.

        Raises:
            ModelError: the file cannot be read.
        """
        request = self._request(primitives.C_STORE(), number)
        request.AffectedSOPInstanceUID = file.sop_uid
        # What STORE_SEND_CHUNKED_DATASET has `send_c_store` do, whose flag is the whole process's.
        request._dataset_path = (file.path, file.offset)
        try:
            return self._asked(number, request)
        except OSError as error:
            raise ModelError(
                f"{file.path} cannot be read ({error.strerror or error})",
                "a DICOM file",
                "check the file",
            ) from None

    def report(
        self, number: int, sop_class: str, sop_uid: str, kind: int, information: Dataset
    ) -> Dataset:
        """Say by N-EVENT-REPORT that something has happened.

        Args:
            number: of the presentation context.
            sop_class, sop_uid: to what.
            kind: the type of the event.
            information: what is to be known of it.

        Returns:
            The response.
        """
        request = primitives.N_EVENT_REPORT()
        request.MessageID = _random.randrange(1, 2**16)
        request.AffectedSOPClassUID, request.AffectedSOPInstanceUID = UID(sop_class), UID(sop_uid)
        request.EventTypeID = kind
        request.EventInformation = BytesIO(self._encoded(number, information))
        return self._asked(number, request)

    def close(self) -> None:
        """Close everything."""
        self._end_association()

    @property
    def _now(self) -> Association:
        assert self._association is not None  # noqa: S101 - see `associate`
        return self._association

    def _watch(self) -> None:
        self._now.watch()

    def _begin(self) -> None:
        self._time_limit = TimeLimit(self.name, self._server.timeout)

    def _request(self, request: Any, number: int) -> Any:
        request.MessageID = _random.randrange(1, 2**16)  # which a stranger would have to guess
        request.AffectedSOPClassUID = UID(self._now.messages.contexts[number][0])
        request.Priority = _MEDIUM
        return request

    def _identified(self, request: Any, number: int, identifier: Dataset) -> Any:
        request.Identifier = BytesIO(self._encoded(number, identifier))
        return self._request(request, number)

    def _encoded(self, number: int, content: Dataset) -> bytes:
        syntax = UID(self._now.messages.contexts[number][1])
        with quiet():
            return encode(content, syntax.is_implicit_VR, True) or b""

    def _decoded(self, number: int, identifier: bytes) -> Dataset:
        syntax = UID(self._now.messages.contexts[number][1])
        try:
            with quiet():
                answer = decode(BytesIO(identifier), syntax.is_implicit_VR, True)
                if any(_is_cut_off(answer.get_item(tag)) for tag in answer.keys()):  # noqa: SIM118
                    raise ValueError
                return answer
        except Exception:  # pydicom raises whatever a broken one leads it to
            raise self._now.broken() from None

    def _asked(
        self, number: int, request: Any, receive: Receiver | None = None, most: int = 0
    ) -> Dataset:
        """Send a request; the last response."""
        for last, _ in self._ask(number, request, receive, most):
            command = last
        return command

    def _ask(
        self, number: int, request: Any, receive: Receiver | None = None, most: int = 0
    ) -> Iterator[tuple[Dataset, bytes]]:
        """Send a request; the responses to the last one, each with its data set."""
        self._begin()
        now, expected = self._now, _FIELDS[type(request)] | _RESPONSE
        now.idle = False
        now.messages.send_msg(request, number)
        taken = responses = 0
        while not now.idle:
            message = self._inbox.get()
            self._time_limit.check()
            command = message.command
            if command.CommandField == C_STORE and receive is not None:
                taken += 1
                if taken > most:
                    raise too_many(self.name, "instances", most)
                self._take(message, receive)
                continue
            status, to = command.get("Status"), command.get("MessageIDBeingRespondedTo")
            if (message.speaker, command.CommandField, to) != (
                now.messages,
                expected,
                request.MessageID,
            ) or not isinstance(status, int):
                raise now.broken()
            responses += 1
            if responses > MOST_ANSWERS + 1:
                raise too_many(self.name, "responses", MOST_ANSWERS)
            now.idle = status not in _PENDING
            yield command, b"".join(message.data)

    def _cancel(self, number: int, request: Any) -> None:
        """Ask for no more answers to a request (PS3.7 section 9.3.2.3)."""
        cancelling = primitives.C_CANCEL()
        cancelling.MessageIDBeingRespondedTo = request.MessageID
        self._now.messages.send_msg(cancelling, number)

    def _take(self, message: Message, receive: Receiver) -> None:
        """Receive what the server stores as a DICOM file (PS3.10 section 7.1)."""
        answer = primitives.C_STORE()
        try:
            with quiet():
                answer.AffectedSOPClassUID = message.command.AffectedSOPClassUID
                answer.AffectedSOPInstanceUID = message.command.AffectedSOPInstanceUID
                answer.MessageIDBeingRespondedTo = message.command.MessageID
                meta = create_file_meta(
                    sop_class_uid=answer.AffectedSOPClassUID,
                    sop_instance_uid=answer.AffectedSOPInstanceUID,
                    transfer_syntax=UID(message.speaker.contexts[message.number][1]),
                )
                head = bytes(128) + b"DICM" + encode_file_meta(meta)
        except Exception:  # pydicom raises whatever a broken command leads it to
            raise self._now.broken() from None
        receive(itertools.chain([head], message.data))
        for _ in message.data:
            pass
        answer.Status = 0
        message.speaker.send_msg(answer, message.number)

    def _listen(self, port: int) -> MoveDestination:
        """What takes what the server moves to `port`, where it reaches us and nowhere else."""
        if self._receiver is None:
            here, there = self._ends
            self._receiver = MoveDestination(
                (here, port),
                self._server,
                self.name,
                # Ours; pynetdicom's servers say their own.
                {self._server.aet.strip(), self._aet.strip()},
                {there, *addresses(self._host)},
                lambda: self._time_limit,
                self._inbox,
            )
        return self._receiver

    def _end_association(self) -> None:
        receiver, self._receiver = self._receiver, None
        association, self._association = self._association, None
        if receiver is not None:
            receiver.close()
        if association is not None and association.idle:
            association.release()
        elif association is not None:
            association.abort()


def _is_cut_off(element: Any) -> bool:
    """Whether a value ends before its length, which pydicom reads without a word."""
    if not isinstance(element, RawDataElement) or element.length == _UNDEFINED:
        return False
    return len(element.value or b"") < element.length
