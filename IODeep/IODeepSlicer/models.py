"""Where the module finds its models: a folder, and Slicer's DICOM database."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import slicer

if TYPE_CHECKING:
    from IODeepLib.model_object import Model

# Patient ID of the pseudo patient whose studies are the models.
PATIENT_ID = "IODEEP"
DATABASE, FOLDER = "database", "folder"


@dataclass(frozen=True)
class Found:
    """The models at hand.

    Attributes:
        models: each once, those of the DICOM database first.
        sources: where each one is from, by SOP Instance UID of its card.
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
    from IODeepLib.sources.folder import find_models, models_in_files

    libraries = [(DATABASE, models_in_files(databaseFiles()))]
    if folder:
        libraries.append((FOLDER, find_models(folder)))
    models: dict[str, Model] = {}
    sources: dict[str, str] = {}
    for source, library in libraries:
        for model in library.models:
            uid = model.card.sop_instance_uid
            # What lacks its weights in one place may have them in the other.
            if uid not in models or (models[uid].missing_parts and not model.missing_parts):
                models[uid], sources[uid] = model, source
    problems = [str(problem.error) for _, library in libraries for problem in library.problems]
    return Found(tuple(models.values()), sources, tuple(problems))


def databaseFiles() -> list[Path]:
    """The files of all models in the DICOM database; none while it is closed."""
    database = slicer.dicomDatabase
    if database is None or not database.isOpen:
        return []
    files = [
        Path(file)
        for patient in database.patients()
        if database.fieldForPatient("PatientID", patient) == PATIENT_ID
        for study in database.studiesForPatient(patient)
        for series in database.seriesForStudy(study)
        for file in database.filesForSeries(series)
    ]
    return [file for file in files if file.is_file()]
