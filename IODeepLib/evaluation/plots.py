"""Each metric as a plot: a row for each label and model, a dot for each patient."""

from __future__ import annotations

import io

from IODeepLib.evaluation.records import Evaluation, Metric
from IODeepLib.evaluation.summary import Groups, by_patient

_MOST_LABELS, _LONGEST = 40, 40  # of a plot; characters of a name
_INK = "#808890"  # to be read on a light page and on a dark one
_COLORS = ("#1f7a8c", "#d1793b", "#7a5cc0", "#4f9a45", "#c04f7a", "#a08a2a")


def pictures(evaluation: Evaluation) -> dict[Metric, bytes]:
    """A PNG for each metric that has values."""
    found, groups = {}, Groups(evaluation)
    for metric in evaluation.metrics:
        content = _picture(evaluation, groups, metric)
        if content is not None:
            found[metric] = content
    return found


def _picture(evaluation: Evaluation, groups: Groups, metric: Metric) -> bytes | None:
    from matplotlib.figure import Figure

    rows = []
    for label in evaluation.labels[:_MOST_LABELS]:
        for i in range(len(evaluation.models)):
            values = [*by_patient(groups.of(i, label), metric).values()]
            if values:
                rows.append((label, i, values))
    if not rows:
        return None
    figure = Figure(figsize=(10, 1.1 + 0.32 * len(rows)), layout="constrained", facecolor="none")
    axes = figure.subplots()
    axes.set_facecolor("none")
    for place, (_, i, values) in enumerate(rows):
        color = _COLORS[i % len(_COLORS)]
        axes.boxplot(
            [values],
            positions=[place],
            orientation="horizontal",
            widths=0.6,
            showfliers=False,
            manage_ticks=False,
            medianprops={"color": color, "linewidth": 2},
            boxprops={"color": _INK},
            whiskerprops={"color": _INK},
            capprops={"color": _INK},
        )
        axes.plot(values, [place] * len(values), "o", color=color, markersize=4, alpha=0.7)
    names = [
        _short(label if len(evaluation.models) == 1 else f"{label}, {evaluation.models[i].label}")
        for label, i, _ in rows
    ]
    axes.set_yticks(range(len(rows)), names, fontsize=8, parse_math=False)
    axes.invert_yaxis()
    axes.set_xlabel(metric.words)
    axes.set_xlim(*((0, None) if metric.grows_worse else (-0.02, 1.02)))
    for part in (axes.xaxis, axes.yaxis):
        part.label.set_color(_INK)
    axes.tick_params(colors=_INK)
    for spine in axes.spines.values():
        spine.set_color(_INK)
    content = io.BytesIO()
    figure.savefig(content, format="png", dpi=110, transparent=True)
    return content.getvalue()


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"
