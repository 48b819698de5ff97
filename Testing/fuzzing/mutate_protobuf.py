"""Damage to Protocol Buffers messages: the tree of fields changed, and encoded anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from fuzzing import mutate_bytes

from IODeepLib.onnx_file.wire import DELIMITED, VARINT, WireError, encode_varint, fields, varint

_MAX_PARSED = 20_000  # bytes; longer fields are tensors
_NUMBERS = (0, 1, 2, 16, 2**7, 2**31 - 1, 2**31, 2**32, 2**62, 2**63 - 1, 2**63, 2**64 - 1)


@dataclass
class Node:
    """A field: its value as bytes, or the fields of the message that it is."""

    number: int
    wire_type: int
    value: bytes | list[Node]
    claimed: int | None = None  # a length that is not the value's


def damaged(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """`data` (a ModelProto) with one to four damages."""
    tree = parsed(data, depth=8)
    if tree is None or rng.random() < 0.15:
        return mutate_bytes.damaged(rng, data, others)
    for _ in range(rng.choice((1, 1, 2, 4))):
        _change(rng, tree, others)
    result = encoded(tree)
    return mutate_bytes.damaged(rng, result, others) if rng.random() < 0.1 else result


def parsed(data: bytes, depth: int) -> list[Node] | None:
    """The fields of a message, and those of messages in it; None if it is none."""
    nodes = []
    try:
        for field in fields(data, 0, len(data)):
            value: bytes | list[Node] = data[field.begin : field.end]
            inner = None
            whole = depth == 8 or len(value) <= _MAX_PARSED or field.number == 5
            if field.wire_type == DELIMITED and value and depth and whole:
                inner = parsed(value, depth - 1)  # type: ignore[arg-type]
            nodes.append(Node(field.number, field.wire_type, value if inner is None else inner))
    except WireError:
        return None
    return nodes


def encoded(nodes: Sequence[Node]) -> bytes:
    """The message; lengths are right but where a node claims another."""
    result = bytearray()
    for node in nodes:
        value = node.value if isinstance(node.value, bytes) else encoded(node.value)
        result += encode_varint(node.number << 3 | node.wire_type)
        if node.wire_type == DELIMITED:
            result += encode_varint(len(value) if node.claimed is None else node.claimed)
        result += value
    return bytes(result)


def _change(rng: Random, tree: list[Node], others: Sequence[bytes]) -> None:
    holder = rng.choice(_messages(tree))
    if not holder:
        holder.append(Node(rng.randrange(1, 30), VARINT, encode_varint(rng.choice(_NUMBERS))))
        return
    i = rng.randrange(len(holder))
    node = holder[i]
    kind = rng.randrange(10)
    if kind == 0:
        del holder[i]
    elif kind == 1:
        holder[i:i] = [node] * rng.choice((1, 1, 3, 100))
    elif kind == 2:
        rng.shuffle(holder)
    elif kind == 3:
        node.number = rng.choice((*range(1, 30), 2**28, 2**29 - 1))
    elif kind == 4:
        node.wire_type = rng.randrange(8)
    elif kind == 5 and node.wire_type == DELIMITED:
        node.claimed = rng.choice(_NUMBERS)
    elif kind == 6 and node.wire_type == DELIMITED:
        message = node.value
        for _ in range(rng.choice((2, 50, 150, 10_000))):
            if not isinstance(message, bytes):
                message = encoded(message)
            message = _wrapped(rng, message)
            if len(message) > 200_000:
                break
        node.value = message
    elif kind == 7:
        other = parsed(rng.choice(others), 3) if others else None
        if other:
            holder[i] = rng.choice(rng.choice(_messages(other)) or [node])
    elif node.wire_type == VARINT:
        number, _ = varint(node.value if isinstance(node.value, bytes) else b"\0", 0, 10)
        node.value = encode_varint(rng.choice((*_NUMBERS, number + 1, number ^ 1)) % 2**64)
    elif isinstance(node.value, bytes):
        node.value = rng.choice(
            (
                b"",
                node.value[:-1],
                node.value * 2 if len(node.value) < 1000 else node.value + b"\0",
                rng.randbytes(20),
                b"\xff" * 11,
                b"../../etc/passwd",
                b"/etc/passwd",
                b"\xed\xa0\x80",
                b"a" * 70_000,
                mutate_bytes.damaged(rng, node.value, ()),
            )
        )


def _wrapped(rng: Random, message: bytes) -> bytes:
    """A subgraph within an attribute within a node: fields 6, 5 and 1, or one of them."""
    for number in (6, 5, 1):
        message = encode_varint(number << 3 | DELIMITED) + encode_varint(len(message)) + message
    return message


def _messages(tree: list[Node]) -> list[list[Node]]:
    found, todo = [tree], list(tree)
    while todo:
        node = todo.pop()
        if not isinstance(node.value, bytes):
            found.append(node.value)
            todo += node.value
    return found
