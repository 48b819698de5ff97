"""Means over patients: each patient counts once, however many images there are of them."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from IODeepLib.evaluation.records import Evaluation, Figures, Metric


@dataclass(frozen=True, slots=True)
class Summary:
    """A metric of a label of a model.

    Attributes:
        mean, median, low, high: over patients; low and high are the least and the largest.
        patients: that have a value.
        without: cases without one.
    """

    mean: float | None
    median: float | None
    low: float | None
    high: float | None
    patients: int
    without: int


class Groups:
    """The figures of an evaluation, by model and label: there may be many."""

    def __init__(self, evaluation: Evaluation) -> None:
        self._groups: dict[tuple[int, str | None], list[Figures]] = defaultdict(list)
        for one in evaluation.figures:
            self._groups[one.model, one.label].append(one)
            self._groups[one.model, None].append(one)

    def of(self, model: int, label: str | None = None) -> list[Figures]:
        """Those of a model, and of a label or of all."""
        return self._groups.get((model, label), [])


def by_patient(figures: Iterable[Figures], metric: Metric) -> dict[int, float]:
    """The mean of each patient who has a value."""
    values: dict[int, list[float]] = defaultdict(list)
    for one in figures:
        value = one.of(metric)
        if value is not None:
            values[one.patient].append(value)
    return {patient: statistics.fmean(own) for patient, own in sorted(values.items())}


def summary_of(figures: Iterable[Figures], metric: Metric) -> Summary:
    """One line of a table."""
    several = list(figures)
    values = [*by_patient(several, metric).values()]
    without = sum(one.of(metric) is None for one in several)
    if not values:
        return Summary(None, None, None, None, 0, without)
    mean, median = statistics.fmean(values), statistics.median(values)
    return Summary(mean, median, min(values), max(values), len(values), without)


def mean_dice(evaluation: Evaluation, model: int = 0) -> float | None:
    """The mean Dice of a model over patients, of their labels and images; None without any."""
    return summary_of(Groups(evaluation).of(model), Metric.DICE).mean
