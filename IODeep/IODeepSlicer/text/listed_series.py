"""The image series that the DICOM browser lists, and which of them a card may fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from IODeepLib.codes import Code
    from IODeepLib.model_object import Card


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
        """What is known of the series as DICOM attributes, for `IODeepLib.selection.facts`."""
        from pydicom.dataset import Dataset

        header = Dataset()
        header.SeriesDescription = self.description
        header.StudyDescription = self.study_description
        header.BodyPartExamined = self.body_part
        return header

    @cached_property
    def regions(self) -> tuple[Code, ...]:
        """The codes of all anatomic regions that its attributes name."""
        from IODeepLib.selection.facts import found_regions

        return tuple(code for codes, _ in found_regions(self) for code in codes)


def fitting(card: Card, listed: Sequence[ListedSeries]) -> list[ListedSeries]:
    """The series for which neither modality nor anatomy rules the model out, loaded ones first.

    The module looks at all criteria; this needs no image file.
    """
    from IODeepLib.codes.anatomy_match import match

    asked = card.regions
    near: dict[tuple[Code, ...], bool] = {}  # many series name the same regions
    fits = []
    for series in listed:
        if series.modality not in card.modalities:
            continue
        found = series.regions
        if found not in near:
            near[found] = not asked or not found or not match(found, asked).is_elsewhere
        if near[found]:
            fits.append(series)
    return sorted(fits, key=lambda series: not series.loaded)
