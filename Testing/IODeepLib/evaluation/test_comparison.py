"""Two models, patient by patient: tests and intervals where there are enough of them."""

from __future__ import annotations

import numpy as np
import pytest
from makers.evaluations import evaluation
from msgspec.structs import replace
from scipy import stats

from IODeepLib.evaluation import compare, mean_dice
from IODeepLib.evaluation.records import Metric

RNG = np.random.default_rng(0)
FIRST = RNG.uniform(0.5, 0.8, 12).tolist()
SECOND = [value + d for value, d in zip(FIRST, RNG.normal(0.05, 0.03, 12), strict=True)]


def test_scipy_says_the_same_of_the_same_differences() -> None:
    overall, *_ = compare(evaluation(FIRST, SECOND))
    differences = np.array(SECOND) - np.array(FIRST)
    assert overall.metric is Metric.DICE
    assert overall.label == ""
    assert overall.difference == pytest.approx(differences.mean())
    assert overall.p == pytest.approx(stats.wilcoxon(SECOND, FIRST).pvalue)
    judge = stats.bootstrap((differences,), np.mean, method="percentile", n_resamples=20_000)
    ends = judge.confidence_interval
    assert overall.low == pytest.approx(ends.low, abs=0.003)
    assert overall.high == pytest.approx(ends.high, abs=0.003)
    assert overall == compare(evaluation(FIRST, SECOND))[0]


@pytest.mark.parametrize("count", [1, 2, 5])
def test_of_few_patients_nothing_is_claimed(count: int) -> None:
    for one in compare(evaluation(FIRST[:count], SECOND[:count])):
        assert (one.p, one.low, one.high) == (None, None, None)
        assert f"n = {count}: no test" in str(one)


def test_the_same_twice_is_no_difference() -> None:
    one, *_ = compare(evaluation(FIRST, FIRST))
    assert (one.difference, one.p, one.note) == (0.0, None, "no difference at all")


def test_only_what_both_have_a_value_of_counts() -> None:
    first, second = [*FIRST[:8], None], [None, *SECOND[1:8], 0.9]
    one, *_ = compare(evaluation(first, second))
    assert one.patients == 7
    assert one.first == pytest.approx(np.mean(FIRST[1:8]))
    none, *_ = compare(evaluation([0.5, None], [None, 0.5]))
    assert (none.patients, none.first, none.p) == (0, None, None)


def test_a_patient_with_many_images_counts_once() -> None:
    made = evaluation([0.2, 0.8, 0.8])
    several = [replace(one, patient=min(one.patient, 2)) for one in made.figures]
    assert mean_dice(replace(made, figures=tuple(several))) == pytest.approx(0.5)
    assert mean_dice(evaluation([None, None])) is None
