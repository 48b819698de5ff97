"""Files go to a server from a process of their own: Slicer does not wait for it."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

from IODeepSlicer.sources.servers import Address
from IODeepSlicer.work.job import readSent, writeSending
from IODeepSlicer.work.worker_process import WorkerProcess


class Sending(WorkerProcess[list[Path]]):
    """Stores DICOM files in a server, and what waits for it in the outbox.

    Gives those that were not there before. What cannot be stored is kept in the outbox.
    """

    task = "send"

    def __init__(self, python: str, files: Sequence[Path], address: Address) -> None:
        """Start it; `address` is the server's."""
        self._files, self._address = files, address
        super().__init__(python)

    def _write(self, folder: Path) -> Iterator[None]:
        writeSending(folder, self._files, self._address)
        yield

    def _take(self, folder: Path) -> Generator[None, None, list[Path]]:
        yield
        return readSent(folder)
