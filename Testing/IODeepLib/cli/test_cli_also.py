"""Further kinds of files, asked for with `--also`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from command import DEMO, Answer, refused
from makers.recipes import label
from makers.series import Stack
from makers.summing_networks import model_of, sums

from IODeepLib.errors import UsageError
from IODeepLib.results import also


def test_files_that_are_asked_for_are_named_and_take_the_place_of_the_same_run(
    packed: Path, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    out = tmp_path / "out"
    call = ["run", DEMO / "mr_t1", "--models", packed, "--out", out, "--json"]
    assert "not_written" not in json.loads(iodeep(*call).out)
    document = json.loads(iodeep(*call, "--also", " nifti,nifti").out)
    assert {Path(file).name for file in document["files"]} == {f.name for f in out.iterdir()}
    assert "segmentation.nii.gz" in {f.name for f in out.iterdir()}
    assert document["not_written"] == {}
    assert iodeep(*call, "--also", "nifti").status == 0
    refused(iodeep(*call), 4, "segmentation.labels.csv", "which this run does not write")


def test_a_kind_that_there_is_not_ends_the_call_before_the_run(
    tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    for words in ("nifti,jpeg", ""):
        call = ["run", tmp_path, "--models", tmp_path, "--out", tmp_path / "r", "--also", words]
        refused(iodeep(*call), 2, *also.KINDS)
        refused(iodeep("demo", "--out", tmp_path / "r", "--also", words), 2, *also.KINDS)
    assert not (tmp_path / "r").exists()
    with pytest.raises(UsageError, match="jpeg"):
        also.known_kinds(["jpeg"])


def test_what_cannot_be_written_is_said(tmp_path: Path, iodeep: Callable[..., Answer]) -> None:
    images = Stack().write(tmp_path / "images")
    labels = [label(1, "bright", channel=0), label(2, "dark", channel=1)]
    model_of(
        tmp_path,
        sums([[1], [0]], spatial=3, ending="pool"),
        task="CLASSIFICATION",
        output={"activation": "softmax", "labels": labels},
    )
    call = ["run", images, "--models", tmp_path, "--out", tmp_path / "r", "--also", "nifti"]
    assert "no nifti is written" in iodeep(*call).out
    document = json.loads(iodeep(*call, "--json").out)
    assert "whole image" in document["not_written"]["nifti"]
