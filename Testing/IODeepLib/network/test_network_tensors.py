"""Inputs and outputs of every kind through the whole pipeline, with results told beforehand.

The networks are sums of channels (`summing_networks`), given other inputs, types, axes and sizes.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from makers.recipes import label
from makers.series import Stack
from makers.summing_networks import model_of, sums
from onnx import TensorProto, helper

from IODeepLib.errors import ModelError, RecipeError
from IODeepLib.network.session import Session
from IODeepLib.pipeline import run
from IODeepLib.series import ImageSeries, find_series

VOXELS = np.random.default_rng(5).integers(0, 1000, (5, 16, 12)).astype(np.int16)
# Label 1 where a voxel is above 500.
ABOVE = {"intensity": [{"step": "scale_offset", "offset": -500}]}


def series_of(folder: Path, voxels: np.ndarray = VOXELS) -> ImageSeries:
    (series,) = find_series(Stack(voxels).write(folder))
    return series


def labels_of(model, series: ImageSeries, others: Sequence[ImageSeries] = ()) -> np.ndarray:
    segmentation = run(series, model, others=others).segmentation
    assert segmentation is not None
    return segmentation.array


def sized(network: onnx.ModelProto, sizes: Sequence[int]) -> onnx.ModelProto:
    """With these sizes fixed, from the first axis on."""
    for value in (*network.graph.input, *network.graph.output):
        for dim, size in zip(value.type.tensor_type.shape.dim, sizes, strict=False):
            dim.dim_value = size
    return network


def retyped(network: onnx.ModelProto, given: int, result: int) -> onnx.ModelProto:
    """With other types of input and output, and a Cast behind and in front of them."""
    graph = network.graph
    graph.input[0].type.tensor_type.elem_type = given
    graph.output[0].type.tensor_type.elem_type = result
    graph.node[0].input[0], graph.node[-1].output[0] = "float", "scores"
    graph.node.insert(0, helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT))
    graph.node.append(helper.make_node("Cast", ["scores"], ["out"], to=result))
    return network


def with_inputs(
    network: onnx.ModelProto, inputs: dict[str, int], spatial: int = 3
) -> onnx.ModelProto:
    """With several inputs, of so many channels, joined before the network."""
    del network.graph.input[:]
    network.graph.input.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, channels, *[None] * spatial])
        for name, channels in inputs.items()
    )
    network.graph.node.insert(0, helper.make_node("Concat", list(inputs), ["image"], axis=1))
    return network


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The shape of the first input of every run."""
    shapes = []
    original = Session.run

    def watched(self: Session, feeds: dict[str, np.ndarray], *rest: Any) -> list[np.ndarray]:
        shapes.append(next(iter(feeds.values())).shape)
        return original(self, feeds, *rest)

    monkeypatch.setattr(Session, "run", watched)
    return shapes


@pytest.mark.parametrize(
    ("ending", "decision"), [("", "argmax"), ("argmax", "labels")], ids=["scores", "labels"]
)
@pytest.mark.parametrize(
    ("axis_order", "patch_size", "count"),
    [
        ("NCZYX", [4, 8, 6], 6),  # 2 rows of 3 × 3 patches: two fours and one that is filled up
        ("NCZYX", None, 1),
        ("NCYX", [8, 6], 18),  # 5 slices, four and one at once, in 3 × 3 places
        ("NCYX", None, 2),
    ],
)
def test_a_network_that_takes_four_images_at_once(
    ending: str,
    decision: str,
    axis_order: str,
    patch_size: list[int] | None,
    count: int,
    runs: list[tuple[int, ...]],
    tmp_path: Path,
) -> None:
    network = sized(sums([[0], [1]], spatial=len(axis_order) - 2, ending=ending), [4])
    model = model_of(
        tmp_path,
        network,
        input={**ABOVE, "axis_order": axis_order, "patch_size": patch_size},
        output={"decision": decision, "channels": 1 if decision == "labels" else 2},
    )
    runs.clear()
    np.testing.assert_array_equal(labels_of(model, series_of(tmp_path / "i")), VOXELS > 500)
    assert len(runs) == count and all(shape[0] == 4 for shape in runs)


@pytest.mark.parametrize(
    ("axis_order", "patch_size"), [("NCYX", None), ("NCZYX", [4, 16, 12]), ("NCZYX", None)]
)
def test_a_classification_that_takes_four_images_at_once(
    axis_order: str, patch_size: list[int] | None, tmp_path: Path
) -> None:
    """The greatest mean of a slice or patch: what is filled up must not count twice."""
    network = sized(sums([[1], [0]], spatial=len(axis_order) - 2, ending="pool"), [4])
    model = model_of(
        tmp_path,
        network,
        task="REGRESSION",
        input={"axis_order": axis_order, "patch_size": patch_size},
        output={"labels": [label(1, channel=0)], "aggregate": "mean"},
    )
    result = run(series_of(tmp_path / "i"), model).classification
    assert result is not None
    parts = {"NCYX": list(VOXELS), "NCZYX": [VOXELS[:4], VOXELS[1:]] if patch_size else [VOXELS]}
    wanted = np.mean([part.mean() for part in parts[axis_order]])
    assert result.values[0] == pytest.approx(wanted, rel=1e-5)


def test_several_inputs_each_with_its_own_channels(tmp_path: Path) -> None:
    """A is where T1 is above T2, given beside FLAIR in another input."""
    stacks = [Stack(np.roll(VOXELS, i, axis=1)) for i in range(3)]
    names = ("T1", "T2", "FLAIR")
    for name, stack in zip(names, stacks, strict=True):
        stack.study, stack.frame = stacks[0].study, stacks[0].frame
        stack.common = {"SeriesDescription": name}
    t1, t2, flair = (
        find_series(stack.write(tmp_path / name))[0]
        for name, stack in zip(names, stacks, strict=True)
    )
    # Channels of the tensor: T2, FLAIR, T1; the recipe has them in the order of the names.
    network = with_inputs(sums([[1, 0, 0], [0, 0, 1]], spatial=3), {"others": 2, "first": 1})
    inputs = {"T1": "first", "T2": "others", "FLAIR": "others"}
    channels = [{"name": name, "words": [name], "input": inputs[name]} for name in names]
    model = model_of(tmp_path, network, input={"channels": channels, "patch_size": [4, 8, 6]})
    wanted = stacks[0].voxels > stacks[1].voxels
    np.testing.assert_array_equal(labels_of(model, t1, [t2, flair]), wanted)


def test_neighbouring_slices_go_to_the_input_of_their_channel(tmp_path: Path) -> None:
    """Both inputs are filled from one series: label 1 where the slice above is brighter."""
    network = with_inputs(
        sums([[0, 1, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1]], spatial=2), {"a": 3, "b": 3}, spatial=2
    )
    first = Stack(VOXELS, common={"SeriesDescription": "first"})
    second = Stack(VOXELS, common={"SeriesDescription": "second"})
    second.study, second.frame = first.study, first.frame
    (one,), (two,) = (
        find_series(stack.write(tmp_path / name)) for name, stack in (("1", first), ("2", second))
    )
    channels = [
        {"name": "first", "words": ["first"], "input": "a"},
        {"name": "second", "words": ["second"], "input": "b"},
    ]
    model = model_of(
        tmp_path, network, input={"channels": channels, "axis_order": "NCYX", "neighbours": 1}
    )
    above = np.concatenate([VOXELS[1:], VOXELS[-1:]])
    np.testing.assert_array_equal(labels_of(model, one, [two]), above > VOXELS)


def test_an_input_with_a_default_is_left_to_it(tmp_path: Path) -> None:
    network = with_inputs(sums([[0, 0], [1, -1]], spatial=3), {"given": 1, "default": 1})
    network.graph.node[0].input[1] = "half"
    expand = helper.make_node("Mul", ["given", "zero"], ["nothing"])
    network.graph.node.insert(0, helper.make_node("Add", ["nothing", "default"], ["half"]))
    network.graph.node.insert(0, expand)
    for name, value in (("zero", 0.0), ("default", 500.0)):
        network.graph.initializer.append(
            helper.make_tensor(name, TensorProto.FLOAT, [1, 1, 1, 1, 1], [value])
        )
    model = model_of(tmp_path, network)
    np.testing.assert_array_equal(labels_of(model, series_of(tmp_path / "i")), VOXELS > 500)


@pytest.mark.parametrize(
    ("channels", "message"),
    [
        ([{"name": "image"}], r"channels\[0\]: it does not say which of the network's 2 inputs"),
        ([{"name": "image", "input": "image"}], r"none belongs to the network's input age float32"),
        ([{"name": "image", "input": "x"}], r"channels\[0\]\.input: 'x'; wanted: one of the netw"),
    ],
)
def test_an_input_that_nothing_fills_is_named(
    channels: list[dict[str, str]], message: str, tmp_path: Path
) -> None:
    network = sums([[0], [1]], spatial=3)
    age = helper.make_tensor_value_info("age", TensorProto.FLOAT, [1])
    network.graph.input.append(age)
    network.graph.node[-1].op_type = "Add"
    network.graph.node[-1].input.append("age")
    with pytest.raises(RecipeError, match=message):
        model_of(tmp_path, network, input={"channels": channels})
    assert not (tmp_path / "model").exists()


def test_of_several_outputs_the_named_one_is_read(tmp_path: Path) -> None:
    """As with deep supervision: coarser outputs come first."""
    network = sums([[0], [1]], spatial=3)
    coarse = helper.make_tensor_value_info("coarse", TensorProto.FLOAT, [None, 2, None, None, None])
    network.graph.output.insert(0, coarse)
    pool = helper.make_node("MaxPool", ["sums"], ["coarse"], kernel_shape=[2] * 3, strides=[2] * 3)
    network.graph.node.append(pool)
    with pytest.raises(RecipeError, match="'coarse' has the shape"):
        model_of(tmp_path, network, input=ABOVE)
    model = model_of(tmp_path, network, input=ABOVE, output={"name": "out"})
    np.testing.assert_array_equal(labels_of(model, series_of(tmp_path / "i")), VOXELS > 500)


@pytest.mark.parametrize("kind", ["FLOAT16", "DOUBLE", "INT16", "UINT16", "INT32", "INT64"])
def test_inputs_and_outputs_of_other_types(kind: str, tmp_path: Path) -> None:
    number = TensorProto.DataType.Value(kind)
    weights = [[0.25], [1]] if kind in ("FLOAT16", "DOUBLE") else [[0], [1]]
    network = retyped(sums(weights, spatial=3), number, number)
    model = model_of(tmp_path, network, input={"patch_size": [4, 8, 6]})
    np.testing.assert_array_equal(labels_of(model, series_of(tmp_path / "i")), VOXELS > 0)


def test_bytes_are_rounded_to(tmp_path: Path) -> None:
    """500 / 4 is even 125: label 1 above 125, that is from 503 on (125.75 rounds up)."""
    network = retyped(sums([[0], [1]], spatial=3), TensorProto.UINT8, TensorProto.FLOAT)
    network.graph.node.insert(1, helper.make_node("Sub", ["float", "limit"], ["moved"]))
    network.graph.node[2].input[0] = "moved"
    network.graph.initializer.append(helper.make_tensor("limit", TensorProto.FLOAT, [1], [125]))
    steps = [{"step": "scale_offset", "scale": 0.25}]
    model = model_of(tmp_path, network, input={"intensity": steps})
    wanted = np.rint(VOXELS / 4) > 125
    np.testing.assert_array_equal(labels_of(model, series_of(tmp_path / "i")), wanted)


@pytest.mark.parametrize(
    ("kind", "voxels", "message"),
    [
        ("UINT8", VOXELS, r"values from \d to 9\d\d for the input 'image', which takes uint8"),
        ("UINT16", VOXELS - 500, r"values from -\d+ to \d+ for .*values from 0 to 65535"),
        ("FLOAT16", VOXELS, r"values from .* to 9.*e\+06 .*takes float16"),
    ],
)
def test_values_beyond_the_type_are_refused(
    kind: str, voxels: np.ndarray, message: str, tmp_path: Path
) -> None:
    number = TensorProto.DataType.Value(kind)
    network = retyped(sums([[0], [1]], spatial=3), number, TensorProto.FLOAT)
    scale = 10_000 if kind == "FLOAT16" else 1
    steps = [{"step": "scale_offset", "scale": scale}]
    model = model_of(tmp_path, network, input={"intensity": steps})
    with pytest.raises(ModelError, match=message):
        run(series_of(tmp_path / "i", voxels), model)


@pytest.mark.parametrize(
    ("kind", "message"),
    [("BFLOAT16", r"type tensor\(bfloat16\)"), ("BOOL", "'image' takes bool.*put a Cast in front")],
)
def test_inputs_that_numpy_has_no_numbers_for_are_refused(
    kind: str, message: str, tmp_path: Path
) -> None:
    number = TensorProto.DataType.Value(kind)
    network = retyped(sums([[0], [1]], spatial=3), number, TensorProto.FLOAT)
    with pytest.raises(ModelError, match=message):
        model_of(tmp_path, network)


@pytest.mark.parametrize("patch_size", [None, [4, 8, 6]])
@pytest.mark.parametrize("argmax", [False, True])
def test_channels_last(patch_size: list[int] | None, argmax: bool, tmp_path: Path) -> None:
    network = sums([[0], [1]], spatial=3)
    graph = network.graph
    for value, channels in ((graph.input[0], 1), (graph.output[0], 2)):
        kind = value.type.tensor_type.elem_type
        shape = [None, None, None, None, channels]
        value.CopyFrom(helper.make_tensor_value_info(value.name, kind, shape))
    graph.node[0].input[0], graph.node[-1].output[0] = "first", "scores"
    graph.node.insert(0, helper.make_node("Transpose", ["image"], ["first"], perm=[0, 4, 1, 2, 3]))
    if argmax:
        graph.node.append(helper.make_node("ArgMax", ["scores"], ["out"], axis=1, keepdims=0))
        graph.output[0].CopyFrom(
            helper.make_tensor_value_info("out", TensorProto.INT64, [None] * 4)
        )
    else:
        last = helper.make_node("Transpose", ["scores"], ["out"], perm=[0, 2, 3, 4, 1])
        graph.node.append(last)
    model = model_of(
        tmp_path,
        network,
        input={**ABOVE, "axis_order": "NZYXC", "patch_size": patch_size},
        output={"decision": "labels", "channels": 1} if argmax else {},
    )
    np.testing.assert_array_equal(labels_of(model, series_of(tmp_path / "i")), VOXELS > 500)


def test_fixed_sizes_ask_for_a_patch_size_or_a_grid(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"image float32\[0, 1, .*always empty"):
        model_of(tmp_path, sized(sums([[0], [1]], spatial=3), [0]))
    network = sized(sums([[0], [1]], spatial=3), [1, 1, 4, 8, 6])
    network.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 2
    with pytest.raises(RecipeError, match=r"\$\.input\.patch_size: without it .* axis Z of .* 4"):
        model_of(tmp_path, network, input=ABOVE)
    model = model_of(tmp_path, network, input={**ABOVE, "patch_size": [4, 8, 6]})
    np.testing.assert_array_equal(labels_of(model, series_of(tmp_path / "i")), VOXELS > 500)


def test_a_patch_beyond_all_memory_is_refused_when_it_is_packed(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"values of a trial run need .* smaller patches"):
        model_of(tmp_path, sums([[0], [1]], spatial=3), input={"patch_size": [2**31 - 1] * 3})


@pytest.mark.parametrize("patch_size", [None, [4, 8, 6]])
def test_a_lack_of_memory_is_told_before_the_run(
    patch_size: list[int] | None,
    runs: list[tuple[int, ...]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    network = sums([[0], [1]], spatial=3)
    model = model_of(tmp_path, network, input={**ABOVE, "patch_size": patch_size})
    series = series_of(tmp_path / "i")
    # Two channels of float32: a patch, one of a single value that is kept, and as many planes of
    # the whole image as a patch has.
    needed = 8 * (2 * 4 * 8 * 6 + 4 * 16 * 12) if patch_size else 8 * VOXELS.size
    monkeypatch.setattr("IODeepLib.machine.memory.free_memory", lambda: 2 * needed)
    assert not any("memory" in note for note in run(series, model).notes)
    size = "4 × 8 × 6" if patch_size else "5 × 16 × 12"
    sentence = f"the scores of 2 channels at {size} voxels need 0.0 GB of memory"
    runs.clear()
    monkeypatch.setattr("IODeepLib.machine.memory.free_memory", lambda: needed - 1)
    with pytest.raises(ModelError, match=f"{sentence}.*a network that reads patches"):
        run(series, model)
    assert not runs
    caplog.set_level(logging.WARNING)
    monkeypatch.setattr("IODeepLib.machine.memory.free_memory", lambda: 2 * needed - 1)
    assert any(note.startswith(sentence) for note in run(series, model).notes)
    assert any(sentence in record.getMessage() for record in caplog.records)
