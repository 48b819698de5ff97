"""A service is asked what becomes of a study, in a process of its own: Slicer waits for nobody.

That process reads iodeep.toml itself: no secret goes through a file or a call.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from IODeepSlicer.work.job import readSeen, writeQuestion
from IODeepSlicer.work.worker_process import WorkerProcess

if TYPE_CHECKING:
    from IODeepLib.service.client import StudySeen


class Asking(WorkerProcess["StudySeen"]):
    """Gives what a service knows of a study, once it has been looked at if that was ordered."""

    task = "ask"

    def __init__(self, python: str, service: str, studyUID: str, *, order: bool) -> None:
        """Start it.

        Args:
            python: the interpreter.
            service: its name in iodeep.toml, or its address.
            studyUID: the study.
            order: have the service run it; or only ask.
        """
        self._service, self._studyUID, self._order = service, studyUID, order
        super().__init__(python)

    def _write(self, folder: Path) -> Iterator[None]:
        writeQuestion(folder, self._service, self._studyUID, order=self._order)
        yield

    def _take(self, folder: Path) -> Generator[None, None, StudySeen]:
        yield
        return readSeen(folder)
