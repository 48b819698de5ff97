"""A message: what it is, which study it is of, and the answer to it (HL7 2.5.1, chapter 2).

Nothing else of it is read, and nothing of it is kept.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from IODeepLib.text.foreign import is_uid

# What says that images of a study are there, or are asked for.
TYPES = ("ORU^R01", "ORM^O01", "OMI^O23", "OMG^O19")
_LONGEST_ID = 199  # characters of MSH-10
# Accession Number (SH): no wildcards, for it is searched for.
_ACCESSION = re.compile(r"[!-)+->@-\[\]-~]{1,16}")
# Where a Study Instance UID stands (IHE RAD TF-2, section 4.1 and 4.13), and an accession number.
_UIDS = (("ZDS", 1), ("IPC", 3))
_ACCESSIONS = (("IPC", 1), ("OBR", 18), ("OBR", 3))
_READ = {"MSH", "ZDS", "IPC", "OBR"}


@dataclass(frozen=True, slots=True)
class Message:
    """What is known of a message.

    Attributes:
        kind: its type, "ORU^R01".
        control: its control ID.
        sender: sending application and facility, as they stand there.
        receiver: the same of the receiving ones.
        studies: Study Instance UIDs.
        accessions: accession numbers, if it names no study.
    """

    kind: str
    control: str
    sender: str
    receiver: str
    studies: tuple[str, ...]
    accessions: tuple[str, ...]


def parse(content: bytes) -> Message | None:
    """What a message says; None if it is none."""
    lines = content.decode("latin-1").replace("\r\n", "\r").replace("\n", "\r").split("\r")
    head = lines[0]
    if not head.startswith("MSH") or len(head) < 8 or head[3].isalnum():
        return None
    field, component, repetition = head[3], head[4], head[5]
    # The separator itself is the first field of this segment.
    first = ["MSH", field, *head[4:].split(field)]
    if len(first) < 12:
        return None
    segments = [line.split(field) for line in lines[1:] if line[:3] in _READ]

    def values(places: tuple[tuple[str, int], ...]) -> list[str]:
        found = []
        for name, number in places:
            for segment in segments:
                if segment[0] == name and len(segment) > number:
                    value = segment[number].split(repetition)[0].split(component)[0]
                    found.append(value.strip())
        return found

    kind = first[9].split(component)
    studies = tuple(dict.fromkeys(filter(is_uid, values(_UIDS))))
    accessions = dict.fromkeys(filter(_ACCESSION.fullmatch, values(_ACCESSIONS)))
    return Message(
        "^".join(kind[:2]),
        first[10][:_LONGEST_ID],
        "|".join(first[3:5]) if field == "|" else "|",
        "|".join(first[5:7]) if field == "|" else "|",
        studies,
        () if studies else tuple(accessions),
    )


def acknowledgment(message: Message | None, code: str, words: str = "") -> bytes:
    """The answer: AA if all is well, AE if it may go well later, AR if it never will."""
    now = f"{datetime.now():%Y%m%d%H%M%S}"
    control = message.control if message else ""
    ours, theirs = (message.receiver, message.sender) if message else ("|", "|")
    event = message.kind.partition("^")[2] if message else ""
    head = f"MSH|^~\\&|{ours}|{theirs}|{now}||ACK^{event}^ACK|{now}{control[:20]}|P|2.5.1"
    answer = f"{head}\rMSA|{code}|{control}|{words}\r"
    return answer.encode("latin-1", "replace")
