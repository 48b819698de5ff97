"""What a series says of itself, each thing looked up once, however many models ask.

Anatomy is looked up where the standard puts it first: Anatomic Region Sequence (0008,2218), then
Body Part Examined (0018,0015, PS3.16 Annex L), then words: of the Series Description, which is
about this series, before those of Protocol Name, which some scanners write for a whole examination,
and of Study Description.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from IODeepLib.codes import LATERALITIES, Code, laterality_in_text, region_by_term, regions_in_text
from IODeepLib.codes.sequences import code_sequence
from IODeepLib.headers import items, number, text, texts
from IODeepLib.recipe import Plane
from IODeepLib.selection.acquisition import Acquired, HasHeader, acquired, group_items
from IODeepLib.series import Image
from IODeepLib.text.foreign import LONGEST_TEXT, MOST_REGIONS

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

_ANATOMIC_REGION = "AnatomicRegionSequence"

# The most specific one first; those of the examination say no more of one series of it than that
# it is among them.
DESCRIPTIONS = ("SeriesDescription", "ProtocolName", "StudyDescription")
OF_EXAMINATION = ("ProtocolName", "StudyDescription")

PLANE_OF_LETTER = {
    **dict.fromkeys("SI", Plane.AXIAL),
    **dict.fromkeys("AP", Plane.CORONAL),
    **dict.fromkeys("LR", Plane.SAGITTAL),
}


class Measured(NamedTuple):
    """A number, None if it is not known, and the keyword of the attribute that it comes from."""

    value: float | None
    attribute: str


class Facts:
    """What `series` says. Text is "" where it says nothing."""

    def __init__(self, series: Image) -> None:
        self.series = series
        self._values: dict[str, tuple[float | str, ...]] = {}

    @cached_property
    def modality(self) -> str:
        """(0008,0060)."""
        return self.series.modality

    @cached_property
    def description(self) -> str:
        """Series Description (0008,103E)."""
        return self.series.description

    @cached_property
    def descriptions(self) -> dict[str, str]:
        """What describes the series, by keyword, the most specific first."""
        header = self.series.header
        return {keyword: text(header, keyword)[:LONGEST_TEXT] for keyword in DESCRIPTIONS}

    @cached_property
    def acquired(self) -> Acquired:
        """What the acquisition itself says of the contrast."""
        return acquired(self.series)

    @cached_property
    def anatomy(self) -> tuple[tuple[tuple[Code, ...], str], ...]:
        """See `found_regions`."""
        return tuple(found_regions(self.series))

    @cached_property
    def body_part(self) -> str:
        """Body Part Examined (0018,0015)."""
        return text(self.series.header, "BodyPartExamined")[:LONGEST_TEXT]

    @cached_property
    def sides(self) -> tuple[tuple[str, str], ...]:
        """L, R or B, and the attribute that says so, the surest first."""
        return tuple(_found_sides(self))

    @cached_property
    def diagnoses(self) -> tuple[Code, ...]:
        """Admitting Diagnoses Code Sequence (0008,1084)."""
        return code_sequence(self.series.header, "AdmittingDiagnosesCodeSequence")

    @cached_property
    def slices(self) -> Measured:
        """How many there are."""
        return Measured(self.series.slices.shape[0], "number of slices")

    @cached_property
    def is_localizer(self) -> bool:
        """Whether this is a scout image."""
        return self.series.is_localizer

    @cached_property
    def refusal(self) -> str | None:
        """Why this is no volume of the patient that can be read."""
        return self.series.refusal

    @cached_property
    def component(self) -> tuple[str, str]:
        """What an MR image shows instead of magnitude, or "", and the attribute that says so."""
        return self.series.component

    @cached_property
    def image_type(self) -> str:
        """(0008,0008)."""
        return text(self.series.header, "ImageType")

    @cached_property
    def own_plane(self) -> Plane:
        """The plane in which each of its images lies; without orientation, as if axial."""
        return PLANE_OF_LETTER[self.series.grid.orientation[0]]

    @cached_property
    def geometry_fault(self) -> str | None:
        """Why the slices are not an even, upright stack."""
        return self.series.geometry_fault

    @cached_property
    def correction(self) -> str:
        """What is corrected in how they lie, or ""."""
        return self.series.correction

    @cached_property
    def is_placed(self) -> bool:
        """Whether it is known where in the patient the voxels lie."""
        return self.series.has_patient_geometry

    @cached_property
    def plane(self) -> Plane | None:
        """The plane of acquisition."""
        return self.own_plane if self.is_placed else None

    @cached_property
    def photometric_interpretation(self) -> str:
        """(0028,0004)."""
        return self.series.photometric_interpretation

    @cached_property
    def pixel_spacing(self) -> Measured:
        """The larger one of both, in mm."""
        known = self.series.has_spacing
        return Measured(max(self.series.grid.spacing[1:]) if known else None, "PixelSpacing")

    @cached_property
    def slice_spacing(self) -> Measured:
        """From slice to slice, in mm."""
        slices = self.series.slices
        known = self.is_placed and slices.shape[0] > 1
        return Measured(slices.spacing[0] if known else None, "ImagePositionPatient")

    @cached_property
    def age(self) -> Measured:
        """Patient's Age (0010,1010) in years: three digits and D, W, M or Y (PS3.5 6.2)."""
        said = text(self.series.header, "PatientAge").upper()
        match = re.fullmatch(r"(\d{1,3})([DWMY])", said)
        if match is None:
            return Measured(None, "PatientAge")
        years = {"D": 1 / 365.25, "W": 7 / 365.25, "M": 1 / 12, "Y": 1.0}[match[2]]
        return Measured(int(match[1]) * years, "PatientAge")

    @cached_property
    def sex(self) -> str:
        """Patient's Sex (0010,0040)."""
        return text(self.series.header, "PatientSex").upper()

    def values(self, keyword: str) -> tuple[float | str, ...]:
        """All values of an attribute, as numbers where they are such."""
        if keyword not in self._values:
            found = texts(self.series.header, keyword)
            as_numbers = ((item, number(item)) for item in found if item)
            self._values[keyword] = tuple(
                item if value is None else value for item, value in as_numbers
            )
        return self._values[keyword]


def found_regions(series: HasHeader) -> Iterator[tuple[tuple[Code, ...], str]]:
    """The body parts that the header names, with the attribute that names them, the surest first.

    Codes of Anatomic Region Sequence are given whether the table of regions has them or not.
    """
    header = series.header
    codes = tuple(
        code for holder in _anatomies(series) for code in code_sequence(holder, _ANATOMIC_REGION)
    )
    if codes:
        yield tuple(dict.fromkeys(codes))[:MOST_REGIONS], _ANATOMIC_REGION
    region = region_by_term(text(header, "BodyPartExamined"))
    if region is not None:
        yield (region.code,), "BodyPartExamined"
    for keyword in DESCRIPTIONS:
        named = tuple(match.region.code for match in regions_in_text(text(header, keyword)))
        if named:
            yield tuple(dict.fromkeys(named)), keyword


def _anatomies(series: HasHeader) -> tuple[Dataset, ...]:
    """What holds the Anatomic Region Sequence: an item in the functional groups, or the header."""
    return (*group_items(series, "FrameAnatomySequence"), series.header)


def _found_sides(facts: Facts) -> Iterator[tuple[str, str]]:
    anatomies = _anatomies(facts.series)
    regions = [item for holder in anatomies for item in items(holder, _ANATOMIC_REGION)]
    keyword = "AnatomicRegionModifierSequence"
    coded = {code for region in regions for code in code_sequence(region, keyword)}
    sides = {side for side, code in LATERALITIES.items() if code in coded} - {"U"}
    if sides:
        yield (sides.pop() if len(sides) == 1 else "B"), keyword
    for keyword in ("ImageLaterality", "FrameLaterality", "Laterality"):
        for holder in anatomies:
            value = text(holder, keyword).upper()
            if value in ("L", "R", "B"):
                yield value, keyword
    for keyword, described in facts.descriptions.items():
        side = laterality_in_text(described)
        if side:
            yield side, keyword
