"""Which images are wanted; and what was found, filtered: servers pass over unknown keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pydicom.dataset import Dataset

from IODeepLib.errors import UsageError
from IODeepLib.headers import exact_texts
from IODeepLib.headers.sop_classes import NO_IMAGES
from IODeepLib.sources.archive import Entity, Matches
from IODeepLib.text.foreign import is_uid


def _looks_like(pattern: str) -> Callable[[str], object]:
    return re.compile(pattern).fullmatch


# Of each key: whether a value can be one, and what it has to look like in words.
_UID = is_uid, "a UID: digits and dots"
_DATE = _looks_like(r"\d{8}|\d{8}-|-\d{8}|\d{8}-\d{8}"), "YYYYMMDD, or YYYYMMDD-YYYYMMDD"
_TEXT = _looks_like(r"[^\\\x00-\x1f]*[^\\\x00-\x20][^\\\x00-\x1f]*"), "a text of one line"
_FORMS: dict[str, tuple[Callable[[str], object], str]] = {
    **dict.fromkeys(("StudyInstanceUID", "SeriesInstanceUID"), _UID),
    **dict.fromkeys(("PatientID", "AccessionNumber"), _TEXT),
    "StudyDate": _DATE,
    "Modality": (_looks_like(r"[A-Z0-9 _]{1,16}"), "a modality such as CT"),
}


@dataclass(frozen=True, slots=True)
class Query:
    """Which images are wanted; what is None does not matter.

    Raises:
        UsageError: a value cannot be one of its kind. Servers would take an empty one for any.

    Attributes:
        study_uid, series_uid: Study and Series Instance UID.
        patient_id, accession_number: as they stand in the images.
        study_date: YYYYMMDD, or a range YYYYMMDD-YYYYMMDD of which one end may be open.
        modality: of the series.
        modalities: if there are any, those of series that are worth being fetched from a PACS.
    """

    study_uid: str | None = None
    series_uid: str | None = None
    patient_id: str | None = None
    accession_number: str | None = None
    study_date: str | None = None
    modality: str | None = None
    modalities: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        for keyword, value in self.keys().items():
            is_good, wanted = _FORMS[keyword]
            if not is_good(value):
                raise UsageError(f"{keyword} {value!r}", wanted, "correct the option")

    def keys(self) -> dict[str, str]:
        """What it asks for, by DICOM keyword."""
        keys = {
            "StudyInstanceUID": self.study_uid,
            "SeriesInstanceUID": self.series_uid,
            "PatientID": self.patient_id,
            "AccessionNumber": self.accession_number,
            "StudyDate": self.study_date,
            "Modality": self.modality,
        }
        return {keyword: value for keyword, value in keys.items() if value is not None}

    def allows(self, attributes: Mapping[str, str]) -> bool:
        """Whether a series with these attributes, by keyword, is worth being fetched."""
        modality = attributes.get("Modality", "")
        if modality and self.modalities and modality not in self.modalities:
            return False
        return modality not in NO_IMAGES and agrees(attributes, self.keys())

    def holds(self, header: Dataset) -> bool:
        """Whether an image with this header is one of those wanted: what it lacks is not."""
        keys = self.keys()
        found = {keyword: "\\".join(exact_texts(header, keyword)) for keyword in keys}
        return all(found.values()) and agrees(found, keys)

    def __str__(self) -> str:
        words = [f"{keyword} {value}" for keyword, value in self.keys().items()]
        if self.modalities:
            words.append(f"a modality of {', '.join(sorted(self.modalities))}")
        return ", ".join(words) or "any attributes"


def matching(found: Matches, keys: Mapping[str, str]) -> Matches:
    """What does not contradict `keys`, each entity once."""
    entities: dict[tuple[str, str, str], Entity] = {}
    for entity in found.entities:
        if agrees(entity.attributes, keys):
            entities.setdefault((entity.study_uid, entity.series_uid, entity.sop_uid), entity)
    errors = [error for error in found.errors if agrees(error.attributes, keys)]
    return Matches(list(entities.values()), errors)


def agrees(attributes: Mapping[str, str], keys: Mapping[str, str]) -> bool:
    """Whether no attribute contradicts `keys`; one that is missing or empty does not."""
    return all(_fits(keyword, attributes.get(keyword, ""), keys[keyword]) for keyword in keys)


def _fits(keyword: str, value: str, wanted: str) -> bool:
    if not value:
        return True
    if keyword == "SeriesNumber":
        return value.strip().lstrip("+0") == wanted.lstrip("0")
    if keyword == "StudyDate" and "-" in wanted:
        first, _, last = wanted.partition("-")
        return (first or value) <= value <= (last or value)
    return value.strip() == wanted.strip()
