"""Every kind of network that people bring, as small ONNX models: image [n, 32] to y."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIDE = 32
RNG = np.random.default_rng(7)


def matrix(rows: int = SIDE) -> np.ndarray:
    """(rows, 32) float32: 1 KiB or more, so that it goes into the weights."""
    return (RNG.standard_normal((rows, SIDE)) / 4).astype(np.float32)


def tensor(values: np.ndarray, name: str = "") -> onnx.TensorProto:
    return numpy_helper.from_array(values, name)


def model(
    nodes: Sequence[onnx.NodeProto],
    weights: Sequence[onnx.TensorProto] = (),
    opset: int = 21,
    functions: Sequence[onnx.FunctionProto] = (),
    **graph: Sequence[onnx.SparseTensorProto],
) -> onnx.ModelProto:
    """The whole model; its last node gives y."""
    main = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [None, SIDE])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, None])],
        weights,
        **graph,
    )
    opsets = [helper.make_opsetid("", opset)]
    opsets += [helper.make_opsetid(function.domain, 1) for function in functions]
    return helper.make_model(main, opset_imports=opsets, ir_version=10, functions=functions)


def times(name: str, given: str = "image", result: str = "y") -> onnx.NodeProto:
    return helper.make_node("MatMul", [given, name], [result])


def plain(opset: int) -> onnx.ModelProto:
    """One multiplication, in the words of an operator set."""
    return model([times("w")], [tensor(matrix(), "w")], opset)


def cast(kind: int) -> onnx.ModelProto:
    """Weights of another floating type, made float32 in the network."""
    weights = helper.make_tensor("w", kind, [SIDE, SIDE], _raw(matrix(), kind), raw=True)
    return model(
        [helper.make_node("Cast", ["w"], ["f"], to=TensorProto.FLOAT), times("f")], [weights]
    )


def dequantized(kind: int) -> onnx.ModelProto:
    """Weights of 8 or 4 bits, dequantized in the network (QDQ)."""
    rows = 3 * SIDE  # 4-bit ones need more for 1 KiB
    values = matrix(rows) * (1 if kind in _FLOAT8 else 4)
    if kind in (TensorProto.UINT8, TensorProto.UINT4):
        values = np.abs(values)
    weights = [
        helper.make_tensor("w", kind, [rows, SIDE], _raw(values, kind), raw=True),
        tensor(np.array(0.25, np.float32), "scale"),
    ]
    nodes = [
        helper.make_node("DequantizeLinear", ["w", "scale"], ["f"]),
        helper.make_node("Transpose", ["f"], ["t"]),
        times("t"),
    ]
    return model(nodes, weights)


def quantized() -> onnx.ModelProto:
    """A multiplication in 8-bit integers (QLinear)."""
    weights = [
        tensor(np.array(0.05, np.float32), "scale"),
        tensor(np.array(128, np.uint8), "zero"),
        tensor(RNG.integers(-99, 99, (SIDE, SIDE)).astype(np.int8), "w"),
        tensor(np.array(0, np.int8), "none"),
    ]
    names = ["q", "scale", "zero", "w", "scale", "none", "scale", "zero"]
    nodes = [
        helper.make_node("QuantizeLinear", ["image", "scale", "zero"], ["q"]),
        helper.make_node("QLinearMatMul", names, ["r"]),
        helper.make_node("DequantizeLinear", ["r", "scale", "zero"], ["y"]),
    ]
    return model(nodes, weights)


def branches() -> onnx.ModelProto:
    """If: both branches have an initializer of the same name, and one a Constant."""

    def branch(name: str, inner: list[onnx.NodeProto]) -> onnx.GraphProto:
        output = helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, SIDE])
        return helper.make_graph(inner, name, [], [output], [tensor(matrix(), "inner")])

    constant = helper.make_node("Constant", [], ["c"], value=tensor(matrix()))
    nodes = [
        helper.make_node("ReduceSum", ["image"], ["total"], keepdims=0),
        helper.make_node("Greater", ["total", "zero"], ["positive"]),
        helper.make_node(
            "If",
            ["positive"],
            ["y"],
            then_branch=branch("one", [times("inner", result="one")]),
            else_branch=branch(
                "two", [constant, times("c", result="t"), times("inner", "t", "two")]
            ),
        ),
    ]
    return model(nodes, [tensor(np.array(0, np.float32), "zero")])


def loop() -> onnx.ModelProto:
    """Loop: the image is multiplied three times by an initializer of the body."""
    inputs = [
        helper.make_tensor_value_info("i", TensorProto.INT64, []),
        helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
        helper.make_tensor_value_info("state", TensorProto.FLOAT, [None, SIDE]),
    ]
    outputs = [
        helper.make_tensor_value_info("going", TensorProto.BOOL, []),
        helper.make_tensor_value_info("next", TensorProto.FLOAT, [None, SIDE]),
    ]
    inner = [helper.make_node("Identity", ["go_on"], ["going"]), times("inner", "state", "next")]
    body = helper.make_graph(inner, "body", inputs, outputs, [tensor(matrix(), "inner")])
    weights = [tensor(np.array(3, np.int64), "three"), tensor(np.array(True), "true")]
    return model([helper.make_node("Loop", ["three", "true", "image"], ["y"], body=body)], weights)


def scan() -> onnx.ModelProto:
    """Scan: row by row, the running sum times an initializer of the body."""
    row = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [SIDE]) for n in ("sum", "row")]
    outputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [SIDE]) for n in ("new", "out")]
    inner = [helper.make_node("Add", ["sum", "row"], ["new"]), times("inner", "new", "out")]
    body = helper.make_graph(inner, "body", row, outputs, [tensor(matrix(), "inner")])
    node = helper.make_node("Scan", ["start", "image"], ["end", "y"], body=body, num_scan_inputs=1)
    return model([node], [tensor(np.zeros(SIDE, np.float32), "start")])


def functions() -> onnx.ModelProto:
    """A function of the model itself, with a Constant, called twice."""
    body = [helper.make_node("Constant", [], ["w"], value=tensor(matrix())), times("w", "a", "b")]
    layer = helper.make_function("own", "Layer", ["a"], ["b"], body, [helper.make_opsetid("", 21)])
    nodes = [
        helper.make_node("Layer", ["image"], ["once"], domain="own"),
        helper.make_node("Layer", ["once"], ["y"], domain="own"),
    ]
    return model(nodes, functions=[layer])


def shared() -> onnx.ModelProto:
    """One initializer for two nodes, and another one with equal bytes."""
    values = matrix()
    nodes = [times("w", result="a"), times("w", "a", "b"), times("same", "b", "y")]
    return model(nodes, [tensor(values, "w"), tensor(values, "same")])


def constants() -> onnx.ModelProto:
    """Constant nodes, one of whose tensors has the name of an initializer."""
    nodes = [
        helper.make_node("Constant", [], ["c"], value=tensor(matrix())),
        helper.make_node("Constant", [], ["d"], value=tensor(matrix(), "w")),
        times("w", result="a"),
        times("c", "a", "b"),
        times("d", "b", "y"),
    ]
    return model(nodes, [tensor(matrix(), "w")])


def sparse() -> onnx.ModelProto:
    """A sparse initializer; it stays in the card."""
    where = np.sort(RNG.choice(SIDE * SIDE, 512, replace=False)).astype(np.int64)
    values = tensor(matrix().ravel()[:512], "w")
    weights = helper.make_sparse_tensor(values, tensor(where, "w_places"), [SIDE, SIDE])
    return model([times("w")], sparse_initializer=[weights])


def number_by_number() -> onnx.ModelProto:
    """Values in float_data, and halves in int32_data; the latter stay in the card."""
    weights = [
        helper.make_tensor("w", TensorProto.FLOAT, [SIDE, SIDE], matrix().ravel()),
        helper.make_tensor("h", TensorProto.FLOAT16, [SIDE, SIDE], matrix().ravel()),
    ]
    nodes = [
        helper.make_node("Cast", ["h"], ["f"], to=TensorProto.FLOAT),
        times("w", result="a"),
        times("f", "a"),
    ]
    return model(nodes, weights)


_FLOAT8 = (
    TensorProto.FLOAT8E4M3FN,
    TensorProto.FLOAT8E4M3FNUZ,
    TensorProto.FLOAT8E5M2,
    TensorProto.FLOAT8E5M2FNUZ,
)


def _raw(values: np.ndarray, kind: int) -> bytes:
    return numpy_helper.from_array(values.astype(helper.tensor_dtype_to_np_dtype(kind))).raw_data


KINDS: dict[str, Callable[[], onnx.ModelProto]] = {
    **{f"opset {opset}": lambda opset=opset: plain(opset) for opset in (13, 17, 21, 23)},
    "float16": lambda: cast(TensorProto.FLOAT16),
    "bfloat16": lambda: cast(TensorProto.BFLOAT16),
    **{
        TensorProto.DataType.Name(kind).lower(): lambda kind=kind: dequantized(kind)
        for kind in (
            *_FLOAT8,
            TensorProto.INT8,
            TensorProto.UINT8,
            TensorProto.INT4,
            TensorProto.UINT4,
        )
    },
    "QLinear": quantized,
    "If": branches,
    "Loop": loop,
    "Scan": scan,
    "functions": functions,
    "shared": shared,
    "Constant": constants,
    "sparse": sparse,
    "typed": number_by_number,
}
