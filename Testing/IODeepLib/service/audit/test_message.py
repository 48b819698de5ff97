"""An audit message is what PS3.15 section A.5.1 wants, whatever names and texts are in it."""

from __future__ import annotations

import base64
from xml.etree import ElementTree

import pytest

from IODeepLib.service.audit.message import Coded, Event, Outcome, Participant, Subject, xml
from IODeepLib.text.foreign import keep_secret

WHAT = Coded("110103", "DICOM Instances Accessed")
STUDY = Coded("110180", "Study Instance UID")
TIME = "2026-11-28T05:00:00.000+00:00"
# What stands in the schema, in its order: of each element the attributes that it must have.
ORDER = {
    "AuditMessage": [
        "EventIdentification",
        "ActiveParticipant",
        "AuditSourceIdentification",
        "ParticipantObjectIdentification",
    ],
    "EventIdentification": ["EventID", "EventTypeCode"],
    "ActiveParticipant": ["RoleIDCode"],
    "AuditSourceIdentification": ["AuditSourceTypeCode"],
    "ParticipantObjectIdentification": [
        "ParticipantObjectIDTypeCode",
        "ParticipantObjectName",
        "ParticipantObjectDetail",
        "ParticipantObjectDescription",
    ],
    "ParticipantObjectDescription": ["SOPClass"],
}
CODED = {"csd-code", "codeSystemName", "originalText"}
WANTED = {
    "EventIdentification": {"EventDateTime", "EventOutcomeIndicator"},
    "EventID": CODED,
    "EventTypeCode": CODED,
    "RoleIDCode": CODED,
    "ParticipantObjectIDTypeCode": CODED,
    "ActiveParticipant": {"UserID", "UserIsRequestor"},
    "AuditSourceIdentification": {"AuditSourceID"},
    "AuditSourceTypeCode": {"csd-code"},
    "ParticipantObjectIdentification": {"ParticipantObjectID"},
    "ParticipantObjectDetail": {"type", "value"},
    "SOPClass": {"NumberOfInstances"},
}


def by_the_schema(message: bytes) -> ElementTree.Element:
    """The message, if it is one."""
    root = ElementTree.fromstring(message)  # noqa: S314 - we have made it
    assert root.tag == "AuditMessage"
    for element in root.iter():
        places = [ORDER.get(element.tag, []).index(child.tag) for child in element]
        assert places == sorted(places), element.tag
        assert WANTED.get(element.tag, set()) <= set(element.keys()), element.tag
    for one in root.iter("ParticipantObjectIdentification"):
        assert len(one.findall("ParticipantObjectName")) == 1
    assert len(root.findall("EventIdentification")) == 1
    assert len(root.findall("AuditSourceIdentification")) == 1
    assert root.findall("ActiveParticipant")
    return root


def message(text: str) -> bytes:
    """One that has a text wherever one may stand."""
    event = Event(
        WHAT,
        "R",
        [
            Participant(text, text, [text], text, True, Coded("110153", "Source Role ID")),
            Participant("pacs", host="127.0.0.1"),
        ],
        [Subject(text, STUDY, 2, 3, text, {"job": text}, {text: 7, "1.2": 2})],
        Coded("110120", "Application Start"),
        Outcome.REFUSED,
    )
    return xml(event, TIME, text, text)


def test_what_is_said() -> None:
    root = by_the_schema(message("Müller^Jörg=山田"))
    head = root.find("EventIdentification")
    assert head is not None
    assert head.attrib == {
        "EventActionCode": "R",
        "EventDateTime": TIME,
        "EventOutcomeIndicator": "8",
    }
    first, second = root.findall("ActiveParticipant")
    assert first.get("AlternativeUserID") == "AETITLES=Müller^Jörg=山田"
    assert [one.get("UserIsRequestor") for one in (first, second)] == ["true", "false"]
    assert (first.get("NetworkAccessPointTypeCode"), second.get("NetworkAccessPointTypeCode")) == (
        "1",
        "2",
    )
    classes = {one.get("UID"): one.get("NumberOfInstances") for one in root.iter("SOPClass")}
    assert classes == {"Müller^Jörg=山田": "7", "1.2": "2"}


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ('"><ActiveParticipant UserID="x"/>', '"><ActiveParticipant UserID="x"/>'),
        ("</AuditMessage><AuditMessage>", "</AuditMessage><AuditMessage>"),
        ("]]><!-- &amp; &lt; &#0;", "]]><!-- &amp; &lt; &#0;"),
        ("a\0b\x1b[2Jc\ud800\uffff", "a\ufffdb\ufffd[2Jc\ufffd\ufffd"),
        ("two\r\nlines\t", "two lines"),
        ("Ä" * 5000, "Ä" * 1000),
    ],
)
def test_hostile_texts(hostile: str, shown: str) -> None:
    root = by_the_schema(message(hostile))
    assert [one.get("UserID") for one in root.iter("ActiveParticipant")] == [shown, "pacs"]
    for one in root.iter("ParticipantObjectIdentification"):
        assert one.get("ParticipantObjectID") == shown
        assert one.findtext("ParticipantObjectName") == shown
        detail = one.find("ParticipantObjectDetail")
        assert detail is not None
        assert base64.b64decode(detail.attrib["value"]).decode() == shown


def test_no_secret_is_told() -> None:
    keep_secret("swordfish")
    assert b"swordfish" not in message("https://pacs/?token=swordfish")
