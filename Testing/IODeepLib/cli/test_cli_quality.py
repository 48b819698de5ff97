"""`iodeep run --quality` and `--no-mirroring`: other runs, which do not take the place of one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from command import Answer, refused
from makers.series import Stack
from makers.summing_networks import model_of, one_sided

from IODeepLib.cli.run import QUALITIES
from IODeepLib.inference.quality import Quality


def test_mirror_images_are_left_out_and_said_so(
    tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    model_of(tmp_path, one_sided(), schema="iodeep-recipe/2", input={"mirror": "XY"})
    voxels = np.random.default_rng(0).integers(0, 1000, (4, 16, 16)).astype(np.int16)
    images = Stack(voxels).write(tmp_path / "images")
    call = ["run", images, "--models", tmp_path / "model", "--json", "--out"]
    whole = json.loads(iodeep(*call, tmp_path / "a").out)
    faster = json.loads(iodeep(*call, tmp_path / "b", "--no-mirroring").out)
    assert [note for note in faster["notes"] if "mirror images" in note]
    assert not [note for note in whole["notes"] if "mirror" in note]
    assert faster["provenance"]["options"]["mirroring"] is False
    assert whole["volumes_ml"] != faster["volumes_ml"]
    # The same run may replace its result, another one may not.
    assert iodeep(*call, tmp_path / "b", "--no-mirroring").status == 0
    refused(iodeep(*call, tmp_path / "a", "--no-mirroring"), 4, "a new or an empty folder")


def test_the_names_of_the_qualities() -> None:
    """The command line knows them without importing numpy."""
    assert list(QUALITIES) == list(Quality)


@pytest.mark.parametrize("quality", ["fast", "best"])
def test_another_quality_is_another_run_and_says_so(
    tmp_path: Path, iodeep: Callable[..., Answer], quality: str
) -> None:
    patches = {"patch_size": [4, 8, 8], "overlap": 0.5}
    model_of(tmp_path, one_sided(), schema="iodeep-recipe/2", input={"mirror": "X"} | patches)
    voxels = np.random.default_rng(0).integers(0, 1000, (4, 16, 16)).astype(np.int16)
    images = Stack(voxels).write(tmp_path / "images")
    call = ["run", images, "--models", tmp_path / "model", "--json", "--out"]
    whole = json.loads(iodeep(*call, tmp_path / "a").out)
    other = json.loads(iodeep(*call, tmp_path / "b", "--quality", quality).out)
    assert whole["provenance"]["options"] == {"seg_type": "BINARY"}
    assert other["provenance"]["options"] == {"seg_type": "BINARY", "quality": quality}
    said = [note for note in other["notes"] if f"quality '{quality}'" in note]
    assert len(said) == 1 and "instead of 0.5" in said[0]
    assert any("mirror images" in note for note in other["notes"]) is (quality == "fast")
    refused(iodeep(*call, tmp_path / "a", "--quality", quality), 4, "a new or an empty folder")
