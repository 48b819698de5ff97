"""Which images are wanted; and what was found, filtered: servers pass over unknown keys."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pydicom.dataset import Dataset

from IODeepLib.errors import UsageError
from IODeepLib.headers import text
from IODeepLib.sources.archive import Entry

# Modalities of series that hold no image of the patient to read, but what was made of one.
# (PS3.3 section C.7.3.1.1.1)
_NO_IMAGES = {
    *("SEG", "SR", "PR", "KO", "AU", "DOC", "FID", "HC", "REG", "RWV", "PLAN", "STAIN"),
    *("RTSTRUCT", "RTDOSE", "RTPLAN", "RTRECORD", "ECG", "EPS", "HD", "RESP", "SMR"),
}


# Of each key: what it has to look like, as a pattern and in words. UIDs as they occur, with zeros
# where they should not be.
_UID = r"[0-9.]{1,64}", "a UID: digits and dots"
_DATE = r"\d{8}|\d{8}-|-\d{8}|\d{8}-\d{8}", "YYYYMMDD, or YYYYMMDD-YYYYMMDD"
_TEXT = r"[^\\\x00-\x1f]*[^\\\x00-\x20][^\\\x00-\x1f]*", "a text of one line"
_FORMS = {
    **dict.fromkeys(("StudyInstanceUID", "SeriesInstanceUID"), _UID),
    **dict.fromkeys(("PatientID", "AccessionNumber"), _TEXT),
    "StudyDate": _DATE,
    "Modality": (r"[A-Z0-9 _]{1,16}", "a modality such as CT"),
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
            pattern, wanted = _FORMS[keyword]
            if not re.fullmatch(pattern, value):
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
        return modality not in _NO_IMAGES and agrees(attributes, self.keys())

    def holds(self, header: Dataset) -> bool:
        """Whether an image with this header is one of those wanted: what it lacks is not."""
        keys = self.keys()
        found = {keyword: text(header, keyword) for keyword in keys}
        return all(found.values()) and agrees(found, keys)

    def __str__(self) -> str:
        words = [f"{keyword} {value}" for keyword, value in self.keys().items()]
        if self.modalities:
            words.append(f"a modality of {', '.join(sorted(self.modalities))}")
        return ", ".join(words) or "any attributes"


def matching(entries: Iterable[Entry], keys: Mapping[str, str]) -> list[Entry]:
    """The entries that do not contradict `keys`, each one once."""
    found: dict[tuple[str, str, str], Entry] = {}
    for entry in entries:
        if agrees(entry.attributes, keys):
            found.setdefault((entry.study_uid, entry.series_uid, entry.sop_uid), entry)
    return list(found.values())


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
