"""What this machine remembers of who signs, and what becomes of a memory that is none."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from makers.packed_models import make_model

from IODeepLib.model_object import Card
from IODeepLib.model_object.known_signers import KnownSigners
from IODeepLib.trust.dicom_signature import DicomSignature, Integrity
from IODeepLib.trust.verdict import UNSIGNED, Kind, Publisher, Trust

NOW = datetime(2026, 1, 2, tzinfo=UTC)
TRUSTED = Trust(Kind.TRUSTED, "trusted: us", Publisher("key", "us", "CN=us", "AB", NOW))
GOOD, BAD = (
    DicomSignature(integrity, "why", value=value)
    for integrity, value in ((Integrity.INTACT, b"good"), (Integrity.BROKEN, b"bad"))
)


@pytest.fixture
def card(tmp_path: Path) -> Card:
    return make_model(tmp_path).card


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    return tmp_path / "memory" / "signers.json"


def remember(card: Card) -> None:
    signers = KnownSigners()
    assert signers.compared(card, TRUSTED) is TRUSTED
    signers.saw([GOOD, BAD], NOW)
    signers.keep()


def test_what_was_seen_is_known_from_then_on(card: Card, memory: Path) -> None:
    remember(card)
    again = KnownSigners()
    assert list(again.seen.values()) == [NOW]  # of what is broken nothing is known
    assert again.compared(card, UNSIGNED).kind is Kind.BROKEN
    again.saw([GOOD], datetime(2027, 1, 1, tzinfo=UTC))
    assert list(again.seen.values()) == [NOW]
    before = memory.stat().st_mtime_ns
    again.keep()
    assert memory.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"seen": {"a": "2026-01-01T00:00:00"}}', b'{"cards": {"a": 1}}', b"\xff"],
)
def test_a_memory_that_is_none_is_empty(content: bytes, card: Card, memory: Path) -> None:
    memory.parent.mkdir()
    memory.write_bytes(content)
    signers = KnownSigners()
    assert not signers.seen and signers.compared(card, UNSIGNED) is UNSIGNED
    remember(card)
    assert json.loads(memory.read_text())["models"] == {card.model_uid: "us"}


def test_where_nothing_can_be_kept(card: Card, memory: Path) -> None:
    memory.parent.write_text("a file in the place of the folder")
    remember(card)
    assert not KnownSigners().seen


def test_the_oldest_are_forgotten_first(
    card: Card, memory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("IODeepLib.model_object.known_signers._MOST", 2)
    signers = KnownSigners()
    for day in range(1, 4):
        value = bytes((day,))
        signers.saw([DicomSignature(Integrity.INTACT, "", value=value)], NOW.replace(day=day))
    signers.keep()
    assert [at.day for at in KnownSigners().seen.values()] == [2, 3]
