"""How sure networks are, and what they look at: `run --confidence` and `run --occlusion`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from command import DEMO, Answer, refused
from makers.recipes import label
from makers.series import Stack
from makers.summing_networks import model_of, sums


def test_the_confidence_of_the_demonstration(
    packed: Path, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    call = ["run", DEMO / "mr_t1", "--models", packed, "--out", tmp_path / "out"]
    said = iodeep(*call, "--confidence").out
    assert said.count(", mean probability 0.") == 2
    assert f"wrote {tmp_path / 'out' / 'confidence.dcm'}" in said
    document = json.loads((tmp_path / "out" / "result.json").read_text("utf-8"))
    for one in document["confidence"].values():
        assert 0.5 < one["mean_probability"] < 1 and one["disagreement"] is None
        assert one["entropy_inside"] < one["entropy_border"]
    refused(iodeep(*call, "--occlusion"), 2, "which segments", "--confidence")


def test_what_a_classification_looks_at(tmp_path: Path, iodeep: Callable[..., Answer]) -> None:
    images = Stack().write(tmp_path / "images")
    labels = [label(1, "bright", channel=0), label(2, "dark", channel=1)]
    model_of(
        tmp_path,
        sums([[0.01], [0]], spatial=3, ending="pool"),
        task="CLASSIFICATION",
        output={"activation": "softmax", "labels": labels},
    )
    call = ["run", images, "--models", tmp_path, "--out", tmp_path / "out"]
    said = iodeep(*call, "--occlusion", "4").out
    names = {"occlusion.dcm", "occlusion.png"}
    assert names <= {file.name for file in (tmp_path / "out").iterdir()}
    assert "was covered with the mean of the image" in said
    refused(iodeep(*call, "--confidence"), 2, "says something of the whole image", "--occlusion")
    refused(iodeep(*call, "--occlusion", "1"), 2, "1 blocks", "2 to 64")
