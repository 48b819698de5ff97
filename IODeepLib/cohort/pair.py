"""A series with the SEGs that are about it, and whether they are its truth."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from IODeepLib.cohort.objects import SegObject, patient_of
from IODeepLib.cohort.segments import Matching
from IODeepLib.cohort.truth import Canvas, paint
from IODeepLib.geometry import Volume
from IODeepLib.model_object import Model
from IODeepLib.series import ImageSeries
from IODeepLib.text.wording import counted

NO_ID = "study "


@dataclass(eq=False)
class Pair:
    """Images, and what is right about them.

    Attributes:
        channels: the series of each channel of the model; the truth lies on the first.
        segs: those that name the images, the newest first, with their labels.
        truths: of these, those that are right, each with the labels that no newer one has.
        labels: values of those that have voxels.
        unknown: values of those of which nobody says whether they are there.
        notes: what a person should know.
    """

    channels: tuple[ImageSeries, ...]
    segs: list[tuple[SegObject, Matching]] = field(default_factory=list)
    truths: list[tuple[SegObject, dict[int, int]]] = field(default_factory=list)
    labels: frozenset[int] = frozenset()
    unknown: tuple[int, ...] = ()
    notes: list[str] = field(default_factory=list)

    @property
    def series(self) -> ImageSeries:
        """The one that the truth lies on."""
        return self.channels[0]

    @property
    def patient(self) -> str:
        """Whose it is: for one collection alone, and kept nowhere."""
        issuer, number = patient_of(self.series.headers[0])
        return (
            f"patient {issuer}\0{number}" if number else f"{NO_ID}{self.series.study_instance_uid}"
        )

    def judge(self, model: Model, *, complete: bool) -> list[tuple[SegObject, str]]:
        """Find out what is right.

        Args:
            model: whose labels are asked for.
            complete: whether all of them must be known.

        Returns:
            SEGs that are not, and why.

        Raises:
            ValueError: nothing is, or not all that must be.
        """
        recipe = model.card.recipe
        names = {label.value: label.name for label in recipe.labels}
        canvas = Canvas(recipe.labels, self.series.grid, overlapping=recipe.overlapping)
        out = self._paint(canvas)
        if not self.truths:
            raise ValueError("; ".join(f"{seg.path.name}: {why}" for seg, why in out))
        if canvas.clashes:
            (one, other), count = max(canvas.clashes.items(), key=lambda item: item[1])
            raise ValueError(
                f"{counted(count, 'voxel')} of {names[one]} and of {names[other]}, which the model "
                "keeps apart"
            )
        self.labels = frozenset(value for value, voxels in canvas.voxels().items() if voxels)
        stated = {label for _, labels in self.truths for label in labels.values()}
        # The model itself was looking for all of its labels; a person then said what was right.
        card = model.card.sop_instance_uid
        if any(seg.is_ours and seg.card_uid == card for seg, _ in self.truths):
            stated = {*names}
        self.unknown = tuple(value for value in names if value not in stated)
        if self.unknown:
            unknown = ", ".join(names[value] for value in self.unknown)
            if complete:
                raise ValueError(f"no segment says whether these are there: {unknown}")
            self.notes.append(f"without a segment, so that nobody knows: {unknown}")
        return out

    def _paint(self, canvas: Canvas) -> list[tuple[SegObject, str]]:
        """Paint the SEGs, each as far as no newer one has its labels."""
        out: list[tuple[SegObject, str]] = []
        for seg, matching in self.segs:
            known = {label for _, labels in self.truths for label in labels.values()}
            new = {n: label for n, label in matching.labels.items() if label not in known}
            if not new:
                out.append((seg, f"{self.truths[0][0].path.name} is newer, with its labels"))
                continue
            before = (canvas.array.copy(), dict(canvas.clashes)) if self.truths else None
            try:
                said = paint(seg.path, seg.header, new, canvas)
            except ValueError as error:
                out.append((seg, str(error)))
                if before is None:
                    canvas.array[...] = 0
                    canvas.clashes.clear()
                else:
                    canvas.array, canvas.clashes = before
                continue
            if len(new) < len(matching.labels):
                self.notes.append(f"of {seg.path.name} only labels that no newer one has")
            self.truths.append((seg, new))
            self.notes += [*matching.notes, *said]
        return out


def refuse_twins(pair: Pair, seen: dict[str, Pair]) -> None:
    """Refuse images whose voxels are there already, under whatever UIDs.

    Args:
        pair: the images.
        seen: those before, by digest; these are added.

    Raises:
        ValueError: they are.
        ImageError: they cannot be read.
    """
    same = seen.setdefault(_digest(pair.series.volume()), pair)
    if same is not pair:
        other = "" if same.patient == pair.patient else ", which is said to be of another patient"
        uid = same.series.series_instance_uid
        raise ValueError(f"it has the same voxels as series {uid}{other}")


def without_patient(patients: Sequence[str]) -> int:
    """How many of them are studies of nobody knows whom."""
    return sum(patient.startswith(NO_ID) for patient in patients)


def _digest(volume: Volume) -> str:
    """Of the values: the same of a copy under other UIDs."""
    digest = hashlib.sha256(f"{volume.array.shape} {volume.array.dtype}".encode())
    for plane in volume.array:
        digest.update(plane.tobytes())
    return digest.hexdigest()
