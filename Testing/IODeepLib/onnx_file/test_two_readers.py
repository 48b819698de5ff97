"""What ours takes of a ModelProto, the package `onnx` sees alike: small damages of small models.

`make fuzz` (reader "onnx twice") tries many more, by chance.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fuzzing import mutate_protobuf, two_readers
from fuzzing.mutate_protobuf import Node
from makers import hostile_networks as hostile

from IODeepLib.errors import ModelError

MODELS = {
    "an initializer": hostile.in_initializer(hostile.OUR_PLACE),
    "a Constant": hostile.with_node(hostile.constant(hostile.OUR_PLACE)),
    "a subgraph": hostile.with_node(
        hostile.constant(hostile.OUR_PLACE) + b"\x2a\x0b\x0a\x01g\x32\x06\x2a\x04\x10\x01\x08\x00"
    ),
    "a loop": hostile.loop(3).SerializeToString(),
    "functions": hostile.nested_functions(3).SerializeToString(),
}
BYTES = (0x00, 0x12, 0x80)  # besides the next number: nothing, a tag, what goes on


def taken(content: bytes) -> bool:
    """Whether ours takes it; then both see the same, or this raises."""
    try:
        two_readers.check(content)
    except ModelError:
        return False
    return True


@pytest.mark.parametrize("name", MODELS)
def test_undamaged(name: str) -> None:
    assert taken(MODELS[name])


@pytest.mark.parametrize("name", MODELS)
def test_every_byte_is_another_one(name: str) -> None:
    content = MODELS[name]
    outcomes = {
        taken(content[:i] + bytes([value]) + content[i + 1 :])
        for i in range(len(content))
        for value in (*BYTES, content[i] ^ 1)
    }
    assert outcomes == {True, False}  # in texts and numbers, and elsewhere


@pytest.mark.parametrize("name", MODELS)
def test_every_byte_lacks(name: str) -> None:
    content = MODELS[name]
    for i in range(len(content)):
        taken(content[:i])
        taken(content[:i] + content[i + 1 :])


@pytest.mark.parametrize("name", MODELS)
def test_every_field_is_given_twice(name: str) -> None:
    """Or in another place of its message, or not at all."""
    assert {taken(content) for content in _rearranged(MODELS[name])} == {True, False}


def _rearranged(content: bytes) -> Iterator[bytes]:
    tree = mutate_protobuf.parsed(content, depth=8)
    assert tree is not None
    todo: list[list[Node]] = [tree]
    while todo:
        message = todo.pop()
        for i, node in enumerate(list(message)):
            for changed in (
                [*message[: i + 1], *message[i:]],
                [node, *message],
                [*message, node],
                [*message[:i], *message[i + 1 :]],
                [*message[:i], *message[i + 1 :], node],
            ):
                before = list(message)
                message[:] = changed
                yield mutate_protobuf.encoded(tree)
                message[:] = before
            if not isinstance(node.value, bytes):
                todo.append(node.value)


@pytest.mark.parametrize("name", hostile.AMBIGUOUS)
def test_hostile_ones(name: str) -> None:
    assert not taken(hostile.AMBIGUOUS[name])
