"""What a cohort file says. No word in it is on a patient: they are numbers, counted from 1."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from IODeepLib.recipe import Label
from IODeepLib.recipe.limits import Name, Version
from IODeepLib.results.origin.parameters import Digest, Uid
from IODeepLib.text.records import Many, OneOrMore, Record

SCHEMA = "iodeep-cohort/1"
MOST_CASES = 1_000_000
_MOST_FILES = 100_000  # of one volume

Path = Annotated[str, Meta(min_length=1, max_length=4096)]
_Words = Annotated[str, Meta(max_length=10_000)]
_Number = Annotated[int, Meta(ge=1, le=65535)]


class Split(StrEnum):
    """What the cases of a patient are for."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


class Images(Record):
    """A volume that fills a channel of the model.

    Attributes:
        study_uid, series_uid: of its images.
        split_by: which volume, where the series holds several, as `ImageSeries.split_by`.
        files: in slice order. In the file relative to its `root`, in memory whole.
        sha256: of the files, see `digests`.
    """

    study_uid: Uid
    series_uid: Uid
    files: Annotated[tuple[Path, ...], Meta(min_length=1, max_length=_MOST_FILES)]
    sha256: Digest
    split_by: _Words = ""


class Segment(Record):
    """Which label a segment of a DICOM SEG is: both as numbers."""

    number: _Number
    label: _Number


class Truth(Record):
    """A DICOM SEG that is right.

    Attributes:
        file: in the file relative to its `root`, in memory whole.
        sop_uid: its SOP Instance UID.
        sha256: of the file.
        segments: those that are labels of the model; several may make up one.
    """

    file: Path
    sop_uid: Uid
    sha256: Digest
    segments: OneOrMore[Segment]


class Case(Record):
    """Images, and what is to be found in them.

    Attributes:
        patient: whose they are: an opaque number.
        split: what the patient is for.
        images: of each series channel of the model; the truth lies on the voxels of the first.
        truths: DICOM SEGs, of different labels.
        unknown: values of labels of which nobody says whether they are there: no segment is one.
        notes: what a person should know.
    """

    patient: Annotated[int, Meta(ge=1)]
    split: Split
    images: OneOrMore[Images]
    truths: OneOrMore[Truth]
    unknown: Many[_Number] = ()
    notes: Many[_Words] = ()

    @property
    def key(self) -> str:
        """Of all that is in it: another image or another truth makes it another case."""
        parts = [*(one.sha256 for one in self.images), *(one.sha256 for one in self.truths)]
        parts += [f"{s.number} {s.label}" for one in self.truths for s in one.segments]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


class LeftOut(Record):
    """What might have been a case, or a part of one, and why it is none.

    Attributes:
        what: a file or a series, by path or UID.
        why: in a sentence.
    """

    what: _Words
    why: _Words


class Collected(Record):
    """The model that a cohort was collected for.

    Attributes:
        name, version, model_uid, card_uid: of the model.
        labels: what the truth has.
        overlapping: whether a voxel may have several labels.
    """

    name: Name
    version: Version
    model_uid: Uid
    card_uid: Uid
    labels: OneOrMore[Label]
    overlapping: bool = False


class Cohort(Record, kw_only=True):
    """Cases of one site for one model.

    Attributes:
        root: the folder that all files lie in. In the file relative to it where the one lies in
            the other's folder; in memory whole.
        collected: what for.
        seed, shares: how it was split: the percentage of patients in each split, in their order.
        cases: all of them.
        left_out: what is not in it.
        notes: what a person should know of the whole.
    """

    root: Path
    collected: Collected
    cases: Annotated[tuple[Case, ...], Meta(max_length=MOST_CASES)]
    left_out: Annotated[tuple[LeftOut, ...], Meta(max_length=MOST_CASES)] = ()
    notes: Many[_Words] = ()
    seed: int = 0
    shares: tuple[int, int, int] = (70, 15, 15)
    schema: str = SCHEMA

    def of(self, split: Split) -> tuple[Case, ...]:
        """The cases of one split."""
        return tuple(case for case in self.cases if case.split is split)

    @property
    def digest(self) -> str:
        """Of all cases and how they are split."""
        lines = [f"{case.key} {case.patient} {case.split.value}" for case in self.cases]
        return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
