"""The curves of a run as one picture: how cost grows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

WIDE = 100  # axes that reach further are logarithmic


def draw(document: dict[str, Any], path: Path) -> None:
    """A panel for each thing that cost grows with; dotted: a cost in proportion to it."""
    from matplotlib.figure import Figure

    panels: dict[str, list[dict[str, Any]]] = {}
    for curve in document["curves"]:
        panels.setdefault(curve["by"], []).append(curve)
    figure = Figure(figsize=(4.6 * len(panels), 3.6), layout="constrained")
    for axes, (by, curves) in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True
    ):
        for curve in curves:
            amounts, taken = zip(*curve["points"], strict=True)
            axes.plot(amounts, taken, "o-", label=curve["what"])
            proportion = [taken[-1] * n / amounts[-1] for n in amounts]
            axes.plot(amounts, proportion, "k:", linewidth=0.8)
        if amounts[-1] > WIDE * amounts[0]:
            axes.set(xscale="log", yscale="log")
        else:
            axes.set(xlim=0, ylim=0)
        axes.set_xlabel(by)
        axes.set_ylabel("seconds")
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7, loc="upper left")
    figure.savefig(path, dpi=110)
