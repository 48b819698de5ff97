"""How several differences become one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import trim_mean

from IODeepLib.disk.byte_ranges import ByteRange
from IODeepLib.federation import tensors
from IODeepLib.federation.averaging import combined, counted
from IODeepLib.federation.records import Rule
from IODeepLib.federation.tensors import Tensor

SHAPE = (7, 3, 11)


def tensor(values: np.ndarray, path: Path | None = None) -> Tensor:
    """Values in memory, or in a file behind something else."""
    content = values.astype("<f4").tobytes()
    if path is None:
        return Tensor(values.shape, memoryview(content))
    path.write_bytes(b"before" + content + b"behind")
    return Tensor(values.shape, ByteRange(path, 6, len(content)))


def together(
    values: list[np.ndarray], rule: Rule, weights: list[int] | None = None, trim: int = 1
) -> np.ndarray:
    found = combined([tensor(one) for one in values], weights or [1] * len(values), rule, trim)
    return np.concatenate(list(found)).reshape(values[0].shape)


@pytest.fixture
def five() -> list[np.ndarray]:
    rng = np.random.default_rng(3)
    return [rng.standard_normal(SHAPE).astype(np.float32) for _ in range(5)]


def test_the_rules_are_those_of_numpy_and_scipy(five: list[np.ndarray]) -> None:
    weights = [3, 1, 4, 1, 5]
    for count in (3, 4, 5):
        some, few = five[:count], weights[:count]
        np.testing.assert_allclose(
            together(some, Rule.MEAN, few), np.average(some, axis=0, weights=few), rtol=1e-12
        )
        np.testing.assert_allclose(
            together(some, Rule.MEDIAN), np.median(np.float64(some), axis=0), rtol=1e-12
        )
        np.testing.assert_allclose(
            together(some, Rule.TRIMMED), trim_mean(np.float64(some), 1 / count + 1e-9), rtol=1e-9
        )


@pytest.mark.parametrize("rule", Rule)
def test_pieces_and_places_change_no_bit(
    rule: Rule, five: list[np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = together(five, rule, [3, 1, 4, 1, 5])
    for piece in (1, 17, 230):
        monkeypatch.setattr(tensors, "PIECE", piece)
        files = [tensor(one, tmp_path / str(number)) for number, one in enumerate(five)]
        found = list(combined(files, [3, 1, 4, 1, 5], rule, 1))
        assert max(map(len, found)) <= piece
        assert np.concatenate(found).tobytes() == whole.tobytes()


def test_which_zero_comes_first_changes_no_bit() -> None:
    zeros = [np.full(4, value, np.float32) for value in (0.0, -0.0, 0.0)]
    for rule in Rule:
        found = {
            together([zeros[i] for i in order], rule).tobytes() for order in ((0, 1, 2), (1, 0, 2))
        }
        assert found == {np.zeros(4).tobytes()}


@given(st.integers(1, 10), st.floats(1, 1e6))
def test_one_hostile_site_moves_no_value_out_of_what_the_others_say(seed: int, size: float) -> None:
    rng = np.random.default_rng(seed)
    honest = [rng.standard_normal(20).astype(np.float32) for _ in range(3)]
    hostile = (size * rng.standard_normal(20)).astype(np.float32)
    for rule in (Rule.MEDIAN, Rule.TRIMMED):
        found = together([*honest, hostile], rule)
        assert (found >= np.min(honest, axis=0)).all()
        assert (found <= np.max(honest, axis=0)).all()


@given(st.lists(st.integers(1, 1_000_000), min_size=3, max_size=20))
def test_no_site_counts_for_much_more_than_others(cases: list[int]) -> None:
    weights = counted(cases)
    median = sorted(cases)[(len(cases) - 1) // 2]
    for case, weight in zip(cases, weights, strict=True):
        assert weight == min(case, 2 * median)


def test_a_site_that_claims_a_million_cases_counts_as_two() -> None:
    assert counted([30, 40, 1_000_000]) == [30, 40, 80]
    assert counted([5]) == [5]
