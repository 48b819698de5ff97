"""A network in a process of its own: progress, result, errors, and an end in every case."""

from __future__ import annotations

import gc
import os
import signal
import sys
import tempfile
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from IODeepSlicer.work.runner import Run, State
from makers import networks
from makers.recipes import label, recipe
from msgspec.structs import replace
from onnx import TensorProto, helper

import IODeepLib
from IODeepLib.errors import CancelledError, IODeepError
from IODeepLib.inference.classification import Classification
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.model_object import Model
from IODeepLib.pipeline import Options, Stage, run
from IODeepLib.publish import pack
from IODeepLib.recipe import read_recipe
from IODeepLib.series import VolumeImage, find_series

DEMO = Path(IODeepLib.__file__).parent / "demo_data"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    recipe = read_recipe(DEMO / "recipe.json")
    return pack(DEMO / "demo_network.onnx", recipe, tmp_path_factory.mktemp("model") / "demo")


@pytest.fixture(scope="module")
def image() -> VolumeImage:
    (series,) = find_series(DEMO / "mr_t1")
    return VolumeImage(series.volume(), series.header, "demo")


@pytest.fixture(autouse=True)
def folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever the test does, nothing is left behind."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    yield
    wait_for(lambda: not list(temporary.iterdir()))


def wait_for(condition) -> None:
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def over(run_: Run) -> bool:
    return run_.poll() is not State.RUNNING


def running(run_: Run) -> bool:
    assert run_.poll() is State.RUNNING, run_.log
    return "patch" in run_.message


def test_it_gives_what_the_pipeline_gives(image: VolumeImage, model: Model) -> None:
    one = Run(sys.executable, image, model, Options(threads=1))
    fractions = []
    while one.poll() is State.RUNNING:
        fractions.append(one.fraction)
        time.sleep(0.02)
    assert one.poll() is State.DONE, one.log
    assert fractions == sorted(fractions)
    expected = run(image, model)
    found = one.outcome().found
    assert isinstance(found, Segmentation) and expected.segmentation is not None
    np.testing.assert_array_equal(found.array, expected.segmentation.array)
    document = one.outcome().document
    beside = {"threads": 1, "fingerprints": expected.segmentation.fingerprints()}
    beside |= {time: document[time] for time in ("started", "ended")}
    assert document == expected.document() | beside
    one.cancel()
    assert one.poll() is State.DONE


class Watched(Run):
    """Notes whether the clock runs, whenever a stage has begun."""

    def __init__(self, *arguments: Any) -> None:
        self.clock: dict[str, bool] = {}
        super().__init__(*arguments)

    def _began(self) -> None:
        super()._began()
        self.clock[self.stage] = self._inferring is not None


def test_the_time_left_is_that_of_the_network_whatever_it_is_called(
    image: VolumeImage, tmp_path: Path
) -> None:
    recipe = replace(read_recipe(DEMO / "recipe.json"), name="liver-network")
    model = pack(DEMO / "demo_network.onnx", recipe, tmp_path / "model")
    one = Watched(sys.executable, image, model, Options(threads=1))
    wait_for(lambda: over(one))
    assert one.poll() is State.DONE, one.log
    early = ("verify", "read", "prepare")
    assert one.clock == {**dict.fromkeys(early, False), "infer": True, "finish": True}
    assert one.clock.keys() == set(Stage)


def test_an_error_comes_in_its_three_parts(image: VolumeImage, model: Model) -> None:
    one = Run(sys.executable, image, model, Options(provider="abacus"))
    wait_for(lambda: over(one))
    assert one.poll() is State.FAILED
    with pytest.raises(IODeepError) as caught:
        one.outcome()
    assert "'abacus' is not in this ONNX Runtime" in caught.value.found
    assert "Traceback" in one.log


def test_only_the_labels_that_are_wanted_come_back(image: VolumeImage, model: Model) -> None:
    one = Run(sys.executable, image, model, Options(labels=("White Matter",)))
    wait_for(lambda: over(one))
    found = one.outcome().found
    assert isinstance(found, Segmentation)
    assert [label.name for label in found.labels] == ["White Matter"]
    assert set(np.unique(found.array)) == {0, 2}
    assert one.outcome().document["left_out"] == ["Gray Matter"]


def test_an_image_that_changes_while_it_is_handed_over(image: VolumeImage, model: Model) -> None:
    one = Run(sys.executable, image, model, unchanged=lambda: False)
    wait_for(lambda: over(one))
    with pytest.raises(IODeepError, match="was changed while"):
        one.outcome()


def test_a_fault_of_whoever_is_asked_is_none_of_the_files(image: VolumeImage, model: Model) -> None:
    def unchanged() -> bool:
        raise RuntimeError("ours")

    one = Run(sys.executable, image, model, unchanged=unchanged)
    wait_for(lambda: over(one))
    with pytest.raises(IODeepError, match=r"IODeep itself: RuntimeError\('ours'\)"):
        one.outcome()


@pytest.mark.parametrize("end", [State.DONE, State.FAILED, State.CANCELLED])
def test_what_it_gave_goes_with_it(image: VolumeImage, model: Model, end: State) -> None:
    """At once: the collector comes late where labels of many megabytes are few objects."""
    unchanged = end is not State.FAILED
    held = [Run(sys.executable, image, model, Options(threads=1), unchanged=lambda: unchanged)]
    if end is State.CANCELLED:
        wait_for(lambda: running(held[0]))
        held[0].cancel()
    wait_for(lambda: over(held[0]))
    assert held[0].poll() is end
    known = weakref.ref(held[0])
    gc.disable()
    try:
        held.clear()
        assert known() is None
    finally:
        gc.enable()


def test_its_process_is_gone_when_it_is_cancelled(image: VolumeImage, model: Model) -> None:
    one = Run(sys.executable, image, model, Options(threads=1))
    wait_for(lambda: running(one))
    one.cancel()
    with pytest.raises(CancelledError):
        one.outcome()
    with pytest.raises(ProcessLookupError):
        os.killpg(one.process_id, 0)


def test_the_first_poll_starts_it(image: VolumeImage, model: Model) -> None:
    one = Run(sys.executable, image, model, Options(threads=1))
    assert one.process_id is None
    assert one.poll() is State.RUNNING
    os.kill(one.process_id, 0)
    one.cancel()
    never = Run(sys.executable, image, model, Options(threads=1))
    never.cancel()  # leaves nothing behind, too
    with pytest.raises(CancelledError):
        never.outcome()
    assert never.process_id is None


@pytest.mark.parametrize("python", ["there/is/none", os.curdir])
def test_an_interpreter_that_cannot_be_started(
    image: VolumeImage, model: Model, python: str
) -> None:
    one = Run(python, image, model)
    assert one.poll() is State.FAILED
    with pytest.raises(IODeepError, match=r"cannot be started .*Python interpreter"):
        one.outcome()


def test_a_process_that_dies_is_an_error(image: VolumeImage, model: Model) -> None:
    one = Run(sys.executable, image, model, Options(threads=1))
    wait_for(lambda: running(one))
    os.killpg(one.process_id, signal.SIGKILL)
    wait_for(lambda: over(one))
    with pytest.raises(IODeepError, match="ended with signal 9"):
        one.outcome()


def test_a_processor_that_is_too_old(image: VolumeImage, model: Model, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nkill -ILL $$\n")
    python.chmod(0o755)
    one = Run(str(python), image, model)
    wait_for(lambda: over(one))
    with pytest.raises(IODeepError, match="processor lacks an instruction"):
        one.outcome()


@pytest.mark.parametrize(
    ("words", "status"),
    [  # as they were seen when a limit was put on the memory of a run
        ("cannot allocate memory for thread-local data: ABORT", 127),
        ("OpenBLAS error: Memory allocation still failed after 10 retries, giving up.", 1),
        ("terminate called after throwing an instance of 'std::bad_alloc'", 134),
    ],
)
def test_a_library_that_ends_the_process_for_want_of_memory(
    image: VolumeImage, model: Model, tmp_path: Path, words: str, status: int
) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\necho "{words}" >&2\nexit {status}\n')
    python.chmod(0o755)
    one = Run(str(python), image, model)
    wait_for(lambda: over(one))
    with pytest.raises(IODeepError, match="the memory is not enough"):
        one.outcome()


def test_a_result_that_cannot_be_read(image: VolumeImage, model: Model) -> None:
    one = Run(sys.executable, image, model, Options(threads=1))
    wait_for(lambda: running(one))
    os.killpg(one.process_id, signal.SIGSTOP)
    (one._folder / "result.json").write_text("{")
    with (one._folder / "progress").open("a") as progress:
        progress.write('{"done": true}\n')
    wait_for(lambda: over(one))
    with pytest.raises(IODeepError, match="of no use"):
        one.outcome()


def test_it_ends_with_the_application(image: VolumeImage, model: Model) -> None:
    # An application that dies closes its end of the pipe and does nothing else.
    one = Run(sys.executable, image, model, Options(threads=1))
    wait_for(lambda: running(one))
    one._process.stdin.close()
    wait_for(lambda: one._process.poll() is not None)
    assert not one._folder.exists()


def test_a_classification_comes_back(image: VolumeImage, tmp_path: Path) -> None:
    nodes = [
        helper.make_node("GlobalAveragePool", ["image"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["mean"]),
    ]
    tensor = TensorProto.FLOAT
    graph = helper.make_graph(
        nodes,
        "mean",
        [helper.make_tensor_value_info("image", tensor, [None, 1, None, None, None])],
        [helper.make_tensor_value_info("mean", tensor, [None, 1])],
    )
    network = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    networks.save(network, tmp_path / "mean.onnx")
    needs = recipe(
        task="REGRESSION", output={"channels": 1, "labels": [label(1, "mean", channel=0)]}
    )
    model = pack(tmp_path / "mean.onnx", needs, tmp_path / "model")
    one = Run(sys.executable, image, model)
    wait_for(lambda: over(one))
    found = one.outcome().found
    assert isinstance(found, Classification)
    assert found.values[0] == pytest.approx(image.volume().array.mean(), rel=1e-5)
