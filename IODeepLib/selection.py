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

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from IODeepLib import criteria
from IODeepLib.criteria import Reason, Verdict
from IODeepLib.errors import NoModelFitsError
from IODeepLib.model_object import Model
from IODeepLib.recipe import Channel
from IODeepLib.series import Image


@dataclass(frozen=True, slots=True)
class Candidate:
    """One model and what speaks for and against it.

    Attributes:
        model: the model.
        reasons: one a criterion, in a fixed order.
        channels: the series that fills each input channel, in the recipe's order; empty where a
            channel cannot be filled.
    """

    model: Model
    reasons: tuple[Reason, ...]
    channels: tuple[Image, ...]

    @property
    def fits(self) -> bool:
        """Whether no criterion fails."""
        return not self.count(Verdict.FAILS)

    def count(self, verdict: Verdict) -> int:
        """How many criteria got this verdict."""
        return len(self.with_verdict(verdict))

    def with_verdict(self, verdict: Verdict) -> tuple[Reason, ...]:
        """The criteria that got this verdict."""
        return tuple(reason for reason in self.reasons if reason.verdict is verdict)


@dataclass(frozen=True, slots=True)
class Selection:
    """All models, ranked: first those that fit the series, then the others."""

    series: Image
    candidates: tuple[Candidate, ...]

    @property
    def fitting(self) -> tuple[Candidate, ...]:
        """The models that fit, the best first; empty if none does."""
        return tuple(candidate for candidate in self.candidates if candidate.fits)

    @property
    def best(self) -> Candidate:
        """The first of the models that fit.

        Raises:
            NoModelFitsError: none does; the message gives the first failing criterion of each.
        """
        if self.fitting:
            return self.fitting[0]
        why = "; ".join(
            f"{candidate.model.label}: {candidate.with_verdict(Verdict.FAILS)[0]}"
            for candidate in self.candidates[:3]
        )
        more = len(self.candidates) - 3
        raise NoModelFitsError(
            f"none of {len(self.candidates)} models fits the series {self.series.label}"
            + (f" ({why}{f'; and {more} more' if more > 0 else ''})" if why else ""),
            "a model whose every criterion the series meets",
            "see all reasons with 'iodeep select', or name a model with --model",
        )


def select(series: Image, models: Iterable[Model], others: Sequence[Image] = ()) -> Selection:
    """Rank `models` by how they fit `series`.

    Args:
        series: the series to be read.
        models: the models to choose from.
        others: further series, from which the other channels of a model are filled.
    """
    candidates = [judge(series, model, others) for model in models]
    # Two stable sorts: equal versions in a fixed order first, then the newest version in front.
    candidates.sort(key=lambda c: c.model.card.sop_instance_uid)
    candidates.sort(key=lambda c: precedence(c.model.card.version), reverse=True)
    families: dict[str, list[Candidate]] = {}
    for candidate in candidates:
        families.setdefault(candidate.model.card.model_uid, []).append(candidate)
    fitting, failing = [], []
    for family in families.values():
        fits = [candidate for candidate in family if candidate.fits]
        if fits:
            fitting.append(fits)
        failing += [candidate for candidate in family if not candidate.fits]
    ranked = [c for fits in sorted(fitting, key=lambda f: _rank(f[0])) for c in fits]
    failing.sort(key=lambda c: (c.count(Verdict.FAILS), *_rank(c)))
    return Selection(series, tuple(ranked + failing))


def judge(series: Image, model: Model, others: Sequence[Image] = ()) -> Candidate:
    """What speaks for and against one model."""
    recipe = model.card.recipe
    channels, channel_reasons = _fill_channels(recipe.input.channels, series, others)
    return Candidate(model, criteria.reasons(recipe, series) + channel_reasons, channels)


def _fill_channels(
    asked: Sequence[Channel], series: Image, others: Sequence[Image]
) -> tuple[tuple[Image, ...], tuple[Reason, ...]]:
    """Give each channel the series that fits it best; the channel with the least choice goes first.

    Only series of the same study and frame of reference can stand beside each other.
    """
    pool = [series] + [
        other
        for other in others
        if other is not series
        and other.study_instance_uid == series.study_instance_uid
        and other.frame_of_reference == series.frame_of_reference
    ]
    offers = []
    for channel in asked:
        judged = [(item, criteria.channel(item, channel)) for item in pool]
        offers.append([(i, r) for i, r in judged if r.verdict is not Verdict.FAILS] or judged[:1])
    filled: dict[int, tuple[Image, Reason]] = {}
    free = list(pool)
    for position in sorted(range(len(asked)), key=lambda p: _choice(offers[p])):
        for item, reason in sorted(offers[position], key=lambda offer: _eagerness(offer[1])):
            if any(item is other for other in free):
                filled[position] = item, reason
                free = [other for other in free if other is not item]
                break
    reasons = []
    for position, channel in enumerate(asked):
        if position in filled:
            reasons.append(filled[position][1])
        else:
            reasons.append(_no_series(channel, pool))
    if any(reason.verdict is Verdict.FAILS for reason in reasons):
        return (), tuple(reasons)
    return tuple(filled[position][0] for position in range(len(asked))), tuple(reasons)


def _no_series(channel: Channel, pool: Sequence[Image]) -> Reason:
    return Reason(
        f"channel {channel.name}",
        Verdict.FAILS,
        " or ".join(channel.words) or channel.modality or "a further series of this study",
        f"{len(pool)} series, all of them taken or of another kind",
        "study",
    )


def _choice(offer: list[tuple[Image, Reason]]) -> tuple[int, int]:
    sure = sum(reason.verdict is Verdict.FITS for _, reason in offer)
    return (sure or len(offer) + 100, len(offer))


def _eagerness(reason: Reason) -> int:
    return [Verdict.FITS, Verdict.ANY, Verdict.UNKNOWN, Verdict.FAILS].index(reason.verdict)


def _rank(candidate: Candidate) -> tuple[int, int, int, str, str]:
    card = candidate.model.card
    return (
        candidate.count(Verdict.UNKNOWN),
        sum(reason.steps for reason in candidate.reasons),
        -candidate.count(Verdict.FITS),
        card.name,
        card.model_uid,
    )


def precedence(version: str) -> tuple:
    """Sort key of a semantic version (semver.org, section 11): 1.0.0-rc.1 comes before 1.0.0."""
    numbers, _, pre = version.partition("-")
    parts = [
        (0, int(part), "") if part.isdigit() else (1, 0, part) for part in pre.split(".") if part
    ]
    return (tuple(int(n) for n in numbers.split(".")), not pre, tuple(parts))
