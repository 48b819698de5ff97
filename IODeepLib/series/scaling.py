"""From stored values to real ones: which numbers an image names for that, and what they count.

The Modality LUT or the rescaling (PS3.3 section C.11.1; in functional groups C.7.6.16.2.9), and for
an image that has neither its Real World Value Mapping (C.7.6.16.2.11). All of them are from stored
values; they are not done one after the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset
from pydicom.uid import (
    CTImageStorage,
    EnhancedCTImageStorage,
    LegacyConvertedEnhancedCTImageStorage,
)

from IODeepLib.codes.sequences import code_sequence
from IODeepLib.headers import first_number, items, number, numbers, text
from IODeepLib.series.frames import Frame, Invalid

HOUNSFIELD = "HU"  # Rescale Type, PS3.3 C.11.1.1.2
_HOUNSFIELD_UCUM = "[hnsf'U]"
_TRANSFORMATION = "PixelValueTransformationSequence"
# A slope of 0 would make every voxel the same.
_NO_FACTOR = "a number other than 0"

# Where Rescale Type is missing, these are in Hounsfield units: it is required for all others, and
# for images of several energies. (PS3.3 table C.8-3)
_HOUNSFIELD_UNLESS_STATED = (
    CTImageStorage,
    EnhancedCTImageStorage,
    LegacyConvertedEnhancedCTImageStorage,
)


@dataclass(frozen=True, slots=True)
class Unit:
    """What values count.

    Attributes:
        name: a Rescale Type ("HU", "US", "HU_MOD"), Units of PET ("BQML"), a UCUM code; "" where
            the image does not say.
        attribute: keyword of the attribute that says so, or that should.
        stated: whether it stands there; else the standard says so for images of this kind.
    """

    name: str
    attribute: str
    stated: bool = True

    def __str__(self) -> str:
        return self.name if self.stated or not self.name else f"{self.name}, not stated"


@dataclass(frozen=True, slots=True, eq=False)
class RealWorldValueMapping:
    """An item of a Real World Value Mapping: stored values from `first` to `last`.

    Attributes:
        table: (last - first + 1,) real values; None where slope and intercept make them.
    """

    first: float
    last: float
    slope: float
    intercept: float
    table: npt.NDArray[np.float64] | None


@dataclass(frozen=True, slots=True, eq=False)
class Scaling:
    """What makes real values of the stored ones of a frame.

    Attributes:
        unit: what the real values count.
        slope, intercept: of a rescaling.
        lookup_table: an item of a Modality LUT Sequence that replaces them, or None.
        mappings: of a real world value mapping, which replaces them; what none maps has no value.
        invalid: what is stated and cannot be true, or None.
        note: what a careful reader should know, or "".
    """

    unit: Unit
    slope: float = 1.0
    intercept: float = 0.0
    lookup_table: Dataset | None = None
    mappings: tuple[RealWorldValueMapping, ...] = ()
    invalid: Invalid | None = None
    note: str = ""

    @property
    def is_rescaling(self) -> bool:
        """Whether slope and intercept are all of it."""
        return self.lookup_table is None and not self.mappings


def scaling_of(frame: Frame) -> Scaling:
    """What `frame` says of its values."""
    header = frame.file.header
    tables = items(header, "ModalityLUTSequence")
    if tables:
        unit = Unit(text(tables[0], "ModalityLUTType"), "ModalityLUTType")
        return Scaling(unit, lookup_table=tables[0])
    slope, no_slope = _factor(frame, "RescaleSlope", _NO_FACTOR)
    intercept, no_intercept = _factor(frame, "RescaleIntercept", "a number")
    invalid = no_slope or no_intercept
    if invalid or slope is not None or intercept is not None:
        slope = 1.0 if slope is None else slope
        return Scaling(_rescaled_unit(frame), slope, intercept or 0.0, invalid=invalid)
    mapped = _mapping_items(frame)
    if mapped:
        return _mapped(mapped, frame)
    return Scaling(_unscaled_unit(frame))


def _factor(frame: Frame, keyword: str, wanted: str) -> tuple[float | None, Invalid | None]:
    """The number, None if there is none; and what stands there and cannot be one."""
    holder = frame.holder(keyword, _TRANSFORMATION)
    if holder is None:
        return None, None
    found = first_number(holder, keyword)
    valid = found != 0 or wanted != _NO_FACTOR
    if found is None:
        valid = not text(holder, keyword)
    return found, None if valid else Invalid.of(holder, keyword, wanted)


def _rescaled_unit(frame: Frame) -> Unit:
    holder = frame.holder("RescaleType", _TRANSFORMATION)
    stated = text(holder, "RescaleType").upper() if holder is not None else ""
    if stated:
        return Unit(HOUNSFIELD if stated.startswith("HOUNSFIELD") else stated, "RescaleType")
    header = frame.file.header
    several_energies = text(header, "MultienergyCTAcquisition") == "YES"
    if frame.file.sop_class in _HOUNSFIELD_UNLESS_STATED and not several_energies:
        return Unit(HOUNSFIELD, "RescaleType", stated=False)
    return _unscaled_unit(frame) if text(header, "Units") else Unit("", "RescaleType")


def _unscaled_unit(frame: Frame) -> Unit:
    units = text(frame.file.header, "Units")  # of PET, PS3.3 C.8.9.1
    return Unit(units, "Units") if units else Unit("", "RescaleSlope")


def _mapping_items(frame: Frame) -> tuple[Dataset, ...]:
    keyword = "RealWorldValueMappingSequence"
    holder = frame.holder(keyword)
    found = items(holder, keyword) if holder is not None else ()
    slope, table = "RealWorldValueSlope", "RealWorldValueLUTData"
    return tuple(item for item in found if slope in item or table in item)


def _mapped(mapped: tuple[Dataset, ...], frame: Frame) -> Scaling:
    """The items in the unit of the first one; a frame may have its values in several."""
    units = [_ucum(item) for item in mapped]
    mappings, invalid = [], None
    for item, name in zip(mapped, units, strict=True):
        if name == units[0]:
            mapping, wrong = _mapping(item, frame)
            mappings.append(mapping)
            invalid = invalid or wrong
    others = ", ".join(sorted({name or "no unit" for name in units} - {units[0] or "no unit"}))
    note = f"its values are those in {units[0] or 'no unit'}; it has them in {others}, too"
    unit = Unit(units[0], "MeasurementUnitsCodeSequence")
    return Scaling(unit, mappings=tuple(mappings), invalid=invalid, note=note if others else "")


def _ucum(item: Dataset) -> str:
    codes = code_sequence(item, "MeasurementUnitsCodeSequence")
    name = codes[0].value if codes else ""
    return HOUNSFIELD if name == _HOUNSFIELD_UCUM else name


def _mapping(item: Dataset, frame: Frame) -> tuple[RealWorldValueMapping, Invalid | None]:
    ends = []
    for end in ("FirstValueMapped", "LastValueMapped"):
        value = first_number(item, f"DoubleFloatRealWorldValue{end}")
        if value is None:
            value = short_number(item, f"RealWorldValue{end}")
        ends.append(value)
    first = -np.inf if ends[0] is None else ends[0]
    last = np.inf if ends[1] is None else ends[1]
    as_stored = stored_number(first, frame), stored_number(last, frame)
    if as_stored[0] <= as_stored[1]:
        first, last = as_stored
    table = numbers(item, "RealWorldValueLUTData")
    if "RealWorldValueLUTData" in item:
        wanted = f"a finite number for each of the stored values {first:g} to {last:g}"
        complete = len(table) == last - first + 1
        wrong = None if complete else Invalid.of(item, "RealWorldValueLUTData", wanted)
        return RealWorldValueMapping(first, last, 1.0, 0.0, np.array(table)), wrong
    slope = first_number(item, "RealWorldValueSlope")
    intercept = first_number(item, "RealWorldValueIntercept")
    wrong = None if slope else Invalid.of(item, "RealWorldValueSlope", _NO_FACTOR)
    return RealWorldValueMapping(first, last, slope or 1.0, intercept or 0.0, None), wrong


def short_number(holder: Dataset, keyword: str) -> float | None:
    """A number of 16 bits (US or SS); of implicit VR, where pydicom leaves bytes, as unsigned."""
    found = first_number(holder, keyword)
    if found is None and keyword in holder:
        value = holder[keyword].value
        if isinstance(value, bytes) and len(value) >= 2:
            found = number(int.from_bytes(value[:2], "little"))
    return found


def stored_number(value: float, frame: Frame) -> float:
    """A number of 16 bits as it was meant among the stored values of `frame`.

    Its VR, US or SS, should be that of the pixels; many files have it in the other one, where
    -2000 reads as 63536.
    """
    if not -(2**15) <= value < 2**16 or 0 <= value < 2**15:
        return value  # the same in both
    header = frame.file.header
    signed = first_number(header, "PixelRepresentation") == 1
    if value < 0:
        return value if signed else value + 2**16
    wider = (first_number(header, "BitsStored") or 16) > 16
    return value - 2**16 if signed and not wider else value
