"""Networks in DICOM files, run rewritten by the whole of the library."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import Answer
from makers import networks
from makers.layered_networks import unet
from makers.recipes import label, recipe
from makers.series import Stack

from IODeepLib.model_object import Model, write_model
from IODeepLib.network.layout import trying
from IODeepLib.network.providers import Engine
from IODeepLib.network.runtime import open_session
from IODeepLib.network.session import Session
from IODeepLib.pipeline import Options, run
from IODeepLib.series import find_series

PATCH = (64, 48, 48)
SHAPE = (1, 1, *PATCH)
PROCESSOR = "CPUExecutionProvider"
REWRITTEN = f"{PROCESSOR} (rewritten graph)"


def packed(folder: Path, size: Any = (None,) * 3, part_bytes: int = 10**8) -> Model:
    """The U-Net as DICOM instances, its weights in parts."""
    path = networks.save(unet(size=size), folder / "network.onnx")
    asked = recipe(
        input={"patch_size": list(PATCH), "overlap": 0.25},
        output={"channels": 3, "labels": [label(1), label(2)]},
    )
    return write_model(path, asked, folder / "model", max_part_bytes=part_bytes)


def noise(shape: tuple[int, ...] = SHAPE) -> dict[str, np.ndarray]:
    return {"image": np.random.default_rng(1).standard_normal(shape, np.float32)}


@pytest.mark.parametrize("size", [(None,) * 3, PATCH])
def test_weights_are_read_from_the_dicom_files(size: Any, tmp_path: Path) -> None:
    """Of a network of any size, and of one that takes this size only."""
    model = packed(tmp_path, size, part_bytes=150_000)
    assert len(model.parts) > 1
    session = open_session(model)
    [wanted] = session.run(noise())
    assert session.engine == PROCESSOR
    session.rewrite(SHAPE)
    assert session.engine == REWRITTEN
    [found] = session.run(noise())
    assert np.abs(found - wanted).max() <= trying.TOLERANCE * (wanted.max() - wanted.min())
    assert np.mean(found.argmax(1) == wanted.argmax(1)) >= 0.9999
    assert not np.array_equal(found, wanted)  # it did not run as it was


@pytest.mark.parametrize("size", [(None,) * 3, PATCH])
def test_what_is_tried_is_small(size: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of a network that says it takes whole patches only, whose plain graph takes its time."""
    run_once, tried = Session.run_once, []

    def counted(session: Session, feeds: Any, outputs: Any = None) -> Any:
        tried.extend(array.size for array in feeds.values())
        return run_once(session, feeds, outputs)

    monkeypatch.setattr(Session, "run_once", counted)
    session = open_session(packed(tmp_path, size))
    session.rewrite(SHAPE)
    assert session.engine == REWRITTEN
    assert max(tried) == 32**3


def test_other_shapes_run_as_they_are(tmp_path: Path) -> None:
    session = open_session(packed(tmp_path))
    other = noise((1, 1, 16, 16, 16))
    [wanted] = session.run(other)
    session.rewrite(SHAPE)
    assert np.array_equal(session.run(other)[0], wanted)


def test_the_number_of_threads_changes_no_byte(tmp_path: Path) -> None:
    model, results = packed(tmp_path), []
    for threads in (1, 2, 3):
        session = open_session(model, threads=threads)
        session.rewrite(SHAPE)
        results.append(session.run(noise())[0].tobytes())
    assert results[0] == results[1] == results[2]


def test_a_large_model_is_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its rewritten weights would lie in memory."""
    monkeypatch.setattr("IODeepLib.network.runtime.MOST_WEIGHTS", 100_000)
    session = open_session(packed(tmp_path))
    session.rewrite(SHAPE)
    assert session.engine == PROCESSOR


def test_a_run_says_what_ran_and_is_the_same_again(tmp_path: Path) -> None:
    model = packed(tmp_path)
    voxels = np.random.default_rng(0).integers(0, 1000, (40, 60, 50)).astype(np.int16)
    [series] = find_series(Stack(voxels).write(tmp_path / "images"))
    first, again = run(series, model), run(series, model)
    plain = run(series, model, Options(engine=Engine.PLAIN))
    assert (first.provider, plain.provider) == (REWRITTEN, PROCESSOR)
    labels = [result.segmentation.array for result in (first, again, plain)]
    assert np.array_equal(labels[0], labels[1])
    assert np.mean(labels[0] == labels[2]) >= 0.999
    uids = [result.seg.dataset.SOPInstanceUID for result in (first, again, plain)]
    assert uids[0] == uids[1] != uids[2]


def test_the_command_can_switch_it_off(tmp_path: Path, iodeep: Callable[..., Answer]) -> None:
    packed(tmp_path)
    voxels = np.random.default_rng(0).integers(0, 1000, (8, 16, 16)).astype(np.int16)
    images = Stack(voxels).write(tmp_path / "images")
    call = ["run", images, "--models", tmp_path / "model", "--json", "--out"]
    ran = [
        json.loads(iodeep(*call, tmp_path / name, *more).out)["provenance"]["provider"]
        for name, more in (("a", []), ("b", ["--engine", "plain"]))
    ]
    assert ran == [REWRITTEN, PROCESSOR]


def test_two_inputs_are_left_as_they_are(tmp_path: Path) -> None:
    path = networks.save(networks.two_inputs(), tmp_path / "network.onnx")
    session = open_session(write_model(path, recipe(), tmp_path / "model"))
    session.rewrite((1, 32))
    assert session.engine == PROCESSOR


def test_whoever_watches_sees_each_run_once(tmp_path: Path) -> None:
    """And nothing of the trial."""
    seen: list[tuple[int, ...]] = []
    session = open_session(packed(tmp_path), watch=lambda feeds: seen.append(feeds["image"].shape))
    session.rewrite(SHAPE)
    session.run(noise())
    assert seen == [SHAPE]
