"""Scores blended where the network gave them, with the CPU's memory in the place of a card's.

The same models compute there as on a card. What is copied is counted, and the scores are those of
the blending here: to the last bit, where a network's scores are added as they are.
"""

from __future__ import annotations

import gc
import weakref
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
import onnxruntime
import pytest
from makers.recipes import recipe
from msgspec.structs import replace
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from IODeepLib.errors import CancelledError, ModelError
from IODeepLib.inference import device_blending
from IODeepLib.inference.device_blending import can_blend, score_slabs_from
from IODeepLib.inference.sliding_window import score_slabs
from IODeepLib.network.device import Device, Program
from IODeepLib.network.predictor import Ensemble
from IODeepLib.network.providers import CPU
from IODeepLib.network.session import Session
from IODeepLib.recipe import Activation

CHANNELS = 3


def network(axis_order: str, seed: int, *, half: bool = False, batch: int | None = None) -> bytes:
    """A convolution, so that mirror images differ; inputs and outputs in `axis_order`."""
    spatial = "".join(letter for letter in "ZYX" if letter in axis_order)
    inner = "NC" + spatial
    rng = np.random.default_rng(seed)
    kernel = rng.normal(size=(CHANNELS, 1, *[3] * len(spatial))).astype(np.float32)
    nodes = [
        helper.make_node("Transpose", ["image"], ["a"], perm=[axis_order.index(x) for x in inner]),
        helper.make_node("Conv", ["a", "kernel"], ["b"], pads=[1] * 2 * len(spatial)),
        helper.make_node("Transpose", ["b"], ["c"], perm=[inner.index(x) for x in axis_order]),
        helper.make_node("Cast", ["c"], ["scores"], to=10 if half else 1),
    ]
    kinds = TensorProto.FLOAT, TensorProto.FLOAT16 if half else TensorProto.FLOAT
    sizes = {"C": (1, CHANNELS), "N": (batch, batch)}
    values = [
        helper.make_tensor_value_info(
            name, kinds[i], [sizes.get(letter, (None, None))[i] for letter in axis_order]
        )
        for i, name in enumerate(("image", "scores"))
    ]
    weights = [numpy_helper.from_array(kernel, "kernel")]
    graph = helper.make_graph(nodes, "network", values[:1], values[1:], weights)
    opsets = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()


class Case:
    """An image and networks, run both ways."""

    def __init__(
        self,
        shape: tuple[int, int, int],
        input_: dict[str, Any],
        output: dict[str, Any] | None = None,
        networks: int = 1,
        **kind: Any,
    ) -> None:
        asked = recipe(
            input={"axis_order": "NCZYX", **input_},
            output={"channels": CHANNELS, **(output or {})},
        )
        [self.stage] = asked.all_stages
        sessions = [
            Session(
                onnxruntime.InferenceSession(network(self.stage.input.axis_order, i, **kind)),
                f"network {i}",
                [],
                1,
            )
            for i in range(networks)
        ]
        self.predict = Ensemble(self.stage, sessions)
        self.output = self.stage.output
        if self.predict.each_activated is not Activation.NONE:
            self.output = replace(self.output, activation=Activation.NONE)
        values = np.random.default_rng(7).normal(size=(1, *shape))
        self.array = values.astype(np.float32)

    def here(self) -> NDArray[np.float32]:
        return joined(
            score_slabs(
                self.array,
                self.stage.input,
                self.output,
                self.predict,
                batch=self.predict.batch,
            )
        )

    def there(self, **more: Any) -> Iterator[tuple[int, NDArray[np.float32]]]:
        more = {"otherwise": not_here, **more}
        given = self.array, self.stage.input, self.output, self.predict
        assert can_blend(self.predict, *given[1:3], voting=False)
        return score_slabs_from(Device(CPU), *given, **more)


def not_here(reason: str) -> Iterator[tuple[int, NDArray[np.float32]]]:
    pytest.fail(f"it was done here: {reason}")


def joined(slabs: Iterator[tuple[int, NDArray[np.float32]]]) -> NDArray[np.float32]:
    planes, parts = 0, []
    for first, scores in slabs:
        assert first == planes
        planes += scores.shape[1]
        parts.append(scores.copy())
    return np.concatenate(parts, axis=1)


PATCHES = {"patch_size": [8, 6, 10]}
EACH = {"activation": "softmax", "blend": "probabilities", "ensemble": "probabilities"}
FLAT = {"axis_order": "NCYX", "patch_size": [6, 10]}


@pytest.mark.parametrize("shape", [(20, 17, 23), (5, 17, 30), (9, 6, 4), (8, 13, 10)])
@pytest.mark.parametrize("axis_order", ["NCZYX", "NCXYZ", "NZYXC"])
def test_the_scores_are_the_same_to_the_last_bit(
    shape: tuple[int, int, int], axis_order: str
) -> None:
    case = Case(shape, {**PATCHES, "axis_order": axis_order})
    np.testing.assert_array_equal(joined(case.there()), case.here())


def test_more_values_than_one_array_can_have(monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case((20, 17, 23), PATCHES, {"activation": "softmax", "blend": "probabilities"})
    together = joined(case.there())
    monkeypatch.setattr(device_blending, "_MOST_VALUES", 2 * 8 * 17 * 23)
    np.testing.assert_array_equal(joined(case.there()), together)


def test_channels_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case((20, 17, 23), PATCHES)
    monkeypatch.setattr(device_blending, "_IN_A_PIECE", 1)
    np.testing.assert_array_equal(joined(case.there()), case.here())
    assert [device_blending._pieces(slice(5, 5 + n)) for n in (1, 2, 7)] == [1, 2, 7]
    monkeypatch.setattr(device_blending, "_IN_A_PIECE", 4)
    assert [device_blending._pieces(slice(0, n)) for n in (1, 4, 6, 7, 8, 100)] == [
        1,
        1,
        2,
        7,
        2,
        25,
    ]


@pytest.mark.parametrize(("in_a_piece", "axis_order"), [(4, "NCZYX"), (1, "NZYXC")])
def test_the_highest_alone(
    in_a_piece: int, axis_order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The channel, and of equal ones the first."""
    monkeypatch.setattr(device_blending, "_IN_A_PIECE", in_a_piece)
    for shape in [(20, 17, 23), (5, 17, 30), (9, 6, 4)]:
        case = Case(shape, {**PATCHES, "axis_order": axis_order})
        [found] = joined(case.there(highest_alone=True))
        assert found.dtype == np.uint16
        np.testing.assert_array_equal(found, case.here().argmax(axis=0))
    same = Case((20, 17, 23), PATCHES)
    same.array[...] = 0
    scores = same.here()
    assert (scores == scores[:1]).all()
    assert not joined(same.there(highest_alone=True)).any()


@pytest.mark.parametrize("fault", [MemoryError("no room"), ModelError("no kernel", "one", "-")])
def test_a_device_that_cannot_decide_gives_scores(
    fault: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    case = Case((20, 17, 23), PATCHES)

    def failing(*_: Any) -> None:
        raise fault

    monkeypatch.setattr(device_blending.DeviceBlending, "_highest_of", failing)
    np.testing.assert_array_equal(joined(case.there(highest_alone=True)), case.here())
    assert len(caplog.records) == 1  # it is not tried again


def test_the_highest_alone_of_more_values_than_one_array_can_have(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Which part has it nobody asks: scores come."""
    case = Case((20, 17, 23), PATCHES)
    monkeypatch.setattr(device_blending, "_MOST_VALUES", 2 * 8 * 17 * 23)
    np.testing.assert_array_equal(joined(case.there(highest_alone=True)), case.here())


@pytest.mark.parametrize("batch", [None, 4])
def test_slices_and_batches(batch: int | None) -> None:
    case = Case((9, 17, 23), FLAT, batch=batch)
    np.testing.assert_array_equal(joined(case.there()), case.here())
    if batch:
        case = Case((20, 17, 23), PATCHES, batch=batch)
        np.testing.assert_array_equal(joined(case.there()), case.here())


@pytest.mark.parametrize(
    ("input_", "output", "networks", "half"),
    [
        ({}, {}, 1, True),
        ({"mirror": "X"}, {}, 1, False),
        ({"mirror": "ZYX"}, {}, 2, False),
        ({}, {"activation": "softmax", "blend": "probabilities"}, 1, False),
        ({}, {"activation": "sigmoid", "blend": "probabilities"}, 1, True),
        ({"mirror": "Z"}, EACH, 2, False),
    ],
)
def test_means_and_probabilities(
    input_: dict[str, Any], output: dict[str, Any], networks: int, half: bool
) -> None:
    case = Case((20, 17, 23), {**PATCHES, **input_}, output, networks, half=half)
    np.testing.assert_allclose(joined(case.there()), case.here(), rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("highest_alone", [False, True])
def test_what_is_copied(highest_alone: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case((20, 17, 23), PATCHES)
    counts: Counter[str] = Counter()

    class Counting(onnxruntime.IOBinding):
        def bind_cpu_input(self, name: str, values: NDArray[Any]) -> None:
            counts[f"up {name}"] += values.nbytes
            super().bind_cpu_input(name, values)

        def bind_output(self, name: str, *where: Any) -> None:
            if len(where) > 1:  # memory of ours
                size = np.dtype(where[2]).itemsize
                counts[f"down {name}"] += int(np.prod(where[3])) * size
            super().bind_output(name, *where)

    uploaded = Device.uploaded

    def counted(self: Device, array: NDArray[Any]) -> Any:
        counts["up before"] += array.nbytes
        return uploaded(self, array)

    monkeypatch.setattr(onnxruntime.InferenceSession, "io_binding", lambda self: Counting(self))
    monkeypatch.setattr(Device, "uploaded", counted)
    found = joined(case.there(highest_alone=highest_alone))
    down = {key: count for key, count in counts.items() if key.startswith("down")}
    # Each finished plane once, no patch, and a number for each row of patches.
    what = "down highest" if highest_alone else "down planes"
    assert down == {what: found.nbytes, "down sum": 4 * 4}
    patches = 4 * 5 * 4
    size = 8 * 6 * 10 * 4
    assert counts["up image"] == patches * size
    # Weights while the network runs; then places in a patch (8 bytes each), and a slab's beginning.
    assert counts["up before"] == patches * size + 2 * size + 4 * CHANNELS
    numbers = sum(count for key, count in counts.items() if key.startswith("up"))
    assert numbers - 2 * patches * size < patches * 300  # where the patch lies


@pytest.mark.parametrize(
    ("input_", "networks"), [({}, 1), ({"mirror": "ZX"}, 2), ({"axis_order": "NZYXC"}, 1)]
)
def test_patches_of_one_value_are_run_once(
    input_: dict[str, Any], networks: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = Case((20, 17, 23), {**PATCHES, **input_}, networks=networks)
    case.array[:, 9:], case.array[:, :, 8:] = -1, -1
    runs, on = [], Ensemble.on

    def counted(self: Ensemble, *given: Any) -> Iterator[Any]:
        runs.append(1)
        return on(self, *given)

    monkeypatch.setattr(Ensemble, "on", counted)
    seen: list[float] = []
    once = joined(case.there(progress=lambda fraction, _: seen.append(fraction)))
    assert seen == sorted(seen) and seen[-1] == 1
    few, runs = len(runs), []
    with monkeypatch.context() as patched:
        patched.setattr(device_blending, "values_of", lambda *_: None)
        np.testing.assert_array_equal(joined(case.there()), once)
    assert few < 0.5 * len(runs)
    runs.clear()
    monkeypatch.setattr(device_blending, "MOST_KEPT", 100)  # no room for them there
    np.testing.assert_array_equal(joined(case.there()), once)
    assert len(runs) > few


def test_scores_that_are_no_numbers_are_refused() -> None:
    for more in ({}, {"activation": "sigmoid", "blend": "probabilities"}):
        case = Case((20, 17, 23), PATCHES, more)
        case.array[0, 11, 3, 4] = np.inf
        words = r"the network's output is (nan|-?inf) in channel 0 at voxel \(1\d, [2-4], [3-5]\)"
        for alone in (False, True):
            with pytest.raises(ModelError, match=words):
                joined(case.there(highest_alone=alone))


def test_scores_of_another_shape_are_refused() -> None:
    case = Case((20, 17, 23), PATCHES, {"channels": 2})
    with pytest.raises(ModelError, match=r"scores of shape \(1, 3, 8, 6, 10\) for an input of"):
        joined(case.there())


def test_without_room_there_it_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case((20, 17, 23), PATCHES)

    def full(*_: Any) -> None:
        raise MemoryError("no more than 5 bytes")

    monkeypatch.setattr(Program, "made", full)
    reasons: list[str] = []
    instead = np.ones((CHANNELS, 20, 17, 23), np.float32)
    programs: list[weakref.ref[Program]] = []
    new = Device.program

    def known(self: Device, model: bytes) -> Program:
        program = new(self, model)
        programs.append(weakref.ref(program))
        return program

    monkeypatch.setattr(Device, "program", known)

    def here(reason: str) -> Iterator[tuple[int, NDArray[np.float32]]]:
        reasons.append(reason)
        assert programs and not any(program() for program in programs)  # its memory is free again
        yield 0, instead

    gc.disable()
    try:
        np.testing.assert_array_equal(joined(case.there(otherwise=here)), instead)
    finally:
        gc.enable()
    [reason] = reasons
    assert reason.endswith("no room for them on the graphics card (no more than 5 bytes)")


def test_patches_that_do_not_overlap_are_not_blended_at_all() -> None:
    case = Case((8, 6, 10), PATCHES)
    reasons: list[str] = []

    def here(reason: str) -> Iterator[tuple[int, NDArray[np.float32]]]:
        reasons.append(reason)
        yield 0, np.zeros((CHANNELS, 8, 6, 10), np.float32)

    joined(case.there(otherwise=here))
    assert reasons == [""]


def test_progress_and_cancelling() -> None:
    case = Case((20, 17, 23), {**PATCHES, "mirror": "X"})
    seen: list[tuple[float, str]] = []
    joined(case.there(progress=lambda *how: seen.append(how)))
    assert seen[-1] == (1.0, "patch 80 of 80, mirror image 2 of 2")
    fractions = [fraction for fraction, _ in seen]
    assert fractions == sorted(set(fractions))

    asked = iter([False] * 30 + [True] * 1000)
    with pytest.raises(CancelledError):
        joined(case.there(cancelled=lambda: next(asked)))
    with closing(case.there()) as slabs:  # nobody wants the rest
        next(slabs)


@pytest.mark.parametrize(
    ("input_", "output", "networks", "voting"),
    [
        ({}, {}, 1, True),
        ({}, {"decision": "labels", "channels": 1}, 1, False),
        ({"mirror": "X"}, {"activation": "softmax", "blend": "probabilities"}, 1, False),
        ({}, {"activation": "sigmoid", "blend": "probabilities"}, 2, False),
    ],
)
def test_what_is_no_weighted_sum_is_done_here(
    input_: dict[str, Any], output: dict[str, Any], networks: int, voting: bool
) -> None:
    case = Case((20, 17, 23), {**PATCHES, **input_}, output, networks)
    assert not can_blend(case.predict, case.stage.input, case.output, voting=voting)
