"""A few damaged files for every reader: refused, or read; `make fuzz` tries many more."""

from __future__ import annotations

from functools import cache

import pytest
from fuzzing import limits
from fuzzing.child import GOOD, mutant, outcome
from fuzzing.targets import NAMES, Target, target
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@pytest.fixture(scope="module")
def targets(tmp_path_factory: pytest.TempPathFactory):
    """Gives the target of a name, with its undamaged files, which are made once."""

    @cache
    def made(name: str) -> Target:
        return target(name, tmp_path_factory.mktemp("fuzzing"))

    return made


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the limits of `make fuzz`, which are for processes of their own."""
    monkeypatch.setattr("fuzzing.child.start_clock", lambda seconds=0: None)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(number=st.integers(0, 10**9))
def test_only_errors_of_our_own(name: str, targets, number: int) -> None:
    word, place = outcome(targets(name), mutant(targets(name), name, 0, number))
    assert word in GOOD, place


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_damaged_is_read(name: str, targets) -> None:
    """Or else the fuzzing would show nothing."""
    what = targets(name)
    read = [what.read(seed) for seed in what.seeds[:10]]
    assert sum(read) >= len(read) / 2


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (MemoryError(), "too much memory"),
        (limits.TooLongError(), "too long"),
        (KeyError(), "other"),
    ],
)
def test_anything_else_is_a_finding(error: BaseException, word: str) -> None:
    def fail(content: bytes) -> bool:
        raise error

    assert outcome(Target([], lambda *_: b"", fail), b"")[0].startswith(word)
