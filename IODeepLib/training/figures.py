"""What was measured of a network before and after it was tuned, and how its card says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from msgspec.structs import replace

from IODeepLib.model_object import Card
from IODeepLib.model_object.new_version import earlier_performance
from IODeepLib.recipe import Label, Measurement, Recipe
from IODeepLib.shrink.new_version import rounded
from IODeepLib.text.wording import counted


@dataclass(frozen=True, slots=True)
class Compared:
    """A label on the held-out patients.

    Attributes:
        before, after: mean over the patients of its Dice.
        patients: of how many it is the mean.
    """

    before: float
    after: float
    patients: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured.

    Attributes:
        labels: of each label by name, where it was there or found.
        dataset: on which images, without a word of whose they are.
        trained_on: the images that it was tuned on, alike.
        how: the settings, and how long, in words.
    """

    labels: dict[str, Compared]
    dataset: str
    trained_on: str
    how: str

    @property
    def before(self) -> float:
        """The mean over the labels."""
        return float(np.mean([one.before for one in self.labels.values()]))

    @property
    def after(self) -> float:
        """The mean over the labels."""
        return float(np.mean([one.after for one in self.labels.values()]))

    def sentences(self) -> list[str]:
        """For people."""
        lines = [
            f"Dice {rounded(one.before):.4f} before, {rounded(one.after):.4f} after, {name} "
            f"({counted(one.patients, 'patient')})"
            for name, one in self.labels.items()
        ]
        mean = f"Dice {rounded(self.before):.4f} before, {rounded(self.after):.4f} after"
        return [*lines, f"{mean}, mean of {counted(len(self.labels), 'label')}"]


Found = Mapping[int, Sequence[Mapping[str, float]]]


def compared(labels: Sequence[Label], before: Found, after: Found) -> dict[str, Compared]:
    """The means of each label by name.

    Args:
        labels: of the recipe.
        before, after: by patient, the Dice of each label by name in each image.
    """
    result = {}
    for label in labels:
        means = []
        for found in (before, after):
            values = ([d[label.name] for d in some if label.name in d] for some in found.values())
            means.append([float(np.mean(own)) for own in values if own])
        if means[0] and means[1]:
            patients = max(map(len, means))
            result[label.name] = Compared(
                float(np.mean(means[0])), float(np.mean(means[1])), patients
            )
    return result


def with_figures(card: Card, recipe: Recipe, figures: Figures) -> Recipe:
    """`recipe` with what was measured, and on what, in its model card.

    Args:
        card: of the version that it was made from.
        recipe: of the new version.
        figures: what was measured.
    """
    now = [
        Measurement(
            figures.dataset,
            f"Dice, {when}, n = {one.patients}",
            rounded(value),
            name,
        )
        for name, one in figures.labels.items()
        for when, value in (
            (f"before tuning ({card.version})", one.before),
            ("after tuning", one.after),
        )
    ]
    former = card.recipe.card
    data = f"{former.training_data} Tuned from {card.version} on {figures.trained_on}.".strip()
    said = (
        f"Tuned at one site, and measured on {figures.dataset} of that site alone ({figures.how})."
    )
    absent = [label.name for label in recipe.labels if label.name not in figures.labels]
    if absent:
        said += f" Not measured, for it was not there: {', '.join(absent)}."
    return replace(
        recipe,
        card=replace(
            recipe.card,
            performance=(*earlier_performance(card), *now),
            training_data=data,
            limitations=f"{former.limitations} {said}".strip(),
        ),
    )
