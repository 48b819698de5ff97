"""NumPy files, written and read in pieces."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from IODeepSlicer.work.array_file import readArray, writeArray


def ended(steps: Generator[None, None, Any]) -> Any:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", [np.uint8, ">i2", np.float64])
def test_what_is_written_is_read_back(tmp_path: Path, order: str, kind: Any) -> None:
    array = np.random.default_rng(0).integers(0, 200, (3, 500, 4000)).astype(kind, order=order)
    ended(writeArray(tmp_path / "a.npy", array))
    for found in (ended(readArray(tmp_path / "a.npy")), np.load(tmp_path / "a.npy")):
        np.testing.assert_array_equal(found, array)
        assert found.dtype == array.dtype


def test_a_file_that_ends_too_early(tmp_path: Path) -> None:
    ended(writeArray(tmp_path / "a.npy", np.ones((2, 3, 4))))
    content = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(content[:-1])
    with pytest.raises(ValueError, match="ends before"):
        ended(readArray(tmp_path / "a.npy"))
