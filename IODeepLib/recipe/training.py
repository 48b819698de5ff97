"""What a network was trained on, in figures that a series can be held against."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from IODeepLib.recipe.applies_to import Range, Sex
from IODeepLib.recipe.limits import Percent, Title
from IODeepLib.text.records import Many, Record


class ContrastPhase(StrEnum):
    """When after a contrast agent an image was taken; native: without one."""

    NATIVE = "NATIVE"
    ARTERIAL = "ARTERIAL"
    VENOUS = "VENOUS"
    DELAYED = "DELAYED"


class PercentileRange(Record):
    """Where a percentile of an image's values lay in all images."""

    percentile: Percent
    values: Range

    @property
    def name(self) -> str:
        """What it is called in sentences."""
        return f"percentile {self.percentile:g} of the values"


class TrainedOn(Record):
    """The ranges of the training data; what is left out is not known, or does not matter.

    Other than in `applies_to` nothing is refused: a run on what lies outside says so. Spacings and
    the field of view are in mm, ages in years; the field of view is the longer side of an image.
    """

    pixel_spacing: Range | None = None
    slice_spacing: Range | None = None
    slices: Range | None = None
    field_of_view: Range | None = None
    intensity: Many[PercentileRange] = ()
    intensity_unit: Annotated[str, Meta(max_length=64)] = ""
    patient_age: Range | None = None
    patient_sex: Many[Sex] = ()
    manufacturers: Many[Title] = ()
    contrast_phases: Many[ContrastPhase] = ()

    def words(self) -> list[str]:
        """All of it for people: "pixel spacing 0.6 to 1 mm", "manufacturer GE or Siemens"."""
        ranges = (
            ("pixel spacing", self.pixel_spacing, "mm"),
            ("slice spacing", self.slice_spacing, "mm"),
            ("slices", self.slices, ""),
            ("field of view", self.field_of_view, "mm"),
            *((one.name, one.values, self.intensity_unit) for one in self.intensity),
            ("patient age", self.patient_age, "years"),
        )
        lists = (
            ("patient sex", self.patient_sex),
            ("manufacturer", self.manufacturers),
            ("contrast phase", self.contrast_phases),
        )
        return [
            *(f"{name} {range_} {unit}".strip() for name, range_, unit in ranges if range_),
            *(f"{name} {' or '.join(items)}" for name, items in lists if items),
        ]
