"""Of a message only what leads to the study is read, whatever else is in it."""

from __future__ import annotations

import pytest

from IODeepLib.service.hl7.message import Message, acknowledgment, parse

HEAD = "MSH|^~\\&|RIS|HOSPITAL|IODEEP|RADIOLOGY|20261128050000||{kind}|{control}|P|2.5.1"
PATIENT = "PID|1||4711^^^HOSPITAL||Secret^Name||19700101|F"


def message(*segments: str, kind: str = "ORU^R01^ORU_R01", control: str = "M1") -> bytes:
    return "\r".join([HEAD.format(kind=kind, control=control), PATIENT, *segments, ""]).encode()


@pytest.mark.parametrize(
    ("segments", "studies", "accessions"),
    [
        (["ZDS|1.2.3^RIS^Application^DICOM"], ("1.2.3",), ()),
        (["IPC|A1|RP1|1.2.4|SPS1"], ("1.2.4",), ()),
        (["OBR|1|P1|F1|||||||||||||||A17"], (), ("A17", "F1")),
        (["OBR|1|P1|F1^RIS"], (), ("F1",)),
        (["IPC|A1^RIS|RP1||SPS1"], (), ("A1",)),
        (["IPC||||", "OBR|1"], (), ()),
        (["ZDS|../../etc", "OBR|1||F*"], (), ()),
        (["ZDS|1.2.3~1.2.4", "ZDS|1.2.3"], ("1.2.3",), ()),
        (["OBR|1||" + "F" * 17], (), ()),
        (["OBR|1||F\\5"], (), ()),
        (["NTE|1|ZDS|1.2.9", "ZDSX|1.2.8"], (), ()),
    ],
)
def test_where_the_study_stands(
    segments: list[str], studies: tuple[str, ...], accessions: tuple[str, ...]
) -> None:
    for ending in ("\r", "\n", "\r\n"):
        found = parse(message(*segments).replace(b"\r", ending.encode()))
        assert found is not None
        assert (found.studies, found.accessions) == (studies, accessions)
        assert "Secret" not in repr(found)


@pytest.mark.parametrize(
    "content", [b"", b"MSH", b"MSH|", b"PID|1", b"MSH|^~\\&|A|B", bytes(9), b"MSHabcdefghij" * 9]
)
def test_what_is_no_message(content: bytes) -> None:
    assert parse(content) is None
    assert acknowledgment(None, "AR", "no message").count(b"\rMSA|AR||") == 1


def test_other_separators() -> None:
    content = message("ZDS|1.2.3^RIS").replace(b"|", b"#").replace(b"^", b"@")
    found = parse(content)
    assert found is not None
    assert (found.kind, found.studies) == ("ORU^R01", ("1.2.3",))


def test_the_answer_goes_back_to_who_sent_it() -> None:
    found = parse(message(control="M-77"))
    assert isinstance(found, Message)
    head, answer, _ = acknowledgment(found, "AA").decode().split("\r")
    fields = head.split("|")
    assert fields[2:6] == ["IODEEP", "RADIOLOGY", "RIS", "HOSPITAL"]
    assert fields[8] == "ACK^R01^ACK"
    assert answer == "MSA|AA|M-77|"
