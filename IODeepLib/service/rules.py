"""Which models are run on which series of a study, by the rules; and why not the others."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from IODeepLib.errors import IODeepError
from IODeepLib.headers import text
from IODeepLib.model_object import Model
from IODeepLib.model_object.named import models_named
from IODeepLib.recipe import AppliesTo, Requirements
from IODeepLib.results.provenance import SOFTWARE
from IODeepLib.selection import Candidate, Selection, distinct_labels, select
from IODeepLib.selection.criteria import Verdict, reasons
from IODeepLib.selection.facts import Facts
from IODeepLib.series import ImageSeries
from IODeepLib.service.job import Job
from IODeepLib.service.settings import Product, Rule, Which, rule_words
from IODeepLib.service.states import State
from IODeepLib.text.records import Many, Record
from IODeepLib.trust.verdict import Standing

# What a network needs, whatever a rule says.
_OF_NETWORKS = {"image", "dimensionality", "geometry", "sampling"}


class Decision(Record):
    """What one rule says of one series.

    Attributes:
        rule: how messages call the rule.
        series: how they call the series.
        study_uid, series_uid, volume, content: see `Job`.
        model: SOP Instance UID of the card of the model that is run; "" if none is, or not yet.
        label: its name and version.
        choices: where several are equally good, of each the UID of its card and its label.
        why: what makes this model the best, or why none is run.
        products, priority, opens, closes: see `Job`.
    """

    rule: str
    series: str
    study_uid: str
    series_uid: str
    volume: str = ""
    content: str = ""
    model: str = ""
    label: str = ""
    choices: Many[tuple[str, str]] = ()
    why: str = ""
    products: Many[Product] = ()
    priority: int = 0
    opens: int = 0
    closes: int = 0

    @property
    def job(self) -> Job | None:
        """What is to be done, if anything."""
        if not self.model and not self.choices:
            return None
        return Job(
            study=self.study_uid,
            series=self.series_uid,
            volume=self.volume,
            content=self.content,
            model=self.model,
            label=self.label,
            choices=self.choices,
            rule=self.rule,
            products=tuple(product.value for product in self.products),
            priority=self.priority,
            opens=self.opens,
            closes=self.closes,
            state=State.WAITING if self.model else State.CHOICE,
            reason="" if self.model else self.why,
        )


def is_own(series: ImageSeries) -> bool:
    """Whether IODeep itself made the images: they are a result, and start nothing."""
    return text(series.header, "Manufacturer") == SOFTWARE


def decide(
    images: Sequence[ImageSeries], models: Sequence[Model], rules: Sequence[Rule]
) -> list[Decision]:
    """What all rules say of all series; what two rules ask for is decided by the first."""
    images = [series for series in images if not is_own(series)]
    found: list[Decision] = []
    asked: set[str] = set()
    for number, rule in enumerate(rules):
        applied = _Applied(rule, rule_words(rule, number), images, models)
        for decision in (one for series in images for one in applied.to(series)):
            uid = decision.job.uid if decision.job else ""
            if not uid or uid not in asked:
                found.append(decision)
            asked.add(uid)
    return found


class _Applied:
    """One rule, with all images of a study and all models."""

    def __init__(
        self, rule: Rule, name: str, images: Sequence[ImageSeries], models: Sequence[Model]
    ) -> None:
        self._rule, self._name, self._images = rule, name, images
        self._models = [m for m in models if not rule.trusted or m.standing is Standing.BELIEVED]

    def to(self, series: ImageSeries) -> Iterator[Decision]:
        """What it says of one series."""
        if against := _against(self._rule.applies_to, series):
            yield self._none(series, f"the rule does not apply: {against}")
        elif self._rule.trusted and not self._models:
            yield self._none(series, "no model of a publisher that this site trusts")
        elif isinstance(self._rule.models, Which):
            yield from self._which(self._rule.models, series)
        else:
            for words in self._rule.models:
                yield self._named(words, series)

    def _which(self, which: Which, series: ImageSeries) -> Iterator[Decision]:
        selection = select(series, self._models, self._images)
        if not selection.fitting:
            yield self._none(series, _why_none(selection))
        elif which is Which.BEST:
            yield self._of(selection.equals, selection.advantage)
        elif which is Which.ALL:
            for candidate in selection.newest:
                yield self._of([candidate], "all that fit are run")
        else:
            for region, best in _best_of_regions(selection):
                yield self._of(best, f"the best for {region}")

    def _named(self, words: str, series: ImageSeries) -> Decision:
        try:
            models = models_named(self._models, words)
        except IODeepError as error:
            return self._none(series, error.found)
        if not models:
            return self._none(series, f"no model {words} that is in use")
        selection = select(series, models, self._images)
        if not selection.fitting:
            return self._none(series, _why_none(selection))
        return self._of(selection.equals, f"the rule names {words}")

    def _none(self, series: ImageSeries, why: str) -> Decision:
        uids = series.study_instance_uid, series.series_instance_uid
        return Decision(self._name, series.label, *uids, series.split_by, why=why)

    def _of(self, equals: Sequence[Candidate], why: str) -> Decision:
        """To run a model that fits, or to choose one of several that are as good."""
        first = equals[0]
        channels = [image for image in first.channels if isinstance(image, ImageSeries)]
        series = channels[0]  # on its voxels the result lies
        labels = distinct_labels(equals)
        cards = [candidate.model.card.sop_instance_uid for candidate in equals]
        one = len(equals) == 1
        opens, closes = self._rule.minutes
        return Decision(
            rule=self._name,
            series=series.label,
            study_uid=series.study_instance_uid,
            series_uid=series.series_instance_uid,
            volume=series.split_by,
            content=content_of(first),
            model=cards[0] if one else "",
            label=first.model.label if one else "",
            choices=() if one else tuple(sorted(zip(cards, labels, strict=True))),
            why=why if one else f"{len(equals)} models fit equally well: {'; '.join(labels)}",
            products=self._rule.store,
            priority=self._rule.priority.rank,
            opens=opens,
            closes=closes,
        )


def _why_none(selection: Selection) -> str:
    try:
        _ = selection.best
    except IODeepError as error:
        return error.found
    raise AssertionError(selection)  # it is asked where nothing fits


def _best_of_regions(selection: Selection) -> Iterator[tuple[str, list[Candidate]]]:
    """Of the models that fit, for each of the regions that they are for, the best."""
    by_region: dict[str, list[Candidate]] = {}
    for candidate in selection.newest:
        codes = candidate.model.card.requirements.applies_to.anatomic_regions
        region = " and ".join(code.meaning for code in codes) or "any region"
        by_region.setdefault(region, []).append(candidate)
    for region, candidates in by_region.items():
        yield region, [one for one in candidates if one.rank == candidates[0].rank]


def _against(applies_to: AppliesTo | None, series: ImageSeries) -> str:
    """Why a rule does not apply to a series; "" if it does, or may: not all series say all."""
    if applies_to is None:
        return ""
    asked = Requirements(applies_to, (), 2, (), ())
    found = [
        str(reason)
        for reason in reasons(asked, Facts(series))
        if reason.verdict is Verdict.FAILS and reason.criterion not in _OF_NETWORKS
    ]
    return "; ".join(found)


def content_of(candidate: Candidate) -> str:
    """A digest of which images a model reads."""
    images = [image for image in candidate.channels if isinstance(image, ImageSeries)]
    uids = sorted(uid for image in images for uid in image.sop_instance_uids)
    return hashlib.sha256("\n".join(uids).encode()).hexdigest()
