"""Docs/pacs-conformance.md says what the code negotiates, asks for and understands."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
from pydicom.uid import UID

from IODeepLib.headers.sop_classes import IMAGES, NO_IMAGES, name_of
from IODeepLib.sources import limits, transfer
from IODeepLib.sources.archive import OUT_OF_RESOURCES
from IODeepLib.sources.dimse import archive as dimse
from IODeepLib.sources.dimse import connection, dial, messages, receiver
from IODeepLib.sources.settings import Server

DOCUMENT = (Path(__file__).resolve().parents[3] / "Docs" / "pacs-conformance.md").read_text("utf-8")
CLASSES = IMAGES | NO_IMAGES


def rows(head: str) -> list[list[str]]:
    """The cells of the table with this head, without it."""
    table = DOCUMENT.partition(f"{head}\n")[2].partition("\n\n")[0]
    lines = [line.strip("| ").split(" | ") for line in table.splitlines()[1:]]
    assert lines
    return [[cell.strip() for cell in cells] for cells in lines]


def uids(cell: str) -> list[str]:
    return re.findall(r"`([\d.]+)`", cell)


def test_the_keys_of_every_level() -> None:
    assert {level: tuple(keys.split(", ")) for level, keys in rows("| level | keys |")} == (
        dimse._KEYS
    )


def test_the_services() -> None:
    [found] = re.findall(r"searching\n\nSOP class `([\d.]+)`", DOCUMENT)
    [pair] = re.findall(r"SOP classes `([\d.]+)` \(GET\) and `([\d.]+)` \(MOVE\)", DOCUMENT)
    assert (found, *pair) == (dimse._FIND, dimse._GET, dimse._MOVE)


def test_the_transfer_syntaxes_in_order() -> None:
    listed = rows("| transfer syntax | UID |")
    assert [uid for _, cell in listed for uid in uids(cell)] == list(transfer.TRANSFER_SYNTAXES)
    assert all(UID(uids(cell)[0]).name == name for name, cell in listed)


def test_the_sop_classes_of_every_modality() -> None:
    listed = {modality: uids(cell) for modality, cell in rows("| modality | SOP classes |")}
    assert listed.pop("any") == list(transfer._OTHERS)
    assert listed == {name: list(classes) for name, classes in CLASSES.items() if classes}
    for sop_class in itertools.chain(*listed.values()):
        assert f"{name_of(sop_class)} `{sop_class}`" in DOCUMENT


@pytest.mark.parametrize("modality", ["", *CLASSES])
def test_what_is_listed_fits_into_an_association(modality: str) -> None:
    offers = set(transfer.offers({"Modality": modality})[: dimse._MOST_CONTEXTS - 1])
    plain = {(c, uid) for uid in transfer.PLAIN for c in transfer._OTHERS}
    if modality in IMAGES:
        plain |= {(c, uid) for uid in transfer.PLAIN for cs in IMAGES.values() for c in cs}
    assert plain <= offers
    likely = CLASSES.get(modality) or transfer._OTHERS[:4]
    assert {(c, syntax) for c in likely for syntax in transfer.TRANSFER_SYNTAXES} <= offers


def test_the_statuses() -> None:
    listed = [status for status, *_ in rows("| status | meaning | what follows |")]
    remarks, failed, resources, destination = listed[1:5]
    assert {int(status, 16) for status in remarks.split(", ")} == dimse._REMARKS
    assert int(failed, 16) == dimse._SOME_FAILED
    assert int(destination, 16) == dimse._UNKNOWN_DESTINATION
    assert range(int(resources[:2] + "00", 16), int(resources[:2] + "FF", 16) + 1) == (
        OUT_OF_RESOURCES
    )


def test_the_figures() -> None:
    server = Server("")
    assert f"| largest PDU received | {messages.PDU} bytes |" in DOCUMENT
    assert f"| time to connect | {dial.SECONDS_TO_CONNECT:g} s |" in DOCUMENT
    words = f"ten times that, and a second for each {limits.SLOWEST} bytes that move"
    assert limits.TIMEOUTS == 10 and words in DOCUMENT
    found = f"at most {limits.MOST_ANSWERS}, and {connection._MOST_FOUND / 10**6:.0f} MB"
    assert f"| answers to a search | {found}; then it is canceled (C-CANCEL) |" in DOCUMENT
    most = f"Number of Series Related Instances and {dimse._MOST_COPIES} more"
    assert f"at most twice the {most}, or {limits.MOST_INSTANCES} where" in DOCUMENT
    assert f"{limits.MOST_BYTES / 10**9:.1f} GB each" in DOCUMENT
    assert f"have sent nothing yet, {receiver._MOST_CALLERS}\nare kept" in DOCUMENT
    assert f"| time-out | {server.timeout:g} s | `timeout` |" in DOCUMENT
    assert f"| our AE title | `{server.aet}` | `aet` |" in DOCUMENT
