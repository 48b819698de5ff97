"""Patients are dealt out once, the same way each time, and so that labels are everywhere."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from IODeepLib.cohort.patients import dealt, numbered
from IODeepLib.cohort.records import Split

PATIENTS = st.dictionaries(
    st.text(min_size=1, max_size=8),
    st.frozensets(st.integers(1, 4), max_size=4),
    min_size=1,
    max_size=40,
)
SHARES = st.sampled_from([(70, 15, 15), (100, 0, 0), (0, 0, 100), (50, 0, 50), (34, 33, 33)])


@given(PATIENTS, SHARES, st.integers(0, 5))
def test_each_patient_is_in_one_split_of_about_the_asked_size(
    patients: dict[str, frozenset[int]], shares: tuple[int, int, int], seed: int
) -> None:
    found = dealt(patients, shares, seed)
    assert found.keys() == patients.keys()
    assert found == dealt(dict(reversed(patients.items())), shares, seed)
    count = Counter(found.values())
    asked = [split for split, share in zip(Split, shares, strict=True) if share]
    assert set(count) <= set(asked)
    if len(patients) >= len(asked):
        assert set(count) == set(asked)
    for split, share in zip(Split, shares, strict=True):
        assert abs(count[split] - share * len(patients) / 100) <= 2


@pytest.mark.parametrize("seed", range(10))
def test_a_rare_label_is_in_every_split(seed: int) -> None:
    patients = {f"p{i}": frozenset({1, 2} if i < 3 else {1}) for i in range(30)}
    found = dealt(patients, (60, 20, 20), seed)
    assert {found[f"p{i}"] for i in range(3)} == set(Split)
    assert Counter(found.values()) == {Split.TRAIN: 18, Split.VALIDATION: 6, Split.TEST: 6}


def test_another_seed_is_another_split() -> None:
    patients = {f"p{i}": frozenset({1}) for i in range(20)}
    assert len({tuple(sorted(dealt(patients, (50, 25, 25), s).items())) for s in range(5)}) == 5


def test_numbers_say_nothing_of_whom_they_stand_for() -> None:
    names = [f"p{i:02}" for i in range(20)]
    numbers = numbered(names)
    assert sorted(numbers.values()) == list(range(1, 21))
    assert [numbers[name] for name in names] != list(range(1, 21))
    assert numbered(reversed(names)) == numbers
