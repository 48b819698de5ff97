"""dataset.json: channels, labels and regions."""

from __future__ import annotations

from typing import Any

import pytest
from makers.nnunet_plans import dataset

from IODeepLib.errors import ModelError
from IODeepLib.importers.nnunet.dataset import read_dataset


def test_labels_are_channels_behind_the_background() -> None:
    found = read_dataset(dataset(labels={"background": 0, "b": 2, "a": 1}))
    assert found.labels == ((1, "a"), (2, "b"))
    assert (found.heads, found.regions) == (3, False)


def test_the_ignore_label_is_no_channel() -> None:
    found = read_dataset(dataset(labels={"background": 0, "a": 1, "ignore": 2}))
    assert found.labels == ((1, "a"),)
    assert found.heads == 2


def test_regions_have_the_values_that_they_are_painted_with() -> None:
    labels = {"background": 0, "whole": [1, 2, 3], "core": [2, 3], "enhancing": 3, "ignore": 4}
    found = read_dataset(dataset(labels=labels, regions_class_order=[1, 2, 3]))
    assert found.labels == ((1, "whole"), (2, "core"), (3, "enhancing"))
    assert (found.heads, found.regions) == (3, True)


def test_lists_of_one_value_are_labels() -> None:
    found = read_dataset(dataset(labels={"background": [0], "a": [1]}))
    assert (found.labels, found.regions) == (((1, "a"),), False)


def test_channels_are_in_the_order_of_their_numbers() -> None:
    names = {str(i): f"c{i}" for i in reversed(range(11))}
    assert read_dataset(dataset(channel_names=names)).channels[9:] == ("c9", "c10")


def test_former_files_say_modality() -> None:
    whole = dataset(modality={"0": "MRI", "1": "FLAIR"})
    del whole["channel_names"]
    found = read_dataset(whole)
    assert found.channels == ("MRI", "FLAIR")
    assert found.modalities == ("MR", None)


def test_where_the_data_come_from_is_kept_for_people() -> None:
    found = read_dataset(dataset(name="KiTS", licence="CC-BY", reference="see\n  there"))
    assert found.text == "KiTS; 4 cases; see there; license of the data: CC-BY"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"labels": {"0": "background", "1": "liver"}}, "nnU-Net's version 2"),
        ({"labels": {"background": 0}}, "no label but the background"),
        ({"labels": {"background": 0, "a": 1, "b": 3}}, r"values \[1, 3\].*1 to 2"),
        ({"labels": {"background": 0, "a": 1, "b": 1}}, r"values \[1, 1\]"),
        ({"labels": {"background": 0, "a": "1"}}, "label 'a'"),
        ({"labels": {"background": 0, "a": True}}, "label 'a'"),
        ({"labels": {"background": 0, "a": []}}, "label 'a'"),
        ({"labels": {"background": 0, "a": -1}}, "label 'a'"),
        ({"labels": {"background": 0, "a": [1, 2]}}, "0 values in regions_class_order"),
        ({"labels": ["a"]}, r"\$.labels"),
        ({"labels": {"background": 0} | {f"l{i}": i for i in range(1, 5000)}}, "4096 at most"),
        ({"channel_names": {}}, "channel_names"),
        ({"channel_names": {"1": "CT"}}, "channel_names"),
        ({"channel_names": {"0": 5}}, "channel_names"),
        ({"regions_class_order": "1"}, "regions_class_order"),
    ],
)
def test_what_contradicts_itself_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelError, match=rf"dataset.json.*{words}"):
        read_dataset(dataset(**changes))
