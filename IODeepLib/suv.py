"""Standardised uptake values by body weight: what a PET series says of dose, decay and weight.

SUVbw is activity per millilitre, divided by the dose per gram of the patient, both at the time to
which the voxels are corrected for decay. The rules are those that QIBA agreed with the makers of
scanners (qibawiki.rsna.org, "Standardized Uptake Value"); units and corrections are in PS3.3
section C.8.9.1. What is not stated is never guessed at.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Sequence
from datetime import datetime, timedelta

from pydicom.dataset import Dataset

from IODeepLib.errors import ImageError
from IODeepLib.headers import first_number, items, number, text, texts
from IODeepLib.recipe import Input, IntensityStep, ScaleOffset, SuvBw
from IODeepLib.series import Image

_PHILIPS, _SUV_FACTOR, _ACTIVITY_FACTOR = "Philips PET Private Group", 0x00, 0x09  # group 7053
_GE, _SCAN_START = "GEMS_PETD_01", 0x0D  # group 0009

# A dose is stated in becquerels. Some files have megabecquerels there; no patient, not even a
# mouse, is given less than this.
LEAST_DOSE = 1e5


def in_suv(input_: Input, channels: Sequence[Image]) -> tuple[Input, list[str]]:
    """`input_` with every `suv_bw` step as the factor that it is for the series of its channel.

    Returns:
        The input, and a sentence for each series on the factor and what it is made from.

    Raises:
        ImageError: a series does not say what is needed for it.
    """
    notes: list[str] = []
    resolved = []
    for channel, series in zip(input_.channels, channels, strict=True):
        lists = input_.steps(channel)
        if any(isinstance(step, SuvBw) for steps in lists for step in steps):
            factor, how = suv_factor(series)
            notes.append(f"SUV by body weight: {how}; factor {factor:.4g}")
            before, after = (tuple(_scaled(step, factor) for step in steps) for steps in lists)
            channel = dataclasses.replace(channel, intensity_before_grid=before, intensity=after)
        resolved.append(channel)
    return dataclasses.replace(input_, channels=tuple(resolved)), notes


def _scaled(step: IntensityStep, factor: float) -> IntensityStep:
    return ScaleOffset(scale=factor) if isinstance(step, SuvBw) else step


def suv_factor(series: Image) -> tuple[float, str]:
    """What the values of `series` are multiplied by to become SUVbw, and how it comes about.

    Raises:
        ImageError: it does not say what is needed; the message names the attribute.
    """
    try:
        factor, how = _factor(series, series.header)
        if math.isfinite(factor) and factor > 0:
            return factor, how
    except (OverflowError, ZeroDivisionError):
        pass
    raise _refused(
        series,
        "RadionuclideTotalDose, RadionuclideHalfLife or times that cannot be true",
        "those of the examination",
    )


def _factor(series: Image, header: Dataset) -> tuple[float, str]:
    if series.modality != "PT":
        raise _refused(series, f"Modality {series.modality or 'nothing'}", "PT")
    units = text(header, "Units")
    if units == "GML":
        kind = text(header, "SUVType") or "BW"
        if kind != "BW":
            raise _refused(series, f"SUVType {kind}", "BW, or activities (Units BQML)")
        return 1.0, "the series holds it (Units GML)"
    _check_corrections(series, header)
    if units == "BQML":
        dose, how = _dose_per_gram(series, header)
        return 1 / dose, how
    if units == "CNTS":
        factor = _private(header, 0x7053, _PHILIPS, _SUV_FACTOR)
        if factor:
            return factor, "the scanner's own factor (7053,xx00) for counts"
        activity = _private(header, 0x7053, _PHILIPS, _ACTIVITY_FACTOR)
        if activity:
            dose, how = _dose_per_gram(series, header)
            return activity / dose, f"{how}, counts to Bq/ml by the scanner's factor (7053,xx09)"
        raise _refused(series, "Units CNTS without the scanner's factor (7053,xx00)", "this factor")
    raise _refused(series, f"Units {units or 'nothing'}", "BQML, GML or CNTS")


def _check_corrections(series: Image, header: Dataset) -> None:
    corrected = texts(header, "CorrectedImage")
    if "ATTN" not in corrected:
        found = "\\".join(corrected) or "nothing"
        raise _refused(series, f"CorrectedImage {found}", "ATTN among it: attenuation corrected")
    if text(header, "DecayCorrection") in ("START", "ADMIN") and "DECY" not in corrected:
        found = "\\".join(corrected)
        raise _refused(
            series,
            f"CorrectedImage {found} without DECY, but DecayCorrection "
            f"{text(header, 'DecayCorrection')}",
            "both to say the same",
        )


def _dose_per_gram(series: Image, header: Dataset) -> tuple[float, str]:
    """Becquerels a gram of the patient at the time of the voxels, and how that comes about."""
    weight = first_number(header, "PatientWeight") or 0.0
    if weight <= 0:
        raise _refused(series, "no PatientWeight", "kilograms")
    given = items(header, "RadiopharmaceuticalInformationSequence")
    if len(given) != 1:
        raise _refused(
            series, f"{len(given)} items in RadiopharmaceuticalInformationSequence", "one"
        )
    dose = first_number(given[0], "RadionuclideTotalDose") or 0.0
    if dose < LEAST_DOSE:
        raise _refused(series, f"RadionuclideTotalDose {dose:g}", "becquerels, 100000 or more")
    how = f"{weight:g} kg, {dose / 1e6:.4g} MBq"
    correction = text(header, "DecayCorrection")
    if correction == "ADMIN":
        return dose / (weight * 1000), f"{how}, decay corrected to the injection"
    if correction not in ("START", "NONE"):
        raise _refused(series, f"DecayCorrection {correction or 'nothing'}", "START, ADMIN or NONE")
    half_life = first_number(given[0], "RadionuclideHalfLife") or 0.0
    if half_life <= 0:
        raise _refused(series, "no RadionuclideHalfLife", "seconds")
    scan = _scan_start(series, header, half_life) if correction == "START" else _only_time(series)
    injection = _injection(series, given[0], scan)
    seconds = (scan - injection).total_seconds()
    decayed = dose * 2 ** (-seconds / half_life)
    times = f"injected {injection:%H:%M:%S}, {seconds / 60:.1f} min before the scan {scan:%H:%M:%S}"
    return decayed / (weight * 1000), f"{how} {times}, half-life {half_life / 60:.1f} min"


def _scan_start(series: Image, header: Dataset, half_life: float) -> datetime:
    """The time to which DecayCorrection START corrects: the start of the first bed position."""
    begun = _moment(text(header, "SeriesDate"), text(header, "SeriesTime"))
    acquired = sorted(filter(None, map(_acquisition, series.headers)))
    if not acquired:
        raise _refused(series, "no AcquisitionDate and AcquisitionTime", "both")
    if begun is not None and begun <= acquired[0]:
        return begun
    # Series Date and Time are those of a later reconstruction.
    private = _private_text(header, 0x0009, _GE, _SCAN_START)
    stated = _date_time(private)
    if stated is not None:
        return stated
    own = _acquisition(header)
    reference = first_number(header, "FrameReferenceTime")
    duration = first_number(header, "ActualFrameDuration")
    if own is None or reference is None or not duration:
        raise _refused(
            series,
            f"SeriesTime {text(header, 'SeriesTime') or 'nothing'} after the first "
            f"AcquisitionTime {acquired[0]:%H%M%S}, and FrameReferenceTime or ActualFrameDuration "
            "missing",
            "the start of the scan",
        )
    # The frame's reference time is when its activity equals the mean over its duration.
    decay = math.log(2) / half_life * duration / 1000
    mean = duration / 1000 * math.log(decay / -math.expm1(-decay)) / decay
    return own - timedelta(seconds=reference / 1000 - mean)


def _only_time(series: Image) -> datetime:
    """When voxels without decay correction were measured, if all of them were at once."""
    times = {_acquisition(header) for header in series.headers}
    if len(times) != 1 or None in times:
        raise _refused(
            series,
            f"DecayCorrection NONE and {len(times - {None})} acquisition times",
            "one time of all images, or images corrected for decay",
        )
    (time,) = times
    assert time is not None  # noqa: S101
    return time


def _injection(series: Image, given: Dataset, scan: datetime) -> datetime:
    stated = _date_time(text(given, "RadiopharmaceuticalStartDateTime"))
    if stated is None:
        stated = _moment(f"{scan:%Y%m%d}", text(given, "RadiopharmaceuticalStartTime"))
        if stated is not None and stated > scan:  # before midnight
            stated -= timedelta(days=1)
    if stated is None:
        wanted = "one of them"
        found = "no RadiopharmaceuticalStartDateTime or RadiopharmaceuticalStartTime"
        raise _refused(series, found, wanted)
    if stated > scan:
        raise _refused(
            series,
            f"RadiopharmaceuticalStartDateTime {stated:%Y%m%d%H%M%S} after the scan "
            f"{scan:%Y%m%d%H%M%S}",
            "an injection before it",
        )
    return stated


def _acquisition(header: Dataset) -> datetime | None:
    whole = _date_time(text(header, "AcquisitionDateTime"))
    return whole or _moment(text(header, "AcquisitionDate"), text(header, "AcquisitionTime"))


def _date_time(value: str) -> datetime | None:
    """A DT; local time, whichever zone it states: all times of a study are in one."""
    return _moment(value[:8], re.sub(r"[+-]\d{4}$", "", value[8:]))


def _moment(date: str, time: str) -> datetime | None:
    """A DA and a TM, also with the colons and dots of old, or None."""
    whole, _, fraction = time.replace(":", "").partition(".")
    try:
        moment = datetime.strptime(date.replace(".", "") + whole.ljust(6, "0"), "%Y%m%d%H%M%S")
    except ValueError:
        return None
    part = fraction[:6] if fraction.isascii() and fraction.isdigit() else ""
    return moment.replace(microsecond=int(part.ljust(6, "0"))) if whole else None


def _private(header: Dataset, group: int, creator: str, offset: int) -> float | None:
    return number(_private_text(header, group, creator, offset))


def _private_text(header: Dataset, group: int, creator: str, offset: int) -> str:
    """The value of a private element as text, "" if it is not there."""
    try:
        value = header.private_block(group, creator)[offset].value
    except Exception:  # it is not there, or its bytes are no value of its VR
        return ""
    if isinstance(value, bytes):  # implicit VR: UN
        value = value.decode("ascii", "replace")
    return str(value).strip(" \0")


def _refused(series: Image, found: str, wanted: str) -> ImageError:
    return ImageError(
        f"series {series.label}: {found}",
        f"{wanted}, to make SUV by body weight",
        "have the header corrected, or choose another series",
    )
