"""The folder of the service.

    queue.db            what must not be lost
    owners/             who works, see `owners`
    images/STUDY/N/     images that jobs wait for; what is missing is fetched again
    jobs/UID/N/         where the Nth try of a job works; its result until it is stored
    looks/OWNER-N/      where a study is looked at
    received/           what others have sent, see `received`
    kept/               what the page shows of results, see `kept`
    audit/              messages that wait for the audit server, see `audit`

Nobody but its owner may read it: it is of patients.
"""

from __future__ import annotations

import itertools
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from IODeepLib.disk.files import writing
from IODeepLib.service.job import Job

_OF_PATIENTS = ("images", "jobs", "looks", "received", "kept")
_counter = itertools.count(1)
_REMOVED = ".removed-"
_LETTERS = 16  # of a digest, enough to tell the states of one study from each other


class Place:
    """The folder, made where it is missing.

    Args:
        folder: where.

    Raises:
        OutputError: it cannot be made.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with writing(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            for name in _OF_PATIENTS:  # the folder itself may have been there, and open to others
                (folder / name).mkdir(mode=0o700, exist_ok=True)

    @property
    def folder(self) -> Path:
        """The folder itself."""
        return self._folder

    @property
    def queue(self) -> Path:
        """The database."""
        return self._folder / "queue.db"

    @property
    def owners(self) -> Path:
        """Who works."""
        return self._folder / "owners"

    @property
    def received(self) -> Path:
        """What others have sent."""
        return self._folder / "received"

    @property
    def kept(self) -> Path:
        """What the page shows of results."""
        return self._folder / "kept"

    def images(self, study: str, content: str) -> Path:
        """Where the images of a study in this state lie, if they do."""
        return self._folder / "images" / study / content[:_LETTERS]

    def images_of(self, study: str) -> list[Path]:
        """Where images of a study lie, the newest state first."""
        folders = self._in("images", study)
        return sorted(folders, key=lambda folder: folder.stat().st_mtime, reverse=True)

    def studies(self) -> list[str]:
        """The studies whose images lie here."""
        return [folder.name for folder in self._in("images")]

    def jobs(self) -> list[str]:
        """The jobs that have a folder here."""
        return [folder.name for folder in self._in("jobs")]

    def lookers(self) -> set[str]:
        """The services that look at a study here, or did when they ended."""
        return {folder.name.partition("-")[0] for folder in self._in("looks")}

    def attempt(self, job: Job) -> Path:
        """Where the current try of a job works."""
        return self._folder / "jobs" / job.uid / f"{job.attempts}"

    def begin(self, job: Job) -> Path:
        """The same, empty; what former tries have left is gone.

        Raises:
            OutputError: it cannot be made.
        """
        self.forget_job(job.uid)
        folder = self.attempt(job)
        with writing(folder):
            folder.mkdir(parents=True)
        return folder

    @contextmanager
    def looking(self, owner: str) -> Iterator[Path]:
        """A folder for one look.

        Raises:
            OutputError: it cannot be made.
        """
        folder = self._folder / "looks" / f"{owner}-{next(_counter)}"
        with writing(folder):
            folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def forget_job(self, uid: str) -> None:
        """Remove what lies here of a job."""
        self._remove("jobs", lambda name: name == uid)

    def forget_images(self, study: str) -> None:
        """Remove the images of a study."""
        self._remove("images", lambda name: name == study)

    def forget_looks(self, owner: str) -> None:
        """Remove what a service has left of its looks."""
        self._remove("looks", lambda name: name.startswith(f"{owner}-"))

    def forget_removed(self) -> None:
        """Remove what somebody has begun to remove, and did not come to the end of."""
        for folder in self._folder.glob(f"*/{_REMOVED}*"):
            shutil.rmtree(folder, ignore_errors=True)

    def _in(self, *names: str) -> list[Path]:
        parent = self._folder.joinpath(*names)
        found = parent.iterdir() if parent.is_dir() else ()
        return sorted(item for item in found if not item.name.startswith(_REMOVED))

    def _remove(self, kind: str, meant: Callable[[str], bool]) -> None:
        """Remove folders, at once for whoever still reads there."""
        for folder in self._in(kind):
            if meant(folder.name):
                gone = folder.with_name(f"{_REMOVED}{secrets.token_hex(8)}")
                with suppress(OSError):  # somebody else was quicker
                    folder.rename(gone)
                shutil.rmtree(gone, ignore_errors=True)
