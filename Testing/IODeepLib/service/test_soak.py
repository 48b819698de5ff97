"""Whoever is killed, in the end each study has its result once; `make soak` does it for longer."""

from __future__ import annotations

from pathlib import Path

from soak.killing import Victim, kills
from soak.story import story


def test_thirty_studies_and_five_kills(tmp_path: Path) -> None:
    outcome = story(30, 5, 7, tmp_path / "soak")
    assert outcome.wrong == []
    assert sum(outcome.killed.values()) == 5
    assert set(outcome.killed) == set(Victim)
    assert outcome.attempts >= outcome.studies == 30
    assert outcome.events["job done"] >= 30


def test_the_same_seed_is_the_same_story() -> None:
    assert [*kills(50, 1000, 1)] == [*kills(50, 1000, 1)] != [*kills(50, 1000, 2)]
    counts = [sum(kill.victim is one for kill in kills(50, 1000, 1)) for one in Victim]
    assert max(counts) - min(counts) <= 1
