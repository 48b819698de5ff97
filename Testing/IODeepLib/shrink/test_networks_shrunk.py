"""Networks in fewer bits: what ONNX Runtime computes with them, and what stays as it was."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from makers import networks
from onnx import TensorProto, helper, numpy_helper

from IODeepLib.errors import ModelError
from IODeepLib.shrink.half import to_half
from IODeepLib.shrink.integers import prepared, to_integers

SHAPE = (1, 1, 6, 9, 12)
Feeds = dict[str, np.ndarray]


def images(count: int = 3, names: tuple[str, ...] = ("image",), shape=SHAPE) -> list[Feeds]:
    generator = np.random.default_rng(1)
    return [
        {name: generator.standard_normal(shape).astype(np.float32) for name in names}
        for _ in range(count)
    ]


def shrunk(folder: Path, network: onnx.ModelProto, to: str, patches: list[Feeds]) -> Path:
    source, ready = folder / "network.onnx", folder / "ready.onnx"
    networks.save(network, source)
    prepared(source, ready, "it")
    target = folder / f"{to}.onnx"
    if to == "fp16":
        to_half(ready, target, "it")
    else:
        to_integers(ready, target, patches, "it")
    return target


def difference(folder: Path, target: Path, feeds: Feeds) -> float:
    """Between a network and its shrunk self, in parts of the range of the output."""
    [wanted], [found] = (
        onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, feeds)
        for path in (folder / "network.onnx", target)
    )
    assert found.dtype == wanted.dtype == np.float32
    assert found.shape == wanted.shape
    return float(np.abs(found - wanted).max() / np.ptp(wanted))


def behind_layers(path: Path) -> Counter[str]:
    """The operators that convolutions give their values to."""
    nodes = onnx.load(path).graph.node
    given = {name for node in nodes if node.op_type == "Conv" for name in node.output}
    return Counter(node.op_type for node in nodes if given & set(node.input))


def types(path: Path) -> Counter[int]:
    """Values of kernels by their type."""
    found: Counter[int] = Counter()
    for tensor in onnx.load(path).graph.initializer:
        if len(tensor.dims) == 5:
            found[tensor.data_type] += int(np.prod(tensor.dims))
    return found


def with_norms(layers: int = 3) -> onnx.ModelProto:
    """Convolutions, each but the last with an instance normalization behind it."""
    network = networks.conv(3, layers=layers)
    nodes = list(network.graph.node)
    for i in range(layers - 1):
        position = nodes.index(next(n for n in nodes if n.input[0] == f"conv{i}"))
        names = [f"conv{i}", "scale", "zero"]
        nodes.insert(position, helper.make_node("InstanceNormalization", names, [f"norm{i}"]))
        nodes[position + 1].input[0] = f"norm{i}"
    del network.graph.node[:]
    network.graph.node.extend(nodes)
    for name, value in (("scale", 1), ("zero", 0)):
        tensor = numpy_helper.from_array(np.full(16, value, np.float32), name)
        network.graph.initializer.append(tensor)
    return network


@pytest.mark.parametrize("normalized", [False, True])
@pytest.mark.parametrize(("to", "most", "share"), [("fp16", 2e-3, 0.6), ("int8", 0.05, 0.7)])
def test_it_computes_nearly_the_same(
    tmp_path: Path, to: str, most: float, share: float, normalized: bool
) -> None:
    network = with_norms() if normalized else networks.conv(3, layers=3)
    target = shrunk(tmp_path, network, to, images())
    unseen = images(4)[3]
    assert 0 < difference(tmp_path, target, unseen) < most
    assert target.stat().st_size < share * (tmp_path / "network.onnx").stat().st_size
    kept = types(target)
    if to == "fp16":
        assert kept == {TensorProto.FLOAT16: 16 * 27 + 2 * 16 * 16 * 27}
    else:
        last = 16 * 16 * 27  # stays
        assert kept == {TensorProto.INT8: 16 * 27 + 16 * 16 * 27, TensorProto.FLOAT: last}


def test_weights_have_seven_bits_and_a_scale_for_each_channel(tmp_path: Path) -> None:
    """Products of eight bits overflow on processors without VNNI."""
    target = shrunk(tmp_path, networks.conv(3, layers=3), "int8", images())
    graph = onnx.load(target).graph
    weights = [
        numpy_helper.to_array(tensor)
        for tensor in graph.initializer
        if tensor.data_type == TensorProto.INT8 and len(tensor.dims) == 5
    ]
    assert len(weights) == 2
    for weight in weights:
        assert np.abs(weight).max(axis=(1, 2, 3, 4)).tolist() == [64] * 16


def test_no_integers_between_a_layer_and_its_normalization(tmp_path: Path) -> None:
    normalized = shrunk(tmp_path, with_norms(), "int8", images())
    assert behind_layers(normalized) == Counter(InstanceNormalization=2, Relu=1)
    plain = shrunk(tmp_path, networks.conv(3, layers=3), "int8", images())
    assert behind_layers(plain)["QuantizeLinear"] == 2


def test_sums_over_voxels_stay_in_float32(tmp_path: Path) -> None:
    """Squares of values around 600 would be infinite in float16."""
    network = with_norms()
    source, ready, target = (tmp_path / f"{name}.onnx" for name in ("network", "ready", "fp16"))
    networks.save(network, source)
    prepared(source, ready, "it")
    assert to_half(ready, target, "it") == ("InstanceNormalization",)
    [feeds] = images(1)
    assert difference(tmp_path, target, {"image": feeds["image"] * 600}) < 2e-3


@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize("to", ["fp16", "int8"])
def test_sizes_are_not_rounded(tmp_path: Path, to: str, constant: bool) -> None:
    """2049 times 1.0005 is 2050 voxels in float32; in float16 that number is 1, or 1.001."""
    network = networks.conv(3, layers=2)
    scales = numpy_helper.from_array(np.array([1, 1, 1, 1, 1.0005], np.float32), "scales")
    if constant:
        network.graph.node.insert(0, helper.make_node("Constant", [], ["scales"], value=scales))
    else:
        network.graph.initializer.append(scales)
    network.graph.node.append(
        helper.make_node("Resize", ["image", "", "scales"], ["large"], mode="nearest")
    )
    network.graph.node[-1].output[0] = "large"
    nodes = list(network.graph.node)
    nodes.insert(1 if constant else 0, nodes.pop())
    del network.graph.node[:]
    network.graph.node.extend(nodes)
    next(n for n in network.graph.node if n.op_type == "Conv").input[0] = "large"
    shape = (1, 1, 3, 3, 2049)
    target = shrunk(tmp_path, network, to, images(shape=shape))
    assert difference(tmp_path, target, images(1, shape=shape)[0]) < 0.05  # and one shape
    session = onnxruntime.InferenceSession(target, providers=["CPUExecutionProvider"])
    assert session.run(None, images(1, shape=shape)[0])[0].shape[-1] == 2050


def test_several_inputs(tmp_path: Path) -> None:
    network = networks.two_inputs()
    second = helper.make_node("MatMul", ["y", "matrix"], ["z"])
    network.graph.node.append(second)
    network.graph.output[0].name = "z"
    patches = images(names=("first", "second"), shape=(5, 32))
    target = shrunk(tmp_path, network, "int8", patches)
    assert 0 < difference(tmp_path, target, patches[0]) < 0.05
    assert 0 < difference(tmp_path, shrunk(tmp_path, network, "fp16", []), patches[0]) < 2e-3


def test_one_layer_stays_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"nothing became int8.*two layers"):
        shrunk(tmp_path, networks.conv(3, layers=1), "int8", images())


@pytest.mark.parametrize("to", ["fp16", "int8"])
def test_names_in_a_network_reach_no_terminal(
    tmp_path: Path, to: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """ONNX Runtime names what nothing uses, in the network's own words."""
    network = networks.conv(3, layers=3)
    unused = numpy_helper.from_array(np.ones(3, np.float32), "\x1b[2Junused")
    network.graph.initializer.append(unused)
    shrunk(tmp_path, network, to, images())
    assert capfd.readouterr() == ("", "")


def test_two_tensors_of_one_name_in_branches(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"make no float16 \(AssertionError\)"):
        shrunk(tmp_path, networks.branching(), "fp16", [])


def test_what_the_tools_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "ready.onnx").write_bytes(b"no network")
    with pytest.raises(ModelError, match=r"make no float16.*take the other precision"):
        to_half(tmp_path / "ready.onnx", tmp_path / "fp16.onnx", "it")
    with pytest.raises(ModelError, match="make no int8"):
        to_integers(tmp_path / "ready.onnx", tmp_path / "int8.onnx", images(), "it")
    with pytest.raises(ModelError, match="make no network that can be shrunk"):
        prepared(tmp_path / "ready.onnx", tmp_path / "again.onnx", "it")
