"""Two models on the same cases, patient by patient."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from IODeepLib.evaluation.records import Evaluation, Figures, Metric
from IODeepLib.evaluation.summary import Groups, by_patient
from IODeepLib.text.wording import counted

# Of fewer patients no signed-rank test says anything: with five, the smallest two-sided p is 0.06.
FEWEST = 6
_BLOCKS, _IN_A_BLOCK = 100, 100  # resamples of the bootstrap: all at once may be large
_INTERVAL = (2.5, 97.5)  # percentiles


@dataclass(frozen=True, slots=True)
class Comparison:
    """A metric of a label, of two models.

    Attributes:
        metric: which.
        label: which, "" for the mean of all.
        patients: that both have a value of.
        first, second: the means of both models over these patients; None without any.
        difference: second less first.
        low, high: the 95 % bootstrap interval of the mean difference, over patients; None for too
            few.
        p: of Wilcoxon's signed-rank test, two-sided; None where there was none.
        note: why there was none, or "".
    """

    metric: Metric
    label: str
    patients: int
    first: float | None
    second: float | None
    difference: float | None
    low: float | None
    high: float | None
    p: float | None
    note: str

    def __str__(self) -> str:
        what = f"{self.metric.words} of {self.label or 'all labels'}"
        if self.first is None or self.second is None or self.difference is None:
            return f"{what}: {self.note}"
        means = f"{self.first:.4f} and {self.second:.4f}, difference {self.difference:+.4f}"
        if self.low is None or self.high is None:
            return f"{what}: {means}; {self.note}"
        interval = f"95 % interval {self.low:+.4f} to {self.high:+.4f}"
        test = self.note if self.p is None else f"p = {self.p:.2g}"
        return f"{what}: {means}, {interval}, {test} ({counted(self.patients, 'patient')})"


def compare(
    evaluation: Evaluation, first: int = 0, second: int = 1, *, seed: int = 0
) -> list[Comparison]:
    """Hold two models of an evaluation against each other: all labels together, then each.

    Only what both have a value of counts. The tests of the single labels are not corrected for
    their number.

    Args:
        evaluation: with both.
        first, second: which ones, from 0.
        seed: of the bootstrap.
    """
    groups = Groups(evaluation)
    return [
        _compared(metric, label or "", *_pairs(groups, metric, first, second, label), seed)
        for label in (None, *evaluation.labels)
        for metric in evaluation.metrics
    ]


def _pairs(
    groups: Groups, metric: Metric, first: int, second: int, label: str | None
) -> tuple[list[float], list[float]]:
    """The means of the patients whom both models have a value of, in the same cases and labels."""
    sides = [
        {(one.case, one.label): one for one in groups.of(model, label)} for model in (first, second)
    ]
    both = [
        key
        for key, one in sides[0].items()
        if one.of(metric) is not None
        and (other := sides[1].get(key)) is not None
        and other.of(metric) is not None
    ]
    means = [by_patient(_at(side, both), metric) for side in sides]
    return [*means[0].values()], [*means[1].values()]


def _at(side: dict[tuple[str, str], Figures], keys: list[tuple[str, str]]) -> Iterator[Figures]:
    return (side[key] for key in keys)


def _compared(
    metric: Metric, label: str, first: list[float], second: list[float], seed: int
) -> Comparison:
    count = len(first)
    if not count:
        nobody = "no patient whom both have a value of"
        return Comparison(metric, label, 0, None, None, None, None, None, None, nobody)
    differences = np.array(second) - np.array(first)
    means = statistics.fmean(first), statistics.fmean(second), float(differences.mean())
    if count < FEWEST:
        note = f"n = {count}: no test, and no interval"
        return Comparison(metric, label, count, *means, None, None, None, note)
    chance = np.random.default_rng(seed)
    drawn = [chance.choice(differences, (_IN_A_BLOCK, count)).mean(axis=1) for _ in range(_BLOCKS)]
    low, high = (float(end) for end in np.percentile(drawn, _INTERVAL))
    if not differences.any():
        return Comparison(metric, label, count, *means, low, high, None, "no difference at all")
    from scipy.stats import wilcoxon

    p = float(wilcoxon(differences).pvalue)
    return Comparison(metric, label, count, *means, low, high, p, "")
