"""The criteria by which a recipe is held against a series, one function each.

Anatomy is looked up where the standard puts it first: Anatomic Region Sequence (0008,2218), then
Body Part Examined (0018,0015, PS3.16 Annex L), then the words of Protocol Name, Series Description
and Study Description. The first of these that says something counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from IODeepLib.codes import (
    Region,
    distance,
    laterality_in_text,
    region_by_code,
    region_by_term,
    regions_in_text,
)
from IODeepLib.headers import code_sequence, number, text, texts
from IODeepLib.recipe import (
    AttributeConstraint,
    Channel,
    Laterality,
    Operator,
    Plane,
    Range,
    Recipe,
)
from IODeepLib.series import Image

DESCRIPTIONS = ("ProtocolName", "SeriesDescription", "StudyDescription")

# MR contrasts as series are named after them; one of these in a description rules out another.
MR_CONTRASTS = ("T1", "T2", "FLAIR", "PD", "DWI", "ADC", "SWI", "TOF", "DTI", "BOLD", "ASL")

_PLANE_OF_LETTER = {
    **dict.fromkeys("SI", Plane.AXIAL),
    **dict.fromkeys("AP", Plane.CORONAL),
    **dict.fromkeys("LR", Plane.SAGITTAL),
}


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


def reasons(recipe: Recipe, series: Image) -> tuple[Reason, ...]:
    """All criteria except the filling of the channels, in a fixed order."""
    return (
        _modality(recipe, series),
        _anatomy(recipe, series),
        _laterality(recipe, series),
        _condition(recipe, series),
        _dimensionality(recipe, series),
        _geometry(recipe, series),
        _range("pixel spacing", recipe.applies_to.pixel_spacing, _pixel_spacing(series), "mm"),
        _range("slice spacing", recipe.applies_to.slice_spacing, _slice_spacing(series), "mm"),
        _range("slices", recipe.applies_to.slices, (series.grid.shape[0], "number of slices"), ""),
        _plane(recipe, series),
        _sampling(series),
        _range("patient age", recipe.applies_to.patient_age, _age(series), "years"),
        _sex(recipe, series),
        *(constraint(series, c) for c in recipe.applies_to.attributes),
    )


def _modality(recipe: Recipe, series: Image) -> Reason:
    allowed = recipe.applies_to.modalities
    verdict = _in_or_unknown(series.modality, series.modality in allowed)
    return Reason("modality", verdict, _any_of(allowed), series.modality or "nothing", "Modality")


def _anatomy(recipe: Recipe, series: Image) -> Reason:
    asked_codes = recipe.applies_to.anatomic_regions
    required = _any_of(code.meaning for code in asked_codes)
    findings = list(found_regions(series))
    if not findings:
        verdict = Verdict.UNKNOWN if asked_codes else Verdict.ANY
        return Reason("anatomy", verdict, required, "nothing", "BodyPartExamined")
    found, attribute = findings[0]
    words = _meanings(found)
    if not asked_codes:
        return Reason("anatomy", Verdict.ANY, required, words, attribute)
    asked = [region for code in asked_codes if (region := region_by_code(code)) is not None]
    steps = _steps_to(found, asked)
    if steps is not None:
        return Reason("anatomy", Verdict.FITS, required, words, attribute, steps)
    for others, elsewhere in findings[1:]:
        steps = _steps_to(others, asked)
        if steps is not None:
            # Scanners are left on the last patient's body part: a description that says otherwise
            # makes the matter open, it does not settle it.
            words += f", but {_meanings(others)} in {elsewhere}"
            return Reason("anatomy", Verdict.UNKNOWN, required, words, attribute, steps)
    return Reason("anatomy", Verdict.FAILS, required, words, attribute)


def found_regions(series: Image) -> Iterator[tuple[tuple[Region, ...], str]]:
    """The regions that the header names, with the attribute that names them, the surest first."""
    header = series.header
    coded = [region_by_code(code) for code in code_sequence(header, "AnatomicRegionSequence")]
    regions = tuple(region for region in coded if region is not None)
    if regions:
        yield regions, "AnatomicRegionSequence"
    region = region_by_term(text(header, "BodyPartExamined"))
    if region is not None:
        yield (region,), "BodyPartExamined"
    for keyword in DESCRIPTIONS:
        named = tuple(match.region for match in regions_in_text(text(header, keyword)))
        if named:
            yield tuple(dict.fromkeys(named)), keyword


def _steps_to(found: Sequence[Region], asked: Sequence[Region]) -> int | None:
    """The fewest steps in the part-of tree from a found region to an asked one, if any is near."""
    steps = (distance(region, wanted) for region in found for wanted in asked)
    return min((n for n in steps if n is not None), default=None)


def _meanings(regions: Sequence[Region]) -> str:
    return " and ".join(region.code.meaning for region in regions)


def _laterality(recipe: Recipe, series: Image) -> Reason:
    asked = recipe.applies_to.laterality
    found, attribute = _found_laterality(series)
    if asked is None:
        return Reason("laterality", Verdict.ANY, "any", found or "nothing", attribute)
    fits = found == asked.value or found == Laterality.BOTH.value
    return Reason(
        "laterality", _in_or_unknown(found, fits), asked.value, found or "nothing", attribute
    )


def _found_laterality(series: Image) -> tuple[str, str]:
    for keyword in ("ImageLaterality", "FrameLaterality", "Laterality"):
        value = text(series.header, keyword).upper()
        if value in ("L", "R", "B"):
            return value, keyword
    for keyword in DESCRIPTIONS:
        value = laterality_in_text(text(series.header, keyword)) or ""
        if value:
            return value, keyword
    return "", "Laterality"


def _condition(recipe: Recipe, series: Image) -> Reason:
    # A coded diagnosis that agrees is evidence; any other one says nothing against the condition.
    asked = recipe.applies_to.conditions
    keyword = "AdmittingDiagnosesCodeSequence"
    found = code_sequence(series.header, keyword)
    words = _any_of(code.meaning for code in found) if found else "nothing"
    if not asked:
        return Reason("condition", Verdict.ANY, "any", words, keyword)
    verdict = Verdict.FITS if set(found) & set(asked) else Verdict.UNKNOWN
    return Reason("condition", verdict, _any_of(code.meaning for code in asked), words, keyword)


def _dimensionality(recipe: Recipe, series: Image) -> Reason:
    slices = series.grid.shape[0]
    found = f"{slices} slice" + ("" if slices == 1 else "s")
    if series.is_localizer:
        return Reason("dimensionality", Verdict.FAILS, "no localizer", "a localizer", "ImageType")
    if recipe.input.spatial_dims == 2:
        return Reason("dimensionality", Verdict.FITS, "one slice or more", found, "image")
    verdict = Verdict.FITS if slices > 1 else Verdict.FAILS
    return Reason("dimensionality", verdict, "a volume: two slices or more", found, "image")


def _geometry(recipe: Recipe, series: Image) -> Reason:
    required = "parallel, evenly spaced slices"
    fault = series.geometry_fault
    if fault is None and recipe.input.spatial_dims == 3 and not series.has_patient_geometry:
        fault = "images that do not say where in the patient they lie"
    if fault is not None:
        return Reason("geometry", Verdict.FAILS, required, fault, "ImagePositionPatient")
    return Reason("geometry", Verdict.FITS, required, "such slices", "ImagePositionPatient")


def _plane(recipe: Recipe, series: Image) -> Reason:
    allowed = recipe.applies_to.planes
    plane = _PLANE_OF_LETTER[series.grid.orientation[0]] if series.has_patient_geometry else None
    found = plane.value if plane else "nothing"
    if not allowed:
        return Reason("plane", Verdict.ANY, "any", found, "ImageOrientationPatient")
    verdict = _in_or_unknown(plane, plane in allowed)
    required = _any_of(item.value for item in allowed)
    return Reason("plane", verdict, required, found, "ImageOrientationPatient")


def _sampling(series: Image) -> Reason:
    found = series.photometric_interpretation
    verdict = _in_or_unknown(found, found in ("MONOCHROME1", "MONOCHROME2"))
    return Reason(
        "sampling",
        verdict,
        "one grey value a voxel",
        found or "nothing",
        "PhotometricInterpretation",
    )


def _pixel_spacing(series: Image) -> tuple[float | None, str]:
    return (max(series.grid.spacing[1:]) if series.has_spacing else None), "PixelSpacing"


def _slice_spacing(series: Image) -> tuple[float | None, str]:
    known = series.has_patient_geometry and series.grid.shape[0] > 1
    return (series.grid.spacing[0] if known else None), "ImagePositionPatient"


def _age(series: Image) -> tuple[float | None, str]:
    # Age String, PS3.5 6.2: three digits and D, W, M or Y.
    match = re.fullmatch(r"(\d{1,3})([DWMY])", text(series.header, "PatientAge").upper())
    if match is None:
        return None, "PatientAge"
    years = {"D": 1 / 365.25, "W": 7 / 365.25, "M": 1 / 12, "Y": 1.0}[match[2]]
    return int(match[1]) * years, "PatientAge"


def _sex(recipe: Recipe, series: Image) -> Reason:
    asked = recipe.applies_to.patient_sex
    found = text(series.header, "PatientSex").upper()
    if asked is None:
        return Reason("patient sex", Verdict.ANY, "any", found or "nothing", "PatientSex")
    verdict = _in_or_unknown(found, found == asked.value)
    return Reason("patient sex", verdict, asked.value, found or "nothing", "PatientSex")


def _range(
    criterion: str, asked: Range | None, measured: tuple[float | None, str], unit: str
) -> Reason:
    value, attribute = measured
    found = "nothing" if value is None else f"{value:.4g} {unit}".strip()
    if asked is None:
        return Reason(criterion, Verdict.ANY, "any", found, attribute)
    verdict = _in_or_unknown("" if value is None else "known", value is not None and value in asked)
    return Reason(criterion, verdict, f"{asked} {unit}".strip(), found, attribute)


def constraint(series: Image, asked: AttributeConstraint) -> Reason:
    """A condition on one DICOM attribute; numbers are compared as numbers, text without case."""
    values = list(_values(series, asked.keyword))
    required = f"{asked.operator.value} {_plain(asked.value)}"
    found = ", ".join(map(_plain, values)) or "nothing"
    verdict = Verdict.UNKNOWN
    if values:
        verdict = Verdict.FITS if _holds(values, asked.operator, asked.value) else Verdict.FAILS
    return Reason(f"attribute {asked.keyword}", verdict, required, found, asked.keyword)


def _values(series: Image, keyword: str) -> Iterator[float | str]:
    for item in texts(series.header, keyword):
        as_number = number(item)
        if as_number is not None:
            yield as_number
        elif item:
            yield item


def _holds(values: list[float | str], operator: Operator, asked: Any) -> bool:
    def equal(value: float | str, other: float | str) -> bool:
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


def channel(series: Image, asked: Channel) -> Reason:
    """Whether `series` can fill an input channel: its modality, contrast and attributes."""
    criterion = f"channel {asked.name}"
    if asked.modality and series.modality and series.modality != asked.modality:
        return Reason(criterion, Verdict.FAILS, asked.modality, series.modality, "Modality")
    for condition in asked.attributes:
        reason = constraint(series, condition)
        if reason.verdict is Verdict.FAILS:
            return Reason(criterion, Verdict.FAILS, reason.required, reason.found, reason.attribute)
    if not asked.words:
        return Reason(criterion, Verdict.ANY, "any", series.description or "nothing", "image")
    required = _any_of(asked.words)
    others = set(MR_CONTRASTS) - {word.upper() for word in asked.words}
    for keyword in DESCRIPTIONS:
        described = text(series.header, keyword)
        if any(_names(described, word) for word in asked.words):
            return Reason(criterion, Verdict.FITS, required, described, keyword)
        if any(_names(described, word) for word in others):
            return Reason(criterion, Verdict.FAILS, required, described, keyword)
    found = series.description or "nothing"
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
