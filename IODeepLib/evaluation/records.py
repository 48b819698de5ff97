"""What is said of an evaluation: JSON, checked at the door, and no word in it is on a patient."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from IODeepLib.cohort.records import Split
from IODeepLib.recipe.limits import Name, Version
from IODeepLib.results.origin.parameters import Digest, Uid
from IODeepLib.text.records import OneOrMore, Record

SCHEMA = "iodeep-evaluation/1"
_Words = Annotated[str, Meta(max_length=10_000)]
_Share = Annotated[float, Meta(ge=0, le=1)]
_Length = Annotated[float, Meta(ge=0)]
_Count = Annotated[int, Meta(ge=0)]
Key = Annotated[str, Meta(pattern=r"^[0-9a-f]{16}$(?!\n)")]
_MOST = 100_000_000


class Metric(StrEnum):
    """What is measured; the values are names of fields of `Figures`."""

    DICE = "dice"
    SURFACE_DICE = "surface_dice"
    HAUSDORFF95 = "hausdorff95"

    @property
    def words(self) -> str:
        """For people, with the unit."""
        return {"dice": "Dice", "surface_dice": "Surface Dice"}.get(self, "Hausdorff 95, mm")

    @property
    def grows_worse(self) -> bool:
        """Whether a larger value is worse."""
        return self is Metric.HAUSDORFF95


class Figures(Record):
    """How alike what a network found and the truth are, of one label in one case.

    Attributes:
        model: which of the models, from 0.
        case: the case of the cohort.
        patient: whose it is: an opaque number.
        label: its name in the cohort.
        dice, surface_dice: 0 to 1; None where there is no value.
        hausdorff95: millimeters; None where there is no value.
        reference, found: voxels in the truth, and found by the network.
        why: why values are missing, or "".
    """

    model: _Count
    case: Key
    patient: Annotated[int, Meta(ge=1)]
    label: _Words
    dice: _Share | None = None
    surface_dice: _Share | None = None
    hausdorff95: _Length | None = None
    reference: _Count = 0
    found: _Count = 0
    why: _Words = ""

    def of(self, metric: Metric) -> float | None:
        """One of the figures."""
        value: float | None = getattr(self, metric.value)
        return value


class Evaluated(Record):
    """A model that was evaluated: its digest and UID say which, whatever it is called."""

    name: Name
    version: Version
    title: _Words
    card_uid: Uid
    network_sha256: Digest

    @property
    def label(self) -> str:
        """Name and version."""
        return f"{self.name}@{self.version}"


class Failure(Record):
    """A case that a model was not run on, and why; the reason may quote what images say."""

    model: _Count
    case: Key
    patient: Annotated[int, Meta(ge=1)]
    kind: _Words
    why: _Words


class Tolerance(Record):
    """How far surfaces may lie apart, of a label."""

    label: _Words
    millimeters: Annotated[float, Meta(ge=0, le=1000)]


class Evaluation(Record, kw_only=True):
    """All that was measured.

    Attributes:
        cohort: the name of its file.
        cohort_sha256: its digest, see `Cohort.digest`.
        split: which of its cases; None for all.
        models: those that were evaluated, in the order that `Figures.model` counts.
        tolerances: of the surface Dice, for each label.
        surfaces: whether distances between surfaces were measured.
        figures: all of them.
        failures: what was not measured.
        notes: what a person should know.
    """

    cohort: _Words
    cohort_sha256: Digest
    split: Split | None
    models: OneOrMore[Evaluated]
    tolerances: OneOrMore[Tolerance]
    figures: Annotated[tuple[Figures, ...], Meta(max_length=_MOST)] = ()
    failures: Annotated[tuple[Failure, ...], Meta(max_length=_MOST)] = ()
    notes: Annotated[tuple[_Words, ...], Meta(max_length=4096)] = ()
    surfaces: bool = True
    schema: str = SCHEMA

    @property
    def dataset(self) -> str:
        """What it was measured on, in words that name nobody."""
        which = "all cases" if self.split is None else f"{self.split.value} cases"
        return f"{self.cohort} ({which})"

    @property
    def labels(self) -> tuple[str, ...]:
        """Of the cohort, in its order."""
        return tuple(one.label for one in self.tolerances)

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """Those that were measured."""
        return tuple(Metric) if self.surfaces else (Metric.DICE,)
