"""A case as arrays: its images, and what is to be found in them, on the same voxels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt

from IODeepLib.cohort.digests import digest_of, digest_of_all
from IODeepLib.cohort.objects import objects_in
from IODeepLib.cohort.records import Case, Collected, Images, Truth
from IODeepLib.cohort.truth import Canvas, paint
from IODeepLib.errors import ImageError, ModelError
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.model_object import Model
from IODeepLib.recipe import Label
from IODeepLib.series import ImageSeries, find_series


@dataclass(frozen=True, eq=False)
class Loaded:
    """A case that can be trained on, or measured.

    Attributes:
        series: what fills the first channel of the model.
        others: what fills the other ones, in their order.
        truth: on the voxels of `series.grid`. Exclusive labels: (slice, row, column), label
            values, 0 for background. Overlapping ones: (label, slice, row, column) bool, in the
            order of `labels`.
        labels: what may be in it.
        unknown: values of labels of which nobody says whether they are there.
        patient: whose they are: an opaque number.
    """

    series: ImageSeries
    others: tuple[ImageSeries, ...]
    truth: npt.NDArray[Any]
    labels: tuple[Label, ...]
    unknown: tuple[int, ...]
    patient: int

    @property
    def segmentation(self) -> Segmentation:
        """The truth as a result has it."""
        array = self.truth.view("uint8") if self.truth.ndim == 4 else self.truth
        return Segmentation(array, self.series.grid, self.labels)


def load(case: Case, model: Model) -> Loaded:
    """The case for a model whose labels are those that the cohort was collected for.

    Raises:
        ModelError: the model has not all labels that the truth has.
        ImageError: a file is not there, or not the one that the cohort was collected with.
    """
    recipe = model.card.recipe
    lacking = {s.label for t in case.truths for s in t.segments} - {x.value for x in recipe.labels}
    if lacking:
        raise ModelError(
            f"{model.label} without a label of the value {min(lacking)}, which the case has",
            "the model that the cohort was collected for, or a version of it",
            "collect a cohort for this model",
        )
    return load_as(case, recipe.labels, overlapping=recipe.overlapping)


def load_collected(case: Case, collected: Collected) -> Loaded:
    """The case with the labels that the cohort was collected for.

    Raises:
        ImageError: as of `load`.
    """
    return load_as(case, collected.labels, overlapping=collected.overlapping)


def load_as(case: Case, labels: tuple[Label, ...], *, overlapping: bool) -> Loaded:
    """The case with these labels; see `load`."""
    series, *others = map(_series_of, case.images)
    canvas = Canvas(labels, series.grid, overlapping=overlapping)
    for truth in case.truths:
        _paint(truth, canvas)
    return Loaded(series, tuple(others), canvas.array, labels, case.unknown, case.patient)


def _series_of(images: Images) -> ImageSeries:
    files = [Path(file) for file in images.files]
    if digest_of_all(files) != images.sha256:
        raise _changed(f"the files of series {images.series_uid}")
    found = [
        one for one in find_series(files) if one.split_by == images.split_by or not one.split_by
    ]
    same = [one for one in found if one.series_instance_uid == images.series_uid]
    if len(same) != 1:
        raise _changed(f"series {images.series_uid}")
    return same[0]


def _paint(truth: Truth, canvas: Canvas) -> None:
    path = Path(truth.file)
    if digest_of(path) != truth.sha256:
        raise _changed(str(path))
    found = objects_in([path])
    if [seg.sop_uid for seg in found.segs] != [truth.sop_uid]:
        raise _changed(str(path))
    (seg,) = found.segs
    try:
        paint(path, seg.header, {one.number: one.label for one in truth.segments}, canvas)
    except ValueError as error:
        raise ImageError(
            f"{path}: {error}", "a segmentation upon the images", "collect the cohort again"
        ) from None


def _changed(what: str) -> ImageError:
    return ImageError(
        f"{what}, which changed since the cohort was collected",
        "what it was collected with",
        "put it back, or collect the cohort again",
    )
