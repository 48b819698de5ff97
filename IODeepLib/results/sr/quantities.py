"""What is measured, as coded concepts: names, units and how values were summed up.

PS3.16: names of TID 1419 and CID 7469, units of UCUM, derivations of CID 7464.
"""

from __future__ import annotations

import re

from IODeepLib.codes import Code
from IODeepLib.series import HOUNSFIELD, Unit

PRIVATE_SCHEME = "99IODEEP"


def _sct(value: str, meaning: str) -> Code:
    return Code(value, "SCT", meaning)


def _dcm(value: str, meaning: str) -> Code:
    return Code(value, "DCM", meaning)


def _ucum(value: str, meaning: str) -> Code:
    return Code(value, "UCUM", meaning)


def _own(value: str, meaning: str) -> Code:
    """Of a private scheme, where no context group has it. (PS3.16 section 8.2)"""
    return Code(value, PRIVATE_SCHEME, meaning)


VOLUME = _sct("118565006", "Volume")  # CID 7472
LONG_AXIS = _sct("103339001", "Long Axis")  # CID 7470
SHORT_AXIS = _sct("103340004", "Short Axis")
SURFACE = _own("SURFACE", "Surface area")  # CID 7471 has that of meshes only
PROBABILITY = _dcm("122157", "Probability")

SCORE = _own("SCORE", "Score of the network")
ENTROPY_INSIDE = _own("ENTROPY_INSIDE", "Entropy inside of the segment")
ENTROPY_BORDER = _own("ENTROPY_BORDER", "Entropy on the border of the segment")
DISAGREEMENT = _own("DISAGREEMENT", "Share of networks that decide otherwise")

MEAN = _sct("373098007", "Mean")  # CID 7464
STDEV = _sct("386136009", "Standard Deviation")
MINIMUM = _sct("255605001", "Minimum")
MEDIAN = _sct("373099004", "Median")
MAXIMUM = _sct("56851009", "Maximum")

MILLILITER = _ucum("ml", "milliliter")
MILLIMETER = _ucum("mm", "millimeter")
SQUARE_MILLIMETER = _ucum("mm2", "square millimeter")
PERCENT = _ucum("%", "percent")
NO_UNITS = _ucum("1", "no units")

PRESENCE = _dcm("121052", "Presence of property")
PRESENT = _sct("52101004", "Present")  # CID 240
ABSENT = _sct("272519000", "Absent")
# What a network does not find may be there all the same, or beyond the images: not "absent".
NOT_FOUND = _own("NOT_FOUND", "Looked for and not found")

MANUFACTURER = _dcm("122405", "Algorithm Manufacturer")  # TID 4019
FAMILY = _dcm("111000", "Algorithm Family")

SUMMARY = _dcm("121111", "Summary")
COMMENT = _dcm("121106", "Comment")
STEP = _own("STEP", "What was done to the images")
REASON = _own("REASON", "Why this network was chosen")

_ATTENUATION = _dcm("112031", "Attenuation Coefficient")
SUV = _dcm("126401", "SUVbw")
_ACTIVITY = _dcm("110821", "Nuclear Medicine Tomographic Activity")
_MR_SIGNAL = _dcm("110852", "MR signal intensity")
_IMAGE_VALUE = _own("IMAGE_VALUE", "Value of the image")
_BECQUEREL = _ucum("Bq/ml", "Becquerels/milliliter")
SUV_UNIT = _ucum("{SUVbw}g/ml", "Standardized Uptake Value body weight")

# What values count, by what `Unit` calls it: Rescale Type (PS3.3 C.11.1.1.2), Units of PET (CID 84
# by C.8.9.1.1.3), and a UCUM code that images name themselves.
_UNITS = {
    HOUNSFIELD: _ucum("[hnsf'U]", "Hounsfield unit"),
    "HU_MOD": _dcm("129321", "Modified Hounsfield Unit"),
    "MGML": _ucum("mg/ml", "mg/ml"),
    "PCT": PERCENT,
    "US": NO_UNITS,
    "NONE": NO_UNITS,
    "BQML": _BECQUEREL,
    "Bq/ml": _BECQUEREL,
    "CNTS": _ucum("{counts}", "Counts"),
    "CPS": _ucum("{counts}/s", "Counts per second"),
    "PROPCNTS": _ucum("{propcounts}", "Proportional to counts"),
    "PROPCPS": _ucum("{propcounts}/s", "Proportional to counts per second"),
    "PCNT": PERCENT,
    "GML": _ucum("g/ml", "Gram/milliliter"),
    "SUVbw": SUV_UNIT,
    "{SUVbw}g/ml": SUV_UNIT,
    "g/ml{SUVbw}": SUV_UNIT,
    "MLG": _ucum("ml/g", "Milliliter/gram"),
    "CM2": _ucum("cm2", "Centimeter**2"),
    "CM2ML": _ucum("cm2/ml", "Centimeter**2/milliliter"),
    "1CM": _ucum("/cm", "/Centimeter"),
    "MLMING": _ucum("ml/min/g", "Milliliter/minute/gram"),
    "MLMINML": _ucum("ml/min/ml", "Milliliter/minute/milliliter"),
    "MGMINML": _ucum("mg/min/ml", "Milligrams/minute/milliliter"),
    "UMOLML": _ucum("umol/ml", "Micromole/milliliter"),
}
_QUANTITIES = {_UNITS[HOUNSFIELD]: _ATTENUATION, SUV_UNIT: SUV, _BECQUEREL: _ACTIVITY}
# UCUM takes any printable ASCII but braces as an annotation of a number without unit.
_ANNOTATION = re.compile(r"[!-z|~]{1,14}", re.ASCII)
_UCUM_ATTRIBUTE = "MeasurementUnitsCodeSequence"


def unit_of(unit: Unit) -> Code:
    """What the values of an image count, as a code.

    Units that no table has stand as the image says them: a UCUM code as it is, any other word as an
    annotation (UCUM section 6) of a number without units.
    """
    if unit.name in _UNITS:
        return _UNITS[unit.name]
    name = unit.name.strip()
    if unit.attribute == _UCUM_ATTRIBUTE and re.fullmatch(r"[!-~]{1,64}", name, re.ASCII):
        return _ucum(name, name)
    return _ucum(f"{{{name}}}", name) if _ANNOTATION.fullmatch(name) else NO_UNITS


def quantity_of(unit: Code, modality: str) -> Code:
    """What the values of an image are: the attenuation for Hounsfield units, and the like.

    Args:
        unit: what they count, see `unit_of`.
        modality: of the image.
    """
    if unit == NO_UNITS and modality == "MR":
        return _MR_SIGNAL
    return _QUANTITIES.get(unit, _IMAGE_VALUE)
