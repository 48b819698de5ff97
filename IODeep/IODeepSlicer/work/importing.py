"""Models and images come into Slicer's DICOM database: from folders, ZIP files and servers."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import slicer

from IODeepSlicer.sources.holdings import filesOf
from IODeepSlicer.sources.models import databaseFiles
from IODeepSlicer.work.job import Origin, packedFolder, writeOrigin
from IODeepSlicer.work.worker_process import WorkerProcess, slicerPython

if TYPE_CHECKING:
    from IODeepLib.model_object import Model

_T = TypeVar("_T")


class Gathering(WorkerProcess[Path]):
    """Fetches files in a process of its own, and checks them; gives the folder with them.

    Who takes the folder removes it.
    """

    task = "gather"

    def __init__(self, python: str, origin: Origin, store: Path) -> None:
        """Start it; all files lie in new folders in `store`."""
        self._origin, self._store = origin, store
        super().__init__(python, store)

    def _write(self, folder: Path) -> Iterator[None]:
        writeOrigin(folder, self._origin)
        yield

    def _take(self, folder: Path) -> Generator[None, None, Path]:
        yield
        return packedFolder(folder).rename(self._store / f"{folder.name}-gathered")


def startGathering(origin: Origin) -> Gathering:
    """Begin to fetch files into the folder of the DICOM database; then `finish...`.

    Raises:
        OutputError: the database is closed or cannot be written.
    """
    return inDatabaseFolder(lambda store: Gathering(slicerPython(), origin, store))


def finishModels(gathering: WorkerProcess[Path]) -> tuple[Model, ...]:
    """Import the models in the folder that it gave, while Slicer goes on; see `importModels`."""
    folder = gathering.outcome()
    try:
        return importModels(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def finishImages(gathering: Gathering) -> None:
    """Import the images that were fetched, while Slicer goes on."""
    from DICOMLib import DICOMUtils

    folder = gathering.outcome()
    try:
        DICOMUtils.importDicom(str(folder), slicer.dicomDatabase, copyFiles=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def importModels(folder: Path) -> tuple[Model, ...]:
    """Import the models in `folder` into the DICOM database, but for those that it has already.

    Returns:
        The models as the database has them, be it under other UIDs.

    Raises:
        ModelError: one is there already under this name and version, with other content.
        OutputError: the database does not take one; then it has none of this one's files.
    """
    from DICOMLib import DICOMUtils

    from IODeepLib.errors import OutputError
    from IODeepLib.sources.folder import find_models

    new, found, before = [], [], _models()
    for model in find_models(folder).every:
        there = _inDatabase(model)
        if there is None:
            new.append(model)
            continue
        found.append(there)
        for path in filesOf(model):
            path.unlink()
    DICOMUtils.importDicom(str(folder), slicer.dicomDatabase, copyFiles=True)
    for model in new:
        there = next((m for m in _models() if _isSame(m, model)), None)
        if there is None or len(there.missing_parts) > len(model.missing_parts):
            if not any(_isSame(m, model) for m in before):
                slicer.dicomDatabase.removeStudy(model.card.study_instance_uid)
            raise OutputError(
                f"the DICOM database in {slicer.dicomDatabase.databaseDirectory} did not take the "
                "network",
                "a database that can be written, with room for it",
                "check the folder's permissions and space, or choose another database",
            )
        found.append(there)
    return tuple(found)


def databaseFolder() -> Path:
    """Where the open DICOM database lies.

    Raises:
        OutputError: it is closed.
    """
    from IODeepLib.errors import OutputError

    database = slicer.dicomDatabase
    if database is None or not database.isOpen:
        raise OutputError(
            "the DICOM database is closed",
            "an open one, into which the network is written",
            "open the DICOM module, which offers to create or choose one",
        )
    return Path(database.databaseDirectory)


def inDatabaseFolder(start: Callable[[Path], _T]) -> _T:
    """What is started in the folder of the open DICOM database.

    Raises:
        OutputError: the database is closed or cannot be written.
    """
    from IODeepLib.errors import OutputError

    store = databaseFolder()
    try:
        return start(store)
    except OSError as error:
        raise OutputError(
            f"the folder of the DICOM database, {store}, cannot be written ({error.strerror})",
            "a database folder with write permission and room",
            "check the folder's permissions and space, or choose another database",
        ) from None


def _models() -> tuple[Model, ...]:
    from IODeepLib.sources.folder import models_in_files

    return models_in_files(databaseFiles()).every


def _isSame(one: Model, other: Model) -> bool:
    return one.card.sop_instance_uid == other.card.sop_instance_uid


def _inDatabase(model: Model) -> Model | None:
    """The same version in the database, with all its weights; None if there is none.

    Raises:
        ModelError: it is there with other content.
    """
    from IODeepLib.errors import ModelError
    from IODeepLib.model_object import same_content

    for there in _models():
        if there.label != model.label:
            continue
        if not same_content(there.card, model.card):
            raise ModelError(
                f"{there.label} is already in the DICOM database, with another network or recipe",
                "a version that never changes, once it is published",
                "give the recipe a higher version, or delete the study of the old one in the DICOM "
                "module",
            )
        if not there.missing_parts:
            return there
    return None
