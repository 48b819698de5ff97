"""What nnU-Net measured at the end of a training: the mean Dice of each label, for the model card.

(nnunetv2/evaluation/evaluate_predictions.py writes summary.json)
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from IODeepLib.errors import ModelError
from IODeepLib.importers.foreign_json import Foreign, read_object, take
from IODeepLib.importers.nnunet.dataset import Dataset
from IODeepLib.importers.nnunet.folder import Trained

_log = logging.getLogger(__name__)


class _Summary(Foreign):
    mean: dict[str, dict[str, Any]]


def measured(trained: Trained, dataset: Dataset) -> list[dict[str, Any]]:
    """Entries of the card's `performance`: of the whole cross validation, or of the only fold.

    What has no summary, or one that cannot be read, was not measured.
    """
    path = _summary_of(trained)
    if path is None:
        return []
    try:
        means = take(_Summary, read_object(path), path.name).mean
    except ModelError as error:
        _log.info("%s", error)
        return []
    entries = []
    for key, name in _keys(dataset).items():
        dice = means.get(key, {}).get("Dice")
        if isinstance(dice, float) and 0 <= dice <= 1:
            on = path.parent.relative_to(trained.folder).as_posix()
            entries.append(
                {"dataset": on, "metric": "Dice", "value": round(dice, 4), "label": name}
            )
    return entries


def _summary_of(trained: Trained) -> Path | None:
    folds = [fold.path.parent for fold in trained.folds]
    if len(folds) == 1:
        path = folds[0] / "validation" / "summary.json"
    else:
        numbers = "_".join(fold.name.removeprefix("fold_") for fold in folds)
        path = trained.folder / f"crossval_results_folds_{numbers}" / "summary.json"
    return path if path.is_file() else None


def _keys(dataset: Dataset) -> dict[str, str]:
    """How nnU-Net writes each label or region, and its name."""
    return {
        str(values[0]) if len(values) == 1 else str(values): name
        for (_, name), values in zip(dataset.labels, dataset.trained_on, strict=True)
    }
