"""A few damaged files for every reader: refused, or read; `make fuzz` tries many more."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from fuzzing import limits, odd_series
from fuzzing.child import GOOD, mutant, outcome
from fuzzing.targets import NAMES, Target, target
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from judges import Measured, measured_by_highdicom


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


def test_odd_series_have_a_right_result_or_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status = odd_series.main(["--series", "24", "--seed", "7", "--out", str(tmp_path)])
    said = capsys.readouterr()
    assert status == 0, said.err
    rows = [line.split("|")[2:-1] for line in said.out.splitlines()[2:]]
    right, refused, *_ = np.array(rows, int).sum(axis=0)
    assert right >= 6
    assert refused >= 4


@pytest.mark.parametrize("fault", ["volume", "place", "statement"])
def test_a_wrong_result_is_found(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def wrong(path: Path, **tolerance: float) -> dict[int, Measured]:
        off = {"volume": (1.3, 0), "place": (1, 8), "statement": (1.03, 0)}[fault]
        return {
            number: Measured(one.millilitres * off[0], one.centre + off[1])
            for number, one in measured_by_highdicom(path, **tolerance).items()
        }

    monkeypatch.setattr(odd_series, "measured_by_highdicom", wrong)
    call = ["--series", "4", "--seed", "7", "--out", str(tmp_path)]
    assert odd_series.main(call) == 1
    assert "odd series" in capsys.readouterr().err
    assert list(tmp_path.iterdir())
