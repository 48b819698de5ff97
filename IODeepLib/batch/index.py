"""Which files of a folder are of which study: remembered, so that only what is new is read.

SQLite holds it: the files of a large cohort are more than one wants in memory.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from pydicom.datadict import tag_for_keyword
from pydicom.dataset import FileDataset
from pydicom.uid import MediaStorageDirectoryStorage

from IODeepLib.disk.file_memo import file_state
from IODeepLib.disk.files import walk
from IODeepLib.errors import ImageError, ModelError, OutputError
from IODeepLib.headers import quiet, text
from IODeepLib.headers.header_file import open_regular, read_header
from IODeepLib.headers.sop_classes import holds_no_image
from IODeepLib.machine.progress import Progress
from IODeepLib.model_object.instance import is_dicom, read_head
from IODeepLib.text.foreign import is_uid

_TAGS = [
    int(tag_for_keyword(keyword) or 0)
    for keyword in ("SOPClassUID", "PatientID", "StudyInstanceUID")
]
_MODELS = "IODEEP"  # Patient ID of the studies that hold networks
_NO_DICOM, _NOBODYS = "", "?"  # in place of a study: nothing of ours, and what no study is known of
_SAY_EVERY = 1000  # files
_SCHEMA = """
CREATE TABLE IF NOT EXISTS files (
    path BLOB PRIMARY KEY, state TEXT, study TEXT, image INTEGER, look INTEGER
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS files_of_study ON files (study, path);
"""


class FileIndex:
    """The files of one folder, in a file of its own.

    Args:
        path: the file.
        folder: the folder.

    Raises:
        OutputError: the file cannot be used.
    """

    def __init__(self, path: Path, folder: Path) -> None:
        self._path, self._folder = path, folder
        with _named(path):
            self._database = sqlite3.connect(path, isolation_level=None)
            self._database.executescript(_SCHEMA)

    def close(self) -> None:
        """No more questions."""
        self._database.close()

    def look(self, without: Path, progress: Progress | None = None) -> None:
        """Bring it up to date.

        Args:
            without: a folder that is passed over, if it lies within.
            progress: called with 0 and a message; it may raise to stop.

        Raises:
            ImageError: there is no such folder.
            OutputError: the index cannot be written.
        """
        if not self._folder.is_dir():
            raise ImageError(f"{self._folder} is no folder", "one with studies", "check the path")
        ask = self._database.execute
        with _named(self._path):
            ask("BEGIN IMMEDIATE")
            try:
                (last,) = ask("SELECT coalesce(max(look), 0) FROM files").fetchone()
                for count, path in enumerate(self._files(without)):
                    self._see(path, last + 1)
                    if count % _SAY_EVERY == 0 and progress is not None:
                        progress(0.0, f"looking through files: {count}")
                ask("DELETE FROM files WHERE look <= ?", [last])
            finally:  # what was read is known, also where somebody did not wait for the rest
                if self._database.in_transaction:
                    ask("COMMIT")

    def studies(self) -> Iterator[tuple[str, str]]:
        """Each study, and a digest of the files of its images: where they are, and how old."""
        rows = self._database.execute(
            "SELECT study, path, state, image FROM files WHERE study NOT IN (?, ?)"
            " ORDER BY study, path",
            [_NO_DICOM, _NOBODYS],
        )
        for study, files in groupby(rows, itemgetter(0)):
            digest = hashlib.sha256()
            for _, path, state, image in files:
                if image:
                    digest.update(path + b"\0" + state.encode("ascii") + b"\n")
            yield study, digest.hexdigest()

    def files(self, study: str) -> list[str]:
        """The files of a study."""
        rows = self._database.execute("SELECT path FROM files WHERE study = ?", [study])
        return [str(self._folder / os.fsdecode(path)) for (path,) in rows]

    @property
    def nobodys(self) -> int:
        """How many DICOM files there are of which nobody knows to which study they belong."""
        count = self._database.execute("SELECT count(*) FROM files WHERE study = ?", [_NOBODYS])
        return int(count.fetchone()[0])

    def _files(self, without: Path) -> Iterator[Path]:
        inside = without.is_relative_to(self._folder)
        for path in walk(self._folder):
            hidden = path.name.startswith(".")  # the system's; `._name` even looks like DICOM
            if not hidden and not (inside and path.is_relative_to(without)):
                yield path

    def _see(self, path: Path, look: int) -> None:
        ask, key = self._database.execute, os.fsencode(path.relative_to(self._folder))
        stamp = file_state(path)
        state = f"{stamp[2]} {stamp[0]}" if stamp else ""  # its size, and when it was written
        same = ask("UPDATE files SET look = ? WHERE path = ? AND state = ?", [look, key, state])
        if not same.rowcount:
            study, image = _study_of(path)
            row = [key, state, study, image, look]
            ask("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?)", row)


def _study_of(path: Path) -> tuple[str, bool]:
    """The study that a file says it is of, and whether it may hold an image."""
    try:
        with quiet(), open_regular(path) as stream:
            header = read_header(stream, _TAGS)
        study = text(header, "StudyInstanceUID")
        models = text(header, "PatientID") == _MODELS
        sop_class = text(header, "SOPClassUID")
        directory = _media_class(header) == MediaStorageDirectoryStorage
    except Exception:  # pydicom raises whatever a broken file leads it to
        study, models, sop_class, directory = "", False, "", False
    if models or directory:
        return _NO_DICOM, False
    if is_uid(study):
        return study, not holds_no_image(sop_class)
    return (_NOBODYS if _claims_to_be_dicom(path) else _NO_DICOM), False


def _media_class(header: FileDataset) -> str:
    return str(getattr(header.file_meta, "MediaStorageSOPClassUID", ""))


def _claims_to_be_dicom(path: Path) -> bool:
    try:
        return is_dicom(read_head(path))
    except ModelError:
        return False


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """A block in which the errors of SQLite name the file."""
    try:
        yield
    except sqlite3.Error as error:
        raise OutputError(
            f"{path} cannot be used ({error})",
            "a file that this program has written, on a disk with room",
            "remove it: it is made anew",
        ) from None
