"""How many jobs ended in each of the last hours, as bars: where each lies, for a template."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from IODeepLib.service.listing import Hour
from IODeepLib.text.wording import counted

WIDTH, HEIGHT = 720, 170
_LEFT, _TOP, _BOTTOM = 40, 10, 140  # of the bars
_GAP = 4
_EVERY = 6  # hours between two words below
_STEPS = (1, 2, 5)


class Bar(NamedTuple):
    """What ended in an hour: what is done below, what failed above it.

    Attributes:
        x, width: where it stands.
        done, failed: top and height of each part.
        words: what it shows.
    """

    x: float
    width: float
    done: tuple[float, float]
    failed: tuple[float, float]
    words: str


class Plot(NamedTuple):
    """All bars.

    Attributes:
        bars: one for each hour.
        lines: heights, with their number of jobs.
        hours: places, with the hour there.
        words: what all of it shows.
    """

    bars: list[Bar]
    lines: list[tuple[float, int]]
    hours: list[tuple[float, str]]
    words: str


def plot(hours: Sequence[Hour]) -> Plot:
    """The bars of these hours, the clock of this machine below them."""
    highest = _round_up(max(hour.done + hour.failed for hour in hours))
    scale, step = (_BOTTOM - _TOP) / highest, (WIDTH - _LEFT) / len(hours)
    bars, names = [], []
    for number, hour in enumerate(hours):
        x, here = _LEFT + number * step, hour.begins.astimezone()
        done, failed = hour.done * scale, hour.failed * scale
        words = f"{here:%H:%M}: {hour.done} done, {hour.failed} failed"
        top = _BOTTOM - done
        bars.append(
            Bar(
                round(x, 1),
                round(step - _GAP, 1),
                (round(top, 1), round(done, 1)),
                (round(top - failed, 1), round(failed, 1)),
                words,
            )
        )
        if here.hour % _EVERY == 0:
            names.append((round(x + (step - _GAP) / 2, 1), f"{here:%H:%M}"))
    lines = [(round(_BOTTOM - scale * one, 1), one) for one in (0, highest // 2, highest)]
    all_done, all_failed = sum(hour.done for hour in hours), sum(hour.failed for hour in hours)
    words = f"In the last {len(hours)} hours: {counted(all_done, 'job')} done, {all_failed} failed."
    return Plot(bars, lines, names, words)


def _round_up(count: int) -> int:
    """The next even number that begins with 1, 2 or 5 and goes on with zeros."""
    power = 1
    while True:
        for step in _STEPS:
            if step * power >= max(2, count) and step * power % 2 == 0:
                return step * power
        power *= 10
