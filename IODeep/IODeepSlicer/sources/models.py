"""Where the module finds its models: Slicer's DICOM database, a folder, and a PACS."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import slicer

from IODeepSlicer.requirements import checkReading
from IODeepSlicer.text.i18n import tr as _
from IODeepSlicer.text.messages import errorText

if TYPE_CHECKING:
    from IODeepLib.model_object import Model
    from IODeepLib.model_object.retirement import Retirement
    from IODeepLib.selection import Selection

# Patient ID of the pseudo patient whose studies are the models.
PATIENT_ID = "IODEEP"
DATABASE, FOLDER, SERVER = "database", "folder", "server"


@dataclass(frozen=True)
class FoundModels:
    """The models at hand.

    Attributes:
        models: each once.
        sources: where each one's card is, DATABASE, FOLDER or SERVER, by its SOP Instance UID.
        onServer: the SOP Instance UIDs of the cards whose weights a server has.
        problems: sentences on what looks like a model and cannot be used.
        retired: models that are not to be used any more, each with the notice that says so.
    """

    models: tuple[Model, ...]
    sources: dict[str, str]
    onServer: frozenset[str]
    problems: tuple[str, ...]
    retired: tuple[tuple[Model, Retirement], ...]


def findModels(folder: str | Path | None = None, cards: Collection[Path] = ()) -> FoundModels:
    """The models in the DICOM database, and more.

    Args:
        folder: those in it and below it too.
        cards: files of cards and notices that came from a server; the weights are those in the
            cache.

    Raises:
        ModelError: there is no such folder.
        RequirementsError: networks cannot be read yet.
    """
    checkReading()
    from IODeepLib.sources.folder import files_below, models_in_files

    listed = _listedFiles()
    files = _present(listed)
    below = list(files_below(Path(folder))) if folder else []
    onServer = models_in_files(cards).models if cards else ()
    # Read together, since a card may lie in one place and its weights in the other.
    catalog = models_in_files([*files, *below, *cards, *_cachedWeights(onServer)])
    kinds = dict.fromkeys(cards, SERVER) | dict.fromkeys(below, FOLDER)
    kinds |= dict.fromkeys(files, DATABASE)
    problems = [errorText(problem.error) for problem in catalog.problems]
    if not _isOpen():
        problems.insert(
            0, _("The DICOM database is not open. Open it, or create one, in the DICOM module.")
        )
    elif len(files) < len(listed):
        lost = _(
            "Files of models that the DICOM database lists are not there any more: {count}. "
            "Bring them back, or import the models again."
        )
        problems.insert(0, lost.format(count=len(listed) - len(files)))
    return FoundModels(
        catalog.models,
        {
            model.card.sop_instance_uid: kinds[model.card.path]
            for model in catalog.models
            if model.card.path is not None
        },
        frozenset(model.card.sop_instance_uid for model in onServer),
        tuple(problems),
        catalog.retired,
    )


def readAhead(path: Path) -> None:
    """Read a file, so that `findModels` has the model in it at once, and `select` what it asks."""
    from IODeepLib.errors import IODeepError
    from IODeepLib.model_object import Card
    from IODeepLib.sources.folder import instance_in

    with suppress(IODeepError):  # `findModels` says what is wrong
        found = instance_in(path)
        if isinstance(found, Card):
            _ = found.recipe, found.requirements


def readingAhead(folder: str) -> Iterator[Callable[[], None]]:
    """The steps of reading all files in a folder and below it."""
    from IODeepLib.errors import IODeepError
    from IODeepLib.sources.folder import files_below

    with suppress(IODeepError):
        yield from (partial(readAhead, path) for path in files_below(Path(folder)))


def onlyBest(selection: Selection) -> Model:
    """The model that fits best, for scripts.

    Raises:
        NoModelFitsError: none fits.
        UsageError: several fit equally well.
    """
    from IODeepLib.errors import UsageError

    try:
        return selection.best.model
    except UsageError as error:
        raise UsageError(
            error.found, error.wanted, "give the one that you want, of logic.select(volume).equals"
        ) from None


def cachedCards() -> list[Path]:
    """The cards that servers were asked for so far.

    Raises:
        RequirementsError: they cannot be read yet.
    """
    checkReading()
    from IODeepLib.sources.settings import read_settings

    return read_settings().cache().cards()


def databaseFiles() -> list[Path]:
    """The files of all models in the DICOM database; none while it is closed."""
    return _present(_listedFiles())


def _cachedWeights(models: Collection[Model]) -> list[Path]:
    from IODeepLib.sources.settings import read_settings

    if not models:
        return []
    cache = read_settings().cache()
    return [
        path
        for model in models
        if model.card.path is not None
        for path in cache.weights_beside(model.card.path, model.card.study_instance_uid)
    ]


def _isOpen() -> bool:
    return slicer.dicomDatabase is not None and slicer.dicomDatabase.isOpen


def _listedFiles() -> list[Path]:
    """Those that the database speaks of, whether they are there or not."""
    database = slicer.dicomDatabase
    if not _isOpen():
        return []
    return [
        Path(file)
        for patient in database.patients()
        if database.fieldForPatient("PatientID", patient) == PATIENT_ID
        for study in database.studiesForPatient(patient)
        for series in database.seriesForStudy(study)
        for file in database.filesForSeries(series)
    ]


def _present(files: list[Path]) -> list[Path]:
    return [file for file in files if file.is_file()]
