"""The criteria by which the requirements of a recipe are held against a series, one function each.

Of what a series says about its anatomy the surest counts, see `facts`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from IODeepLib.codes import Region, distance, region_by_code
from IODeepLib.facts import Facts, Measured
from IODeepLib.headers import number
from IODeepLib.recipe import (
    AttributeConstraint,
    Channel,
    Laterality,
    Operator,
    Range,
    Requirements,
)
from IODeepLib.series import COLORED, GREY

# MR contrasts as series are named after them; one of these in a description rules out another.
MR_CONTRASTS = ("T1", "T2", "FLAIR", "PD", "DWI", "ADC", "SWI", "TOF", "DTI", "BOLD", "ASL")

# A decimal fraction in single precision (VR FL) is off by half of this at most.
_SAME_NUMBER = 2**-23


class Verdict(StrEnum):
    """What a criterion says."""

    FITS = "fits"
    UNKNOWN = "unknown"
    FAILS = "fails"
    ANY = "any"  # the recipe requires nothing here


@dataclass(frozen=True, slots=True)
class Reason:
    """One criterion of one model for one series, in words a person can check.

    Attributes:
        criterion: its name.
        verdict: what came out.
        required: what the recipe requires.
        found: what the series has.
        attribute: the DICOM keyword of the attribute in which it was found, or what was measured.
        steps: how far apart in the part-of tree, for anatomy; 0 for the same region.
    """

    criterion: str
    verdict: Verdict
    required: str
    found: str
    attribute: str
    steps: int = 0

    def as_json(self) -> dict[str, str]:
        """The same as plain values."""
        return {
            "criterion": self.criterion,
            "verdict": self.verdict.value,
            "required": self.required,
            "found": self.found,
            "attribute": self.attribute,
        }

    def __str__(self) -> str:
        return (
            f"{self.criterion} {self.verdict.value}: required {self.required}, "
            f"found {self.found} ({self.attribute})"
        )


def reasons(asked: Requirements, facts: Facts) -> tuple[Reason, ...]:
    """All criteria except the filling of the channels, in a fixed order."""
    applies_to = asked.applies_to
    return (
        _modality(asked, facts),
        _anatomy(asked, facts),
        _laterality(asked, facts),
        _condition(asked, facts),
        _dimensionality(asked, facts),
        _geometry(asked, facts),
        _range("pixel spacing", applies_to.pixel_spacing, facts.pixel_spacing, "mm"),
        _range("slice spacing", applies_to.slice_spacing, facts.slice_spacing, "mm"),
        _range("slices", applies_to.slices, facts.slices, ""),
        _plane(asked, facts),
        _sampling(asked, facts),
        _range("patient age", applies_to.patient_age, facts.age, "years"),
        _sex(asked, facts),
        *(constraint(facts, c) for c in applies_to.attributes),
    )


def _modality(asked: Requirements, facts: Facts) -> Reason:
    allowed, found = asked.applies_to.modalities, facts.modality
    verdict = _in_or_unknown(found, found in allowed)
    return Reason("modality", verdict, _any_of(allowed), found or "nothing", "Modality")


def _anatomy(asked: Requirements, facts: Facts) -> Reason:
    codes = asked.applies_to.anatomic_regions
    required = _any_of(code.meaning for code in codes)
    if not facts.regions:
        verdict = Verdict.UNKNOWN if codes else Verdict.ANY
        return Reason("anatomy", verdict, required, "nothing", "BodyPartExamined")
    found, attribute = facts.regions[0]
    words = _meanings(found)
    if not codes:
        return Reason("anatomy", Verdict.ANY, required, words, attribute)
    wanted = [region for code in codes if (region := region_by_code(code)) is not None]
    steps = _steps_to(found, wanted)
    if steps is not None:
        return Reason("anatomy", Verdict.FITS, required, words, attribute, steps)
    for others, elsewhere in facts.regions[1:]:
        steps = _steps_to(others, wanted)
        if steps is not None:
            # Scanners are left on the last patient's body part: a description that says otherwise
            # makes the matter open, it does not settle it.
            words += f", but {_meanings(others)} in {elsewhere}"
            return Reason("anatomy", Verdict.UNKNOWN, required, words, attribute, steps)
    return Reason("anatomy", Verdict.FAILS, required, words, attribute)


def _steps_to(found: Sequence[Region], asked: Sequence[Region]) -> int | None:
    """The fewest steps in the part-of tree from a found region to an asked one, if any is near."""
    steps = (distance(region, wanted) for region in found for wanted in asked)
    return min((n for n in steps if n is not None), default=None)


def _meanings(regions: Sequence[Region]) -> str:
    return " and ".join(region.code.meaning for region in regions)


def _laterality(asked: Requirements, facts: Facts) -> Reason:
    side = asked.applies_to.laterality
    found, attribute = facts.laterality
    if side is None:
        return Reason("laterality", Verdict.ANY, "any", found or "nothing", attribute)
    verdict = _in_or_unknown(found, found in (side.value, Laterality.BOTH.value))
    return Reason("laterality", verdict, side.value, found or "nothing", attribute)


def _condition(asked: Requirements, facts: Facts) -> Reason:
    # A coded diagnosis that agrees is evidence; any other one says nothing against the condition.
    conditions, found = asked.applies_to.conditions, facts.diagnoses
    keyword = "AdmittingDiagnosesCodeSequence"
    words = _any_of(code.meaning for code in found) if found else "nothing"
    if not conditions:
        return Reason("condition", Verdict.ANY, "any", words, keyword)
    verdict = Verdict.FITS if set(found) & set(conditions) else Verdict.UNKNOWN
    return Reason("condition", verdict, _any_of(c.meaning for c in conditions), words, keyword)


def _dimensionality(asked: Requirements, facts: Facts) -> Reason:
    slices = facts.slices.value
    found = f"{slices} slice" + ("" if slices == 1 else "s")
    if facts.is_localizer:
        return Reason("dimensionality", Verdict.FAILS, "no localizer", "a localizer", "ImageType")
    if asked.spatial_dims == 2:
        return Reason("dimensionality", Verdict.FITS, "one slice or more", found, "image")
    verdict = Verdict.FAILS if slices == 1 else Verdict.FITS
    return Reason("dimensionality", verdict, "a volume: two slices or more", found, "image")


def _geometry(asked: Requirements, facts: Facts) -> Reason:
    required = "parallel, evenly spaced slices"
    fault = facts.geometry_fault
    if fault is None and asked.spatial_dims == 3 and not facts.is_placed:
        fault = "images that do not say where in the patient they lie"
    if fault is not None:
        return Reason("geometry", Verdict.FAILS, required, fault, "ImagePositionPatient")
    found = facts.correction or "such slices"
    return Reason("geometry", Verdict.FITS, required, found, "ImagePositionPatient")


def _plane(asked: Requirements, facts: Facts) -> Reason:
    allowed, plane = asked.applies_to.planes, facts.plane
    found = plane.value if plane else "nothing"
    if not allowed:
        return Reason("plane", Verdict.ANY, "any", found, "ImageOrientationPatient")
    verdict = _in_or_unknown(plane, plane in allowed)
    required = _any_of(item.value for item in allowed)
    return Reason("plane", verdict, required, found, "ImageOrientationPatient")


def _sampling(asked: Requirements, facts: Facts) -> Reason:
    found = facts.photometric_interpretation
    colored = any(channel.color for channel in asked.channels)
    verdict = _in_or_unknown(found, found in (COLORED if colored else GREY))
    required = "red, green and blue" if colored else "one grey value a voxel"
    return Reason("sampling", verdict, required, found or "nothing", "PhotometricInterpretation")


def _sex(asked: Requirements, facts: Facts) -> Reason:
    sex, found = asked.applies_to.patient_sex, facts.sex
    if sex is None:
        return Reason("patient sex", Verdict.ANY, "any", found or "nothing", "PatientSex")
    verdict = _in_or_unknown(found, found == sex.value)
    return Reason("patient sex", verdict, sex.value, found or "nothing", "PatientSex")


def _range(criterion: str, asked: Range | None, measured: Measured, unit: str) -> Reason:
    value, attribute = measured
    found = "nothing" if value is None else f"{value:.4g} {unit}".strip()
    if asked is None:
        return Reason(criterion, Verdict.ANY, "any", found, attribute)
    verdict = _in_or_unknown("" if value is None else "known", value is not None and value in asked)
    return Reason(criterion, verdict, f"{asked} {unit}".strip(), found, attribute)


def constraint(facts: Facts, asked: AttributeConstraint) -> Reason:
    """A condition on one DICOM attribute; numbers are compared as numbers, text without case."""
    values = facts.values(asked.keyword)
    required = f"{asked.operator.value} {_plain(asked.value)}"
    found = ", ".join(map(_plain, values)) or "nothing"
    verdict = Verdict.UNKNOWN
    if values:
        verdict = Verdict.FITS if _holds(values, asked.operator, asked.value) else Verdict.FAILS
    return Reason(f"attribute {asked.keyword}", verdict, required, found, asked.keyword)


def _holds(values: Sequence[float | str], operator: Operator, asked: Any) -> bool:
    def equal(value: float | str, other: float | str) -> bool:
        a, b = number(value), number(other)
        if a is not None and b is not None:
            return math.isclose(a, b, rel_tol=_SAME_NUMBER)
        return _plain(value).casefold() == _plain(other).casefold()

    match operator:
        case Operator.EQUAL:
            return any(equal(v, asked) for v in values)
        case Operator.NOT_EQUAL:
            return not any(equal(v, asked) for v in values)
        case Operator.IN:
            return any(equal(v, a) for v in values for a in asked)
        case Operator.NOT_IN:
            return not any(equal(v, a) for v in values for a in asked)
        case Operator.CONTAINS:
            return any(_plain(asked).casefold() in _plain(v).casefold() for v in values)
    numbers = [v for v in values if isinstance(v, float)]
    limit = number(asked)
    if limit is None or not numbers:
        return False
    match operator:
        case Operator.LESS:
            return all(v < limit for v in numbers)
        case Operator.AT_MOST:
            return all(v <= limit for v in numbers)
        case Operator.MORE:
            return all(v > limit for v in numbers)
        case _:
            return all(v >= limit for v in numbers)


def channel(facts: Facts, asked: Channel) -> Reason:
    """Whether a series can fill an input channel: its modality, contrast and attributes."""
    criterion = f"channel {asked.name}"
    if asked.modality and facts.modality and facts.modality != asked.modality:
        return Reason(criterion, Verdict.FAILS, asked.modality, facts.modality, "Modality")
    for condition in asked.attributes:
        reason = constraint(facts, condition)
        if reason.verdict is Verdict.FAILS:
            return Reason(criterion, Verdict.FAILS, reason.required, reason.found, reason.attribute)
    found = facts.description or "nothing"
    if not asked.words:
        return Reason(criterion, Verdict.ANY, "any", found, "image")
    required = _any_of(asked.words)
    others = set(MR_CONTRASTS) - {word.upper() for word in asked.words}
    for keyword, described in facts.descriptions:
        if any(_names(described, word) for word in asked.words):
            return Reason(criterion, Verdict.FITS, required, described, keyword)
        if any(_names(described, word) for word in others):
            return Reason(criterion, Verdict.FAILS, required, described, keyword)
    return Reason(criterion, Verdict.UNKNOWN, required, found, "SeriesDescription")


def _names(description: str, word: str) -> bool:
    """Whether `word` begins a word of `description`: "T1" is in "sag_t1w" and not in "T10"."""
    pattern = rf"(?<![^\W_]){re.escape(word)}(?!\d)"
    return re.search(pattern, description, re.IGNORECASE) is not None


def _in_or_unknown(found: Any, fits: bool) -> Verdict:
    if not found:
        return Verdict.UNKNOWN
    return Verdict.FITS if fits else Verdict.FAILS


def _any_of(words: Any) -> str:
    return " or ".join(words) or "any"


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return "(" + ", ".join(map(_plain, value)) + ")"
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)
