"""Damage to DICOM files: lengths, VRs, values, sequences; the elements changed and encoded anew."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random

from fuzzing import mutate_bytes

_LONG = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
_SHORT = {
    *(b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT"),
    *(b"PN", b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US"),
}
_VRS = (*sorted(_LONG | _SHORT), b"ZZ", b"\0\0", b"??")
_UNDEFINED = 0xFFFFFFFF
_ITEM, _ITEM_END, _SEQUENCE_END = (0xFFFE, 0xE000), (0xFFFE, 0xE00D), (0xFFFE, 0xE0DD)
_SIGNATURES = (0xFFFA, 0xFFFA)
_LENGTHS = (0, 1, 2, 3, 0x7FFF, 0xFFFE, 0xFFFF, 2**20, 2**31 - 1, 2**31, 2**32 - 2, _UNDEFINED)
_TEXTS = (
    *(b"", b" ", b"\\", b"\\" * 1000, b"0", b"-1", b"1e999", b"-1e308", b"NaN", b"inf", b"1_0"),
    *(b"2147483648", b"9" * 400, b"0.0000000001", b"***", b"\xff\xfe", b"\x1b$B\x1b(B", b"A" * 70),
    *(b"0\\0\\0\\0\\0\\0", b"1\\0\\0\\1\\0\\0", b"nan\\nan\\nan", b"1e300\\1e300\\1e300"),
    *(b"1e-300\\1e-300", b"MONOCHROME1", b"PALETTE COLOR", b"YBR_FULL_422", b"RGB", b"ISO_IR 192"),
    *(b"ISO 2022 IR 87", b"MOSAIC", b"1.2.840.10008.1.2.1.99", b"1.2.840.10008.1.2.4.50"),
    *(b"1.2.840.10008.1.2.2", b"1.2.840.10008.5.1.4.1.1.66", b"19000101", b"\0\0\0\0"),
)
_MAX_DEPTH = 12
_LARGE = 2**16  # bytes; more copies of so much would fill the memory before a reader could


@dataclass
class Node:
    """An element: its value as bytes, or the items of a sequence; b"" as VR: implicit."""

    tag: tuple[int, int]
    vr: bytes
    value: bytes | list[list[Node]]
    claimed: int | None = None  # a length that is not the value's


def damaged(rng: Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """`data` (a file) with one to four damages to its elements or its bytes."""
    if rng.random() < 0.2:
        return mutate_bytes.damaged(rng, data, others)
    try:
        tree = parsed(data)
    except ValueError:
        return mutate_bytes.damaged(rng, data, others)
    for _ in range(rng.choice((1, 1, 2, 4))):
        _change(rng, tree, others)
    result = data[:132] + encoded(tree)
    return mutate_bytes.damaged(rng, result, others) if rng.random() < 0.1 else result


def parsed(data: bytes) -> list[Node]:
    """The elements of a file in Explicit or Implicit VR Little Endian.

    Raises:
        ValueError: it has another encoding.
    """
    if data[128:132] != b"DICM":
        raise ValueError("no preamble")
    try:
        return _elements(data, 132, len(data), 0)[0]
    except (IndexError, struct.error):
        raise ValueError("not parsed") from None


def _elements(data: bytes, begin: int, end: int, depth: int) -> tuple[list[Node], int]:
    nodes: list[Node] = []
    position = begin
    while position + 8 <= end:
        tag = struct.unpack_from("<HH", data, position)
        if tag == _ITEM_END:
            return nodes, position + 8
        if (tag[0] > 0x7FE0 and tag != _SIGNATURES) or depth > _MAX_DEPTH:
            raise ValueError(f"the tag {tag}")
        vr = data[position + 4 : position + 6]
        if vr in _SHORT:
            (length,) = struct.unpack_from("<H", data, position + 6)
            position += 8
        elif vr in _LONG:
            (length,) = struct.unpack_from("<I", data, position + 8)
            position += 12
        else:
            vr = b""
            (length,) = struct.unpack_from("<I", data, position + 4)
            position += 8
        item = data[position : position + 4] == struct.pack("<HH", *_ITEM)
        if tag[0] != 0x7FE0 and item and (vr in (b"SQ", b"UN", b"") or length == _UNDEFINED):
            stop = end if length == _UNDEFINED else position + length
            items, position = _items(data, position, stop, depth)
            nodes.append(Node(tag, vr, items))
        elif length == _UNDEFINED:  # fragments of pixels, to the end
            nodes.append(Node(tag, vr, data[position:end], _UNDEFINED))
            position = end
        else:
            nodes.append(Node(tag, vr, data[position : position + length]))
            position += length
    return nodes, position


def _items(data: bytes, begin: int, end: int, depth: int) -> tuple[list[list[Node]], int]:
    items = []
    position = begin
    while position + 8 <= end:
        *tag, length = struct.unpack_from("<HHI", data, position)
        position += 8
        if tuple(tag) == _SEQUENCE_END:
            return items, position
        stop = end if length == _UNDEFINED else position + length
        nodes, position = _elements(data, position, stop, depth + 1)
        items.append(nodes)
    return items, position


def encoded(nodes: Sequence[Node], undefined: bool = False) -> bytes:
    """The elements; lengths are right but where a node claims another."""
    result = bytearray()
    for node in nodes:
        value = node.value
        if not isinstance(value, bytes):
            value = b"".join(_item(encoded(item, undefined), undefined) for item in value)
            if undefined:
                value += struct.pack("<HHI", *_SEQUENCE_END, 0)
        length = len(value) if node.claimed is None else node.claimed
        if undefined and not isinstance(node.value, bytes):
            length = _UNDEFINED
        result += struct.pack("<HH", *node.tag)
        if not node.vr:
            result += struct.pack("<I", length)
        elif node.vr in _LONG:
            result += node.vr + struct.pack("<HI", 0, length)
        else:
            result += node.vr + struct.pack("<H", length & 0xFFFF)
        result += value
    return bytes(result)


def nested(message: bytes, depth: int, tag: tuple[int, int] = (0x0008, 0x1115)) -> bytes:
    """`message` (elements) in sequences within each other, of undefined length, Explicit VR."""
    head = struct.pack("<HH2sHIHHI", *tag, b"SQ", 0, _UNDEFINED, *_ITEM, _UNDEFINED)
    tail = struct.pack("<HHIHHI", *_ITEM_END, 0, *_SEQUENCE_END, 0)
    return head * depth + message + tail * depth


def _item(content: bytes, undefined: bool) -> bytes:
    if undefined:
        end = struct.pack("<HHI", *_ITEM_END, 0)
        return struct.pack("<HHI", *_ITEM, _UNDEFINED) + content + end
    return struct.pack("<HHI", *_ITEM, len(content)) + content


def _change(rng: Random, tree: list[Node], others: Sequence[bytes]) -> None:
    holder = rng.choice([h for h in _holders(tree) if h] or [tree])
    if not holder:
        return
    i = rng.randrange(len(holder))
    node = holder[i]
    kind = rng.randrange(12)
    if kind == 0:
        del holder[i]
    elif kind == 1:
        many = rng.choice((1, 2, 100))
        holder[i:i] = [replace(node)] * (many if len(node.value) < _LARGE else 1)
    elif kind == 2:
        node.vr = rng.choice(_VRS) if node.vr else b""
    elif kind in (3, 4):
        size = len(node.value)
        node.claimed = rng.choice((*_LENGTHS, size + 1, size + 2, max(0, size - 1), size * 2))
    elif kind == 5:
        other = rng.choice(holder)
        node.tag = rng.choice((other.tag, (node.tag[0], rng.randrange(2**16)), (0x7FE0, 0x0010)))
    elif kind == 6:
        depth = rng.choice((1, 10, 400, 3000))
        content = nested(encoded([node]), depth)
        holder[i] = Node((0x0008, 0x1140), b"SQ" if node.vr else b"", content)
    elif kind == 7 and others:
        try:
            donor = rng.choice(_holders(parsed(rng.choice(others))))
        except ValueError:
            return
        if donor:
            holder.insert(i, rng.choice(donor))
    elif kind == 8:
        node.value, node.vr = encoded([node], undefined=True), b"UN" if node.vr else b""
    elif isinstance(node.value, list):
        node.value = node.value * rng.choice((0, 2, 20))
    else:
        size = len(node.value)
        number = rng.choice((*mutate_bytes.NUMBERS, rng.getrandbits(32)))
        node.value = rng.choice(
            (
                rng.choice(_TEXTS),
                rng.choice(_TEXTS),
                (number % 2**16).to_bytes(2, "little"),
                (number % 2**16).to_bytes(2, "little"),
                struct.pack("<d", rng.choice((float("nan"), float("inf"), -1e308, 0.0))),
                rng.randbytes(min(size, 64)),
                mutate_bytes.damaged(rng, node.value, (), near=512),
            )
        )


def _holders(tree: list[Node]) -> list[list[Node]]:
    found, todo = [tree], list(tree)
    while todo:
        node = todo.pop()
        if isinstance(node.value, list):
            found += node.value
            todo += [inner for item in node.value for inner in item]
    return found
