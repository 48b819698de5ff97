"""The best assignment, held against all there are."""

from __future__ import annotations

import itertools
import random

import pytest

from IODeepLib.selection.assignment import assign


@pytest.mark.parametrize("seed", range(200))
def test_no_assignment_is_better_and_all_that_are_as_good_are_known(seed: int) -> None:
    chance = random.Random(seed)
    rows = chance.randint(1, 4)
    columns = chance.randint(rows, 6)
    figures = chance.choice([[0, 1], [0, 1, 10**9], [-(10**6), 0, 1, 7], range(50)])
    costs = [[chance.choice(figures) for _ in range(columns)] for _ in range(rows)]

    def total(chosen: tuple[int, ...]) -> int:
        return sum(row[column] for row, column in zip(costs, chosen, strict=True))

    every = list(itertools.permutations(range(columns), rows))
    best = min(map(total, every))
    optimal = [chosen for chosen in every if total(chosen) == best]
    assigned = assign(costs)
    assert tuple(column for column, _ in assigned) in optimal
    for row, (own, others) in enumerate(assigned):
        assert {own, *others} == {chosen[row] for chosen in optimal}


def test_the_least_choice_is_no_way_to_begin() -> None:
    # Row 0 costs nothing in both columns; who gives it the first one has to pay for row 1.
    assert assign([[0, 0], [0, 9]]) == [(1, ()), (0, ())]
