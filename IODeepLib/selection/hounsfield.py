"""Whether what a network takes for Hounsfield units is such.

A network for CT whose intensity steps count in fixed numbers (`Requirements.absolute`) gives
nonsense on values of another unit, and nonsense looks like a result. What an image says decides
(`Unit`); where it says nothing, or that the unit is unspecified, it is unknown, and the voxels are
looked at.
"""

from __future__ import annotations

from collections.abc import Sequence

from IODeepLib.errors import ImageError
from IODeepLib.geometry import Volume
from IODeepLib.recipe import Requirements
from IODeepLib.selection.criteria import Reason, Verdict
from IODeepLib.series import HOUNSFIELD, Image, Unit

# Rescale Types and units that say that nothing is said. (PS3.3 C.11.1.1.2; UCUM "1": no unit)
_UNSPECIFIED = ("", "US", "1")
# Air has -1000, lungs have -900 to -500: an image of a patient in Hounsfield units has voxels below
# unless it is cropped to soft tissue.
_AIR_BELOW = -500


def reason(asked: Requirements, images: Sequence[Image]) -> Reason:
    """The criterion: do the series that fill the channels count in what the network counts in?

    Args:
        images: one a channel; or only the series that was asked about, if not all can be filled.
    """
    counted = [
        unit
        for image, absolute in zip(images, asked.absolute, strict=False)
        if absolute and _may_be_ct(image, asked)
        for unit in image.units
    ]
    if not counted:
        unit = images[0].units[0]
        return Reason("values", Verdict.ANY, "any", str(unit) or "nothing", unit.attribute)
    unit = max(counted, key=lambda unit: _SEVERITY[_verdict(unit)])
    required = f"Hounsfield units ({HOUNSFIELD})"
    return Reason("values", _verdict(unit), required, str(unit) or "nothing", unit.attribute)


def notes(asked: Requirements, images: Sequence[Image], volumes: Sequence[Volume]) -> list[str]:
    """What the voxels say of series that do not say themselves what they count in.

    Raises:
        ImageError: one says nothing, and has no value that air has.
    """
    found = []
    for image, volume, absolute in zip(images, volumes, asked.absolute, strict=True):
        doubtful = [unit for unit in image.units if unit.name != HOUNSFIELD or not unit.stated]
        if not absolute or not doubtful or not _may_be_ct(image, asked) or _has_air(volume):
            continue
        unit = doubtful[0]
        said = f"{unit.attribute} {unit.name}" if unit.name and unit.stated else ""
        said = said or f"no {unit.attribute}"
        if unit.name == HOUNSFIELD or not image.modality:
            found.append(
                f"the model counts in Hounsfield units; the series {image.label} has {said}, and "
                f"no value below {_AIR_BELOW}, as air has: it may count in others"
            )
            continue
        raise ImageError(
            f"series {image.label}: {said}, and no value below {_AIR_BELOW}, as air has in "
            "Hounsfield units",
            "Hounsfield units, in which the model counts",
            "choose the original series, or have its Rescale Type, Slope and Intercept corrected",
        )
    return found


def _may_be_ct(image: Image, asked: Requirements) -> bool:
    return image.modality == "CT" or (not image.modality and "CT" in asked.applies_to.modalities)


def _verdict(unit: Unit) -> Verdict:
    if unit.name == HOUNSFIELD:
        return Verdict.FITS
    return Verdict.UNKNOWN if unit.name in _UNSPECIFIED else Verdict.FAILS


_SEVERITY = {Verdict.FITS: 0, Verdict.UNKNOWN: 1, Verdict.FAILS: 2}


def _has_air(volume: Volume) -> bool:
    return any(plane.min() < _AIR_BELOW for plane in volume.array)
