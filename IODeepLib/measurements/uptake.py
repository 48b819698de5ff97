"""Standardized uptake values of what was measured in a PET, where its header lets them be known."""

from __future__ import annotations

from dataclasses import dataclass

from IODeepLib.errors import ImageError
from IODeepLib.inference.suv import suv_factor
from IODeepLib.series import Image

_UNITS = "Units"  # of PET (PS3.3 section C.8.9.1.1.3); what any other attribute says is final


@dataclass(frozen=True, slots=True)
class Uptake:
    """How values become SUV by body weight.

    Attributes:
        factor: what they are multiplied by; None where the header does not let it be known.
        why: what the factor is made of, or why there is none.
    """

    factor: float | None
    why: str

    def __str__(self) -> str:
        if self.factor is None:
            return f"no SUV by body weight is measured: {self.why}"
        return f"SUV by body weight: {self.why}; factor {self.factor:.4g}"


def uptake_of(image: Image) -> Uptake | None:
    """The same of an image; None of one that is no PET, or whose values have another unit."""
    units = {(unit.name, unit.attribute) for unit in image.units}
    if image.modality != "PT" or len(units) != 1 or units.pop()[1] != _UNITS:
        return None
    try:
        return Uptake(*suv_factor(image))
    except ImageError as error:
        return Uptake(None, f"{error.found}; wanted: {error.wanted}")
