"""Where the module finds its models: a folder, and Slicer's DICOM database."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import slicer

from IODeepSlicer.i18n import tr as _
from IODeepSlicer.messages import errorText

if TYPE_CHECKING:
    from IODeepLib.model_object import Model

# Patient ID of the pseudo patient whose studies are the models.
PATIENT_ID = "IODEEP"
DATABASE, FOLDER = "database", "folder"


@dataclass(frozen=True)
class Found:
    """The models at hand.

    Attributes:
        models: each once.
        sources: where each one's card is, DATABASE or FOLDER, by its SOP Instance UID.
        problems: sentences on what looks like a model and cannot be used.
    """

    models: tuple[Model, ...]
    sources: dict[str, str]
    problems: tuple[str, ...]


def findModels(folder: str | Path | None = None) -> Found:
    """The models in the DICOM database and, if one is given, in `folder` and below it.

    Raises:
        ModelError: there is no such folder.
    """
    from IODeepLib.sources.folder import files_below, models_in_files

    listed = _listedFiles()
    files = _present(listed)
    # Read together, since a card may lie in one place and its weights in the other.
    library = models_in_files([*files, *(files_below(Path(folder)) if folder else ())])
    inDatabase = set(files)
    sources = {
        model.card.sop_instance_uid: DATABASE if model.card.path in inDatabase else FOLDER
        for model in library.models
    }
    problems = [errorText(problem.error) for problem in library.problems]
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
    return Found(library.models, sources, tuple(problems))


def databaseFiles() -> list[Path]:
    """The files of all models in the DICOM database; none while it is closed."""
    return _present(_listedFiles())


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
