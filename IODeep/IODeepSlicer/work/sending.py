"""Files go to a server from a process of their own: Slicer does not wait for it."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import slicer

from IODeepSlicer.scene import saved, segments
from IODeepSlicer.sources.servers import Address
from IODeepSlicer.work.job import readSent, writeSending
from IODeepSlicer.work.worker_process import WorkerProcess


class Sending(WorkerProcess[list[Path]]):
    """Stores what was saved of a result in a server, and what waits for it in the outbox.

    Gives the files that were not there before. What cannot be stored is kept in the outbox.
    """

    task = "send"

    def __init__(self, python: str, node: slicer.vtkMRMLNode, address: Address) -> None:
        """Start it; `address` is the server's. It fails where the result as it is is not saved."""
        self._node, self._address = node, address
        super().__init__(python)

    def _write(self, folder: Path) -> Iterator[None]:
        found = yield from segments.look(self._node)
        writeSending(folder, saved.filesToSend(self._node, found), self._address)

    def _take(self, folder: Path) -> Generator[None, None, list[Path]]:
        yield
        return readSent(folder)
