"""Evaluations whose figures are made up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from IODeepLib.cohort import Split
from IODeepLib.evaluation.records import Evaluated, Evaluation, Figures, Tolerance

LABEL = "Liver"


def evaluation(
    *dice: Sequence[float | None], models: Sequence[str] = (), **changes: Any
) -> Evaluation:
    """A row of figures for each model: the Dice of each patient, of one label."""
    evaluated = tuple(
        Evaluated("organs", f"1.{i}.0", "Organs", f"2.25.{i + 1}", (sha or f"{i:064x}"))
        for i, sha in enumerate(models or [""] * len(dice))
    )
    figures = tuple(
        Figures(
            model,
            f"{patient:016x}",
            patient,
            LABEL,
            dice=value,
            surface_dice=value,
            hausdorff95=None if value is None else 10 * (1 - value),
            reference=100,
            found=90,
            why="nothing to be found, and nothing found: no value" if value is None else "",
        )
        for model, own in enumerate(dice)
        for patient, value in enumerate(own, 1)
    )
    given: dict[str, Any] = {
        "cohort": "cohort.json",
        "cohort_sha256": "ab" * 32,
        "split": Split.TEST,
        "models": evaluated,
        "tolerances": (Tolerance(LABEL, 1.0),),
        "figures": figures,
    }
    return Evaluation(**given | changes)
