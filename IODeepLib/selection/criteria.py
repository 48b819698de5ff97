"""The criteria by which the requirements of a recipe are held against a series, one function each.

Of what a series says about its anatomy the surest counts, see `facts`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from IODeepLib.codes import Code
from IODeepLib.codes.anatomy_match import match
from IODeepLib.headers import number
from IODeepLib.recipe import AttributeConstraint, Laterality, Operator, Range, Requirements
from IODeepLib.selection.facts import OF_EXAMINATION, PLANE_OF_LETTER, Facts, Measured
from IODeepLib.series import COLORED, GREY
from IODeepLib.text.wording import counted

# Of slices in another plane a 2D network reads strips as wide as there are slices: one or two
# pixels are a line, no image.
FEWEST_PIXELS = 3

# A decimal fraction in single precision (VR FL) is off by half of this at most.
_SAME_NUMBER = 2**-23


class Verdict(StrEnum):
    """What a criterion says."""

    FITS = "fits"
    UNKNOWN = "unknown"
    FAILS = "fails"
    ANY = "any"  # the recipe requires nothing here


class Reason(NamedTuple):
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
        """All of it but the steps, as JSON values by attribute."""
        return {
            "criterion": self.criterion,
            "verdict": self.verdict.value,
            "required": self.required,
            "found": self.found,
            "attribute": self.attribute,
        }

    @classmethod
    def from_json(cls, said: Mapping[str, str]) -> Reason:
        """What `as_json` gave.

        Raises:
            KeyError, ValueError: it says less, or something else.
        """
        verdict = Verdict(said["verdict"])
        required, found, attribute = said["required"], said["found"], said["attribute"]
        return cls(said["criterion"], verdict, required, found, attribute)

    def __str__(self) -> str:
        return (
            f"{self.criterion} {self.verdict.value}: required {self.required}, "
            f"found {self.found} ({self.attribute})"
        )


def reasons(asked: Requirements, facts: Facts) -> tuple[Reason, ...]:
    """All criteria except the filling of the channels, in a fixed order."""
    applies_to = asked.applies_to
    return (
        _image(facts),
        _modality(asked, facts),
        _anatomy(asked, facts),
        _laterality(asked, facts),
        _condition(asked, facts),
        _dimensionality(asked, facts),
        _geometry(asked, facts),
        within("pixel spacing", applies_to.pixel_spacing, facts.pixel_spacing, "mm"),
        within("slice spacing", applies_to.slice_spacing, facts.slice_spacing, "mm"),
        within("slices", applies_to.slices, facts.slices, ""),
        _plane(asked, facts),
        _sampling(asked, facts),
        within("patient age", applies_to.patient_age, facts.age, "years"),
        _sex(asked, facts),
        *(constraint(facts, c) for c in applies_to.attributes),
    )


def _image(facts: Facts) -> Reason:
    """What was found wrong with the images themselves; whoever has none of it is not told."""
    verdict = Verdict.FAILS if facts.refusal else Verdict.ANY
    required = "slices of the patient that can be read"
    return Reason("image", verdict, required, facts.refusal or "such slices", "image")


def excluded(asked: Requirements, facts: Facts) -> Reason | None:
    """Why a series can fill no channel of the network, whatever its contrast, or None."""
    found = (
        _image(facts),
        *(c(asked, facts) for c in (_modality, _dimensionality, _geometry, _sampling)),
    )
    return next((reason for reason in found if reason.verdict is Verdict.FAILS), None)


def _modality(asked: Requirements, facts: Facts) -> Reason:
    allowed, found = asked.applies_to.modalities, facts.modality
    verdict = _in_or_unknown(found, found in allowed)
    return Reason("modality", verdict, any_of(allowed), found or "nothing", "Modality")


class _Statement(NamedTuple):
    """What one attribute of the series says of a criterion."""

    verdict: Verdict
    words: str
    attribute: str
    steps: int = 0


def _weighed(statements: Sequence[_Statement]) -> _Statement:
    """What the first statement says that decides something, or unknown where others contradict.

    Scanners are left on the last patient's body part: a description that says otherwise makes the
    matter open, it does not settle it. So does that of the series, where it says that it is not
    what is asked for.
    """
    first, *later = statements
    if first.verdict is Verdict.FAILS:
        contrary = next((s for s in later if s.verdict is Verdict.FITS), None)
    elif first.verdict is Verdict.FITS:
        own = (s for s in later if s.attribute == "SeriesDescription")
        contrary = next((s for s in own if s.verdict is Verdict.FAILS), None)
    else:  # it is not understood, so that others may agree with it but never speak against it
        return next((s for s in later if s.verdict is Verdict.FITS), first)
    if contrary is None:
        return first
    words = f"{first.words}, but {contrary.words} in {contrary.attribute}"
    return _Statement(Verdict.UNKNOWN, words, first.attribute, first.steps + contrary.steps)


def _anatomy(asked: Requirements, facts: Facts) -> Reason:
    codes = asked.applies_to.anatomic_regions
    required = any_of(code.meaning for code in codes)
    if not facts.anatomy:
        verdict, words = Verdict.UNKNOWN if codes else Verdict.ANY, facts.body_part or "nothing"
        return Reason("anatomy", verdict, required, words, "BodyPartExamined")
    if not codes:
        found, attribute = facts.anatomy[0]
        return Reason("anatomy", Verdict.ANY, required, _meanings(found), attribute)
    said = _weighed([_of_anatomy(found, keyword, codes) for found, keyword in facts.anatomy])
    return Reason("anatomy", said.verdict, required, said.words, said.attribute, said.steps)


def _of_anatomy(found: Sequence[Code], attribute: str, codes: Sequence[Code]) -> _Statement:
    near, words = match(found, codes), _meanings(found)
    if near.steps is not None:
        # An examination of several body parts has series of each.
        several = attribute in OF_EXAMINATION and near.strangers
        verdict = Verdict.UNKNOWN if several else Verdict.FITS
        return _Statement(verdict, words, attribute, near.steps)
    if near.lacking:
        lacking = " and ".join(map(str, near.lacking))
        words += f"; the table of body parts does not have {lacking}"
        return _Statement(Verdict.UNKNOWN, words, attribute)
    return _Statement(Verdict.FAILS, words, attribute)


def _meanings(codes: Sequence[Code]) -> str:
    return " and ".join(code.meaning for code in codes)


def _laterality(asked: Requirements, facts: Facts) -> Reason:
    side = asked.applies_to.laterality
    if side is None or not facts.sides:
        found, attribute = facts.sides[0] if facts.sides else ("nothing", "Laterality")
        verdict, required = (Verdict.UNKNOWN, side.value) if side else (Verdict.ANY, "any")
        return Reason("laterality", verdict, required, found, attribute)
    said = _weighed([_of_side(found, keyword, side) for found, keyword in facts.sides])
    return Reason("laterality", said.verdict, side.value, said.words, said.attribute)


def _of_side(found: str, attribute: str, asked: Laterality) -> _Statement:
    if found == asked.value:
        return _Statement(Verdict.FITS, found, attribute)
    if found == Laterality.BOTH.value:  # of an examination of both sides each series may be of one
        verdict = Verdict.UNKNOWN if attribute in OF_EXAMINATION else Verdict.FITS
        return _Statement(verdict, found, attribute)
    return _Statement(Verdict.FAILS, found, attribute)


def _condition(asked: Requirements, facts: Facts) -> Reason:
    # A coded diagnosis that agrees is evidence; any other one says nothing against the condition.
    conditions, found = asked.applies_to.conditions, facts.diagnoses
    keyword = "AdmittingDiagnosesCodeSequence"
    words = any_of(code.meaning for code in found) if found else "nothing"
    if not conditions:
        return Reason("condition", Verdict.ANY, "any", words, keyword)
    verdict = Verdict.FITS if set(found) & set(conditions) else Verdict.UNKNOWN
    return Reason("condition", verdict, any_of(c.meaning for c in conditions), words, keyword)


def _dimensionality(asked: Requirements, facts: Facts) -> Reason:
    slices = int(facts.slices.value or 0)
    found = counted(slices, "slice")
    if facts.is_localizer:
        found = f"a localizer: {facts.image_type}"
        return Reason("dimensionality", Verdict.FAILS, "no localizer", found, "ImageType")
    across = [
        plane
        for plane in (PLANE_OF_LETTER[axis] for axis in asked.slice_axes)
        if plane is not facts.own_plane
    ]
    if across and slices < FEWEST_PIXELS:
        read = across[0]
        required = f"{read} images of at least {FEWEST_PIXELS} pixels each way"
        strips = f"{read} strips {counted(slices, 'pixel')} wide, across {facts.own_plane} slices"
        keyword = "ImageOrientationPatient"
        return Reason("dimensionality", Verdict.FAILS, required, strips, keyword)
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
    required = any_of(item.value for item in allowed)
    return Reason("plane", verdict, required, found, "ImageOrientationPatient")


def _sampling(asked: Requirements, facts: Facts) -> Reason:
    found = facts.photometric_interpretation
    colored = any(channel.color for channel in asked.channels)
    verdict = _in_or_unknown(found, found in (COLORED if colored else GREY))
    required = "red, green and blue" if colored else "one gray value a voxel"
    return Reason("sampling", verdict, required, found or "nothing", "PhotometricInterpretation")


def _sex(asked: Requirements, facts: Facts) -> Reason:
    sex, found = asked.applies_to.patient_sex, facts.sex
    if sex is None:
        return Reason("patient sex", Verdict.ANY, "any", found or "nothing", "PatientSex")
    verdict = _in_or_unknown(found, found == sex.value)
    return Reason("patient sex", verdict, sex.value, found or "nothing", "PatientSex")


def within(criterion: str, asked: Range | None, measured: Measured, unit: str) -> Reason:
    """Whether what was measured lies in a range."""
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


def _in_or_unknown(found: Any, fits: bool) -> Verdict:
    if not found:
        return Verdict.UNKNOWN
    return Verdict.FITS if fits else Verdict.FAILS


def any_of(words: Any) -> str:
    return " or ".join(words) or "any"


def _plain(value: Any) -> str:
    if isinstance(value, tuple):
        return "(" + ", ".join(map(_plain, value)) + ")"
    return f"{value:g}" if isinstance(value, (int, float)) else str(value)
