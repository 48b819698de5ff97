"""The safetensors format: the header written and read; the tensors follow it without gaps.

A file is the header's length (8 bytes, little-endian), the header (JSON), and the data.
https://github.com/huggingface/safetensors#format

Ours because the package safetensors opens whole files: ours begin in the midst of a DICOM file, and
of them only the header is read.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from typing import NamedTuple

from IODeepLib.errors import ModelError

_LENGTH_BYTES = 8
# Bytes. The format's own implementation takes 100 MB, which as JSON can become gigabytes of memory.
MAX_HEADER = 2**24
_MAX_RANK, _MAX_NUMBER = 64, 2**63 - 1
ALIGNMENT = 64  # bytes; as wide as vector registers and cache lines are
RESERVED_NAME = "__metadata__"

# Bits of one value of each type; all others are stored as flat U8.
DTYPES = {
    "BOOL": 8,
    "U8": 8,
    "I8": 8,
    "F8_E4M3": 8,
    "F8_E5M2": 8,
    "U16": 16,
    "I16": 16,
    "F16": 16,
    "BF16": 16,
    "U32": 32,
    "I32": 32,
    "F32": 32,
    "U64": 64,
    "I64": 64,
    "F64": 64,
}


class TensorEntry(NamedTuple):
    """A tensor in the file; `begin` and `end` count from the end of the header."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def encode_header(entries: Iterable[TensorEntry]) -> bytes:
    """The header with its length, padded so that the data begin at a multiple of ALIGNMENT.

    Args:
        entries: the tensors in their order; the first begins at 0, and there are no gaps.
    """
    table = {
        entry.name: {
            "dtype": entry.dtype,
            "shape": list(entry.shape),
            "data_offsets": [entry.begin, entry.end],
        }
        for entry in entries
    }
    text = json.dumps(table, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-(_LENGTH_BYTES + len(text)) % ALIGNMENT)
    return len(text).to_bytes(_LENGTH_BYTES, "little") + text


def decode_header(start: bytes, total: int, where: str) -> tuple[tuple[TensorEntry, ...], int]:
    """The tensors of a safetensors file, and the position at which their data begin.

    Args:
        start: the file's first bytes; at least the header, see `header_size`.
        total: length of the whole file.
        where: what errors call the file.

    Raises:
        ModelError: the header does not describe a file of that length.
    """
    size = header_size(start, total, where)
    try:
        table = json.loads(start[_LENGTH_BYTES:size])
        table.pop(RESERVED_NAME, None)
        entries = sorted(
            (
                TensorEntry(name, item["dtype"], tuple(item["shape"]), *item["data_offsets"])
                for name, item in table.items()
            ),
            key=lambda entry: (entry.begin, entry.end),
        )
        end = 0
        for entry in entries:
            numbers = (entry.begin, entry.end, *entry.shape)
            whole = all(type(n) is int and 0 <= n <= _MAX_NUMBER for n in numbers)
            if not whole or len(entry.shape) > _MAX_RANK:
                raise ValueError(f"{entry.name!r} is described by {str(numbers[:9])[:200]}")
            bits = DTYPES[entry.dtype] * math.prod(entry.shape)
            if entry.begin != end or (entry.end - entry.begin) * 8 != bits:
                raise ValueError(f"{entry.name!r} lies from {entry.begin} to {entry.end}")
            end = entry.end
        if size + end != total:
            raise ValueError(f"{size + end} bytes are described, {total} are there")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _damaged(where, repr(error)) from None
    return tuple(entries), size


def header_size(start: bytes, total: int, where: str) -> int:
    """Length of the header with its own length, from the file's first eight bytes."""
    size = _LENGTH_BYTES + int.from_bytes(start[:_LENGTH_BYTES], "little")
    if len(start) < _LENGTH_BYTES or size > min(total, MAX_HEADER + _LENGTH_BYTES):
        raise _damaged(where, f"a header of {size} bytes in {total}")
    return size


def _damaged(where: str, what: str) -> ModelError:
    return ModelError(
        f"{where} is no safetensors file ({what})",
        "an undamaged safetensors file",
        "retrieve or copy it again",
    )
