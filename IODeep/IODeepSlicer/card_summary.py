"""What the DICOM browser says about a card: pure functions over the card and the series there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from IODeepLib.codes import Region
    from IODeepLib.model_object import Card

_MAX_NAMED = 5  # labels or series that a tooltip names before it counts the rest
_MAX_LABELS = 12


@dataclass(frozen=True)
class ListedSeries:
    """An image series, as far as the DICOM database knows it without opening a file.

    Attributes:
        number, modality, description, study_description, body_part: DICOM attributes, "" where
            they are absent.
        loaded: whether it is in the scene.
    """

    modality: str
    description: str = ""
    number: str = ""
    study_description: str = ""
    body_part: str = ""
    loaded: bool = False

    @property
    def name(self) -> str:
        """For tooltips: "MR 5: t1_mprage"."""
        numbered = ": ".join(filter(None, (self.number, self.description)))
        return " ".join(filter(None, (self.modality, numbered)))

    @cached_property
    def header(self) -> Dataset:
        """The same as DICOM attributes, as `IODeepLib.criteria` reads them."""
        from pydicom.dataset import Dataset

        header = Dataset()
        header.SeriesDescription = self.description
        header.StudyDescription = self.study_description
        header.BodyPartExamined = self.body_part
        return header

    @cached_property
    def regions(self) -> tuple[Region, ...]:
        """All anatomic regions that its attributes name."""
        from IODeepLib.criteria import found_regions

        return tuple(region for regions, _ in found_regions(self) for region in regions)


def fitting(card: Card, listed: Sequence[ListedSeries]) -> list[ListedSeries]:
    """The series for which neither modality nor anatomy rules the model out, loaded ones first.

    The module looks at all criteria; this needs no image file.
    """
    from IODeepLib.codes import distance, region_by_code

    asked = [region for code in card.regions if (region := region_by_code(code)) is not None]
    near: dict[tuple[Region, ...], bool] = {}  # many series name the same regions
    fits = []
    for series in listed:
        if series.modality not in card.modalities:
            continue
        found = series.regions
        if found not in near:
            near[found] = (
                not asked
                or not found
                or any(distance(one, other) is not None for one in found for other in asked)
            )
        if near[found]:
            fits.append(series)
    return sorted(fits, key=lambda series: not series.loaded)


def nodeName(card: Card) -> str:
    """Title and version."""
    return f"{card.title} {card.version}"


def tooltip(
    card: Card, cardBytes: int, missingParts: Sequence[int], listed: Sequence[ListedSeries]
) -> str:
    """Everything that helps to choose a card, line by line.

    Args:
        card: the card.
        cardBytes: size of its file.
        missingParts: numbers of the weights parts that are not in the database.
        listed: the image series that are loaded or listed beside it.
    """
    parts = card.manifest.parts
    size = (cardBytes + sum(part.length for part in parts)) / 2**20
    lines = [
        f"{card.title}",
        f"Model: {card.name}, version {card.version}",
        f"Task: {card.task.value.lower()}",
        f"Modality: {', '.join(card.modalities)}",
        f"Anatomy: {', '.join(code.meaning for code in card.regions) or 'any'}",
        f"Labels: {_some([label.name for label in card.recipe.output.labels], _MAX_LABELS)}",
        f"Size: {size:.1f} MB",
        f"Weights: {_weights(len(parts), missingParts)}",
        f"Licence: {card.recipe.card.licence}",
    ]
    if listed:
        fits = fitting(card, listed)
        names = [f"{s.name} (loaded)" if s.loaded else s.name for s in fits]
        lines.append(f"Fits by modality and anatomy: {_some(names, _MAX_NAMED) or 'none of these'}")
    return "\n".join(lines)


def description(card: Card) -> str:
    """The model card as plain text, for the node's text."""
    about = card.recipe.card
    lines = [
        f"{card.title}, version {card.version} ({card.name})",
        "",
        f"Intended use: {about.intended_use}",
        f"Out of scope: {about.out_of_scope}",
        f"Limitations: {about.limitations}",
        f"Training data: {about.training_data}",
        f"Licence: {about.licence}",
        f"Publisher: {about.publisher}",
        f"Authors: {', '.join(about.authors)}",
        f"Citation: {about.citation}",
        f"Contact: {about.contact}",
    ]
    return "\n".join(line for line in lines if not line.endswith(": "))


def attributes(card: Card) -> dict[str, str]:
    """What a model node holds, by the name of the node's attribute."""
    return {
        "IODeep.CardSOPInstanceUID": card.sop_instance_uid,
        "IODeep.ModelUID": card.model_uid,
        "IODeep.Name": card.name,
        "IODeep.Version": card.version,
        "IODeep.Title": card.title,
        "IODeep.Task": card.task.value,
        "IODeep.Modalities": ", ".join(card.modalities),
        "IODeep.Anatomy": ", ".join(code.meaning for code in card.regions),
        "IODeep.Labels": ", ".join(label.name for label in card.recipe.output.labels),
        "IODeep.Licence": card.recipe.card.licence,
    }


def _weights(count: int, missing: Sequence[int]) -> str:
    if not count:
        return "in the card"
    if not missing:
        return "present"
    if len(missing) == count:
        return "missing; retrieve the model's study"
    numbers = ", ".join(str(number) for number in missing)
    return f"part {numbers} of {count} missing; retrieve the model's study"


def _some(names: Sequence[str], limit: int) -> str:
    more = len(names) - limit
    return ", ".join(names[:limit]) + (f" and {more} more" if more > 0 else "")
