"""What a page must not say of a person, although sentences on the images could.

Descriptions of series, which notes and reasons quote, are free text; so are attributes that a
network makes a condition on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

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
_LONG = 5  # characters: of what is as long, a part of a word is no chance
# Scripts that put no space between words, or endings on names: Thai to Khmer, East Asia.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\ud7ff\uf900-\uffef\U00020000-\U0003ffff]"
)
_BETWEEN = r"[\W_]*"  # what may stand between the parts of a name, or of a date
# A keyword and what is said of it, as sentences have them that quote a header.
_STATED = re.compile(r"\b((?:[A-Z][a-z]+){2,}) ([^,;()]+)")
# As sentences write those of headers, and as people write them in descriptions.
_DATE = re.compile(r"(?<![\d.])(\d{4}-\d\d-\d\d|\d{1,2}([./-])\d{1,2}\2(19|20)\d\d)(?![\d.]\d|\d)")
_MOST_WORDS = 1000  # of all series together


class Privacy:
    """Leaves out of sentences what identifies the patients of `images`."""

    def __init__(self, images: Sequence[Image]) -> None:
        words = (word for image in images for word in _identifying(image.header))
        found = list(islice(dict.fromkeys(words), _MOST_WORDS))  # the patient's own come first
        pattern = "|".join(word for _, word in sorted(found, reverse=True))
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


Word = tuple[int, str]  # how long it is, and a pattern: of two, the longer one counts


def _identifying(header: Dataset) -> Iterator[Word]:
    """What stands in attributes on the patient."""
    for tag in header.keys():  # noqa: SIM118 - a data set gives its elements, which it would read
        keyword = keyword_for_tag(tag)
        if not keyword or not _is_private(keyword) or keyword in _DESCRIPTIONS:
            continue
        vr = dictionary_VR(tag)
        if vr not in _TEXTS | _DATES:
            continue
        for value in map(plain, exact_texts(header, keyword)):
            yield from _word(value)
            if vr in _PERSONS:
                yield from _name(value)
            if vr in _DATES:
                yield from _date(value)


def _name(value: str) -> Iterator[Word]:
    """Each part of a name; and two of them together, which may be short, in both orders."""
    for group in value.split("="):  # in letters, in ideographs, as it is spoken (PS3.5 6.2)
        parts = group.replace("^", " ").split()
        for part in parts:
            yield from _word(part)
        if len(parts) > 1:
            yield from _word(*parts[:2])
            yield from _word(*parts[1::-1])


def _date(value: str) -> Iterator[Word]:
    """A date as people write it, with two digits of the year, too."""
    if re.fullmatch(r"\d{8}.*", value):
        year, month, day = value[:4], value[4:6], value[6:8]
        for parts in ((year, month, day), (day, month, year), (month, day, year)):
            yield from _word(*parts)
        yield from _word(year[2:], month, day)


def _word(*parts: str) -> Iterator[Word]:
    """A pattern for what is long enough to be looked for."""
    whole, pattern = "".join(parts), _BETWEEN.join(map(re.escape, parts))
    if _UNSPACED.search(whole):
        if len(whole) > 1:
            yield len(whole), pattern
    elif len(whole) < _SHORTEST:
        return
    elif whole.isdigit() and len(whole) >= _LONG:
        yield len(whole), rf"(?<!\d){pattern}(?!\d)"
    elif len(whole) >= _LONG:
        yield len(whole), pattern
    else:
        yield len(whole), rf"(?<![^\W_]){pattern}(?![^\W_])"
