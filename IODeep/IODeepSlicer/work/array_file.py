"""A NumPy file, written and read in pieces, between which the caller may do something else."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_PIECE_BYTES = 4 * 2**20


def writeArray(path: Path, array: np.ndarray) -> Generator[None, None, None]:
    """Write `array`, of any memory order, a piece at each step."""
    import numpy as np
    from numpy.lib import format as npy

    header = {
        "descr": npy.dtype_to_descr(array.dtype),
        "fortran_order": False,
        "shape": array.shape,
    }
    with path.open("wb") as file:
        npy.write_array_header_1_0(file, header)
        for part in array:
            file.write(np.ascontiguousarray(part).data)
            yield


def readArray(path: Path) -> Generator[None, None, np.ndarray]:
    """What `writeArray` wrote.

    Raises:
        OSError, ValueError: it cannot be read.
    """
    import numpy as np
    from numpy.lib import format as npy

    with path.open("rb", buffering=0) as file:
        npy.read_magic(file)
        shape, _, dtype = npy.read_array_header_1_0(file)
        array = np.empty(shape, dtype)
        content = array.reshape(-1).view(np.uint8).data
        for start in range(0, len(content), _PIECE_BYTES):
            piece = content[start : start + _PIECE_BYTES]
            if file.readinto(piece) != len(piece):
                raise ValueError(f"{path.name} ends before byte {start + len(piece)}")
            yield
    return array
