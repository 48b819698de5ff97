"""Images that others have sent to the service, until nobody needs them any more.

    received/STUDY/SERIES/INSTANCE.dcm      on the disk before the sender is told that it is
    received/.OWNER-N                       what still arrives

Keeping an image and forgetting a study exclude each other: both happen while no other process
writes into the database.
"""

from __future__ import annotations

import itertools
import os
import secrets
import shutil
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from pydicom import dcmread

from IODeepLib.disk.files import writing
from IODeepLib.headers import quiet, text
from IODeepLib.service.database import Database
from IODeepLib.service.states import State
from IODeepLib.service.studies import Studies
from IODeepLib.sources.archive import Entity

_ASKED = ["Modality", "PatientID"]
_counter = itertools.count(1)
_ENDED = ", ".join(f"'{state}'" for state in State if state.is_final)
_NEEDED = (
    f"SELECT 1 FROM studies WHERE uid = :study AND state NOT IN ({_ENDED})"  # noqa: S608
    f" UNION ALL SELECT 1 FROM jobs WHERE study = :study AND state NOT IN ({_ENDED})"
)


class Received:
    """The folder `received`.

    Args:
        folder: where it is.
        database: what knows who needs which study.
    """

    def __init__(self, folder: Path, database: Database) -> None:
        self._folder, self._database = folder, database

    def arriving(self, owner: str) -> Path:
        """Where an object is written to while it arrives."""
        return self._folder / f".{owner}-{next(_counter)}"

    def keep(self, file: Path, entity: Entity) -> None:
        """Keep an object that has arrived whole, and mark its study as seen.

        One that is here already stays as it is.

        Raises:
            OutputError: the disk is full.
        """
        folder = self._folder / entity.study_uid / entity.series_uid
        target = folder / f"{entity.sop_uid}.dcm"
        with self._database.transaction() as execute, writing(target):
            if not target.exists():
                new = not folder.is_dir()
                folder.mkdir(parents=True, exist_ok=True)
                file.replace(target)
                for changed in (folder, folder.parent, self._folder) if new else (folder,):
                    _onto_the_disk(changed)
            Studies(self._database).seen(execute, entity.study_uid)

    def studies(self) -> list[str]:
        """The studies of which something is here."""
        return [folder.name for folder in _visible(self._folder)]

    def of_study(self, study: str) -> Path | None:
        """Where the images of a study lie, if there are any."""
        folder = self._folder / study
        return folder if folder.is_dir() else None

    def of_series(self, study: str, series: str) -> Path | None:
        """Where the images of a series lie, if there are any."""
        folder = self._folder / study / series
        return folder if folder.is_dir() else None

    def more_than(self, study: str, others: Iterable[Entity]) -> dict[str, Entity]:
        """The series of a study, as a PACS says it, by their UID, but for those that a PACS has
        more images of."""
        count = {one.series_uid: one.instance_count or 0 for one in others}
        found = {}
        for folder in _visible(self._folder / study):
            files = _visible(folder)
            if files and len(files) >= count.get(folder.name, 0):
                with quiet(), suppress(OSError):  # nobody needed it: it is removed just now
                    header = dcmread(files[0], stop_before_pixels=True, specific_tags=_ASKED)
                    said = {keyword: text(header, keyword) for keyword in _ASKED}
                    said["NumberOfSeriesRelatedInstances"] = str(len(files))
                    found[folder.name] = Entity(study, folder.name, attributes=said)
        return found

    def forget_unneeded(self, study: str) -> None:
        """Remove the images of a study that nobody waits for any more.

        Raises:
            OutputError: the queue cannot be used.
        """
        folder = self._folder / study
        gone = self._folder / f".removed-{secrets.token_hex(8)}"
        if not folder.is_dir():
            return
        with self._database.transaction() as execute, writing(folder):
            if execute(_NEEDED, {"study": study}).fetchone() is None:
                folder.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)

    def arrivals(self) -> list[Path]:
        """What arrives, or did when its service ended."""
        found = self._folder.glob(".*-*")
        return [path for path in found if path.is_file()]


def copied(series: Path, folder: Path) -> None:
    """The images of a series as they are now, in the new `folder`; on one disk it takes no room."""
    folder.mkdir()
    for file in _visible(series):
        try:
            os.link(file, folder / file.name)
        except OSError:  # a disk without links
            shutil.copyfile(file, folder / file.name)


def _visible(folder: Path) -> list[Path]:
    try:
        return sorted(item for item in folder.iterdir() if not item.name.startswith("."))
    except OSError:  # there is none, or none any more
        return []


def _onto_the_disk(folder: Path) -> None:
    if os.name != "nt":  # where folders cannot be opened
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
