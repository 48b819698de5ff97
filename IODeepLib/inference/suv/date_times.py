"""Dates and times of DICOM (VR DA, TM, DT; PS3.5 section 6.2) that can be held against each other.

A time without an offset is local, in the zone of Timezone Offset From UTC (0008,0201) where the
object states that (PS3.3 section C.12.1.1.8). Times of two zones differ by what their clocks do not
show; a time in a zone and a time in an unknown one cannot be compared.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydicom.dataset import Dataset

from IODeepLib.headers import text


@dataclass(frozen=True, slots=True)
class DateTime:
    """When something was.

    Attributes:
        local: as the clock there showed it.
        offset: how far that clock is ahead of UTC, None if that is not known.
    """

    local: datetime
    offset: timedelta | None = None

    def since(self, earlier: DateTime) -> float | None:
        """Seconds from `earlier` to this; None if only one of them has a known zone."""
        if (self.offset is None) != (earlier.offset is None):
            return None
        zones = (self.offset or timedelta()) - (earlier.offset or timedelta())
        return (self.local - earlier.local - zones).total_seconds()

    def later(self, by: timedelta) -> DateTime:
        """What the clock shows `by` later, in its own zone."""
        return DateTime(self.local + by, self.offset)

    def __str__(self) -> str:
        shown = f"{self.local:%Y-%m-%d %H:%M:%S}"
        if self.offset is None:
            return shown
        minutes = int(self.offset.total_seconds()) // 60
        sign = "+" if minutes >= 0 else "-"
        return f"{shown} {sign}{abs(minutes) // 60:02}{abs(minutes) % 60:02}"


def zone_of(header: Dataset) -> timedelta | None:
    """Timezone Offset From UTC, None if it is not stated or is none."""
    return _offset(text(header, "TimezoneOffsetFromUTC"))


def date_time(value: str, zone: timedelta | None) -> DateTime | None:
    """A DT; its own offset goes before `zone`."""
    match = re.fullmatch(r"(\d{8})([\d.:]*)([+-]\d{4})?", value.strip())
    if match is None:
        return None
    own = _offset(match[3] or "")
    return date_and_time(match[1], match[2], zone if own is None else own)


def date_and_time(date: str, time: str, zone: timedelta | None) -> DateTime | None:
    """A DA and a TM, also with the colons and dots of old, or None."""
    whole, _, fraction = time.replace(":", "").partition(".")
    try:
        moment = datetime.strptime(date.replace(".", "") + whole.ljust(6, "0"), "%Y%m%d%H%M%S")
    except ValueError:
        return None
    part = fraction[:6] if fraction.isascii() and fraction.isdigit() else ""
    local = moment.replace(microsecond=int(part.ljust(6, "0")))
    return DateTime(local, zone) if whole else None


def _offset(value: str) -> timedelta | None:
    match = re.fullmatch(r"([+-])(\d{2})([0-5]\d)", value)
    if match is None:
        return None
    size = timedelta(hours=int(match[2]), minutes=int(match[3]))
    offset = -size if match[1] == "-" else size
    # PS3.5 section 6.2: from -1200 to +1400
    return offset if timedelta(hours=-12) <= offset <= timedelta(hours=14) else None
