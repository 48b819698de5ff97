"""A trained network of another program becomes DICOM instances in Slicer's DICOM database."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

from IODeepSlicer.work.convert_job import Conversion, Findings, readFindings, writeConversion
from IODeepSlicer.work.importing import databaseFolder, notWritable
from IODeepSlicer.work.job import packedFolder
from IODeepSlicer.work.worker_process import WorkerProcess, slicerPython


class Looking(WorkerProcess[Findings]):
    """Reads what a trained network says of itself, in a process of its own."""

    task = "look"

    def __init__(self, python: str, conversion: Conversion) -> None:
        self._conversion = conversion
        super().__init__(python or slicerPython())

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
        super().__init__(python or slicerPython(), store)

    def _write(self, folder: Path) -> Iterator[None]:
        writeConversion(folder, self._conversion)
        yield

    def _take(self, folder: Path) -> Generator[None, None, Path]:
        yield
        return packedFolder(folder).rename(self._store / f"{folder.name}-converted")


def startConverting(python: str, conversion: Conversion) -> Converting:
    """Begin to convert it in the folder of the DICOM database; then `importing.finishModels`.

    Raises:
        OutputError: the database is closed or cannot be written.
    """
    store = databaseFolder()
    try:
        return Converting(python, conversion, store)
    except OSError as error:
        raise notWritable(store, error) from None
