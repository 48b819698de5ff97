"""postprocessing.json of a cross validation; the pickle beside it is never read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from makers.nnunet_plans import dataset

from IODeepLib.errors import ModelError
from IODeepLib.importers.nnunet.dataset import read_dataset
from IODeepLib.importers.nnunet.postprocessing import file_in, steps

LARGEST = "remove_all_but_largest_component_from_segmentation"


def written(folder: Path, *kwargs: dict[str, Any], name: str = LARGEST) -> Path:
    path = folder / "crossval_results_folds_0_1_2" / "postprocessing.json"
    path.parent.mkdir()
    functions = [name] * len(kwargs)
    path.write_text(
        json.dumps({"postprocessing_fns": functions, "postprocessing_kwargs": list(kwargs)})
    )
    return path


def test_labels_together_and_alone(tmp_path: Path) -> None:
    path = written(tmp_path, {"labels_or_regions": [1, 2]}, {"labels_or_regions": 2})
    assert file_in(tmp_path) == path
    assert steps(path, read_dataset(dataset())) == [
        {"step": "largest_component", "labels": ["liver", "spleen"], "together": True},
        {"step": "largest_component", "labels": ["spleen"]},
    ]


def test_regions_are_their_labels(tmp_path: Path) -> None:
    path = written(tmp_path, {"labels_or_regions": [[1, 2], 2]})
    assert steps(path, read_dataset(dataset()))[0]["labels"] == ["liver", "spleen"]


def test_nothing_was_worth_it(tmp_path: Path) -> None:
    assert steps(written(tmp_path), read_dataset(dataset())) == []


def test_the_pickle_is_not_looked_for(tmp_path: Path) -> None:
    written(tmp_path).rename(tmp_path / "crossval_results_folds_0_1_2" / "postprocessing.pkl")
    assert file_in(tmp_path) is None


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"labels_or_regions": [7]}, "labels of dataset.json"),
        ({"labels_or_regions": []}, "labels of dataset.json"),
        ({}, "labels of dataset.json"),
        ({"labels_or_regions": 1, "background_label": 2}, "background 0"),
        ({"labels_or_regions": [{}]}, "labels of dataset.json"),
    ],
)
def test_labels_that_there_are_not_are_refused(
    tmp_path: Path, kwargs: dict[str, Any], words: str
) -> None:
    with pytest.raises(ModelError, match=words):
        steps(written(tmp_path, kwargs), read_dataset(dataset()))


def test_other_functions_are_refused_by_name(tmp_path: Path) -> None:
    path = written(tmp_path, {"labels_or_regions": 1}, name="my_function")
    with pytest.raises(ModelError, match=r"my_function.*--no-postprocessing"):
        steps(path, read_dataset(dataset()))
