"""Associations (PS3.8) and the messages that go over them (PS3.7 chapter 6).

pynetdicom says how everything is encoded. Its own associations are not used: two threads of theirs
stand between whoever asks and the connection, every piece of an object waits in queues for them,
and what is received lies in temporary files before it is looked at. Here all is done in the thread
that asks: a file's pieces go to the connection as they are read, and what arrives is received as it
arrives, so that whatever goes wrong on either side is raised where it happens.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from typing import Any, BinaryIO

from pydicom.dataset import Dataset

from IODeepLib.errors import SourceError
from IODeepLib.headers import quiet
from IODeepLib.sources.archive import TransientError
from IODeepLib.sources.transfer import PLAIN, TRANSFER_SYNTAXES
from IODeepLib.sources.wire import Wire

# Abstract syntax, and transfer syntax or None for the plain ones.
Context = tuple[str, str | None]
# Of an association's 128 presentation contexts (PS3.8 section 7.1.1.13), one is for the request.
MOST_CONTEXTS = 127
PDU = 2**17  # bytes: the largest that we take, or send
# PDU types (PS3.8 section 9.3).
_ACCEPT, _REJECT, _DATA, _RELEASE, _RELEASED, _ABORT = 2, 3, 4, 5, 6, 7
_REJECTED_FOR_NOW = 2  # a result; PS3.8 table 9-21
_WRONG_CALLED_AET = 7  # a reason, by the service user (1), for good (1)
_NO_DATA_SET = 0x0101  # PS3.7 section E.1
_COMMAND, _LAST = 1, 2  # bits of a message control header; PS3.8 section E.2
_CHUNK = 2**20  # bytes: of what is handed on at once
_AT_ONCE = 2**18  # bytes: of what is sent at once
_SECONDS_TO_PART = 5.0


@dataclass(frozen=True, slots=True)
class Message:
    """A request or a response.

    Attributes:
        number: of its presentation context.
        command: its command set.
        data: its data set, in chunks that arrive while they are taken.
    """

    number: int
    command: Dataset
    data: Iterator[bytes]


class Association:
    """An association that both sides agreed upon.

    Args:
        wire: its connection.
        contexts: the accepted presentation contexts by number: abstract and transfer syntax.
        limit: the largest PDU that the other side takes; 0 for any.

    Attributes:
        contexts: see above.
        wire: its connection.
        idle: whether no request waits for its last response.
    """

    def __init__(self, wire: Wire, contexts: Mapping[int, tuple[str, str]], limit: int) -> None:
        self.wire, self.contexts, self.idle = wire, contexts, True
        self._piece = max(1, min(limit or PDU, PDU) - 6)
        self._left = 0  # of the PDU that is being received

    def number(self, context: Context) -> int | None:
        """That of an accepted presentation context; None if it was not accepted."""
        for number, (abstract, syntax) in self.contexts.items():
            if context in ((abstract, syntax), (abstract, None)):
                return number
        return None

    def send(self, number: int, command: Mapping[str, Any], data: BinaryIO | None = None) -> None:
        """Send a message.

        Args:
            number: of the presentation context.
            command: the command set by keyword.
            data: where the data set is read from, to its end; none without it.
        """
        kind = _NO_DATA_SET if data is None else 1
        self._send(number, _COMMAND, BytesIO(_encoded({**command, "CommandDataSetType": kind})))
        if data is not None:
            self._send(number, 0, data)

    def receive(self) -> Message:
        """The next message; the one before must have been taken to its end."""
        number, control, content = 0, 0, bytearray()
        while not control & _LAST:
            number, control, piece = self._fragment()
            content += piece
            if not control & _COMMAND or number not in self.contexts or len(content) > _CHUNK:
                raise self.wire.broken()
        command = self._command(content)
        has_data = command.CommandDataSetType != _NO_DATA_SET
        return Message(number, command, self._data(number) if has_data else iter(()))

    def release(self) -> None:
        """End it as agreed upon."""
        with suppress(SourceError):
            self.wire.wait_for(_SECONDS_TO_PART)
            self.wire.send(struct.pack(">BxII", _RELEASE, 4, 0))
            _whole_pdu(self.wire)  # whatever it is: closed with something unread, it is reset
        self.wire.close()

    def abort(self) -> None:
        """End it in the midst of whatever is going on."""
        with suppress(SourceError):
            self.wire.wait_for(_SECONDS_TO_PART)
            self.wire.send(struct.pack(">BxII", _ABORT, 4, 0))
        self.wire.close()

    def _send(self, number: int, kind: int, content: BinaryIO) -> None:
        """Send `content` in P-DATA-TF PDUs (PS3.8 section 9.3.5), many at once."""
        size = self._piece
        at_once = max(1, _AT_ONCE // size) * size
        block = content.read(at_once)
        while True:
            following = content.read(at_once)
            pdus: list[bytes | memoryview] = []
            for start in range(0, len(block) or 1, size):
                piece = memoryview(block)[start : start + size]
                last = _LAST if not following and start + size >= len(block) else 0
                length = len(piece)
                pdus.append(
                    struct.pack(">BxIIBB", _DATA, length + 6, length + 2, number, kind | last)
                )
                pdus.append(piece)
            self.wire.send(b"".join(pdus))
            if not following:
                return
            block = following

    def _fragment(self) -> tuple[int, int, bytearray]:
        """What comes next: presentation context, message control header, content."""
        if not self._left:
            kind, self._left = self.wire.next_pdu()
            if kind == _RELEASE:
                self.wire.send(struct.pack(">BxII", _RELEASED, 4, 0))
            if kind != _DATA:
                raise self.wire.broken()
        length, number, control = struct.unpack(">IBB", self.wire.receive(6))
        self._left -= length + 4
        if length < 2 or self._left < 0:
            raise self.wire.broken()
        return number, control, self.wire.receive(length - 2)

    def _data(self, number: int) -> Iterator[bytes]:
        pieces: list[bytearray] = []
        size = control = 0
        while not control & _LAST:
            own, control, piece = self._fragment()
            if control & _COMMAND or own != number:
                raise self.wire.broken()
            pieces.append(piece)
            size += len(piece)
            if size >= _CHUNK or control & _LAST:
                yield b"".join(pieces)
                pieces, size = [], 0

    def _command(self, content: bytearray) -> Dataset:
        from pynetdicom.dsutils import decode

        try:
            with quiet():
                command = decode(BytesIO(content), True, True)
                command.walk(lambda *_: None)  # until here elements are only bytes
                needed = command.CommandField, command.CommandDataSetType
                if not all(isinstance(value, int) for value in needed):
                    raise TypeError
        except Exception:  # pydicom raises whatever a broken one leads it to
            raise self.wire.broken() from None
        return command


def request(
    wire: Wire, ours: str, theirs: str, contexts: Sequence[Context], receiving: bool
) -> Association:
    """An association that we asked for.

    Args:
        wire: a fresh connection.
        ours, theirs: AE titles.
        contexts: at most 128; some of them may not be accepted.
        receiving: whether it is the server that stores.

    Raises:
        SourceError: the other side does not want it.
    """
    from pynetdicom import build_context, build_role
    from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RJ, A_ASSOCIATE_RQ

    proposed = [
        build_context(abstract, [syntax] if syntax else list(PLAIN))
        for abstract, syntax in contexts
    ]
    for index, context in enumerate(proposed):
        context.context_id = 2 * index + 1
    stored = dict.fromkeys(abstract for abstract, syntax in contexts if syntax is not None)
    asked = _negotiation(ours, theirs)
    asked.presentation_context_definition_list = proposed
    asked.user_information += [build_role(one, scp_role=True) for one in stored if receiving]
    with suppress(TransientError):  # why it broke can still be read
        wire.send(A_ASSOCIATE_RQ(asked).encode())
    kind, content = _whole_pdu(wire)
    if kind == _REJECT:
        rejected = _decoded(A_ASSOCIATE_RJ(), content, wire)
        raise (TransientError if rejected.result == _REJECTED_FOR_NOW else SourceError)(
            f"{wire.name} rejects us as {ours} ({rejected.reason_str})",
            "an association",
            "check both AE titles, and that the server knows ours",
        )
    if kind != _ACCEPT:
        raise wire.broken()
    answer = _decoded(A_ASSOCIATE_AC(), content, wire)
    syntaxes = {one.context_id: one.transfer_syntax for one in proposed}
    accepted = {
        number: (contexts[number // 2][0], str(result.transfer_syntax[0]))
        for result in answer.presentation_context_definition_results_list
        if result.result == 0
        and (number := result.context_id) in syntaxes
        and set(result.transfer_syntax[:1]) & set(syntaxes[number])
    }
    association = Association(wire, accepted, answer.maximum_length_received or 0)
    if not accepted:
        association.abort()
        raise SourceError(
            f"{wire.name} accepts none of the services asked for",
            "a server with C-FIND, C-GET or C-MOVE, and C-STORE",
            "check the address, or set receive_port for C-MOVE",
        )
    return association


def accept(wire: Wire, ours: str) -> Association:
    """An association that the other side asks for, to store whatever it likes.

    Args:
        wire: a fresh connection.
        ours: the AE title that it has to call.

    Raises:
        SourceError: it asks for something else.
    """
    from pynetdicom import AllStoragePresentationContexts, build_context
    from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RQ
    from pynetdicom.presentation import negotiate_as_acceptor

    _, content = _whole_pdu(wire)
    asked = _decoded(A_ASSOCIATE_RQ(), content, wire)
    if asked.called_ae_title.strip() != ours:
        wire.send(struct.pack(">BxIxBBB", _REJECT, 4, 1, 1, _WRONG_CALLED_AET))
        raise wire.broken()
    supported = [
        build_context(str(one.abstract_syntax), list(TRANSFER_SYNTAXES))
        for one in AllStoragePresentationContexts
    ]
    offered = [one for one in asked.presentation_context_definition_list if one.transfer_syntax]
    results, _ = negotiate_as_acceptor(offered, supported)
    answer = _negotiation(asked.calling_ae_title, asked.called_ae_title)
    answer.result, answer.result_source = 0, 1
    answer.presentation_context_definition_results_list = results
    wire.send(A_ASSOCIATE_AC(answer).encode())
    accepted = {
        int(one.context_id or 0): (str(one.abstract_syntax), str(one.transfer_syntax[0]))
        for one in results
        if one.result == 0
    }
    return Association(wire, accepted, asked.maximum_length_received or 0)


def _whole_pdu(wire: Wire) -> tuple[int, bytes]:
    """The type of the next PDU, and all its bytes."""
    kind, length = wire.next_pdu()
    return kind, struct.pack(">BxI", kind, length) + wire.receive(length)


def _negotiation(calling: str, called: str) -> Any:
    """What both a request and its acceptance say."""
    from pynetdicom import PYNETDICOM_IMPLEMENTATION_UID, PYNETDICOM_IMPLEMENTATION_VERSION
    from pynetdicom.pdu_primitives import (
        A_ASSOCIATE,
        ImplementationClassUIDNotification,
        ImplementationVersionNameNotification,
        MaximumLengthNotification,
    )

    length, uid, version = (
        MaximumLengthNotification(),
        ImplementationClassUIDNotification(),
        ImplementationVersionNameNotification(),
    )
    length.maximum_length_received = PDU
    uid.implementation_class_uid = PYNETDICOM_IMPLEMENTATION_UID
    version.implementation_version_name = PYNETDICOM_IMPLEMENTATION_VERSION
    said = A_ASSOCIATE()
    said.application_context_name = "1.2.840.10008.3.1.1.1"  # PS3.7 section A.2.1
    said.calling_ae_title, said.called_ae_title = calling, called
    said.user_information = [length, uid, version]
    return said


def _decoded(pdu: Any, content: bytes, wire: Wire) -> Any:
    """What a PDU of a negotiation says."""
    try:
        with quiet():
            pdu.decode(content)
            return pdu.to_primitive()
    except Exception:  # pynetdicom raises whatever a broken one leads it to
        raise wire.broken() from None


def _encoded(command: Mapping[str, Any]) -> bytes:
    """A command set, which begins with its own length (PS3.7 section 6.3.1)."""
    from pynetdicom.dsutils import encode

    elements = Dataset()
    with quiet():
        for keyword, value in command.items():
            setattr(elements, keyword, value)
        content = encode(elements, True, True) or b""
    return struct.pack("<HHII", 0, 0, 4, len(content)) + content
