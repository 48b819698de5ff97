"""Small networks, as ONNX models: one a property that tests need."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSETS = [helper.make_opsetid("", 17)]


def save(model: onnx.ModelProto, path: Path) -> Path:
    """Write `model` in one file."""
    path.write_bytes(model.SerializeToString())
    return path


def conv(
    spatial: int = 3, channels: int = 16, layers: int = 2, dtype: type = np.float32, seed: int = 0
) -> onnx.ModelProto:
    """Convolutions of kernel 3 and ReLUs, from one channel to `channels`; biases are small."""
    rng = np.random.default_rng(seed)
    nodes, weights, tensor, width = [], [], "image", 1
    for i in range(layers):
        kernel = rng.standard_normal((channels, width, *[3] * spatial)) * 0.1
        weights += [
            numpy_helper.from_array(kernel.astype(dtype), f"layer{i}.weight"),
            numpy_helper.from_array(rng.standard_normal(channels).astype(dtype), f"layer{i}.bias"),
        ]
        names = [tensor, f"layer{i}.weight", f"layer{i}.bias"]
        nodes += [
            helper.make_node("Conv", names, [f"conv{i}"], pads=[1] * 2 * spatial),
            helper.make_node("Relu", [f"conv{i}"], [f"relu{i}"]),
        ]
        tensor, width = f"relu{i}", channels
    return model(nodes, weights, {"image": [1, 1, *[None] * spatial]}, tensor, dtype)


def untrained(channels: int) -> onnx.ModelProto:
    """The image again and again, which takes no weights."""
    nodes = [helper.make_node("Concat", ["image"] * channels, ["y"], axis=1)]
    return model(nodes, [], {"image": [1, 1, *[None] * 3]}, "y")


def dense(size: int = 64, dtype: type = np.float32) -> onnx.ModelProto:
    """One matrix multiplication."""
    matrix = np.random.default_rng(1).standard_normal((size, size)).astype(dtype)
    nodes = [helper.make_node("MatMul", ["image", "matrix"], ["y"])]
    weights = [numpy_helper.from_array(matrix, "matrix")]
    return model(nodes, weights, {"image": [None, size]}, "y", dtype)


def two_inputs() -> onnx.ModelProto:
    """The sum of two images, times a matrix."""
    matrix = np.random.default_rng(2).standard_normal((32, 32)).astype(np.float32)
    nodes = [
        helper.make_node("Add", ["first", "second"], ["sum"]),
        helper.make_node("MatMul", ["sum", "matrix"], ["y"]),
    ]
    shapes = {"first": [None, 32], "second": [None, 32]}
    return model(nodes, [numpy_helper.from_array(matrix, "matrix")], shapes, "y")


def reshaping() -> onnx.ModelProto:
    """A large initializer whose shape is changed by a small one."""
    matrix = np.random.default_rng(3).standard_normal(32 * 32).astype(np.float32)
    nodes = [
        helper.make_node("Reshape", ["flat", "shape"], ["matrix"]),
        helper.make_node("MatMul", ["image", "matrix"], ["y"]),
    ]
    weights = [
        numpy_helper.from_array(np.array([32, 32], np.int64), "shape"),
        numpy_helper.from_array(matrix, "flat"),
    ]
    return model(nodes, weights, {"image": [None, 32]}, "y")


def branching() -> onnx.ModelProto:
    """An If whose branches have large initializers of their own, and a large Constant."""
    rng = np.random.default_rng(4)

    def branch(name: str) -> onnx.GraphProto:
        matrix = numpy_helper.from_array(rng.standard_normal((32, 32)).astype(np.float32), "inner")
        output = helper.make_tensor_value_info(name, TensorProto.FLOAT, None)
        node = helper.make_node("MatMul", ["shifted", "inner"], [name])
        return helper.make_graph([node], name, [], [output], [matrix])

    shift = numpy_helper.from_array(rng.standard_normal((1, 32)).astype(np.float32))
    nodes = [
        helper.make_node("Constant", [], ["shift"], value=shift),
        helper.make_node("MatMul", ["image", "matrix"], ["z"]),
        helper.make_node("Add", ["z", "shift"], ["shifted"]),
        helper.make_node("ReduceSum", ["shifted"], ["total"], keepdims=0),
        helper.make_node("Greater", ["total", "zero"], ["positive"]),
        helper.make_node(
            "If", ["positive"], ["y"], then_branch=branch("one"), else_branch=branch("other")
        ),
    ]
    weights = [
        numpy_helper.from_array(np.array(0, np.float32), "zero"),
        numpy_helper.from_array(rng.standard_normal((32, 32)).astype(np.float32), "matrix"),
    ]
    return model(nodes, weights, {"image": [None, 32]}, "y")


def typed() -> onnx.ModelProto:
    """Initializers in float_data and double_data, and one whose data_location is set to DEFAULT."""
    rng = np.random.default_rng(5)
    single, double = rng.standard_normal(32 * 32), rng.standard_normal(32 * 32)
    plain = numpy_helper.from_array(rng.standard_normal((32, 32)).astype(np.float32), "plain")
    plain.data_location = TensorProto.DEFAULT
    weights = [
        helper.make_tensor("single", TensorProto.FLOAT, [32, 32], single),
        helper.make_tensor("double", TensorProto.DOUBLE, [32, 32], double),
        helper.make_tensor("half", TensorProto.FLOAT16, [32, 32], single),  # int32_data
        plain,
    ]
    nodes = [
        helper.make_node("Cast", ["double"], ["d"], to=TensorProto.FLOAT),
        helper.make_node("Cast", ["half"], ["h"], to=TensorProto.FLOAT),
        helper.make_node("Sum", ["single", "d", "h", "plain"], ["matrix"]),
        helper.make_node("MatMul", ["image", "matrix"], ["y"]),
    ]
    return model(nodes, weights, {"image": [None, 32]}, "y")


def all_types() -> onnx.ModelProto:
    """One large initializer of every type that has raw data; no node uses them."""
    weights = []
    for name, number in TensorProto.DataType.items():
        bits = {"INT4": 4, "UINT4": 4, "FLOAT4E2M1": 4, "INT2": 2, "UINT2": 2}.get(name, 0)
        if name in ("UNDEFINED", "STRING") or name.startswith("FLOAT6"):
            continue
        size = bits or helper.tensor_dtype_to_np_dtype(number).itemsize * 8
        raw = np.random.default_rng(number).integers(0, 2, -(-2050 * size // 8), np.uint8).tobytes()
        weights.append(helper.make_tensor(name, number, [2, 1025], raw, raw=True))
    nodes = [helper.make_node("Relu", ["image"], ["y"])]
    return model(nodes, weights, {"image": [None]}, "y")


def custom(domain: str = "my.own", function: bool = False) -> onnx.ModelProto:
    """A node of another domain; defined in the model itself if `function`."""
    nodes = [helper.make_node("Twice", ["image"], ["y"], domain=domain)]
    result = model(nodes, [], {"image": [None]}, "y")
    result.opset_import.append(helper.make_opsetid(domain, 1))
    if function:
        body = [helper.make_node("Add", ["a", "a"], ["b"])]
        result.functions.append(helper.make_function(domain, "Twice", ["a"], ["b"], body, OPSETS))
    return result


def every() -> dict[str, onnx.ModelProto]:
    """One of each kind, by name."""
    return {
        "3d": conv(3),
        "2d": conv(2),
        "half": conv(2, dtype=np.float16),
        "two inputs": two_inputs(),
        "reshaping": reshaping(),
        "branching": branching(),
        "typed": typed(),
        "all types": all_types(),
        "no weights": custom(function=True),
    }


def with_external_data(network: onnx.ModelProto, folder: Path, location: str = "data.bin") -> Path:
    """Save `network` with all its initializers in another file, and return its path."""
    data = bytearray(b"not a tensor")
    for tensor in network.graph.initializer:
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (
            ("location", location),
            ("offset", len(data)),
            ("length", len(tensor.raw_data)),
        ):
            tensor.external_data.add(key=key, value=str(value))
        data += tensor.raw_data
        tensor.ClearField("raw_data")
    (folder / location).write_bytes(data)
    return save(network, folder / "model.onnx")


def model(
    nodes: list[onnx.NodeProto],
    weights: list[onnx.TensorProto],
    inputs: dict[str, list[int | None]],
    output: str,
    dtype: type = np.float32,
) -> onnx.ModelProto:
    """A whole model; the output's shape is left open."""
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info(name, kind, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(output, kind, None)],
        weights,
    )
    return helper.make_model(graph, opset_imports=OPSETS, ir_version=8)
