"""Further kinds of files, asked for with `--also`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from command import DEMO, Answer, refused
from makers.recipes import label
from makers.series import Stack
from makers.summing_networks import model_of, sums
from pydicom.dataset import Dataset

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


def test_what_no_result_can_be_written_as_ends_the_call_before_the_run(
    tmp_path: Path, iodeep: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("IODeepLib.pipeline.run", lambda *_, **__: pytest.fail("it was run"))
    images = Stack().write(tmp_path / "images")
    labels = [label(1, "bright", channel=0), label(2, "dark", channel=1)]
    model_of(
        tmp_path,
        sums([[1], [0]], spatial=3, ending="pool"),
        task="CLASSIFICATION",
        output={"activation": "softmax", "labels": labels},
    )
    call = ["run", images, "--models", tmp_path / "model", "--out", tmp_path / "r", "--also"]
    for kind in ("nifti", "nrrd", "rtstruct"):
        refused(iodeep(*call, f"csv,{kind}"), 2, f"no {kind} can be", "whole image", "--also")
    assert not (tmp_path / "r").exists()


def test_contours_need_a_frame_of_reference_before_the_run(
    tmp_path: Path, iodeep: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_frame(_: int, dataset: Dataset) -> None:
        del dataset.FrameOfReferenceUID

    images = Stack().write(tmp_path / "images", without_frame)
    model_of(tmp_path, sums([[0], [1]], spatial=3))
    call = ["run", images, "--models", tmp_path / "model", "--out", tmp_path / "r"]
    assert iodeep(*call, "--also", "sc,nifti").status == 0
    monkeypatch.setattr("IODeepLib.pipeline.run", lambda *_, **__: pytest.fail("it was run"))
    refused(iodeep(*call, "--also", "rtstruct"), 2, "FrameOfReferenceUID")


def test_what_only_this_result_cannot_be_written_as_is_said(
    tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    images = Stack(np.full((4, 6, 7), -5, np.int16)).write(tmp_path / "images")
    model_of(tmp_path, sums([[0], [1]], spatial=3))
    call = ["run", images, "--models", tmp_path / "model", "--out", tmp_path / "r"]
    assert "no rtstruct is written: nothing was found" in iodeep(*call, "--also", "rtstruct").out
    document = json.loads(iodeep(*call, "--also", "rtstruct", "--json").out)
    assert "nothing was found" in document["not_written"]["rtstruct"]
