"""`iodeep run --no-mirroring`: another run, which does not take the place of the whole one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from command import Answer, refused
from makers.series import Stack
from makers.summing_networks import model_of, one_sided


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
