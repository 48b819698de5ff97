"""Which models fit a series, each with its reasons.

Every model gets one `Reason` a criterion: what its recipe requires, what the series has, in which
attribute that was found, and a verdict. One criterion that fails excludes the model. What the
series does not say is "unknown": it excludes nothing, but lowers the rank and is shown.

The order of the models that fit is fixed:

1. fewer unknown criteria first;
2. the closer anatomic region first: the same one, then by steps in the part-of tree;
3. the more specific model first: the one whose recipe requires more of the series;
4. by name.

Versions of one model stay together, the newest first, in the place of the newest. Models that do
not fit follow, those that fail fewest criteria first.
"""

from __future__ import annotations

import functools
import itertools
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from IODeepLib import criteria
from IODeepLib.criteria import Reason, Verdict
from IODeepLib.errors import NoModelFitsError
from IODeepLib.facts import Facts
from IODeepLib.garbage import uncollected
from IODeepLib.model_object import Model
from IODeepLib.recipe import Channel, Requirements
from IODeepLib.series import Image


@dataclass(frozen=True, slots=True)
class Candidate:
    """One model and what speaks for and against it.

    Attributes:
        model: the model.
        judgement: what came out for it, and for all models that require the same.
    """

    model: Model
    judgement: Judgement

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """One a criterion, in a fixed order."""
        return self.judgement.reasons

    @property
    def channels(self) -> tuple[Image, ...]:
        """The series that fills each input channel, in the recipe's order.

        Empty where a channel cannot be filled.
        """
        return self.judgement.channels

    @property
    def fits(self) -> bool:
        """Whether no criterion fails."""
        return self.judgement.fits

    def count(self, verdict: Verdict) -> int:
        """How many criteria got this verdict."""
        return self.judgement.counts[verdict]

    def with_verdict(self, verdict: Verdict) -> tuple[Reason, ...]:
        """The criteria that got this verdict."""
        return tuple(reason for reason in self.reasons if reason.verdict is verdict)


@dataclass(frozen=True, eq=False)
class Judgement:
    """What came out for all models that require the same. See `Candidate`."""

    reasons: tuple[Reason, ...]
    channels: tuple[Image, ...]

    @functools.cached_property
    def counts(self) -> Counter[Verdict]:
        """How many criteria got each verdict."""
        return Counter(reason.verdict for reason in self.reasons)

    @functools.cached_property
    def fits(self) -> bool:
        """Whether no criterion fails."""
        return not self.counts[Verdict.FAILS]

    @functools.cached_property
    def rank(self) -> tuple[int, ...]:
        """The smaller, the better: all that the order of models depends on, but for names."""
        counts = self.counts
        steps = sum(reason.steps for reason in self.reasons)
        return counts[Verdict.FAILS], counts[Verdict.UNKNOWN], steps, -counts[Verdict.FITS]


@dataclass(frozen=True, slots=True)
class Selection:
    """All models, ranked: first those that fit the series, then the others."""

    series: Image
    candidates: tuple[Candidate, ...]

    @property
    def fitting(self) -> tuple[Candidate, ...]:
        """The models that fit, the best first; empty if none does."""
        return tuple(itertools.takewhile(lambda candidate: candidate.fits, self.candidates))

    @property
    def best(self) -> Candidate:
        """The first of the models that fit.

        Raises:
            NoModelFitsError: none does; the message gives the first failing criterion of each.
        """
        if self.fitting:
            return self.fitting[0]
        if not self.candidates:
            raise NoModelFitsError(
                f"no model to choose from, for the series {self.series.label}",
                "models that are not retired",
                "see what is there with 'iodeep list --all', or name another source of models",
            )
        why = "; ".join(
            f"{candidate.model.label}: {candidate.with_verdict(Verdict.FAILS)[0]}"
            for candidate in self.candidates[:3]
        )
        more = len(self.candidates) - 3
        raise NoModelFitsError(
            f"none of {len(self.candidates)} models fits the series {self.series.label}"
            f" ({why}{f'; and {more} more' if more > 0 else ''})",
            "a model whose every criterion the series meets",
            "see all reasons with 'iodeep select'",
        )


def select(series: Image, models: Iterable[Model], others: Sequence[Image] = ()) -> Selection:
    """Rank `models` by how they fit `series`.

    Args:
        series: the series to be read.
        models: the models to choose from.
        others: further series, from which the other channels of a model are filled.
    """
    judge = _Judge(series, others)
    with uncollected():
        candidates = [judge(model) for model in models]
    # One stable sort after the other, the last criterion first: by plain keys, that is fastest.
    candidates.sort(key=lambda c: c.model.card.sop_instance_uid)
    candidates.sort(key=lambda c: precedence(c.model.card.version), reverse=True)
    newest: dict[str, Candidate] = {}  # of the versions that fit, by model
    for candidate in candidates:
        if candidate.fits:
            newest.setdefault(candidate.model.card.model_uid, candidate)

    def leader(candidate: Candidate) -> Candidate:
        return newest[candidate.model.card.model_uid] if candidate.fits else candidate

    candidates.sort(key=lambda c: f"{leader(c).model.card.name} {c.model.card.model_uid}")
    candidates.sort(key=lambda c: leader(c).judgement.rank)
    return Selection(series, tuple(candidates))


def judge(series: Image, model: Model, others: Sequence[Image] = ()) -> Candidate:
    """What speaks for and against one model."""
    return _Judge(series, others)(model)


class _Judge:
    """Holds models against a series. What is required several times is looked at once."""

    def __init__(self, series: Image, others: Sequence[Image]) -> None:
        # Only series of the same study and frame of reference can stand beside each other.
        beside = (
            other
            for other in others
            if other is not series
            and other.study_instance_uid == series.study_instance_uid
            and other.frame_of_reference == series.frame_of_reference
        )
        self._pool = [Facts(series), *map(Facts, beside)]
        self._judgements: dict[Requirements, Judgement] = {}

    def __call__(self, model: Model) -> Candidate:
        asked = model.card.requirements
        judgement = self._judgements.get(asked)
        if judgement is None:
            channels, reasons = _fill_channels(asked.channels, self._pool)
            judgement = Judgement(criteria.reasons(asked, self._pool[0]) + reasons, channels)
            self._judgements[asked] = judgement
        return Candidate(model, judgement)


def _fill_channels(
    asked: Sequence[Channel], pool: Sequence[Facts]
) -> tuple[tuple[Image, ...], tuple[Reason, ...]]:
    """Give each channel the series of `pool` that fits it best, those with the least choice first.

    The first of the pool is the series that was asked about.
    """
    if any(channel.color for channel in asked):  # components of one and the same image
        own = [criteria.channel(pool[0], channel) for channel in asked]
        return (pool[0].series,) * len(asked), tuple(own)
    offers = []
    for channel in asked:
        judged = [(item, criteria.channel(item, channel)) for item in pool]
        offers.append([(i, r) for i, r in judged if r.verdict is not Verdict.FAILS] or judged[:1])
    filled: dict[int, tuple[Facts, Reason]] = {}
    free = list(pool)
    for position in sorted(range(len(asked)), key=lambda p: _choice(offers[p])):
        for item, reason in sorted(offers[position], key=lambda offer: _eagerness(offer[1])):
            if item in free:
                filled[position] = item, reason
                free.remove(item)
                break
    reasons = []
    for position, channel in enumerate(asked):
        if position in filled:
            reasons.append(filled[position][1])
        else:
            reasons.append(_no_series(channel, len(pool)))
    if any(reason.verdict is Verdict.FAILS for reason in reasons):
        return (), tuple(reasons)
    return tuple(filled[position][0].series for position in range(len(asked))), tuple(reasons)


def _no_series(channel: Channel, count: int) -> Reason:
    return Reason(
        f"channel {channel.name}",
        Verdict.FAILS,
        " or ".join(channel.words) or channel.modality or "a further series of this study",
        f"{count} series, all of them taken or of another kind",
        "study",
    )


def _choice(offer: list[tuple[Facts, Reason]]) -> tuple[int, int]:
    sure = sum(reason.verdict is Verdict.FITS for _, reason in offer)
    return (sure or len(offer) + 100, len(offer))


def _eagerness(reason: Reason) -> int:
    return [Verdict.FITS, Verdict.ANY, Verdict.UNKNOWN, Verdict.FAILS].index(reason.verdict)


@functools.lru_cache(maxsize=10_000)
def precedence(version: str) -> tuple:
    """Sort key of a semantic version (semver.org, section 11): 1.0.0-rc.1 comes before 1.0.0."""
    numbers, _, pre = version.partition("-")
    parts = [
        (0, int(part), "") if part.isdigit() else (1, 0, part) for part in pre.split(".") if part
    ]
    return (tuple(int(n) for n in numbers.split(".")), not pre, tuple(parts))
