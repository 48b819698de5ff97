"""One ModelProto read by ours and by the package `onnx`: what ours takes, both must see alike.

ONNX Runtime reads with the same Protocol Buffers as that package. Wherever the two readers differ,
ours checks another network than the one that runs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import onnx
from google.protobuf.message import Message
from google.protobuf.unknown_fields import UnknownFieldSet
from onnx import TensorProto

from IODeepLib.disk.byte_ranges import joined
from IODeepLib.onnx_file import DATA_TYPES, ExternalData, OnnxFile

_OURS = "our place"


def check(content: bytes) -> None:
    """Read `content` twice, and once more with all its external values at places of ours.

    Raises:
        IODeepError: ours refuses it.
        Exception: the two differ (AssertionError), or `onnx` does not take it at all.
    """
    ours, theirs = OnnxFile(content, "a model"), onnx.load_from_string(content)
    assert not any(map(len, map(UnknownFieldSet, _messages(theirs)))), "fields unknown to onnx"
    external = [tensor for tensor in ours.tensors if tensor.external]
    assert sorted(_places(theirs)) == sorted(
        (t.external.location, str(t.external.offset), str(t.external.length)) for t in external
    )
    main = [tensor for tensor in ours.tensors if tensor.in_main_graph]
    assert [(t.name, list(t.shape), t.data_type) for t in main] == [
        (t.name, list(t.dims), t.data_type) for t in theirs.graph.initializer
    ]
    places = {t.name: ExternalData(_OURS, i, t.nbytes) for i, t in enumerate(external)}
    rewritten = onnx.load_from_string(joined(ours.rewritten(places)))
    assert sorted(_places(rewritten)) == sorted(
        (_OURS, str(i), str(t.nbytes)) for i, t in enumerate(external)
    )


def _places(model: onnx.ModelProto) -> Iterator[tuple[str, str, str]]:
    """Location, offset and length of everything that would be read from another file."""
    for message in _messages(model):
        if isinstance(message, TensorProto):
            entries = {entry.key: entry.value for entry in message.external_data}
            assert bool(entries) == (message.data_location == TensorProto.EXTERNAL)
            if entries:
                size = math.prod(message.dims) * DATA_TYPES[message.data_type].bits
                length = entries.get("length", str(-(-size // 8)))
                yield entries["location"], entries.get("offset", "0"), length


def _messages(model: Message) -> Iterator[Message]:
    todo = [model]
    while todo:
        message = todo.pop()
        yield message
        for field, value in message.ListFields():
            if field.type == field.TYPE_MESSAGE:
                todo += value if field.is_repeated else [value]
