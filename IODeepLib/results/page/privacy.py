"""What a page must not say of a person, although sentences on the images could.

Descriptions of series, which notes and reasons quote, are free text; so are attributes that a
network makes a condition on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from pydicom.datadict import dictionary_VR, keyword_for_tag, tag_for_keyword
from pydicom.dataset import Dataset

from IODeepLib.headers import exact_texts
from IODeepLib.series import Image
from IODeepLib.text.foreign import plain

LEFT_OUT = "(left out here)"
NOTHING = "nothing"  # what a reason says of an attribute without a value
_PATIENT = 0x0010  # the group of what is known of the patient
# What stands for a person or an examination in other groups.
_OTHERS = """
AccessionNumber StudyID AdmissionID RequestedProcedureID InstitutionName
InstitutionAddress InstitutionalDepartmentName StationName IssuerOfAdmissionID
ClinicalTrialSubjectID ClinicalTrialSubjectReadingID PerformedProcedureStepID
"""
# This is said of no person, but it may be: "Follow-up of Mrs. Doe". Its words are those of anatomy.
_DESCRIPTIONS = {"StudyDescription"}
_TEXTS = {"PN", "LO", "SH", "LT", "ST", "UT", "UC"}
_PERSONS, _DATES = {"PN"}, {"DA", "DT"}
_SHORTEST = 3  # characters: a number or a letter is said of many things
# A keyword and what is said of it, as sentences have them that quote a header.
_STATED = re.compile(r"\b((?:[A-Z][a-z]+){2,}) ([^,;()]+)")
_DATE = re.compile(r"\b\d{4}-\d\d-\d\d\b")  # as sentences write those of headers
_MOST_WORDS = 500  # of one series


class Privacy:
    """Leaves out of sentences what identifies the patients of `images`."""

    def __init__(self, images: Sequence[Image]) -> None:
        found = {word.casefold(): word for image in images for word in _identifying(image.header)}
        longest_first = sorted(found.values(), key=len, reverse=True)[:_MOST_WORDS]
        pattern = "|".join(rf"(?<!\w){re.escape(word)}(?!\w)" for word in longest_first)
        self._pattern = re.compile(pattern, re.IGNORECASE) if pattern else None

    def __call__(self, sentence: str) -> str:
        """`sentence` without the words."""
        shown = _DATE.sub(LEFT_OUT, _STATED.sub(_without_value, plain(sentence)))
        return shown if self._pattern is None else self._pattern.sub(LEFT_OUT, shown)

    def note(self, sentence: str, reasons: Sequence[Mapping[str, str]]) -> str:
        """A sentence that may repeat what was found in attributes about the patient.

        Args:
            sentence: one of `notes`.
            reasons: what was found, as in `result.json`.
        """
        for one in reasons:
            said, attribute = one["found"], one["attribute"]
            if _is_private(attribute) and f"({attribute}" in sentence and said != NOTHING:
                sentence = sentence.replace(said, LEFT_OUT)
        return self(sentence)

    def value(self, attribute: str, said: str) -> str:
        """What was found in an attribute; nothing of one that is about the patient.

        Args:
            attribute: its keyword.
            said: its value, in words.
        """
        return LEFT_OUT if _is_private(attribute) and said != NOTHING else self(said)


def _without_value(match: re.Match[str]) -> str:
    """`PatientWeight 70 kg` without what it says of the patient."""
    keyword = match.group(1)
    return f"{keyword} {LEFT_OUT}" if _is_private(keyword) else match.group()


def _is_private(keyword: str) -> bool:
    tag = tag_for_keyword(keyword)
    if tag is None:
        return False
    vr = dictionary_VR(tag)
    named = keyword in _OTHERS.split() or keyword in _DESCRIPTIONS
    return tag >> 16 == _PATIENT or named or vr in _PERSONS | _DATES


def _identifying(header: Dataset) -> Iterator[str]:
    """Words that stand in attributes on the patient."""
    for tag in header.keys():  # noqa: SIM118 - a data set gives its elements, which it would read
        keyword = keyword_for_tag(tag)
        if not keyword or not _is_private(keyword) or keyword in _DESCRIPTIONS:
            continue
        vr = dictionary_VR(tag)
        if vr not in _TEXTS | _DATES:
            continue
        for value in exact_texts(header, keyword):
            whole = plain(value)
            parts = [whole, *re.split(r"[\^=\s]+", whole)] if vr in _PERSONS else [whole]
            yield from (part for part in parts if len(part) >= _SHORTEST)
