"""What the card of a shrunk network says: what was measured, and what is not known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from IODeepLib.model_object import Card
from IODeepLib.model_object.new_version import earlier_performance
from IODeepLib.recipe import Measurement, Recipe
from IODeepLib.series import Image
from IODeepLib.shrink.precision import Precision
from IODeepLib.text.wording import counted

_PARTS = 10_000  # that a Dice is told in
_TYPES = {Precision.FP16: "float16", Precision.INT8: "8-bit integers"}


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured.

    Attributes:
        dataset: on which images, without a word of whose they are.
        dice: of each label by name, between what the network found before and after.
        seconds: of the runs, before and after, without reading the images.
        megabytes: of the instances, before and after.
        processor: what ran the networks.
    """

    dataset: str
    dice: dict[str, float]
    seconds: tuple[float, float]
    megabytes: tuple[float, float]
    processor: str

    def sentences(self) -> list[str]:
        """For people, the worst label first."""
        (slow, fast), (large, small) = self.seconds, self.megabytes
        ranked = sorted(self.dice.items(), key=lambda item: item[1])
        lines = [f"Dice {rounded(value):.4f} {name}" for name, value in ranked]
        size = "" if small < large else ": it is no smaller"
        speed = "" if fast < slow else ": it is no faster here"
        lines.append(f"{large:.2f} MB before, {small:.2f} MB after{size}")
        lines.append(
            f"{slow:.2f} s before, {fast:.2f} s after, with {self.processor}{speed} "
            "(without reading the images)"
        )
        return lines


def rounded(dice: float) -> float:
    """A Dice as it is told: only what is equal is 1."""
    return math.floor(dice * _PARTS) / _PARTS


def with_figures(
    card: Card, recipe: Recipe, to: Precision, figures: Figures, single: Sequence[str]
) -> Recipe:
    """`recipe` with what was measured and is not known in its model card.

    Args:
        card: of the version that it was made from.
        recipe: that of the new version.
        to: what it was shrunk to.
        figures: what was measured.
        single: operators that go on to compute in float32.
    """

    def measured(metric: str, value: float, label: str = "") -> Measurement:
        return Measurement(figures.dataset, metric, value, label)

    against = f"Dice against {card.version}"
    now = [measured(against, rounded(v), name) for name, v in figures.dice.items()]
    for when, seconds, size in zip(
        ("before", "after"), figures.seconds, figures.megabytes, strict=True
    ):
        now.append(measured(f"seconds a run, {when} ({figures.processor})", round(seconds, 2)))
        now.append(measured(f"MB, {when}", round(size, 2)))
    said = f"Shrunk to {_TYPES[to]} from {card.version}, without training"
    if single:
        said += f"; {', '.join(single)} in float32"
    said += f". Compared with it on {figures.dataset} alone."
    absent = [label.name for label in recipe.labels if label.name not in figures.dice]
    if absent:
        said += f" Found by neither, and so not compared: {', '.join(absent)}."
    limitations = f"{card.recipe.card.limitations} {said}".strip()
    return replace(
        recipe,
        card=replace(
            recipe.card, performance=(*earlier_performance(card), *now), limitations=limitations
        ),
    )


def dataset_of(images: Sequence[Image]) -> str:
    """Images in words that say nothing of patients.

    Args:
        images: each once.
    """
    kinds = sorted({image.modality for image in images})
    slices = sum(image.slices.shape[0] for image in images)
    series = counted(len(images), f"{' and '.join(kinds)} series", f"{' and '.join(kinds)} series")
    return f"{series}, {counted(slices, 'slice')}"
