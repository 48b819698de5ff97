"""The curves of a run as one picture: how cost grows."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def draw(document: dict[str, Any], path: Path) -> None:
    """A panel for each thing that cost grows with, both axes logarithmic; dotted: in proportion."""
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
            axes.loglog(amounts, taken, "o-", label=curve["what"])
            axes.loglog(amounts, [taken[0] * n / amounts[0] for n in amounts], "k:", linewidth=0.8)
        axes.set_xlabel(by)
        axes.set_ylabel("seconds")
        axes.grid(alpha=0.3)
        axes.legend(fontsize=7, loc="upper left")
    figure.savefig(path, dpi=110)
