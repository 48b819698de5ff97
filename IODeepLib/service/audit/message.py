"""One audit message as XML, in the schema of PS3.15 section A.5.1."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple
from xml.etree import ElementTree

from IODeepLib.text.foreign import printable

_LONGEST = 1000  # characters of any text: what comes from a header may be a book


class Coded(NamedTuple):
    """A code of the schema."""

    code: str
    meaning: str
    scheme: str = "DCM"

    def put(self, parent: ElementTree.Element, name: str) -> None:
        """Put it behind what is in `parent`."""
        codes = {"csd-code": self.code, "codeSystemName": self.scheme, "originalText": self.meaning}
        ElementTree.SubElement(parent, name, codes)


class Outcome(IntEnum):
    """Event Outcome Indicator."""

    WELL = 0
    REFUSED = 8


@dataclass(frozen=True)
class Participant:
    """Who takes part in an event.

    Attributes:
        user: a person, a process or a node, by the name that this system knows it by.
        name: the same for people.
        aets: its AE titles, if it has any.
        host: its machine.
        requests: whether it wanted this to happen; one of them does at most.
        role: what it does in it.
    """

    user: str
    name: str = ""
    aets: Sequence[str] = ()
    host: str = ""
    requests: bool = False
    role: Coded | None = None


@dataclass(frozen=True)
class Subject:
    """What an event is about.

    Attributes:
        uid: its identifier.
        id_type: what kind of identifier that is.
        kind: Participant Object Type Code: 1 a person, 2 an object of a system.
        role: Participant Object Type Code Role.
        name: of it, for people.
        details: more of it.
        instances: of a study, how many instances of each SOP class.
    """

    uid: str
    id_type: Coded
    kind: int
    role: int
    name: str = ""
    details: Mapping[str, str] = field(default_factory=dict)
    instances: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Event:
    """What has happened.

    Attributes:
        what: Event ID.
        action: C, R, U, D or E: something was created, read, changed, deleted, done.
        participants: who took part; at least one.
        subjects: what it is about.
        kind: Event Type Code, where there is one.
        outcome: how it went.
    """

    what: Coded
    action: str
    participants: Sequence[Participant]
    subjects: Sequence[Subject] = ()
    kind: Coded | None = None
    outcome: Outcome = Outcome.WELL


def xml(event: Event, time: str, source: str, site: str = "") -> bytes:
    """The message.

    Args:
        event: what has happened.
        time: when, in ISO 8601 with its time zone.
        source: who says so: Audit Source ID.
        site: Audit Enterprise Site ID, "" for none.
    """
    root = ElementTree.Element("AuditMessage")
    head = ElementTree.SubElement(
        root,
        "EventIdentification",
        EventActionCode=event.action,
        EventDateTime=time,
        EventOutcomeIndicator=f"{event.outcome:d}",
    )
    event.what.put(head, "EventID")
    if event.kind is not None:
        event.kind.put(head, "EventTypeCode")
    for participant in event.participants:
        _put_participant(root, participant)
    origin = {"AuditEnterpriseSiteID": _plain(site)} if site else {}
    by = ElementTree.SubElement(
        root, "AuditSourceIdentification", origin, AuditSourceID=_plain(source)
    )
    ElementTree.SubElement(by, "AuditSourceTypeCode", {"csd-code": "4"})  # an application server
    for subject in event.subjects:
        _put_subject(root, subject)
    return ElementTree.tostring(root, "utf-8", xml_declaration=True)


def _put_participant(root: ElementTree.Element, one: Participant) -> None:
    said = {"UserID": _plain(one.user), "UserIsRequestor": "true" if one.requests else "false"}
    if one.aets:
        said["AlternativeUserID"] = f"AETITLES={';'.join(map(_plain, one.aets))}"
    if one.name:
        said["UserName"] = _plain(one.name)
    if one.host:
        is_address = one.host.replace(".", "").isdigit() or ":" in one.host
        said["NetworkAccessPointID"] = _plain(one.host)
        said["NetworkAccessPointTypeCode"] = "2" if is_address else "1"
    element = ElementTree.SubElement(root, "ActiveParticipant", said)
    if one.role is not None:
        one.role.put(element, "RoleIDCode")


def _put_subject(root: ElementTree.Element, one: Subject) -> None:
    element = ElementTree.SubElement(
        root,
        "ParticipantObjectIdentification",
        ParticipantObjectID=_plain(one.uid),
        ParticipantObjectTypeCode=f"{one.kind}",
        ParticipantObjectTypeCodeRole=f"{one.role}",
    )
    one.id_type.put(element, "ParticipantObjectIDTypeCode")
    ElementTree.SubElement(element, "ParticipantObjectName").text = _plain(one.name)
    for key, value in one.details.items():
        # In base64 by the standard, so that no text is taken for XML.
        encoded = base64.b64encode(_plain(value).encode()).decode()
        ElementTree.SubElement(element, "ParticipantObjectDetail", type=key, value=encoded)
    if one.instances:
        described = ElementTree.SubElement(element, "ParticipantObjectDescription")
        for sop_class, count in sorted(one.instances.items()):
            ElementTree.SubElement(
                described, "SOPClass", UID=_plain(sop_class), NumberOfInstances=f"{count}"
            )


def _plain(value: str) -> str:
    """Without characters that XML cannot hold, and without secrets."""
    return printable(value[:_LONGEST])
