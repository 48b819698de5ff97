"""A network becomes DICOM instances in Slicer's DICOM database."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from IODeepSlicer.requirements import checkRequirements
from IODeepSlicer.work.importing import importModels, inDatabaseFolder
from IODeepSlicer.work.job import packedFolder, writePacking
from IODeepSlicer.work.worker_process import WorkerProcess, slicerPython

if TYPE_CHECKING:
    from IODeepLib.model_object import Model
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
    return inDatabaseFolder(lambda store: _start(onnxFile, recipeFile, store))


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
    folder = packing.outcome()
    try:
        (model,) = importModels(folder)
        return model
    finally:
        shutil.rmtree(folder, ignore_errors=True)
