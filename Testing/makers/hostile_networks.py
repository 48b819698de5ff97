"""Networks that somebody made on purpose: no exporter writes them, and `pack` would refuse them.

Each stands where the demonstration network stood: "image" (1 channel) to "logits" (3 channels).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from IODeepLib.onnx_file.wire import VARINT, encode_delimited, encode_tag, encode_varint, fields

IMAGE, LOGITS = [None, 1, None, None, None], [None, 3, None, None, None]
FOREIGN = "/etc/passwd"
MEMORY = "*/_ORT_MEM_ADDR_/*"  # what ONNX Runtime itself calls an address in memory
OURS = "weights-1.safetensors"
_OPSETS = [helper.make_opsetid("", 17), helper.make_opsetid("f", 1)]


def network(
    nodes: Sequence[onnx.NodeProto] = (),
    constants: dict[str, Any] | None = None,
    functions: Sequence[onnx.FunctionProto] = (),
) -> onnx.ModelProto:
    """The image three times; what `nodes` make of it, from "image" to "added", is added to it."""
    tail = [helper.make_node("Concat", ["image"] * 3, ["three"], axis=1)]
    if nodes:
        tail.append(helper.make_node("Add", ["three", "added"], ["logits"]))
    else:
        tail[0].output[0] = "logits"
    values = {name: np.asarray(value) for name, value in (constants or {}).items()}
    graph = helper.make_graph(
        [*nodes, *tail],
        "network",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, IMAGE)],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, LOGITS)],
        [numpy_helper.from_array(value, name) for name, value in values.items()],
    )
    return helper.make_model(graph, opset_imports=_OPSETS, ir_version=8, functions=list(functions))


# --- two readers see two networks -----------------------------------------------------------


def entry(key: str, value: object) -> bytes:
    """An entry of external_data."""
    return encode_delimited(
        13, encode_delimited(1, key.encode()) + encode_delimited(2, str(value).encode())
    )


def external(
    location: str = FOREIGN, offset: object = 0, length: object = 4096, more: bytes = b""
) -> bytes:
    """The TensorProto "w" of 1024 float32 with its values elsewhere."""
    return (
        b"\x08\x80\x08\x10\x01"
        + encode_delimited(8, b"w")
        + entry("location", location)
        + entry("offset", offset)
        + entry("length", length)
        + more
        + b"\x70\x01"
    )


def constant(*tensors: bytes, field: int = 5) -> bytes:
    """A Constant node with `tensors` in its value, whose output is added to the image."""
    value = encode_delimited(1, b"value") + b"\xa0\x01\x04"
    value += b"".join(encode_delimited(field, tensor) for tensor in tensors)
    return encode_delimited(2, b"w") + encode_delimited(4, b"Constant") + encode_delimited(5, value)


def with_node(node: bytes) -> bytes:
    """The network with one more node."""
    return in_graph(encode_delimited(1, node))


def in_graph(more: bytes) -> bytes:
    """The network with more fields in its graph."""
    content = network().SerializeToString()
    [graph] = [part for part in fields(content, 0, len(content)) if part.number == 7]
    inside = more + content[graph.begin : graph.end]
    return content[: graph.start] + encode_delimited(7, inside) + content[graph.end :]


def in_initializer(tensor: bytes) -> bytes:
    """The network with one more initializer."""
    return in_graph(encode_delimited(5, tensor))


def in_model(more: bytes) -> bytes:
    """The network with more fields."""
    return network().SerializeToString() + more


def inline(more: bytes = b"", dims: bytes = b"\x08\x01") -> bytes:
    """The TensorProto "w" with one float32 in itself."""
    return dims + b"\x10\x01" + encode_delimited(8, b"w") + more


RAW = encode_delimited(9, bytes(4))
OUR_PLACE = external(OURS, 0, 4096)


def _node(*parts: tuple[int, bytes]) -> bytes:
    return b"".join(encode_delimited(number, value) for number, value in parts)


def _value_info(kind: bytes) -> bytes:
    return encode_delimited(13, encode_delimited(1, b"v") + encode_delimited(2, kind))


# What protobuf takes, and merges, drops or takes the last of.
AMBIGUOUS: dict[str, bytes] = {
    "a tensor given twice": with_node(constant(OUR_PLACE, external())),
    "a tensor given twice, ours last": with_node(constant(external(), OUR_PLACE)),
    "a sparse tensor given twice": with_node(
        constant(encode_delimited(1, OUR_PLACE), encode_delimited(1, external()), field=22)
    ),
    "the values of a sparse tensor given twice": in_graph(
        encode_delimited(15, encode_delimited(1, OUR_PLACE) + encode_delimited(1, external()))
    ),
    "a graph given twice": in_model(
        encode_delimited(7, encode_delimited(5, external(MEMORY, 2**40)))
    ),
    "a subgraph given twice": with_node(
        _node(
            (4, b"If"),
            (5, _node((1, b"then_branch"), (6, b""), (6, encode_delimited(5, external())))),
        )
    ),
    "a training graph given twice": in_model(
        encode_delimited(20, _node((1, b""), (1, encode_delimited(5, external()))))
    ),
    "an operator given twice": with_node(
        _node((4, b"Relu"), (4, b"EPContext"), (7, b"com.microsoft"))
    ),
    "a domain given twice": with_node(_node((4, b"EPContext"), (7, b""), (7, b"com.microsoft"))),
    "a place given twice": in_initializer(external(OURS, more=b"\x70\x01")),
    "first inside, then outside": in_initializer(b"\x70\x00" + external()),
    "a type given twice": in_initializer(external(OURS, more=b"\x10\x01")),
    "a name given twice": in_initializer(external(OURS, more=encode_delimited(8, b"v"))),
    "two locations in one entry": in_initializer(
        external(
            OURS,
            more=encode_delimited(13, _node((1, b"checksum"), (2, b"x"), (2, FOREIGN.encode()))),
        )
    ),
    "values given twice": in_initializer(inline(RAW + RAW)),
    "two kinds of type": in_graph(
        _value_info(encode_delimited(1, b"\x08\x01") + encode_delimited(4, b""))
    ),
    "two kinds of dimension": in_graph(
        _value_info(
            encode_delimited(1, encode_delimited(2, encode_delimited(1, b"\x08\x01\x12\x01n")))
        )
    ),
    "a field that ONNX does not have": in_initializer(inline(RAW + encode_delimited(15, b"x"))),
    "a field far beyond": in_model(encode_delimited(2**29 - 1, b"x")),
    "a field of an old ONNX": in_graph(b"\x18\x01"),
    "a place as text": in_initializer(inline(RAW + encode_delimited(14, b"\x01"))),
    "a type of the wrong kind": in_initializer(inline(RAW + b"\x15\x01\x00\x00\x00")),
    "a place that ONNX does not know": in_initializer(external(OURS)[:-2] + b"\x70\x05"),
    "a place of 33 bits": in_initializer(
        external(OURS)[:-2] + encode_tag(14, VARINT) + encode_varint(2**32 + 1)
    ),
    "a number longer than it need be": in_initializer(external(OURS)[:-2] + b"\x70\x81\x00"),
    "a tag longer than it need be": in_initializer(external(OURS)[:-2] + b"\xf0\x00\x01"),
    "a length longer than it need be": in_initializer(inline(b"\x4a\x84\x00" + bytes(4))),
    "packed numbers longer than they need be": in_initializer(inline(RAW, b"\x0a\x02\x81\x00")),
    "no packed numbers": in_initializer(inline(encode_delimited(4, bytes(3)))),
    "a group": in_initializer(inline(RAW + b"\x7b\x7c")),
}

# What says where the values of a tensor lie.
PLACES: dict[str, bytes] = {
    "a location given twice": external(OURS, more=entry("location", FOREIGN)),
    "an offset given twice": external(OURS, more=entry("offset", 8)),
    "packed by ONNX Runtime": external(OURS, more=entry("prepacked_0", "key|0|4096|hash")),
    "an address in memory": external(MEMORY, 2**40),
    "a path": external(FOREIGN),
    "a way up": external("../" + OURS),
    "nothing": external(""),
    "a negative offset": external(OURS, -1),
    "an offset with a sign": external(OURS, "+8"),
    "an offset with a blank": external(OURS, " 8"),
    "an offset with a zero": external(OURS, "08"),
    "a hexadecimal offset": external(OURS, "0x10"),
    "an offset of 64 bits": external(OURS, 2**63),
    "an offset of many zeros": external(OURS, "0" * 30 + "64"),
    "an offset beyond the end": external(OURS, 2**40),
    "an offset in other digits": external(OURS, "٨"),
    "another length": external(OURS, length=4097),
    "a file beside its values": inline(RAW + entry("location", FOREIGN)),
}

# Where a TensorProto may stand besides.
ELSEWHERE: dict[str, bytes] = {
    "an attribute": with_node(
        _node((4, b"Shape"), (1, b"image"), (2, b"s"), (5, _node((1, b"a"), (5, external()))))
    ),
    "an attribute of tensors": with_node(
        _node((4, b"Shape"), (1, b"image"), (2, b"s"), (5, _node((1, b"a"), (10, external()))))
    ),
    "a sparse initializer": in_graph(encode_delimited(15, encode_delimited(1, external()))),
    "its indices": in_graph(
        encode_delimited(15, _node((1, inline(RAW)), (2, external())) + b"\x18\x01")
    ),
    "a sparse Constant": with_node(constant(encode_delimited(1, external()), field=22)),
    "an attribute of a function": in_model(
        encode_delimited(25, _node((1, b"g"), (11, _node((1, b"a"), (5, external())))))
    ),
    "a graph of training": in_model(
        encode_delimited(20, encode_delimited(1, encode_delimited(5, external())))
    ),
    "a graph in a graph": with_node(
        _node((4, b"If"), (5, _node((1, b"then_branch"), (6, encode_delimited(5, external())))))
    ),
}


# --- what should not run --------------------------------------------------------------------


def _operator(name: str, domain: str, **attributes: Any) -> bytes:
    node = helper.make_node(name, ["image"], ["added"], domain=domain, **attributes)
    made = network([node])
    made.opset_import.append(helper.make_opsetid(domain, 1))
    return made.SerializeToString()


FORBIDDEN: dict[str, bytes] = {
    "a file with a program": _operator(
        "EPContext", "com.microsoft", embed_mode=0, ep_cache_context=FOREIGN
    ),
    "a program": _operator("Snpe", "com.microsoft", DLC=b"x"),
    "Python": _operator("PythonOp", "com.microsoft", func_name="os.system"),
    "Python of another library": _operator("PyOp", "ai.onnx.contrib"),
    "a request": _operator("OpenAIAudioToText", "com.microsoft.extensions"),
    "PyTorch": _operator("ATen", "org.pytorch.aten", operator="from_file"),
    "training": _operator("Adam", "ai.onnx.preview.training"),
    "what ONNX Runtime makes for itself": _operator("Conv", "com.microsoft.nchwc"),
}


# --- small, and endless ---------------------------------------------------------------------


def nested_functions(depth: int, width: int = 2) -> onnx.ModelProto:
    """Functions that call the one before `width` times: width ** depth nodes."""
    functions = [
        helper.make_function(
            "f", "f0", ["a"], ["b"], [helper.make_node("Relu", ["a"], ["b"])], _OPSETS
        )
    ]
    for i in range(1, depth):
        names = ["a", *(f"t{k}" for k in range(width - 1)), "b"]
        nodes = [
            helper.make_node(f"f{i - 1}", [names[k]], [names[k + 1]], domain="f")
            for k in range(width)
        ]
        functions.append(helper.make_function("f", f"f{i}", ["a"], ["b"], nodes, _OPSETS))
    call = helper.make_node(f"f{depth - 1}", ["image"], ["added"], domain="f")
    return network([call], functions=functions)


def self_calling(length: int) -> onnx.ModelProto:
    """Functions that call each other in a circle."""
    functions = [
        helper.make_function(
            "f",
            f"f{i}",
            ["a"],
            ["b"],
            [helper.make_node(f"f{(i + 1) % length}", ["a"], ["b"], domain="f")],
            _OPSETS,
        )
        for i in range(length)
    ]
    call = helper.make_node("f0", ["image"], ["added"], domain="f")
    return network([call], functions=functions)


def loop(
    steps: int | None, condition: bool | None = None, steps_in: str = "initializer"
) -> onnx.ModelProto:
    """A Loop over the image that changes nothing; of `steps`, while the condition holds."""
    info = helper.make_tensor_value_info
    kinds = {"i": TensorProto.INT64, "c": TensorProto.BOOL, "v": TensorProto.FLOAT}
    shapes: dict[str, Any] = {"i": [], "c": [], "v": None}
    body = helper.make_graph(
        [helper.make_node("Identity", ["c"], ["d"]), helper.make_node("Relu", ["v"], ["w"])],
        "body",
        [info(name, kind, shapes[name]) for name, kind in kinds.items()],
        [info("d", TensorProto.BOOL, []), info("w", TensorProto.FLOAT, None)],
    )
    inputs = ["" if steps is None else "steps", "" if condition is None else "on", "image"]
    nodes = [helper.make_node("Loop", inputs, ["added"], body=body)]
    constants: dict[str, Any] = {}
    if condition is not None:
        constants["on"] = np.array(condition)
    if steps is not None and steps_in == "initializer":
        constants["steps"] = np.array(steps, np.int64)
    elif steps is not None:
        value: Any = {"value_int": steps, "value_ints": [steps]}.get(steps_in)
        if steps_in == "value":
            value = numpy_helper.from_array(np.array(steps, np.int64))
        nodes.insert(0, helper.make_node("Constant", [], ["steps"], **{steps_in: value}))
    return network(nodes, constants)


def heavy_constants(size: int = 12_000) -> onnx.ModelProto:
    """Products of large matrices of ones, which the optimizer computes beforehand: minutes."""
    nodes = [helper.make_node("Expand", ["one", "sizes"], ["m0"])]
    nodes += [helper.make_node("MatMul", [f"m{i}", "m0"], [f"m{i + 1}"]) for i in range(9)]
    nodes += [helper.make_node("ReduceMean", ["m9"], ["added"], keepdims=0)]
    return network(nodes, {"one": np.ones((1, 1), np.float32), "sizes": np.array([size, size])})


def heavy_node(size: int = 60_000) -> onnx.ModelProto:
    """One product of matrices, made from the image: minutes within one node."""
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["mean"], keepdims=0),
        helper.make_node("Expand", ["mean", "sizes"], ["wide"]),
        helper.make_node("Transpose", ["wide"], ["high"]),
        helper.make_node("MatMul", ["high", "wide"], ["square"]),
        helper.make_node("ReduceMean", ["square"], ["added"], keepdims=0),
    ]
    return network(nodes, {"sizes": np.array([4000, size // 2])})


def enormous(make: str) -> onnx.ModelProto:
    """A tensor of a petabyte whose size stands in the network."""
    sizes = np.array([2**24, 2**24], np.int64)
    nodes = {
        "ConstantOfShape": [helper.make_node("ConstantOfShape", ["sizes"], ["much"])],
        "Expand": [helper.make_node("Expand", ["one", "sizes"], ["much"])],
        "Tile": [helper.make_node("Tile", ["one", "sizes"], ["much"])],
        "Range": [helper.make_node("Range", ["zero", "end", "step"], ["much"])],
        "Constant": [
            helper.make_node("Constant", [], ["wide"], value_ints=[2**24, 2**24]),
            helper.make_node("ConstantOfShape", ["wide"], ["much"]),
        ],
        "sparse": [helper.make_node("Identity", ["sparse"], ["much"])],
    }[make]
    nodes.append(helper.make_node("ReduceMax", ["much"], ["most"], keepdims=0))
    nodes.append(helper.make_node("Cast", ["most"], ["added"], to=TensorProto.FLOAT))
    constants = {
        "one": np.ones((1, 1), np.float32),
        "sizes": sizes,
        "zero": np.array(0, np.int64),
        "end": np.array(2**48, np.int64),
        "step": np.array(1, np.int64),
    }
    made = network(nodes, constants)
    if make == "sparse":
        sparse = made.graph.sparse_initializer.add(dims=sizes)
        sparse.values.CopyFrom(numpy_helper.from_array(np.ones(1, np.float32), "sparse"))
        sparse.indices.CopyFrom(numpy_helper.from_array(np.zeros(1, np.int64), "indices"))
    return made


ENDLESS: dict[str, tuple[Callable[[], onnx.ModelProto], str]] = {
    "functions that double 40 times": (lambda: nested_functions(40), "nodes with its functions"),
    "functions times ten": (lambda: nested_functions(9, 10), "nodes with its functions"),
    "functions within each other": (lambda: nested_functions(500, 1), "within each other"),
    "a function that calls itself": (lambda: self_calling(1), "calls itself"),
    "functions in a circle": (lambda: self_calling(5), "calls itself"),
    "a loop of 2 ** 62": (lambda: loop(2**62), "a loop of"),
    "the same in a Constant": (lambda: loop(2**62, steps_in="value"), "a loop of"),
    "the same as a number": (lambda: loop(2**62, steps_in="value_int"), "a loop of"),
    "the same as a list": (lambda: loop(2**62, steps_in="value_ints"), "a loop of"),
    "a loop without an end": (lambda: loop(None), "a loop of"),
}
ENORMOUS = ("ConstantOfShape", "Expand", "Tile", "Range", "Constant", "sparse")
# What only a run would tell: work for hours, of kinds that end in different ways.
LONG: dict[str, Callable[[], onnx.ModelProto]] = {
    "a loop while true": lambda: loop(2**62, condition=True),
    "a loop of which nothing is known": lambda: loop(None, condition=True),
    "functions as far as they may go": lambda: nested_functions(15),
    "constants computed beforehand": heavy_constants,
    "one long node": heavy_node,
}
