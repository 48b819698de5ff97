"""What an SR says of a result, read back: from anywhere, and checked here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime

from pydicom.dataset import Dataset

from IODeepLib.codes import Code
from IODeepLib.codes.sequences import code_sequence
from IODeepLib.headers import items, text
from IODeepLib.results.assessment import vocabulary as v
from IODeepLib.results.assessment.assessment import Assessment, Verdict
from IODeepLib.text.foreign import is_uid

_MOST_ITEMS = 1000  # of one sequence; there are five


def read_assessment(header: Dataset) -> Assessment | None:
    """What the SR with this header says; None of any other object, and of one that says less."""
    if v.ASSESSMENT_TITLE not in code_sequence(header, "ConceptNameCodeSequence"):
        return None
    for container in _named(header, v.EVALUATIONS):
        for item in _named(container, v.VERDICT):
            return _assessment(header, item)
    return None


def _assessment(header: Dataset, item: Dataset) -> Assessment | None:
    verdict = _verdict(item)
    by = next((text(one, "PersonName") for one in _named(header, v.PERSON_NAME)), "").rstrip("^ ")
    assessed, corrected = (_uid_of(item, name) for name in (v.ASSESSED, v.CORRECTION))
    own = text(header, "SOPInstanceUID")
    when = _moment(text(item, "ObservationDateTime"))
    if verdict is None or when is None or not by or not assessed or not is_uid(own):
        return None
    reason = next((text(one, "TextValue") for one in _named(item, v.WHY)), "")
    return Assessment(verdict, assessed, by, when, reason, corrected, own)


def _verdict(item: Dataset) -> Verdict | None:
    said = code_sequence(item, "ConceptCodeSequence")
    return next((verdict for verdict, code in v.VERDICTS.items() if code in said), None)


def _uid_of(item: Dataset, name: Code) -> str:
    """Of the object that is referred to under this name; "" for none."""
    for one in _named(item, name):
        for reference in items(one, "ReferencedSOPSequence")[:1]:
            uid = text(reference, "ReferencedSOPInstanceUID")
            return uid if is_uid(uid) else ""
    return ""


def _moment(value: str) -> datetime | None:
    with suppress(ValueError):
        return datetime.strptime(value, "%Y%m%d%H%M%S%z")
    return None


def _named(around: Dataset, name: Code) -> Iterator[Dataset]:
    for item in items(around, "ContentSequence")[:_MOST_ITEMS]:
        if name in code_sequence(item, "ConceptNameCodeSequence"):
            yield item
