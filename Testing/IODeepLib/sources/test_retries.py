"""Trying again: how often, how long, and what is given up at once."""

from __future__ import annotations

import pytest

from IODeepLib.errors import SourceError
from IODeepLib.sources import retries
from IODeepLib.sources.archive import StalledError, TransientError, UnreachableError
from IODeepLib.sources.retries import retried


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that were made, without making them."""
    made: list[float] = []
    monkeypatch.setattr(retries, "_sleep", made.append)
    return made


class Action:
    """Fails with these errors, one after the other, and then goes well."""

    def __init__(self, *errors: SourceError) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


def transient(kind: type[SourceError] = TransientError) -> SourceError:
    return kind("a", "b", "c")


@pytest.mark.parametrize("failures", range(10))
def test_ten_tries_with_growing_pauses(pauses: list[float], failures: int) -> None:
    action = Action(*(transient() for _ in range(failures)))
    assert retried(action) == "done"
    assert len(pauses) == failures
    assert all(0.05 <= pause <= 2.0 for pause in pauses)
    assert sum(pauses) < 13


@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (transient(), 10),
        (transient(UnreachableError), 3),
        (StalledError("it", 60), 2),
        (transient(SourceError), 1),
    ],
)
def test_it_is_given_up(pauses: list[float], error: SourceError, tries: int) -> None:
    action = Action(*(error for _ in range(20)))
    with pytest.raises(type(error)):
        retried(action)
    assert action.calls == tries


def test_whoever_gets_further_may_go_on(pauses: list[float]) -> None:
    action = Action(*(transient() for _ in range(30)))
    assert retried(action, lambda: action.calls // 5) == "done"
    assert max(pauses) < 2.0
