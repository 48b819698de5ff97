"""A cohort in pictures: how long studies took, volumes by label, failures by reason."""

from __future__ import annotations

import io
from typing import Any

from IODeepLib.batch.summary import Summary

_MOST_ROWS, _LONGEST = 20, 40  # labels or reasons of a plot; characters of one
_BINS = 40
_INK, _BAR = "#1f2733", "#1f7a8c"


def picture(summary: Summary) -> bytes:
    """All of it as a PNG."""
    from matplotlib.figure import Figure

    volumes = sorted(summary.volumes.items(), key=lambda item: -item[1].count)[:_MOST_ROWS]
    failures = summary.failures[:_MOST_ROWS]
    rows = max(6, len(volumes), len(failures))
    figure = Figure(figsize=(15, 1.5 + 0.3 * rows), layout="constrained", facecolor="white")
    times, by_label, by_reason = figure.subplots(1, 3)
    _title(times, "Time of a study", "seconds")
    times.hist(summary.seconds.kept, bins=_BINS, color=_BAR)
    times.set_ylabel("studies")
    _title(by_label, "Volumes by label", "mL")
    if volumes:
        by_label.boxplot([sample.kept for _, sample in volumes], orientation="horizontal")
    _named(by_label, [f"{label} ({model})" for (model, label), _ in volumes], first=1)
    _title(by_reason, "Failures by reason", "studies")
    by_reason.barh(range(len(failures)), [group.count for _, group in failures], color=_BAR)
    _named(by_reason, [words for words, _ in failures], first=0)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=100)
    return content.getvalue()


def _title(axes: Any, title: str, unit: str) -> None:
    axes.set_title(title, color=_INK)
    axes.set_xlabel(unit)


def _named(axes: Any, names: list[str], first: int) -> None:
    """Names of rows, from above, which are no formulas."""
    shown = [name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…" for name in names]
    axes.set_yticks([i + first for i in range(len(shown))], shown, fontsize=8, parse_math=False)
    axes.invert_yaxis()
