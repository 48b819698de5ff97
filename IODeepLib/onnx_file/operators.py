"""What a model asks for beyond its main graph's initializers: operators and tensors elsewhere."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from IODeepLib.onnx_file.tensor import DATA_LOCATION, EXTERNAL_DATA
from IODeepLib.onnx_file.tensor import NAME as TENSOR_NAME
from IODeepLib.onnx_file.wire import DELIMITED, Field, WireError, fields, text

# The operator sets that every ONNX Runtime has: ONNX's own, whose names begin with "ai.onnx" or
# are empty, and ONNX Runtime's contributed ones.
_KNOWN_DOMAINS = ("ai.onnx", "com.microsoft")

# Messages and, for each, the fields that hold others: field number to message.
_INNER = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {
        5: "tensor",
        6: "graph",
        10: "tensor",
        11: "graph",
        22: "sparse",
        23: "sparse",
    },
    "sparse": {1: "tensor", 2: "tensor"},
}
_SUBGRAPH_INNER = {**_INNER["graph"], 5: "tensor"}
_NODE_OPERATOR, _NODE_DOMAIN = 4, 7
_FUNCTION_NAME, _FUNCTION_DOMAIN = 1, 10
_MAX_DEPTH = 100  # the nesting at which Protocol Buffers gives up, too


@dataclass(slots=True)
class Findings:
    """What was found in a model.

    Attributes:
        operators: operator names by their domain, without those that every ONNX Runtime has and
            those that the model defines itself.
        external_tensors: names of the tensors that lie in other files but are no initializers of
            the main graph.
    """

    operators: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    external_tensors: list[str] = field(default_factory=list)


def inspect(buffer: memoryview) -> Findings:
    """Walk through the whole ModelProto.

    Raises:
        WireError: it is damaged, or nested too deeply.
    """
    findings = Findings()
    functions: set[tuple[str, str]] = set()
    # An own stack: the nesting of a file must not become that of Python.
    todo = [("model", 0, len(buffer), 0)]
    while todo:
        kind, begin, end, depth = todo.pop()
        if depth > _MAX_DEPTH:
            raise WireError(f"more than {_MAX_DEPTH} messages within each other")
        inner = _SUBGRAPH_INNER if kind == "graph" and depth > 1 else _INNER.get(kind, {})
        named: dict[int, Field] = {}
        for part in fields(buffer, begin, end):
            within = inner.get(part.number)
            if within and part.wire_type == DELIMITED:
                todo.append((within, part.begin, part.end, depth + 1))
            else:
                named[part.number] = part
        if kind == "node":
            domain = _text(buffer, named, _NODE_DOMAIN)
            if domain and not domain.startswith(_KNOWN_DOMAINS):
                findings.operators[domain].add(_text(buffer, named, _NODE_OPERATOR))
        elif kind == "function":
            domain = _text(buffer, named, _FUNCTION_DOMAIN)
            functions.add((domain, _text(buffer, named, _FUNCTION_NAME)))
        elif kind == "tensor" and (EXTERNAL_DATA in named or _is_set(buffer, named)):
            findings.external_tensors.append(_text(buffer, named, TENSOR_NAME))
    for domain, name in functions:
        findings.operators.get(domain, set()).discard(name)
    findings.operators = {d: names for d, names in findings.operators.items() if names}
    return findings


def _is_set(buffer: memoryview, named: dict[int, Field]) -> bool:
    location = named.get(DATA_LOCATION)
    return location is not None and any(buffer[location.begin : location.end])


def _text(buffer: memoryview, named: dict[int, Field], number: int) -> str:
    return text(buffer, named[number]) if number in named else ""
