"""Which series a network may be run on."""

from __future__ import annotations

from enum import StrEnum

from IODeepLib.codes import Code
from IODeepLib.recipe.limits import Keyword, Modality
from IODeepLib.text.json_text import StructureError
from IODeepLib.text.records import Many, OneOrMore, Record


class Operator(StrEnum):
    """How a DICOM attribute is compared with the value of the recipe."""

    EQUAL = "=="
    NOT_EQUAL = "!="
    LESS = "<"
    AT_MOST = "<="
    MORE = ">"
    AT_LEAST = ">="
    IN = "in"
    NOT_IN = "not in"
    CONTAINS = "contains"


class AttributeConstraint(Record):
    """A condition on a DICOM attribute of the series, named by its keyword."""

    keyword: Keyword
    operator: Operator
    value: float | str | Many[float | str]

    def __post_init__(self) -> None:
        from pydicom.datadict import tag_for_keyword

        if tag_for_keyword(self.keyword) is None:
            raise StructureError("$.keyword", self.keyword, "a DICOM keyword, as in PS3.6")
        if isinstance(self.value, tuple) != (self.operator in (Operator.IN, Operator.NOT_IN)):
            raise StructureError(
                "$.value",
                f"{'a list' if isinstance(self.value, tuple) else 'one value'} "
                f"with the operator {self.operator.value!r}",
                "a list for 'in' and 'not in', one value for the others",
            )


class Range(Record):
    """A range of numbers, both ends included; an end that is left out is open."""

    min: float | None = None
    max: float | None = None

    def __post_init__(self) -> None:
        if self.min is not None and self.max is not None and self.min > self.max:
            raise StructureError("$", f"min {self.min:g} above max {self.max:g}", "min <= max")

    def __contains__(self, value: float) -> bool:
        return (self.min is None or value >= self.min) and (self.max is None or value <= self.max)

    def __str__(self) -> str:
        if self.min is None:
            return "any" if self.max is None else f"at most {self.max:g}"
        return f"at least {self.min:g}" if self.max is None else f"{self.min:g} to {self.max:g}"


class Plane(StrEnum):
    """The plane of acquisition: the patient axis that is closest to the slice normal."""

    AXIAL = "AXIAL"
    CORONAL = "CORONAL"
    SAGITTAL = "SAGITTAL"


class Sex(StrEnum):
    """Patient's Sex (0010,0040)."""

    MALE = "M"
    FEMALE = "F"
    OTHER = "O"


class Laterality(StrEnum):
    """The side of a paired structure, as in Laterality (0020,0060)."""

    RIGHT = "R"
    LEFT = "L"
    BOTH = "B"


class AppliesTo(Record):
    """Which series the network may be run on; what is left out does not matter to it."""

    modalities: OneOrMore[Modality]
    anatomic_regions: Many[Code] = ()
    laterality: Laterality | None = None
    conditions: Many[Code] = ()
    attributes: Many[AttributeConstraint] = ()
    pixel_spacing: Range | None = None
    slice_spacing: Range | None = None
    slices: Range | None = None
    planes: Many[Plane] = ()
    patient_age: Range | None = None
    patient_sex: Sex | None = None
