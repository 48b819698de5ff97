"""Answers over DIMSE that are not as they have to be: without the odd value, or one clear line.

What a server that means it would send is said by bytes: pynetdicom does not make all of it.
"""

from __future__ import annotations

import logging
import struct
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from command import Answer
from pacs.scp import FIND, GET, RAW, answer_with, say, scp
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import _config, evt
from pynetdicom.dsutils import encode

from IODeepLib.errors import SourceError
from IODeepLib.sources import retries
from IODeepLib.sources.archive import Entity, TransientError
from IODeepLib.sources.dimse import DimseArchive
from IODeepLib.sources.settings import Server

STUDY = "1.2.3"
COMMAND, DATA, LAST = 1, 0, 2
_LONG = {b"OB", b"OW", b"UN", b"SQ", b"UT", b"OF"}


def element(tag: int, vr: bytes, value: bytes, length: int | None = None) -> bytes:
    """An element in Explicit VR Little Endian; `length` is what it says, if not the true one."""
    size = len(value) if length is None else length
    group, number = tag >> 16, tag & 0xFFFF
    if vr in _LONG:
        return struct.pack("<HH2sxxI", group, number, vr, size) + value
    return struct.pack("<HH2sH", group, number, vr, size) + value


def study(uid: bytes = STUDY.encode()) -> bytes:
    return element(0x0020000D, b"UI", uid + b"\0" * (len(uid) % 2))


SEQUENCE = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
# What stands beside the study's UID: all of them are a study that is found.
HARMLESS = {
    "a repeating group": element(0x60003000, b"OW", bytes(8)),
    "a repeating group, of text": element(0x60220022, b"LO", b"anything"),
    "curve data": element(0x50FE3000, b"OW", bytes(8)),
    "a group that is none": element(0x00010001, b"LO", b"AB"),
    "a private element": element(0x00090010, b"LO", b"SOMEBODY"),
    "an element of the meta information": element(0x00020010, b"UI", b"1.2.840\0"),
    "a command element": element(0x00000002, b"UI", b"1.2.840\0"),
    "a number that is none": element(0x00201208, b"IS", b"many"),
    "a number of bytes": element(0x00201208, b"US", b"\x01\x02\x03"),
    "a date that is none": element(0x00080020, b"DA", b"yesterday "),
    "a text in no character set": element(0x00080005, b"CS", b"NONE")
    + element(0x00100020, b"LO", b"\xff\xfe\xfd\xfc"),
    "control characters": element(0x00100020, b"LO", b"\x1b]0;x\x07\x9b31m "),
    "another VR": element(0x00080061, b"SQ", b""),
    "an unknown VR": element(0x00080061, b"ZZ", b"MR"),
    "a sequence in it": element(0x00081140, b"SQ", SEQUENCE + study(b"9.9"), 0xFFFFFFFF)
    + struct.pack("<HHIHHI", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0),
}
# What is no identifier, or says of no study that it can be asked for.
HARMFUL = {
    "nothing": b"",
    "one byte": b"\x08",
    "zeros": bytes(64),
    "text": b"HTTP/1.1 200 OK\r\n\r\n",
    "cut off": study()[:-3],
    "a length beyond the end": element(0x0020000D, b"UI", b"1.2.3\0", 0x7FFE),
    "an undefined length": element(0x00081140, b"SQ", b"", 0xFFFFFFFF),
    "nested for ever": (element(0x00081140, b"SQ", SEQUENCE, 0xFFFFFFFF)) * 3000,
    "no UID": element(0x00100020, b"LO", b"IODEEP"),
    "an empty UID": study(b""),
    "a UID with a letter": study(b"1.2.x"),
    "a UID that leads elsewhere": study(b"../../tmp/x"),
    "a UID that is a path": study(b"/tmp/x"),
    "a UID with a line": study(b"1.2\n3"),
    "two UIDs": study(b"1.2.3\\1.2.4"),
    "a UID too long": study(b"1." * 40 + b"1"),
    "a UID in another group": element(0x0021000D, b"UI", b"1.2.3\0"),
    "a UID as numbers": element(0x0020000D, b"US", b"\x01\x00\x02\x00"),
}


def answering(identifier: bytes) -> dict[Any, Any]:
    def find(event: Any) -> Iterator[Any]:
        answer_with(event, identifier)
        yield 0x0000, None

    return {evt.EVT_C_FIND: find}


def studies(identifier: bytes) -> Any:
    with scp([FIND], answering(identifier), syntax=ExplicitVRLittleEndian) as server:
        return DimseArchive(Server(server.source, timeout=20)).find_studies({})


@pytest.mark.parametrize("name", HARMLESS)
@pytest.mark.parametrize("first", [False, True])
def test_an_odd_value_costs_that_value(name: str, first: bool) -> None:
    found = studies(HARMLESS[name] + study() if first else study() + HARMLESS[name])
    assert [entity.study_uid for entity in found.entities] == [STUDY]
    assert not found.errors


@pytest.mark.parametrize("name", HARMFUL)
def test_what_names_no_study_is_one_problem_or_an_error(name: str) -> None:
    try:
        found = studies(HARMFUL[name])
    except SourceError as error:
        assert "\n" not in str(error)
    else:
        assert not found.entities and len(found.errors) == 1


@pytest.mark.parametrize("name", [*HARMLESS, *HARMFUL])
def test_the_verb_ends_with_a_list_or_one_line(
    name: str, iodeep: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retries, "_sleep", lambda seconds: None)
    identifier = HARMLESS.get(name, b"") + study() if name in HARMLESS else HARMFUL[name]
    with scp([FIND], answering(identifier), syntax=ExplicitVRLittleEndian) as server:
        answer = iodeep("list", server.source)
    assert answer.status in (0, 5) and "fault of IODeep" not in answer.err
    assert "\x1b" not in answer.err + answer.out and "\x9b" not in answer.err + answer.out


def command(**elements: Any) -> bytes:
    dataset = Dataset()
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return encode(dataset, True, True) or b""


FOUND = {
    "AffectedSOPClassUID": FIND,
    "CommandField": 0x8020,
    "MessageIDBeingRespondedTo": 1,
    "CommandDataSetType": 0x0001,
    "Status": 0xFF00,
}
_BARE = {"CommandDataSetType": 0x0101}  # without an identifier
# Fragments: which presentation context, which message control header, what; see `say`.
BROKEN: dict[str, list[tuple[int, int, bytes]]] = {
    "data before a command": [(1, DATA | LAST, study())],
    "a command within a data set": [
        (1, COMMAND | LAST, command(**FOUND)),
        (1, DATA, study()),
        (1, COMMAND | LAST, command(**FOUND)),
    ],
    "a presentation context that was not accepted": [(77, COMMAND | LAST, command(**FOUND))],
    "data of another presentation context": [
        (1, COMMAND | LAST, command(**FOUND)),
        (3, DATA | LAST, study()),
    ],
    "no command": [(1, COMMAND | LAST, b"")],
    "a command that is none": [(1, COMMAND | LAST, b"\x13\x37" * 50)],
    "a command without its field": [(1, COMMAND | LAST, command(Status=0))],
    "a command of text": [(1, COMMAND | LAST, command(CommandField=0x8020, ErrorComment="x"))],
    "a command without an end": [(1, COMMAND, bytes(30_000))] * 4,
    "empty fragments": [(1, COMMAND | LAST, command(**FOUND))] + [(1, DATA, b"")] * 3,
    "a status that is none": [(1, COMMAND | LAST, command(**{**FOUND, **_BARE, "Status": None}))],
    "the answer to another request": [
        (1, COMMAND | LAST, command(**{**FOUND, **_BARE})),
    ],
    "the answer of another service": [
        (
            1,
            COMMAND | LAST,
            command(**{**FOUND, **_BARE, "CommandField": 0x8021}),
        ),
    ],
    "an echo": [
        (
            1,
            COMMAND | LAST,
            command(CommandField=0x0030, MessageID=1, CommandDataSetType=0x0101),
        ),
    ],
    "an event report": [
        (
            1,
            COMMAND | LAST,
            command(
                AffectedSOPClassUID=FIND,
                CommandField=0x0100,
                MessageID=1,
                CommandDataSetType=0x0101,
                AffectedSOPInstanceUID="1.2",
                EventTypeID=1,
            ),
        ),
    ],
    "an object to store, without one": [
        (
            1,
            COMMAND | LAST,
            command(
                AffectedSOPClassUID=RAW,
                CommandField=0x0001,
                MessageID=1,
                Priority=0,
                CommandDataSetType=0x0101,
                AffectedSOPInstanceUID="1.2",
            ),
        ),
    ],
}


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize("service", ["C-FIND", "C-GET"])
def test_messages_that_are_none_end_the_association(name: str, service: str) -> None:
    def find(event: Any) -> Iterator[Any]:
        say(event, *BROKEN[name])
        event.assoc.dul.join(20)  # until it is over
        return iter(())

    handlers = {evt.EVT_C_FIND: find, evt.EVT_C_GET: find}
    with scp([FIND, GET, RAW], handlers) as server:
        archive = DimseArchive(Server(server.source, timeout=20))
        with pytest.raises(TransientError, match="broke"):
            if service == "C-FIND":
                archive.find_studies({"PatientID": "1"})
            else:
                archive.retrieve(Entity("1.2", "1.2.3"), lambda data: list(data))


def test_nobody_is_named_in_the_log_and_no_flag_of_the_process_changes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    flags = {name: getattr(_config, name) for name in dir(_config) if name.isupper()}
    caplog.set_level(logging.DEBUG)
    answer = Dataset()
    answer.StudyInstanceUID, answer.PatientID = STUDY, "PATIENT-17"

    def find(event: Any) -> Iterator[Any]:
        caplog.clear()  # what the server has written, which is pynetdicom, too
        content = encode(answer, True, True)
        answer_with(event, content or b"")
        yield 0x0000, None

    with scp([FIND], {evt.EVT_C_FIND: find}, syntax=ImplicitVRLittleEndian) as server:
        archive = DimseArchive(Server(server.source, timeout=20))
        [entity] = archive.find_studies({"PatientID": "PATIENT-17"}).entities
    assert entity.attributes["PatientID"] == "PATIENT-17"
    ours = [record for record in caplog.records if "Requestor" in (record.threadName or "")]
    assert not any("PATIENT-17" in record.getMessage() for record in ours)
    assert flags == {name: getattr(_config, name) for name in dir(_config) if name.isupper()}
