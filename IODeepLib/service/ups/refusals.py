"""Why a request on a procedure step is refused, in the standard's numbers (PS3.4 section CC.2)."""

from __future__ import annotations

from enum import IntEnum

UPS_PUSH = "1.2.840.10008.5.1.4.34.6.1"
UPS_WATCH = "1.2.840.10008.5.1.4.34.6.2"
UPS_PULL = "1.2.840.10008.5.1.4.34.6.3"
UPS_EVENT = "1.2.840.10008.5.1.4.34.6.4"
UPS_QUERY = "1.2.840.10008.5.1.4.34.6.5"
EVERY_STEP = "1.2.840.10008.5.1.4.34.5"  # the UPS Global Subscription SOP Instance
EVERY_STEP_LIKE = "1.2.840.10008.5.1.4.34.5.1"  # the UPS Filtered Global one


class Status(IntEnum):
    """How a request went."""

    DONE = 0x0000
    NO_SUCH_ATTRIBUTE = 0x0105
    BAD_VALUE = 0x0106
    ALREADY_THERE = 0x0111
    MISSING = 0x0120
    EMPTY = 0x0121
    NO_SUCH_ACTION = 0x0123
    NOT_ALLOWED = 0x0124
    FULL = 0x0213
    CHANGED = 0xB300  # created with modifications
    CANCELED_BEFORE = 0xB304
    COMPLETED_BEFORE = 0xB306
    ENDED = 0xC300
    WRONG_TRANSACTION = 0xC301
    CLAIMED = 0xC302
    NEVER_SCHEDULED_AGAIN = 0xC303
    NOT_FIT_TO_END = 0xC304
    UNKNOWN = 0xC307
    UNKNOWN_RECEIVER = 0xC308
    NOT_SCHEDULED = 0xC309
    NOT_IN_PROGRESS = 0xC310
    COMPLETED = 0xC311

    @property
    def words(self) -> str:
        """The same for people."""
        return _WORDS[self]


_WORDS = {
    Status.DONE: "done",
    Status.NO_SUCH_ATTRIBUTE: "an attribute that cannot be set",
    Status.BAD_VALUE: "a value that is none",
    Status.ALREADY_THERE: "there is a Workitem with this UID",
    Status.MISSING: "an attribute is missing",
    Status.EMPTY: "an attribute is empty",
    Status.NO_SUCH_ACTION: "no such action",
    Status.NOT_ALLOWED: "only the service itself does this",
    Status.FULL: "no more of them are taken",
    Status.CHANGED: "The Workitem was created with modifications.",
    Status.CANCELED_BEFORE: "The UPS is already in the requested state of CANCELED.",
    Status.COMPLETED_BEFORE: "The UPS is already in the requested state of COMPLETED.",
    Status.ENDED: "The submitted request is inconsistent with the state of the UPS Instance.",
    Status.WRONG_TRANSACTION: "The Transaction UID is incorrect.",
    Status.CLAIMED: "The submitted request is inconsistent with the state of the UPS Instance.",
    Status.NEVER_SCHEDULED_AGAIN: "a step that was claimed is never scheduled again",
    Status.NOT_FIT_TO_END: "it lacks what a step that has ended has to say",
    Status.UNKNOWN: "there is no such Workitem",
    Status.UNKNOWN_RECEIVER: "the receiving AE title is unknown here",
    Status.NOT_SCHEDULED: "the state of a new Workitem is SCHEDULED",
    Status.NOT_IN_PROGRESS: "the UPS is not IN PROGRESS",
    Status.COMPLETED: "the UPS is COMPLETED already",
}


class UpsError(Exception):
    """A request is refused.

    Args:
        status: the number for it.
        what: which attribute, if it is one.
        words: why; what the number means, by default.
    """

    def __init__(self, status: Status, what: str = "", words: str = "") -> None:
        words = words or status.words
        super().__init__(f"{what}: {words}" if what else words)
        self.status = status
