"""Which models fit a series, each with its reasons.

Every model gets one `Reason` a criterion: what its recipe requires, what the series has, in which
attribute that was found, and a verdict. One criterion that fails excludes the model. What the
series does not say is "unknown": it excludes nothing, but lowers the rank and is shown.

The order of the models that fit is fixed:

1. those of trusted publishers first, where the site says whom it trusts;
2. fewer unknown criteria first;
3. the closer anatomic region first: the same one, then by steps in the part-of tree;
4. the more specific model first: the one whose recipe requires more of the series.

Models of which none of this makes one the better are equals: the name orders their list, and
nothing else. Nobody takes one of them for a person, see `Selection.best`.

Where figures of this site's own data are given, they decide among equals, and which version of a
model is taken, see `preference`.

Versions of one model (one model UID, proved to be of one publisher) stay together, the newest
first, in the place of the newest; they are no equals. Models of the same name, or of the same UID,
from two publishers are two models; a version that was
published twice with different contents is two as well. Models that do not fit follow, those that
fail fewest criteria first.
"""

from __future__ import annotations

import functools
import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from IODeepLib.errors import NoModelFitsError, UsageError
from IODeepLib.model_object import Model, same_content
from IODeepLib.model_object.shown_names import said_apart
from IODeepLib.selection import criteria, hounsfield, publisher
from IODeepLib.selection.channels import fill_channels
from IODeepLib.selection.criteria import Reason, Verdict
from IODeepLib.selection.facts import Facts
from IODeepLib.selection.preference import Measured, preferred
from IODeepLib.series import Image
from IODeepLib.series.identity import same_patient
from IODeepLib.trust.verdict import Standing


@dataclass(frozen=True, slots=True)
class Candidate:
    """One model and what speaks for and against it.

    Attributes:
        model: the model.
        judgement: what came out for it, and for all models that require the same.
        measured: how well it did on this site's own data, if that counts; None if nobody knows.
        measured_place: 0 for the best of equals that were measured, and for all that were not.
        because: what makes it better than others by that, or "".
    """

    model: Model
    judgement: Judgement
    measured: Measured | None = None
    measured_place: int = 0
    because: str = ""

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """One a criterion, in a fixed order."""
        asked = (*self.judgement.reasons, publisher.reason(self.model))
        return asked if self.measured is None else (*asked, self.measured.reason)

    @property
    def channels(self) -> tuple[Image, ...]:
        """The series that fills each input channel, in the recipe's order.

        Empty where a channel cannot be filled.
        """
        return self.judgement.channels

    @property
    def fits(self) -> bool:
        """Whether no criterion fails."""
        return self.judgement.fits and self.model.standing is not Standing.REFUSED

    @property
    def rank(self) -> tuple[int, ...]:
        """The smaller, the better: all that the order of models depends on, but for names."""
        refused = self.model.standing is Standing.REFUSED
        fails, *others = self.judgement.rank
        return fails + refused, publisher.PLACE[self.model.standing], *others, self.measured_place

    def count(self, verdict: Verdict) -> int:
        """How many criteria of the recipe and the site got this verdict."""
        asked = (*self.judgement.reasons, publisher.reason(self.model))
        return sum(reason.verdict is verdict for reason in asked)

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
        """The smaller, the better, of all that depends on the series."""
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
    def newest(self) -> tuple[Candidate, ...]:
        """Of each model that fits the newest version that does, the best first.

        Of a version that was published twice, both if their contents differ.
        """
        newest: dict[str, list[Candidate]] = {}
        for candidate in self.fitting:
            card = candidate.model.card
            known = newest.setdefault(candidate.model.family, [])
            if all(
                card.version == other.model.card.version
                and candidate.model.standing is other.model.standing
                and not same_content(card, other.model.card)
                for other in known
            ):
                known.append(candidate)
        return tuple(itertools.chain.from_iterable(newest.values()))

    @property
    def equals(self) -> tuple[Candidate, ...]:
        """The models that fit best, in the newest version of each: one, or several as good."""
        newest = self.newest
        models = {
            candidate.model.family for candidate in newest if candidate.rank == newest[0].rank
        }
        return _each_network_once(c for c in newest if c.model.family in models)

    @property
    def places(self) -> tuple[int | None, ...]:
        """The place of each candidate, from 1; None for those that do not fit.

        Equals share a place, the next one counts on behind them: 1, 1, 3. All versions of a model
        have the place of the newest.
        """
        place, rank = 0, None
        by_model: dict[str, int] = {}
        for count, candidate in enumerate(self.newest, 1):
            if candidate.rank != rank:
                place, rank = count, candidate.rank
            by_model.setdefault(candidate.model.family, place)
        return tuple(
            by_model[candidate.model.family] if candidate.fits else None
            for candidate in self.candidates
        )

    @property
    def advantage(self) -> str:
        """What makes the best model better than the next one, or "" where there is no such."""
        if len(self.newest) < 2:
            return self.newest[0].because if self.newest else ""
        first, second = self.newest[:2]
        if first.because:
            return first.because
        _, proved, unknown, steps, met, _ = (
            a != b for a, b in zip(first.rank, second.rank, strict=True)
        )
        if proved:
            return f"nothing proves that {second.model.label} is of a trusted publisher"
        if unknown:
            still_open = ", ".join(r.criterion for r in second.with_verdict(Verdict.UNKNOWN))
            return f"for {second.model.label} more is unknown ({still_open})"
        if steps:
            return f"its anatomic region is nearer than that of {second.model.label}"
        if met:
            return (
                f"{second.model.label} requires less: {second.count(Verdict.FITS)} of its criteria "
                f"are met, {first.count(Verdict.FITS)} of this one's"
            )
        return ""

    @property
    def best(self) -> Candidate:
        """The one model that fits best.

        Raises:
            NoModelFitsError: none fits; the message gives the first failing criterion of each.
            ImageError: none fits, for the series cannot be read.
            UsageError: several fit equally well; the message names them.
        """
        equals = self.equals
        if len(equals) == 1:
            return equals[0]
        if equals:
            raise UsageError(
                f"{len(equals)} models fit the series {self.series.label} equally well: "
                + "; ".join(distinct_labels(equals)),
                "one of them",
                "name it: with --model NAME, or with its UID where the name is not enough",
            )
        if not self.candidates:
            raise NoModelFitsError(
                f"no model to choose from, for the series {self.series.label}",
                "models that are not retired",
                "see what is there with 'iodeep list --all', or name another source of models",
            )
        self.series.check()  # what no model of whatever kind can do anything about
        why = "; ".join(
            f"{candidate.model.label}: {candidate.with_verdict(Verdict.FAILS)[0]}"
            for candidate in self.candidates[:3]
        )
        more = len(self.candidates) - 3
        raise NoModelFitsError(
            f"{_none_of(len(self.candidates))} the series {self.series.label}"
            f" ({why}{f'; and {more} more' if more > 0 else ''})",
            "a model whose every criterion the series meets",
            "see all reasons with 'iodeep select'",
        )


def _each_network_once(candidates: Iterable[Candidate]) -> tuple[Candidate, ...]:
    """Without what is the same network again, signed by another or by nobody."""
    kept: list[Candidate] = []
    for candidate in candidates:
        card = candidate.model.card
        if not any(
            card.label == other.model.card.label
            and candidate.model.family != other.model.family
            and same_content(card, other.model.card)
            for other in kept
        ):
            kept.append(candidate)
    return tuple(kept)


def _none_of(count: int) -> str:
    return "the one model does not fit" if count == 1 else f"none of {count} models fits"


def select(
    series: Image,
    models: Iterable[Model],
    others: Sequence[Image] = (),
    measured: Mapping[str, Measured] | None = None,
) -> Selection:
    """Rank `models` by how they fit `series`.

    Args:
        series: the series to be read.
        models: the models to choose from.
        others: further series, from which the other channels of a model are filled.
        measured: how well networks did on this site's own data, by their SHA-256, where that shall
            decide among equals and versions.
    """
    judge = _Judge(series, others)
    candidates = [judge(model) for model in models]
    # One stable sort after the other, the last criterion first: by plain keys, that is fastest.
    candidates.sort(key=lambda c: c.model.card.sop_instance_uid)
    candidates.sort(key=lambda c: version_precedence(c.model.card.version), reverse=True)
    # An expired certificate says who it was, and takes nobody's place who is trusted.
    candidates.sort(key=lambda c: publisher.PLACE[c.model.standing])
    if measured:
        candidates = [
            replace(c, measured=measured.get(c.model.card.network_digest)) for c in candidates
        ]
    taken: dict[str, Candidate] = {}  # of the versions that fit, by model
    for candidate in candidates:
        if candidate.fits:
            taken.setdefault(candidate.model.family, candidate)
    if measured:
        taken = preferred((c for c in candidates if c.fits), measured)
        chosen = {c.model.card.sop_instance_uid: c for c in taken.values()}
        candidates = [
            chosen.get(c.model.card.sop_instance_uid)
            or (replace(c, measured_place=taken[c.model.family].measured_place) if c.fits else c)
            for c in candidates
        ]
        candidates.sort(key=lambda c: c.model.card.sop_instance_uid not in chosen)

    def leader(candidate: Candidate) -> Candidate:
        return taken[candidate.model.family] if candidate.fits else candidate

    candidates.sort(key=lambda c: f"{leader(c).model.card.name} {c.model.family}")
    candidates.sort(key=lambda c: leader(c).rank)
    return Selection(series, tuple(candidates))


def distinct_labels(candidates: Sequence[Candidate]) -> list[str]:
    """Name and version of each model; where that is not enough its publisher and UID as well."""
    models = [candidate.model for candidate in candidates]
    count = Counter(model.label for model in models)
    apart = said_apart(models)
    return [
        model.label if count[model.label] == 1 else said
        for model, said in zip(models, apart, strict=True)
    ]


def judge(series: Image, model: Model, others: Sequence[Image] = ()) -> Candidate:
    """What speaks for and against one model."""
    return _Judge(series, others)(model)


class _Judge:
    """Holds models against a series. What is required several times is looked at once."""

    def __init__(self, series: Image, others: Sequence[Image]) -> None:
        # Only series of one patient, study and frame of reference can stand beside each other.
        beside = (
            other
            for other in others
            if other is not series
            and other.study_instance_uid == series.study_instance_uid
            and other.frame_of_reference == series.frame_of_reference
            and same_patient(other.headers[0], series.headers[0])
        )
        self._pool = [Facts(series), *map(Facts, beside)]
        self._judgements: dict[bytes, Judgement] = {}

    def __call__(self, model: Model) -> Candidate:
        asked = model.card.requirements
        judgement = self._judgements.get(asked.key)
        if judgement is None:
            channels, reasons = fill_channels(asked, self._pool)
            counted = hounsfield.reason(asked, channels or (self._pool[0].series,))
            first = criteria.reasons(asked, self._pool[0])
            judgement = Judgement((*first, counted, *reasons), channels)
            self._judgements[asked.key] = judgement
        return Candidate(model, judgement)


@functools.lru_cache(maxsize=10_000)
def version_precedence(version: str) -> tuple:
    """Sort key of a semantic version (semver.org, section 11): 1.0.0-rc.1 comes before 1.0.0."""
    numbers, _, pre = version.partition("-")
    parts = [
        (0, int(part), "") if part.isdigit() else (1, 0, part) for part in pre.split(".") if part
    ]
    return (tuple(int(n) for n in numbers.split(".")), not pre, tuple(parts))
