"""The factor that makes uptake values of the voxels of a PET series, from its header."""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec.structs import replace
from pydicom.dataset import Dataset

from IODeepLib.headers import first_number, items, number, text, texts
from IODeepLib.inference.suv.plausibility import check_dose, check_half_life, check_weight
from IODeepLib.inference.suv.private_text import private_text
from IODeepLib.inference.suv.refusal import refused
from IODeepLib.inference.suv.times import injection_time, only_time, scan_start
from IODeepLib.recipe import Input, IntensityStep, ScaleOffset, SuvBw
from IODeepLib.series import Image

_PHILIPS, _SUV_FACTOR, _ACTIVITY_FACTOR = "Philips PET Private Group", 0x00, 0x09  # group 7053


def in_suv(input_: Input, channels: Sequence[Image]) -> tuple[Input, list[str]]:
    """`input_` with every `suv_bw` step as the factor that it is for the series of its channel.

    Args:
        input_: the recipe's input.
        channels: the series of each channel that one fills.

    Returns:
        The input, and a sentence for each series on the factor and what it is made from.

    Raises:
        ImageError: a series does not say what is needed for it.
    """
    notes: list[str] = []
    resolved = []
    filling = iter(channels)
    for channel in input_.channels:
        if channel.stage is not None:
            resolved.append(channel)
            continue
        series, lists = next(filling), input_.steps(channel)
        if any(isinstance(step, SuvBw) for steps in lists for step in steps):
            factor, how = suv_factor(series)
            notes.append(f"SUV by body weight: {how}; factor {factor:.4g}")
            before, after = (tuple(_scaled(step, factor) for step in steps) for steps in lists)
            channel = replace(channel, intensity_before_grid=before, intensity=after)
        resolved.append(channel)
    return replace(input_, channels=tuple(resolved)), notes


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
    raise refused(
        series,
        "RadionuclideTotalDose, RadionuclideHalfLife or times that cannot be true",
        "those of the examination",
    )


def _factor(series: Image, header: Dataset) -> tuple[float, str]:
    if series.modality != "PT":
        raise refused(series, f"Modality {series.modality or 'nothing'}", "PT")
    units = text(header, "Units")
    if units == "GML":
        kind = text(header, "SUVType") or "BW"
        if kind != "BW":
            raise refused(series, f"SUVType {kind}", "BW, or activities (Units BQML)")
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
            return activity / dose, f"{how}, counts to Bq/mL by the scanner's factor (7053,xx09)"
        raise refused(series, "Units CNTS without the scanner's factor (7053,xx00)", "this factor")
    raise refused(series, f"Units {units or 'nothing'}", "BQML, GML or CNTS")


def _check_corrections(series: Image, header: Dataset) -> None:
    corrected = texts(header, "CorrectedImage")
    if "ATTN" not in corrected:
        found = "\\".join(corrected) or "nothing"
        raise refused(series, f"CorrectedImage {found}", "ATTN among it: attenuation corrected")
    if text(header, "DecayCorrection") in ("START", "ADMIN") and "DECY" not in corrected:
        found = "\\".join(corrected)
        raise refused(
            series,
            f"CorrectedImage {found} without DECY, but DecayCorrection "
            f"{text(header, 'DecayCorrection')}",
            "both to say the same",
        )


def _dose_per_gram(series: Image, header: Dataset) -> tuple[float, str]:
    """Becquerels a gram of the patient at the time of the voxels, and how that comes about."""
    given = items(header, "RadiopharmaceuticalInformationSequence")
    if len(given) != 1:
        raise refused(
            series, f"{len(given)} items in RadiopharmaceuticalInformationSequence", "one"
        )
    weight = first_number(header, "PatientWeight") or 0.0
    dose = first_number(given[0], "RadionuclideTotalDose") or 0.0
    check_weight(series, weight)
    check_dose(series, dose, weight)
    how = f"PatientWeight {weight:g} kg, RadionuclideTotalDose {dose / 1e6:.4g} MBq"
    correction = text(header, "DecayCorrection")
    if correction == "ADMIN":
        return dose / (weight * 1000), f"{how}, decay corrected to the injection"
    if correction not in ("START", "NONE"):
        raise refused(series, f"DecayCorrection {correction or 'nothing'}", "START, ADMIN or NONE")
    half_life = first_number(given[0], "RadionuclideHalfLife") or 0.0
    nuclide = check_half_life(series, given[0], half_life)
    scan = scan_start(series, half_life) if correction == "START" else only_time(series)
    injection = injection_time(series, given[0], scan, half_life)
    seconds = scan.when.since(injection.when)
    assert seconds is not None  # noqa: S101  `injection_time` has compared them
    decayed = dose * 2 ** (-seconds / half_life)
    order = "before" if seconds >= 0 else "after"
    times = f"{injection}, {abs(seconds) / 60:.1f} min {order} {scan}"
    lasting = f"RadionuclideHalfLife {half_life / 60:.1f} min ({nuclide})"
    return decayed / (weight * 1000), f"{how}, {times}, {lasting}"


def _private(header: Dataset, group: int, creator: str, offset: int) -> float | None:
    return number(private_text(header, group, creator, offset))
