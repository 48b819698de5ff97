"""A request of another application entity (PS3.7), and the answer to it."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom import dimse_primitives as primitives
from pynetdicom.dsutils import decode, encode

from IODeepLib.headers import quiet, text
from IODeepLib.sources.dimse.messages import Message

# Command fields (PS3.7 section E.1-1).
C_STORE, C_FIND, C_ECHO = 0x0001, 0x0020, 0x0030
N_GET, N_SET, N_ACTION, N_CREATE = 0x0110, 0x0120, 0x0130, 0x0140
_ANSWERS = {
    C_STORE: primitives.C_STORE,
    C_FIND: primitives.C_FIND,
    C_ECHO: primitives.C_ECHO,
    N_GET: primitives.N_GET,
    N_SET: primitives.N_SET,
    N_ACTION: primitives.N_ACTION,
    N_CREATE: primitives.N_CREATE,
}
# Where each of them has its data set.
_DATA_SETS = {
    C_FIND: "Identifier",
    N_GET: "AttributeList",
    N_SET: "AttributeList",
    N_ACTION: "ActionReply",
    N_CREATE: "AttributeList",
}
SUCCESS, PENDING = 0x0000, 0xFF00
NO_ROOM, OTHER_CLASS, NOT_UNDERSTOOD = 0xA700, 0xA900, 0xC000  # PS3.4 table B.2-1
NOT_OFFERED = 0x0211  # PS3.7 section C.5.22
_LONGEST_COMMENT = 64  # characters; PS3.7 section E.1


class NoDataSetError(Exception):
    """What came is no data set."""


@dataclass(frozen=True)
class Request:
    """A request.

    Attributes:
        message: what came.
        caller: the AE title that it came from.
    """

    message: Message
    caller: str

    @property
    def field(self) -> int:
        """Which request it is."""
        return int(self.message.command.CommandField)

    def said(self, keyword: str) -> str:
        """What its command set says; "" if it does not."""
        return text(self.message.command, keyword)

    @property
    def sop_class(self) -> str:
        """SOP Class UID."""
        return self.said("AffectedSOPClassUID") or self.said("RequestedSOPClassUID")

    @property
    def instance(self) -> str:
        """SOP Instance UID."""
        return self.said("AffectedSOPInstanceUID") or self.said("RequestedSOPInstanceUID")

    @property
    def syntax(self) -> UID:
        """The transfer syntax of its data set."""
        return UID(self.message.speaker.contexts[self.message.number][1])

    def data_set(self) -> Dataset:
        """Its data set, read to its end.

        Raises:
            NoDataSetError: it is none.
        """
        content = b"".join(self.message.data)
        try:
            with quiet():
                found = decode(BytesIO(content), self.syntax.is_implicit_VR, True)
                found.walk(lambda *_: None)  # until here elements are only bytes
        except Exception:  # pydicom raises whatever a broken one leads it to
            raise NoDataSetError from None
        return found

    def answer(
        self, status: int, data_set: Dataset | None = None, comment: str = "", instance: str = ""
    ) -> None:
        """Answer it.

        Args:
            status: of the answer.
            data_set: which goes with it.
            comment: what people are told.
            instance: the SOP Instance UID, if the request had none.
        """
        answer: Any = _ANSWERS[self.field]()
        with quiet():
            answer.MessageIDBeingRespondedTo = self.message.command.MessageID
            answer.AffectedSOPClassUID = self.sop_class or None
            if hasattr(answer, "AffectedSOPInstanceUID"):
                answer.AffectedSOPInstanceUID = instance or self.instance or None
            if self.field == N_ACTION:
                answer.ActionTypeID = self.message.command.ActionTypeID
            answer.Status = status
            if status != SUCCESS and comment:
                answer.ErrorComment = comment[:_LONGEST_COMMENT]
            if data_set:
                encoded = encode(data_set, self.syntax.is_implicit_VR, True)
                setattr(answer, _DATA_SETS[self.field], BytesIO(encoded or b""))
            self.message.speaker.send_msg(answer, self.message.number)
