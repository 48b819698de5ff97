"""Pairs of series and DICOM SEG, found, checked, and split by patient."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path

from IODeepLib.cohort.digests import digest_of, digest_of_all
from IODeepLib.cohort.fetching import folder_of
from IODeepLib.cohort.objects import Found, SegObject, objects_in
from IODeepLib.cohort.pair import Pair, refuse_twins, without_patient
from IODeepLib.cohort.pairing import Pairing
from IODeepLib.cohort.patients import dealt, numbered
from IODeepLib.cohort.records import (
    Case,
    Cohort,
    Collected,
    Images,
    LeftOut,
    Segment,
    Split,
    Truth,
)
from IODeepLib.cohort.segments import match
from IODeepLib.cohort.standing import obstacles
from IODeepLib.disk.files import walk
from IODeepLib.errors import ImageError, IODeepError, UsageError
from IODeepLib.machine.progress import Progress
from IODeepLib.model_object import Model
from IODeepLib.recipe import Label, Task
from IODeepLib.series import ImageSeries, find_series
from IODeepLib.sources import Source
from IODeepLib.text.foreign import printable
from IODeepLib.text.wording import counted

SHARES = (70, 15, 15)


def collect(
    source: Source | str | Path | Sequence[Source | str | Path],
    model: Model,
    *,
    seed: int = 0,
    shares: tuple[int, int, int] = SHARES,
    automatic: bool = False,
    complete: bool = False,
    copies: Path | str | None = None,
    study_date: str | None = None,
    progress: Progress | None = None,
) -> Cohort:
    """Collect a cohort for a model.

    Args:
        source: a folder with images and DICOM SEGs, a PACS, or several of them.
        model: what is asked for: images that it fits, segments that are its labels.
        seed: another one gives another split.
        shares: the percentages of patients for training, validation and test.
        automatic: whether SEGs that programs of others made alone are right, too.
        complete: whether images of which not all labels are known are left out.
        copies: where the studies of a PACS go, and stay.
        study_date: of a PACS, YYYYMMDD or a range with "-".
        progress: called with the fraction done and a message; it may raise to stop.

    Raises:
        UsageError: the call is wrong.
        ImageError: there are no images.
        SourceError: the PACS failed.
    """
    recipe = model.card.recipe
    if recipe.task is not Task.SEGMENTATION:
        raise UsageError(
            f"{model.label}, whose task is {recipe.task.value}",
            "a model that segments",
            "choose another model",
        )
    if sum(shares) != 100 or min(shares) < 0:
        raise UsageError(
            f"the shares {', '.join(map(str, shares))}", "three that make 100", "correct --shares"
        )
    tell = progress or (lambda fraction, message: None)
    several = source if isinstance(source, Sequence) and not isinstance(source, str) else [source]
    folders = [folder_of(one, copies, study_date, tell) for one in several]
    root = _common(folders)
    paths = [path for folder in folders for path in walk(folder) if path.is_file()]
    tell(0.0, f"looking through {counted(len(paths), 'file')}")
    found = objects_in(paths)
    collector = _Collector(model, found, complete=complete)
    out = obstacles(found.segs, found.assessments, automatic=automatic)
    for seg in found.segs:
        if seg.sop_uid in out:
            collector.leave_out(seg, out[seg.sop_uid])
    collector.pair([seg for seg in found.segs if seg.sop_uid not in out], find_series(folders))
    collector.check(tell)
    return collector.cohort(root, seed, shares)


class _Collector:
    """What becomes of each SEG."""

    def __init__(self, model: Model, found: Found, *, complete: bool) -> None:
        self._model, self._complete = model, complete
        self._labels: tuple[Label, ...] = model.card.recipe.labels
        self._left_out = list(found.left_out)
        self._pairs: list[Pair] = []

    def leave_out(self, seg: SegObject, why: str) -> None:
        """Note why a SEG is no part of it."""
        self._left_out.append(LeftOut(str(seg.path), printable(why)))

    def pair(self, segs: Sequence[SegObject], images: Sequence[ImageSeries]) -> None:
        """Find the images of each SEG."""
        pairing = Pairing(self._model, images)
        by_series: dict[ImageSeries, Pair] = {}
        for seg in sorted(segs, key=lambda one: (one.age, one.sop_uid), reverse=True):
            matching = match(seg.segments, self._labels)
            try:
                if not matching.labels:
                    names = ", ".join(matching.others[:5])
                    said = "".join(f"; {note}" for note in matching.notes[:3])
                    raise ValueError(f"no segment of it is a label of the model ({names}){said}")
                channels = pairing.channels_of(seg)
            except ValueError as error:
                self.leave_out(seg, str(error))
                continue
            pair = by_series.setdefault(channels[0], Pair(channels))
            pair.segs.append((seg, matching))
        self._pairs = [*by_series.values()]

    def check(self, tell: Progress) -> None:
        """Leave out what is not exact, not complete, or there twice."""
        kept: list[Pair] = []
        seen: dict[str, Pair] = {}
        for i, pair in enumerate(self._pairs):
            tell(i / len(self._pairs), f"checking {i + 1} of {len(self._pairs)}")
            try:
                for seg, why in pair.judge(self._model, complete=self._complete):
                    self.leave_out(seg, why)
                refuse_twins(pair, seen)
            except (ValueError, IODeepError) as error:
                what = f"series {pair.series.series_instance_uid}"
                self._left_out.append(LeftOut(what, printable(str(error))))
                continue
            kept.append(pair)
        self._pairs = kept

    def cohort(self, root: Path, seed: int, shares: tuple[int, int, int]) -> Cohort:
        """What is left, split by patient."""
        by_patient: dict[str, frozenset[int]] = defaultdict(frozenset)
        for pair in self._pairs:
            by_patient[pair.patient] |= pair.labels
        numbers, splits = numbered(by_patient), dealt(by_patient, shares, seed)
        cases = sorted(
            (self._case(pair, numbers[pair.patient], splits[pair.patient]) for pair in self._pairs),
            key=lambda case: (case.patient, case.images[0].series_uid, case.key),
        )
        card, recipe = self._model.card, self._model.card.recipe
        return Cohort(
            root=str(root),
            collected=Collected(
                card.name,
                card.version,
                card.model_uid,
                card.sop_instance_uid,
                self._labels,
                recipe.overlapping,
            ),
            cases=tuple(cases),
            left_out=tuple(self._left_out),
            notes=tuple(self._notes(splits, shares)),
            seed=seed,
            shares=shares,
        )

    def _case(self, pair: Pair, patient: int, split: Split) -> Case:
        images = tuple(
            Images(
                one.study_instance_uid,
                one.series_instance_uid,
                tuple(map(str, one.files)),
                digest_of_all(one.files),
                one.split_by,
            )
            for one in pair.channels
        )
        truths = tuple(
            Truth(
                str(seg.path),
                seg.sop_uid,
                digest_of(seg.path),
                tuple(Segment(number, label) for number, label in sorted(labels.items())),
            )
            for seg, labels in pair.truths
        )
        notes = tuple(dict.fromkeys(map(printable, pair.notes)))
        return Case(patient, split, images, truths, pair.unknown, notes)

    def _notes(self, splits: dict[str, Split], shares: Sequence[int]) -> list[str]:
        notes = []
        nameless = without_patient([*splits])
        if nameless:
            notes.append(
                f"{counted(nameless, 'study', 'studies')} without a Patient ID: each counts as "
                "that of another patient"
            )
        count = Counter(splits.values())
        asked = [split for split, share in zip(Split, shares, strict=True) if share]
        empty = [split.value for split in asked if not count[split]]
        if empty:
            patients = counted(len(splits), "patient")
            notes.append(f"{patients}: none for {' and '.join(empty)}")
        for label in self._labels:
            having = {splits[p.patient] for p in self._pairs if label.value in p.labels}
            lacking = [s.value for s in Split if count[s] and s not in having]
            if having and lacking:
                notes.append(f"{label.name} is in no case for {' and '.join(lacking)}")
            elif not having and self._pairs:
                notes.append(f"{label.name} is in no case")
        return notes


def _common(folders: Sequence[Path]) -> Path:
    """The folder that all of these lie in."""
    first, *others = folders
    for root in (first, *first.parents):
        if all(other.is_relative_to(root) for other in others):
            return root
    raise ImageError(
        f"{first} and {others[0]}, on different drives", "folders of one", "copy one to the other"
    )
