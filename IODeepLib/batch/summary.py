"""How a cohort went, from its records: counts, times, volumes, and failures by their reason.

No word in it is on a patient: studies are told by their UIDs.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from IODeepLib.batch.terms import Outcome, StudyRecord
from IODeepLib.text.foreign import plain
from IODeepLib.text.wording import counted

_SAMPLE = 10_000  # figures of a kind that are kept for a plot; beyond, by chance
_MOST_LABELS, _MOST_GROUPS = 1000, 1000
_MOST_EXAMPLES, _MOST_LINES = 3, 20
_VOLUME = "volume"


class Sample:
    """Figures of one kind: all of them, or as many of them by chance.

    Attributes:
        kept: those.
        count: how many there were.
        total: their sum.
    """

    def __init__(self) -> None:
        self.kept: list[float] = []
        self.count, self.total = 0, 0.0
        self._chance = random.Random(0)  # noqa: S311 - the same ones every time

    def add(self, value: float) -> None:
        """One more."""
        self.count += 1
        self.total += value
        if len(self.kept) < _SAMPLE:
            self.kept.append(value)
        elif (place := self._chance.randrange(self.count)) < _SAMPLE:
            self.kept[place] = value

    @property
    def median(self) -> float:
        """Of those that are kept."""
        ranked = sorted(self.kept)
        return ranked[len(ranked) // 2] if ranked else 0.0


@dataclass
class Group:
    """Studies that failed for the same reason.

    Attributes:
        count: how many.
        examples: some of them.
    """

    count: int = 0
    examples: list[str] = field(default_factory=list)


@dataclass
class Summary:
    """How a cohort went.

    Attributes:
        studies: of each outcome, how many.
        runs: how often a model was run.
        models: how often each.
        seconds: of the studies in which something was run.
        volumes: of each label of each model, in milliliters.
        groups: reasons, and the studies that failed or wait for them.
        nobodys: DICOM files that name no study.
        new: studies that were read by this call.
        before: those that were done already.
    """

    studies: Counter[Outcome] = field(default_factory=Counter)
    runs: int = 0
    models: Counter[str] = field(default_factory=Counter)
    seconds: Sample = field(default_factory=Sample)
    volumes: dict[tuple[str, str], Sample] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    nobodys: int = 0
    new: int = 0
    before: int = 0

    @property
    def failures(self) -> list[tuple[str, Group]]:
        """Reasons, the most frequent first."""
        return sorted(self.groups.items(), key=lambda item: (-item[1].count, item[0]))

    def lines(self) -> Iterator[str]:
        """For people, a line each."""
        total = counted(sum(self.studies.values()), "study", "studies")
        yield f"{total}, {self.new} read now, {self.before} done before"
        for outcome in Outcome:
            if self.studies[outcome]:
                yield f"  {outcome.value}: {self.studies[outcome]}"
        if self.runs:
            seconds = self.seconds
            mean = seconds.total / seconds.count
            took = f"{seconds.median:.2f} s (median), {mean:.2f} s (mean)"
            yield f"{counted(self.runs, 'run')}; a study took {took}"
        for group, found in self.failures[:_MOST_LINES]:
            yield f"  {found.count} x {group} (such as {found.examples[0]})"
        if (more := len(self.groups) - _MOST_LINES) > 0:
            yield f"  and {counted(more, 'other reason')}"
        if self.nobodys:
            yield f"{counted(self.nobodys, 'DICOM file')} that no study is named in"


def summary_of(records: Iterable[StudyRecord]) -> Summary:
    """What the records say together."""
    made = Summary()
    for record in records:
        made.studies[record.outcome] += 1
        if record.runs:
            made.seconds.add(record.seconds)
        for run in record.runs:
            made.runs += 1
            model = plain(run.model)
            made.models[model] += 1
            for label, measure, value, unit in run.measured:
                if (measure, unit) == (_VOLUME, "mL"):
                    key = model, plain(label)
                    if key in made.volumes or len(made.volumes) < _MOST_LABELS:
                        made.volumes.setdefault(key, Sample()).add(value)
        if record.outcome in (Outcome.FAILED, Outcome.CHOICE):
            for words in dict.fromkeys(plain(one.group) for one in record.troubles):
                if words in made.groups or len(made.groups) < _MOST_GROUPS:
                    group = made.groups.setdefault(words, Group())
                    group.count += 1
                    if len(group.examples) < _MOST_EXAMPLES:
                        group.examples.append(record.study)
    return made
