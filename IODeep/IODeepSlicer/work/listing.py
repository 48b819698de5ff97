"""A server is asked for its models in a process of its own: Slicer does not wait for an answer."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

from IODeepSlicer.sources.servers import Address
from IODeepSlicer.work.job import readListing, writeSource
from IODeepSlicer.work.worker_process import WorkerProcess


class Listing(WorkerProcess[list[Path]]):
    """Fetches the cards of a server's models, and the notices that some are retired.

    Gives their files, which lie in the user's cache.
    """

    task = "list"

    def __init__(self, python: str, address: Address) -> None:
        """Start it; `address` is the server's."""
        self._address = address
        super().__init__(python)

    def _write(self, folder: Path) -> Iterator[None]:
        writeSource(folder, self._address)
        yield

    def _take(self, folder: Path) -> Generator[None, None, list[Path]]:
        yield
        return readListing(folder)
