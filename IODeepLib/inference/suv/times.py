"""When the scan was and when the injection: the two times between which the dose decays."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

from pydicom.dataset import Dataset

from IODeepLib.headers import first_number, text
from IODeepLib.inference.suv.date_times import DateTime, date_and_time, date_time, zone_of
from IODeepLib.inference.suv.plausibility import MOST_HALF_LIVES, is_believable
from IODeepLib.inference.suv.private_text import private_text
from IODeepLib.inference.suv.refusal import refused
from IODeepLib.series import Image

_GE, _SCAN_START = "GEMS_PETD_01", 0x0D  # group 0009
_START, _CLOCK = "RadiopharmaceuticalStartDateTime", "RadiopharmaceuticalStartTime"
# Two attributes for one time agree to the minute where one of them was typed in.
_SAME_TIME = 60.0  # s
_DAY = 86400.0
# Clocks differ from UTC by whole quarters of an hour.
_QUARTER = 900.0


@dataclass(frozen=True, slots=True)
class Stated:
    """A time, and the attribute that it was made from."""

    when: DateTime
    attribute: str

    def __str__(self) -> str:
        return f"{self.attribute} {self.when}"


def scan_start(series: Image, half_life: float) -> Stated:
    """The time to which DecayCorrection START corrects: the start of the first bed position."""
    header = series.header
    zone = zone_of(header)
    acquired = _acquisitions(series)
    if not acquired:
        raise refused(series, "no AcquisitionDate and AcquisitionTime", "both")
    begun = date_and_time(text(header, "SeriesDate"), text(header, "SeriesTime"), zone)
    if begun is not None and _since(series, acquired[0], Stated(begun, "SeriesTime")) >= 0:
        return Stated(begun, "SeriesTime")
    # Series Date and Time are those of a later reconstruction.
    stated = date_time(private_text(header, 0x0009, _GE, _SCAN_START), zone)
    if stated is not None:
        return Stated(stated, f"{_GE} (0009,xx0D)")
    own = _acquisition(header)
    reference = first_number(header, "FrameReferenceTime")
    duration = first_number(header, "ActualFrameDuration")
    if own is None or reference is None or not duration:
        raise refused(
            series,
            f"SeriesTime {text(header, 'SeriesTime') or 'nothing'} after the first "
            f"AcquisitionTime {acquired[0].when.local:%H%M%S}, and FrameReferenceTime or "
            "ActualFrameDuration missing",
            "the start of the scan",
        )
    # The frame's reference time is when its activity equals the mean over its duration.
    decay = math.log(2) / half_life * duration / 1000
    mean = duration / 1000 * math.log(decay / -math.expm1(-decay)) / decay
    when = own.when.later(-timedelta(seconds=reference / 1000 - mean))
    return Stated(when, "AcquisitionTime less FrameReferenceTime,")


def only_time(series: Image) -> Stated:
    """When voxels without decay correction were measured, if all of them were at once."""
    times = {_acquisition(header) for header in series.headers}
    if len(times) != 1 or None in times:
        raise refused(
            series,
            f"DecayCorrection NONE and {len(times - {None})} acquisition times",
            "one time of all images, or images corrected for decay",
        )
    (time,) = times
    assert time is not None  # noqa: S101
    return time


def _acquisitions(series: Image) -> list[Stated]:
    """All that are stated, the earliest first."""
    known = [stated for header in series.headers if (stated := _acquisition(header)) is not None]
    return sorted(known, key=lambda stated: _since(series, stated, known[0]))


def _acquisition(header: Dataset) -> Stated | None:
    zone = zone_of(header)
    when = date_time(text(header, "AcquisitionDateTime"), zone)
    if when is not None:
        return Stated(when, "AcquisitionDateTime")
    when = date_and_time(text(header, "AcquisitionDate"), text(header, "AcquisitionTime"), zone)
    return Stated(when, "AcquisitionTime") if when is not None else None


def _since(series: Image, later: Stated, earlier: Stated) -> float:
    """Seconds between two times, refused if only one is in a known zone."""
    seconds = later.when.since(earlier.when)
    if seconds is None:
        raise refused(
            series,
            f"{later} and {earlier}, and no TimezoneOffsetFromUTC",
            "the zone of both, or of none",
        )
    return seconds


def injection_time(series: Image, given: Dataset, scan: Stated, half_life: float) -> Stated:
    """When the dose was given.

    A time of day alone is that of the one day on which it can have been: with a short half-life
    there is but one. With a long one there are several, and none is assumed.
    """
    zone = zone_of(series.header)
    stated = date_time(text(given, _START), zone)
    clock = text(given, _CLOCK)
    if stated is not None:
        found = Stated(_as_on_the_clock(series, stated, clock, zone), _START)
        seconds = _since(series, scan, found)
        if not is_believable(seconds, half_life):
            raise refused(
                series,
                f"{found}, {_told(seconds, half_life)} {scan}",
                f"an injection before it, by {MOST_HALF_LIVES} half-lives at most",
            )
        return found
    today = date_and_time(f"{scan.when.local:%Y%m%d}", clock, scan.when.offset)
    if today is None:
        raise refused(series, f"no {_START} or {_CLOCK}", "one of them")
    days = int(MOST_HALF_LIVES * half_life / _DAY) + 2
    each = [today.later(timedelta(days=-day)) for day in range(min(days, 1000))]
    possible = [
        when for when in each if is_believable(_since(series, scan, Stated(when, "")), half_life)
    ]
    if len(possible) == 1:
        return Stated(possible[0], _CLOCK)
    if possible:
        found_, wanted = f"{_CLOCK} {clock} of a day that is not stated", f"{_START}, with its date"
        raise refused(series, f"{found_}, with a half-life of {half_life / 3600:.1f} h", wanted)
    seconds = _since(series, scan, Stated(today, ""))
    raise refused(
        series,
        f"{_CLOCK} {clock}, {_told(seconds, half_life)} {scan}",
        f"an injection before it, by {MOST_HALF_LIVES} half-lives at most",
    )


def _told(seconds: float, half_life: float) -> str:
    order = "before" if seconds >= 0 else "after"
    return f"{abs(seconds) / 60:.1f} min ({abs(seconds) / half_life:.1f} half-lives) {order}"


def _as_on_the_clock(
    series: Image, stated: DateTime, clock: str, zone: timedelta | None
) -> DateTime:
    """A start of the injection, held against the time of day that stands beside it.

    Where the zone of the other times is not stated but that of the start is, the time of day
    beside it, which is in the zone of the others, tells it.
    """
    shift = timedelta() if stated.offset is None else (zone or timedelta()) - stated.offset
    day = stated.local + shift
    beside = date_and_time(f"{day:%Y%m%d}", clock, zone)
    if beside is None:
        return stated
    apart = (beside.local - day).total_seconds()
    apart -= _DAY * round(apart / _DAY)  # the other side of midnight
    if zone is None and stated.offset is not None:
        quarters = _QUARTER * round(apart / _QUARTER)
        day, apart = day + timedelta(seconds=quarters), apart - quarters
        stated = DateTime(day)
    if abs(apart) > _SAME_TIME:
        raise refused(
            series,
            f"{_START} {stated} and {_CLOCK} {clock}",
            "the same time in both",
        )
    return stated
