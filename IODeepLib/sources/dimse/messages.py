"""Messages (PS3.7 chapter 6) put together as they arrive, and handed on before they are whole.

pynetdicom receives in a thread of its own for each association, which fills what is here; whoever
asks empties it in another one. It is never far ahead: it waits where it is not kept up with.
"""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Generic, TypeVar

from pydicom.dataset import Dataset
from pynetdicom import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dsutils import decode
from pynetdicom.pdu_primitives import P_DATA

from IODeepLib.errors import SourceError
from IODeepLib.headers import quiet
from IODeepLib.sources.limits import MOST_BYTES, too_many

PDU = 2**17  # bytes: the largest that we take, or send
C_STORE = 0x0001  # a command field; PS3.7 section E.1-1
_SMALLEST_PDU = 7  # bytes: one of content, behind its head (PS3.8 section D.1)
_NO_DATA_SET = 0x0101  # PS3.7 section E.1
_COMMAND, _LAST = 1, 2  # bits of a message control header; PS3.8 section E.2
_LONGEST_COMMAND = 2**16  # bytes; they have a few hundred
_LONGEST_IDENTIFIER = 2**20  # bytes: of what is found, they have a few hundred
_CHUNK = 2**20  # bytes: of what is handed on at once
_AHEAD = 16  # PDUs, or messages
_TICK = 0.05  # seconds between two looks whether it is still worth waiting
_Item = TypeVar("_Item")


class Pipe(Generic[_Item]):
    """What one thread hands to another, a few items ahead.

    Args:
        watch: raises when there is nothing more to wait for.
    """

    def __init__(self, watch: Callable[[], None]) -> None:
        self._items: queue.Queue[_Item] = queue.Queue(_AHEAD)
        self._watch, self._closed = watch, False

    def put(self, item: _Item) -> None:
        """Hand it on, once there is room for it; into a closed one nothing goes."""
        while not self._closed:
            with suppress(queue.Full):
                self._items.put(item, timeout=_TICK)
                return

    def get(self) -> _Item:
        """The next one, once there is one."""
        while True:
            try:
                return self._items.get(timeout=_TICK)
            except queue.Empty:
                pass
            try:
                self._watch()
            except SourceError:
                if self._items.empty():  # it may have come last of all
                    raise

    def close(self) -> None:
        """Let go of whoever waits to put something in."""
        self._closed = True


class SendQueue(queue.Queue[Any]):
    """What pynetdicom is still to send: a few PDUs, and not the whole of a file.

    Args:
        watch: raises when there is nothing more to wait for.
    """

    def __init__(self, watch: Callable[[], None]) -> None:
        super().__init__(_AHEAD)
        self._watch = watch

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        """See `queue.Queue`."""
        while True:
            try:
                return super().put(item, timeout=_TICK)
            except queue.Full:
                self._watch()

    def forget(self) -> None:
        """Send nothing of it any more."""
        with self.mutex:
            self.queue.clear()


class Arriving:
    """The data set of a C-STORE request: an iterator over its bytes, as they arrive.

    Args:
        name: how messages call the other side.
        watch: raises when there is nothing more to wait for.
    """

    def __init__(self, name: str, watch: Callable[[], None]) -> None:
        self._name, self._size, self._whole = name, 0, False
        self._pieces: Pipe[bytes | None] = Pipe(watch)
        self.put, self.close = self._pieces.put, self._pieces.close

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        pieces: list[bytes] = []
        size = 0
        while size < _CHUNK and not self._whole:
            piece = self._pieces.get()
            if piece is None:
                self._whole = True
            else:
                pieces.append(piece)
                size += len(piece)
        self._size += size
        if self._size > MOST_BYTES:
            raise too_many(self._name, "bytes for one instance", MOST_BYTES)
        if not pieces:
            raise StopIteration
        return b"".join(pieces)


@dataclass(frozen=True, slots=True)
class Message:
    """A request or a response.

    Attributes:
        speaker: whom it came to, who can answer it.
        number: of its presentation context.
        command: its command set.
        data: its data set; of a C-STORE request it arrives while it is taken.
    """

    speaker: Messages
    number: int
    command: Dataset
    data: Iterable[bytes]


class Messages(DIMSEServiceProvider):
    """What an association says and hears.

    Args:
        association: which.
        inbox: where its messages go; those of others may go there as well.
        arriving: makes what the data set of a C-STORE request goes through.
        wanted: whether a message with this command set is; one that is not ends the association.
    """

    def __init__(
        self,
        association: Association,
        inbox: Pipe[Message],
        arriving: Callable[[], Arriving],
        wanted: Callable[[Dataset], bool],
    ) -> None:
        super().__init__(association)
        self._inbox, self._new_arriving, self._wanted = inbox, arriving, wanted
        self._command = bytearray()
        self._begun: Message | None = None  # one whose data set is not whole
        self._identifier = bytearray()

    @property
    def maximum_pdu_size(self) -> int:
        """See pynetdicom. To some servers any size is right: not to us, who have to hold it."""
        return max(_SMALLEST_PDU, min(super().maximum_pdu_size or PDU, PDU))

    @property
    def contexts(self) -> dict[int, tuple[str, str]]:
        """The accepted presentation contexts by number: abstract and transfer syntax."""
        return {
            int(one.context_id or 0): (str(one.abstract_syntax), str(one.transfer_syntax[0]))
            for one in self.assoc.accepted_contexts
            if one.transfer_syntax
        }

    def get_msg(self, block: bool = False) -> tuple[None, None]:
        """See pynetdicom, whose own services get none: they go to the inbox."""
        return None, None

    def send_msg(self, primitive: Any, context_id: int) -> None:
        """See pynetdicom. The UIDs of an object are sent as they are, however odd."""
        with quiet():
            super().send_msg(primitive, context_id)

    def receive_primitive(self, primitive: P_DATA) -> None:
        """See pynetdicom: what came in one PDU."""
        try:
            if not primitive.presentation_data_value_list:
                raise ValueError
            for number, fragment in primitive.presentation_data_value_list:
                self._take(number, fragment[0], fragment[1:])
        except Exception:  # whatever is not as it has to be
            self.dul.event_queue.put("Evt19")  # an invalid PDU; PS3.8 section 9.2.2

    def close(self) -> None:
        """Take nothing any more: the thread that receives must not wait for anybody."""
        self._inbox.close()
        begun = self._begun
        if begun is not None and isinstance(begun.data, Arriving):
            begun.data.close()

    def _take(self, number: int, control: int, piece: bytes) -> None:
        """A fragment (PS3.8 annex E)."""
        begun = self._begun
        if control & _COMMAND:
            self._command += piece
            if begun is not None or len(self._command) > _LONGEST_COMMAND:
                raise ValueError
            if control & _LAST:
                command, self._command = bytes(self._command), bytearray()
                self._begin(number, _decoded(command))
            return
        if begun is None or begun.number != number or not (piece or control & _LAST):
            raise ValueError
        if isinstance(begun.data, Arriving):
            begun.data.put(piece)
            if control & _LAST:
                begun.data.put(None)
        else:
            self._identifier += piece
            if len(self._identifier) > _LONGEST_IDENTIFIER:
                raise ValueError
            if control & _LAST:
                whole, self._identifier = bytes(self._identifier), bytearray()
                self._inbox.put(Message(self, number, begun.command, (whole,)))
        if control & _LAST:
            self._begun = None

    def _begin(self, number: int, command: Dataset) -> None:
        if number not in self.contexts or not self._wanted(command):
            raise ValueError
        storing = command.CommandField == C_STORE
        message = Message(self, number, command, self._new_arriving() if storing else ())
        if command.CommandDataSetType != _NO_DATA_SET:
            self._begun = message
        elif storing:  # which has one in any case
            raise ValueError
        if storing or self._begun is None:
            self._inbox.put(message)


def _decoded(content: bytes) -> Dataset:
    """A command set.

    Raises:
        Exception: it is none; pydicom raises whatever a broken one leads it to.
    """
    with quiet():
        command = decode(BytesIO(content), True, True)
        command.walk(lambda *_: None)  # until here elements are only bytes
    for needed in (command.CommandField, command.CommandDataSetType):
        if not isinstance(needed, int):
            raise TypeError
    return command
