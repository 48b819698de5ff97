"""A network becomes DICOM instances in Slicer's DICOM database."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import slicer

from IODeepSlicer.requirements import checkRequirements
from IODeepSlicer.sources.models import databaseFiles
from IODeepSlicer.work.job import packedFolder, writePacking
from IODeepSlicer.work.worker_process import WorkerProcess, slicerPython

if TYPE_CHECKING:
    from IODeepLib.model_object import Card, Model
    from IODeepLib.recipe import Recipe


class Packing(WorkerProcess[Path]):
    """Packs a network and tries it out, in a process of its own; gives the instances' folder.

    Who takes the folder removes it.
    """

    task = "publish"

    def __init__(self, python: str, onnxFile: Path, recipe: Recipe, store: Path) -> None:
        """Start it; all files lie in new folders in `store`."""
        self._onnxFile, self._recipe, self._store = onnxFile, recipe, store
        super().__init__(python, store)

    def _write(self, folder: Path) -> Iterator[None]:
        writePacking(folder, self._onnxFile, self._recipe)
        yield

    def _take(self, folder: Path) -> Generator[None, None, Path]:
        yield
        return packedFolder(folder).rename(self._store / f"{folder.name}-packed")


def startTrial(onnxFile: str | Path, recipeFile: str | Path) -> Packing:
    """Begin to hold a recipe against its network, away from the database; then `finishTrial`.

    Raises:
        RecipeError: the recipe cannot be read.
    """
    return _start(onnxFile, recipeFile, Path(tempfile.gettempdir()))


def finishTrial(packing: Packing) -> Model:
    """What the network would become; its files are gone already.

    Raises:
        IODeepError: the two contradict each other, the network is of no use, or it was canceled.
    """
    from IODeepLib.sources.folder import find_model

    folder = packing.outcome()
    try:
        return find_model(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def startPacking(onnxFile: str | Path, recipeFile: str | Path) -> Packing:
    """Begin to pack a network in the folder of the DICOM database; then `finishPacking`.

    Raises:
        RecipeError: the recipe cannot be read.
        OutputError: the database is closed or cannot be written.
    """
    from IODeepLib.errors import OutputError

    database = slicer.dicomDatabase
    if database is None or not database.isOpen:
        raise OutputError(
            "the DICOM database is closed",
            "an open one, into which the network is written",
            "open the DICOM module, which offers to create or choose one",
        )
    store = Path(database.databaseDirectory)
    try:
        return _start(onnxFile, recipeFile, store)
    except OSError as error:
        raise OutputError(
            f"the folder of the DICOM database, {store}, cannot be written ({error.strerror})",
            "a database folder with write permission and room",
            "check the folder's permissions and space, or choose another database",
        ) from None


def _start(onnxFile: str | Path, recipeFile: str | Path, store: Path) -> Packing:
    checkRequirements()
    from IODeepLib.recipe import read_recipe

    return Packing(slicerPython(), Path(onnxFile).absolute(), read_recipe(recipeFile), store)


def finishPacking(packing: Packing) -> Model:
    """Import what was packed into the DICOM database, while Slicer goes on.

    Returns:
        The model as the database has it: the one that was there before, if it is the very same.

    Raises:
        IODeepError: packing failed or was canceled, this version is already there with other
            content, or the database does not take it; nothing is left behind.
    """
    from IODeepLib.model_object import same_content
    from IODeepLib.sources.folder import find_model

    folder = packing.outcome()
    try:
        packed = find_model(folder)
        for model in _inDatabase():
            if model.label == packed.label and not same_content(model.card, packed.card):
                raise _takenAlready(model)
            if model.label == packed.label and not model.missing_parts:
                return model
        return _import(folder, packed.card)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _inDatabase() -> tuple[Model, ...]:
    from IODeepLib.sources.folder import models_in_files

    return models_in_files(databaseFiles()).models


def _takenAlready(model: Model) -> Exception:
    from IODeepLib.errors import ModelError

    return ModelError(
        f"{model.label} is already in the DICOM database, with another network or recipe",
        "a version that never changes, once it is published",
        "give the recipe a higher version, or delete the study of the old one in the DICOM module",
    )


def _import(folder: Path, card: Card) -> Model:
    from DICOMLib import DICOMUtils

    from IODeepLib.errors import OutputError

    database = slicer.dicomDatabase
    DICOMUtils.importDicom(str(folder), database, copyFiles=True)
    for model in _inDatabase():
        if model.card.sop_instance_uid == card.sop_instance_uid and not model.missing_parts:
            return model
    database.removeStudy(card.study_instance_uid)
    raise OutputError(
        f"the DICOM database in {database.databaseDirectory} did not take the network",
        "a database that can be written, with room for it",
        "check the folder's permissions and space, or choose another database",
    )
