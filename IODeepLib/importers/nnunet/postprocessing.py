"""What nnU-Net's cross validation found worth doing afterwards: only the largest component.

It is read from postprocessing.json; the file .pkl beside it says the same in a pickle.
(nnunetv2/postprocessing/remove_connected_components.py)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from IODeepLib.errors import ModelError
from IODeepLib.importers.foreign_json import Foreign, read_object, take
from IODeepLib.importers.nnunet.dataset import Dataset
from IODeepLib.text.records import Many

_LARGEST = "remove_all_but_largest_component_from_segmentation"
_NEXT = "correct it, or leave it out: --no-postprocessing"


class _Found(Foreign):
    postprocessing_fns: Many[str]
    postprocessing_kwargs: Many[dict[str, Any]]


def file_in(folder: Path) -> Path | None:
    """The file of a trained model: that of the most folds, if there are several."""
    found = sorted(folder.glob("crossval_results_*/postprocessing.json"), key=lambda p: str(p))
    return max(found, key=lambda path: len(path.parent.name)) if found else None


def steps(path: Path, dataset: Dataset) -> list[dict[str, Any]]:
    """The recipe's steps behind the decision.

    Raises:
        ModelError: it asks for something else, or for labels that there are not.
    """
    found = take(_Found, read_object(path), path.name)
    functions, kwargs = found.postprocessing_fns, found.postprocessing_kwargs
    others = [name for name in functions if name != _LARGEST]
    if others or len(functions) != len(kwargs):
        raise ModelError(
            f"{path.name}: {others[0] if others else 'functions without arguments'}",
            _LARGEST,
            _NEXT,
        )
    return [_step(path, each, dict(dataset.labels)) for each in kwargs]


def _step(path: Path, kwargs: dict[str, Any], names: dict[int, str]) -> dict[str, Any]:
    asked = kwargs.get("labels_or_regions")
    values: list[Any] = []
    for one in asked if isinstance(asked, list) else [asked]:
        values += one if isinstance(one, list) else [one]
    if (
        kwargs.get("background_label", 0) != 0
        or not values
        or any(type(v) is not int or v not in names for v in values)
    ):
        raise ModelError(
            f"{path.name}: {str(kwargs)[:100]}", "labels of dataset.json, background 0", _NEXT
        )
    labels = [names[value] for value in dict.fromkeys(values)]
    step: dict[str, Any] = {"step": "largest_component", "labels": labels}
    return step | ({"together": True} if len(labels) > 1 else {})
