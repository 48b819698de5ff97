"""The DICOM JSON model (PS3.18 annex F), as far as answers to searches and to storing need it.

Nothing here raises because of what one value holds: a value that cannot be understood is a missing
one. Only what is no answer at all is an error.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydicom.datadict import tag_for_keyword

# What is looked at in an answer to a search.
_KEYWORDS = (
    *("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID"),
    *("PatientID", "AccessionNumber", "StudyDate", "Modality", "SeriesNumber"),
    "NumberOfSeriesRelatedInstances",
)
_TAGS = {f"{tag_for_keyword(keyword):08X}": keyword for keyword in _KEYWORDS}
_LONGEST_VALUE = 1024  # characters; all of these have 64 at most


def answers_in(content: bytes) -> list[dict[str, str]]:
    """The answers to a search, each as text by keyword.

    Raises:
        ValueError: it is no list of answers.
    """
    answers = parsed(content)
    if not isinstance(answers, list):
        raise ValueError("no list")
    return [_attributes(answer) for answer in answers]


def parsed(content: bytes) -> Any:
    """What is in JSON.

    Raises:
        ValueError: it is none.
    """
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError("JSON that is nested too deeply") from None


def items(answer: Any, tag: str) -> list[dict[str, Any]]:
    """The items of a sequence; none if it is not there."""
    element = answer.get(tag) if isinstance(answer, dict) else None
    values = element.get("Value") if isinstance(element, dict) else None
    return [item for item in values if isinstance(item, dict)] if isinstance(values, list) else []


def text(dataset: Mapping[str, Any], tag: str) -> str:
    """The values of an element, joined by a backslash; "" if there are none."""
    element = dataset.get(tag)
    values = element.get("Value") if isinstance(element, dict) else None
    if not isinstance(values, list):
        return ""
    found = [str(value) for value in values if isinstance(value, (str, int, float))]
    joined = "\\".join(found)
    return joined if len(joined) <= _LONGEST_VALUE else joined[:_LONGEST_VALUE] + "..."


def _attributes(answer: Any) -> dict[str, str]:
    if not isinstance(answer, dict):
        raise ValueError("an answer that has no attributes")
    return {keyword: text(answer, tag) for tag, keyword in _TAGS.items() if tag in answer}
