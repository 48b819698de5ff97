"""The safetensors header, with the safetensors package as the judge."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import safetensors
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st

from IODeepLib.errors import ModelError
from IODeepLib.model_object.safetensors_file import (
    ALIGNMENT,
    DTYPES,
    TensorEntry,
    decode_header,
    encode_header,
    header_size,
)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_type_is_opened_by_the_safetensors_package(dtype: str, tmp_path: Path) -> None:
    size = 6 * DTYPES[dtype] // 8
    header = encode_header([TensorEntry("größer/0", dtype, (2, 3), 0, size)])
    path = tmp_path / "file.safetensors"
    path.write_bytes(header + bytes(size))
    assert len(header) % ALIGNMENT == 0
    with safetensors.safe_open(path, "np") as file:
        assert list(file.keys()) == ["größer/0"]
        tensor = file.get_slice("größer/0")
        assert (tensor.get_dtype(), tensor.get_shape()) == (dtype, [2, 3])


def test_the_values_are_those_that_were_written(tmp_path: Path) -> None:
    arrays = {"a": np.arange(12.0).reshape(3, 4), "b": np.arange(5, dtype=np.int8)}
    entries = [TensorEntry("a", "F64", (3, 4), 0, 96), TensorEntry("b", "I8", (5,), 96, 101)]
    content = encode_header(entries) + b"".join(array.tobytes() for array in arrays.values())
    path = tmp_path / "file.safetensors"
    path.write_bytes(content)
    for name, array in safetensors.numpy.load_file(path).items():
        np.testing.assert_array_equal(array, arrays[name])
    assert decode_header(content, len(content), "it") == (tuple(entries), len(content) - 101)


def test_files_of_the_safetensors_package_are_read() -> None:
    arrays = {"x": np.zeros((2, 3), np.float16), "y": np.zeros((), np.int64), "z": np.zeros(0)}
    content = safetensors.numpy.save(arrays, metadata={"format": "np"})
    entries, begin = decode_header(content, len(content), "it")
    assert {entry.name: entry.shape for entry in entries} == {"x": (2, 3), "y": (), "z": (0,)}
    assert header_size(content[:8], len(content), "it") == begin


def test_no_tensors_are_a_file_too() -> None:
    header = encode_header([])
    assert decode_header(header, len(header), "it") == ((), len(header))


@pytest.mark.parametrize(
    "table",
    [
        {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}},
        {"a": {"dtype": "F33", "shape": [1], "data_offsets": [0, 4]}},
        {"a": {"dtype": "F32", "shape": [1.0], "data_offsets": [0, 4]}},
        {"a": {"dtype": "F32", "shape": [True], "data_offsets": [0, 4]}},
        {"a": {"dtype": "F32", "shape": [-1, -1], "data_offsets": [0, 4]}},
        {"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}},
        {"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4, 8]}},
        {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}},
        {"a": {"dtype": "F32", "shape": 1, "data_offsets": [0, 4]}},
        {"a": {"dtype": ["F32"], "shape": [1], "data_offsets": [0, 4]}},
        {"a": 3},
        [1],
        "text",
    ],
)
def test_headers_that_lie_are_refused(table: object) -> None:
    text = json.dumps(table).encode()
    content = len(text).to_bytes(8, "little") + text + bytes(4)
    with pytest.raises(ModelError, match="no safetensors file"):
        decode_header(content, len(content), "it")


def test_overlapping_tensors_are_refused() -> None:
    entries = [TensorEntry("a", "U8", (4,), 0, 4), TensorEntry("b", "U8", (4,), 2, 6)]
    content = encode_header(entries) + bytes(6)
    with pytest.raises(ModelError, match="'b' lies from 2 to 6"):
        decode_header(content, len(content), "it")


@given(st.binary(max_size=200))
def test_any_bytes_end_in_no_other_error(content: bytes) -> None:
    for candidate in (content, len(content).to_bytes(8, "little") + content):
        with pytest.raises(ModelError):
            decode_header(candidate, len(candidate) + 1, "it")
