"""Planes laid aside in a temporary file, until there is memory for all of them.

While a network runs, its scores take the memory. What is needed only afterwards, and cannot be
thrown away by then, waits on the disk, in a file without a name that goes with the process.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from types import TracebackType

import numpy as np
import numpy.typing as npt

from IODeepLib.errors import OutputError


class Spool:
    """Planes of one shape and type, in the order in which they came.

    Raises:
        OutputError: there is no room for them.
    """

    def __init__(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> None:
        self.shape, self._dtype = shape, np.dtype(dtype)
        self._planes: list[int] = []
        try:
            self._file = tempfile.TemporaryFile(prefix="iodeep-")  # noqa: SIM115 - see `__exit__`
        except OSError as error:
            raise _no_room(error) from error

    def put(self, plane: int, values: npt.NDArray) -> None:
        """Lay a plane aside."""
        try:
            self._file.write(np.ascontiguousarray(values, self._dtype).data)
        except OSError as error:
            raise _no_room(error) from error
        self._planes.append(plane)

    def __iter__(self) -> Iterator[tuple[int, npt.NDArray]]:
        """Number and values of each plane."""
        self._file.seek(0)
        values = np.empty(self.shape, self._dtype)
        for plane in self._planes:
            if self._file.readinto(values.data.cast("B")) != values.nbytes:
                raise _no_room("it is shorter than what was written")
            yield plane, values

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()


def _no_room(why: object) -> OutputError:
    return OutputError(
        f"a temporary file that the confidence is laid aside in cannot be written: {why}",
        f"room in {tempfile.gettempdir()}",
        "make room there, or name another folder in TMPDIR, or run without the confidence",
    )
