"""What others say of a procedure step, checked once; and how it is kept and compared."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from pydicom.datadict import dictionary_has_tag, dictionary_VR, keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.valuerep import DT

from IODeepLib.headers import quiet, text
from IODeepLib.service.ups.refusals import Status, UpsError
from IODeepLib.text.foreign import is_uid
from IODeepLib.text.json_text import StructureError, parse_json

MOST_BYTES = 2**20  # of a step in JSON
_MOST_ELEMENTS, _DEEPEST = 20_000, 16
_GROUPS_OF_FILES = 2  # and of commands
_BINARY = {"OB", "OD", "OF", "OL", "OV", "OW", "UN"}
_IN_JSON = {"vr", "Value"}
_START = "ScheduledProcedureStepStartDateTime"
# What a step has to say when it is made (PS3.4 table CC.2.5-3).
_NEEDED = (
    "ProcedureStepState",
    "ScheduledProcedureStepPriority",
    "ProcedureStepLabel",
    _START,
    "InputReadinessState",
)
_CHOICES = {
    "ScheduledProcedureStepPriority": {"HIGH", "MEDIUM", "LOW"},
    "InputReadinessState": {"READY", "UNAVAILABLE", "INCOMPLETE"},
}
# What is no attribute of the step itself, or only changes in other ways.
_ONLY_OURS = ("SOPClassUID", "SOPInstanceUID", "ProcedureStepState")
_NOT_KEPT = (*_ONLY_OURS, "TransactionUID", "SpecificCharacterSet")
# What a step has to say when it has ended well, in its only item of what was performed.
_PERFORMED = "UnifiedProcedureStepPerformedProcedureSequence"
_NEEDED_AT_END = (
    "PerformedStationNameCodeSequence",
    "PerformedProcedureStepStartDateTime",
    "PerformedWorkitemCodeSequence",
    "PerformedProcedureStepEndDateTime",
)


def from_json(content: bytes) -> Dataset:
    """A data set in the DICOM JSON model (PS3.18 annex F), or a list with one.

    Raises:
        UpsError: it is none.
    """
    try:
        if len(content) > MOST_BYTES:
            raise ValueError
        value = parse_json(content.decode())
        if isinstance(value, list) and len(value) == 1:
            value = value[0]
        if not isinstance(value, dict):
            raise TypeError
        _only_values(value)
        with quiet():
            return Dataset.from_json(value)
    except StructureError as error:
        raise UpsError(Status.BAD_VALUE, error.found) from None
    except Exception:  # pydicom raises whatever a broken one leads it to
        raise UpsError(Status.BAD_VALUE, "no data set in DICOM JSON") from None


def _only_values(found: Any, depth: int = 0) -> None:
    """Raise if a data set in JSON has anything but values, such as addresses of them."""
    if depth > _DEEPEST:
        raise ValueError
    for element in found.values():
        if not element.keys() <= _IN_JSON:
            raise ValueError
        if element["vr"] == "SQ":
            for item in element.get("Value", []):
                _only_values(item, depth + 1)


def to_json(found: Dataset) -> dict[str, Any]:
    """A data set in the DICOM JSON model."""
    with quiet():
        value: dict[str, Any] = found.to_json_dict(suppress_invalid_tags=True)
    return value


def checked(given: Dataset) -> tuple[Dataset, bool]:
    """What came, without what is not kept; and whether there was something of that.

    Raises:
        UpsError: it has values that are none.
    """
    with quiet():
        try:
            kept = _checked(given, [0], 0)
        except UpsError:
            raise
        except Exception:  # pydicom raises whatever a broken one leads it to
            raise UpsError(Status.BAD_VALUE) from None
        if len(json.dumps(to_json(kept))) > MOST_BYTES:
            raise UpsError(Status.FULL, "a data set that is too large")
    return kept, len(kept) != len(given)


def _checked(given: Dataset, count: list[int], depth: int) -> Dataset:
    kept = Dataset()
    if depth > _DEEPEST:
        raise UpsError(Status.BAD_VALUE, "sequences that are nested too deeply")
    for element in given:
        count[0] += 1
        if count[0] > _MOST_ELEMENTS:
            raise UpsError(Status.FULL, "too many attributes")
        known = dictionary_has_tag(element.tag) and element.tag.group > _GROUPS_OF_FILES
        if not known or element.VR in _BINARY:
            continue
        if (dictionary_VR(element.tag) == "SQ") != (element.VR == "SQ"):
            raise UpsError(Status.BAD_VALUE, keyword_for_tag(element.tag))
        if element.VR == "SQ":
            items = [_checked(item, count, depth + 1) for item in element.value]
            kept.add(DataElement(element.tag, "SQ", items))
            continue
        if element.VR == "UI" and not all(map(is_uid, _values(element))):
            raise UpsError(Status.BAD_VALUE, keyword_for_tag(element.tag))
        kept.add(element)
    return kept


def _values(element: DataElement) -> list[str]:
    value = element.value
    many = value if isinstance(value, list | tuple) or element.VM > 1 else [value]
    return [str(one) for one in many if one not in (None, "")]


def new_step(given: Dataset) -> tuple[Dataset, bool]:
    """A step that is to be made, as `checked` gives it.

    Raises:
        UpsError: it lacks something, or says what only happens later.
    """
    if text(given, "TransactionUID"):
        raise UpsError(Status.BAD_VALUE, "TransactionUID")
    for keyword in _NEEDED:
        if keyword not in given:
            raise UpsError(Status.MISSING, keyword)
        if not text(given, keyword):
            raise UpsError(Status.EMPTY, keyword)
    if text(given, "ProcedureStepState") != "SCHEDULED":
        raise UpsError(Status.NOT_SCHEDULED)
    _check_choices(given)
    kept, changed = checked(given)
    return _bare(kept), changed


def _bare(kept: Dataset) -> Dataset:
    """Without what is no attribute of the step itself."""
    for keyword in _NOT_KEPT:
        kept.pop(keyword, None)
    return kept


def _check_choices(given: Dataset) -> None:
    for keyword, choices in _CHOICES.items():
        if text(given, keyword) and text(given, keyword) not in choices:
            raise UpsError(Status.BAD_VALUE, keyword)
    starts = text(given, _START)
    if starts and moment(starts) is None:
        raise UpsError(Status.BAD_VALUE, _START)


def moment(words: str) -> datetime | None:
    """When that is (VR DT), by the clock of this machine where no zone stands; None if never."""
    try:
        found = DT(words)
        return None if found is None else found.astimezone()
    except (ValueError, OverflowError):
        return None


def updated(step: Dataset, given: Dataset) -> Dataset:
    """A step with what is set in it.

    Raises:
        UpsError: something is set that cannot be.
    """
    for keyword in _ONLY_OURS:
        if keyword in given:
            raise UpsError(Status.NO_SUCH_ATTRIBUTE, keyword)
    _check_choices(given)
    kept, _ = checked(given)
    changed = Dataset()
    changed.update(step)
    changed.update(_bare(kept))
    if len(json.dumps(to_json(changed))) > MOST_BYTES:
        raise UpsError(Status.FULL, "a data set that is too large")
    return changed


def check_completed(step: Dataset) -> None:
    """Whether a step says what it has to when it has ended well (PS3.4 section CC.2.5.1.1).

    Raises:
        UpsError: it does not.
    """
    performed = step.get(_PERFORMED) or []
    done = performed[0] if len(performed) == 1 else Dataset()
    for keyword in _NEEDED_AT_END:
        if not done.get(keyword):
            raise UpsError(Status.NOT_FIT_TO_END, keyword)
    if "OutputInformationSequence" not in done:
        raise UpsError(Status.NOT_FIT_TO_END, "OutputInformationSequence")
