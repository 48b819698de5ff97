"""A trained network of another program becomes DICOM instances in Slicer's DICOM database."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator
from pathlib import Path

import slicer

from IODeepSlicer.work.convert_job import Conversion, Findings, readFindings, writeConversion
from IODeepSlicer.work.importing import inDatabaseFolder
from IODeepSlicer.work.job import packedFolder
from IODeepSlicer.work.worker_process import WorkerProcess, slicerPython


class Looking(WorkerProcess[Findings]):
    """Reads what a trained network says of itself, in a process of its own."""

    task = "look"

    def __init__(self, python: str, conversion: Conversion) -> None:
        self._conversion = conversion
        interpreter, self.environment = _interpreter(python)
        super().__init__(interpreter)

    def _write(self, folder: Path) -> Iterator[None]:
        writeConversion(folder, self._conversion)
        yield

    def _take(self, folder: Path) -> Generator[None, None, Findings]:
        yield
        return readFindings(folder)


class Converting(WorkerProcess[Path]):
    """Converts it, tries it out and packs it; gives the folder of the instances.

    Who takes the folder removes it: see `importing.finishModels`.
    """

    task = "convert"

    def __init__(self, python: str, conversion: Conversion, store: Path) -> None:
        """Start it; all files lie in new folders in `store`."""
        self._conversion, self._store = conversion, store
        interpreter, self.environment = _interpreter(python)
        super().__init__(interpreter, store)

    def _write(self, folder: Path) -> Iterator[None]:
        writeConversion(folder, self._conversion)
        yield

    def _take(self, folder: Path) -> Generator[None, None, Path]:
        yield
        return packedFolder(folder).rename(self._store / f"{folder.name}-converted")


def _interpreter(python: str) -> tuple[str, dict[str, str] | None]:
    """The interpreter, and the variables with which it starts.

    Slicer's own tell a Python where Slicer's packages are, which are of no use to another one.

    Raises:
        UsageError: there is no such program.
    """
    from IODeepLib.errors import UsageError

    if not python:
        return slicerPython(), None
    found = shutil.which(python)
    if found is None:
        raise UsageError(
            f"{python}, which is no program",
            "a Python interpreter with PyTorch, such as bin/python of a virtual environment",
            "choose another one, or none for Slicer's own",
        )
    outside = slicer.util.startupEnvironment()
    return found, {key: value for key, value in outside.items() if not key.startswith("PYTHON")}


def startConverting(python: str, conversion: Conversion) -> Converting:
    """Begin to convert it in the folder of the DICOM database; then `importing.finishModels`.

    Raises:
        OutputError: the database is closed or cannot be written.
    """
    return inDatabaseFolder(lambda store: Converting(python, conversion, store))
