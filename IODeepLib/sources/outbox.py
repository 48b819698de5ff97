"""Results that could not be stored: kept until they are.

outbox/NAME/destination.txt     the SOURCE that they are for
outbox/NAME/N.dcm               the files
outbox/lock                     who sends, among all processes of this machine

Nobody but its owner can read what waits: it is of patients.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from IODeepLib.disk.files import whole_folder
from IODeepLib.disk.locks import take
from IODeepLib.disk.user_folders import outbox_folder
from IODeepLib.errors import OutputError, SourceError
from IODeepLib.sources import Source
from IODeepLib.sources.incoming import entity_of

_DESTINATION = "destination.txt"
_SECONDS_BETWEEN_LOOKS = 0.1


@dataclass(frozen=True)
class WaitingFiles:
    """Files that wait.

    Attributes:
        folder: where they lie.
        destination: the SOURCE that they are for.
    """

    folder: Path
    destination: str

    @property
    def files(self) -> list[Path]:
        """The DICOM files."""
        return sorted(self.folder.glob("*.dcm"))

    def send(self, source: Source) -> list[Path]:
        """Store them as `Source.store` does; they do not wait here any more then.

        Of several processes one sends, and the others find nothing left to send.

        Raises:
            OutputError: the outbox cannot be written.
            SourceError: the source failed; they still wait.
        """
        with _alone():
            files = self.files
            new = source.store(files) if files else []
            shutil.rmtree(self.folder, ignore_errors=True)
        return new


def store_or_keep(files: Sequence[Path], source: Source, destination: str) -> list[Path]:
    """Store `files` as `Source.store` does, or keep them in the outbox.

    Args:
        files: DICOM files.
        source: where they go.
        destination: the words that it was named by.

    Raises:
        SourceError: the source failed; the message names the outbox, or why it cannot be used.
    """
    try:
        return source.store(files)
    except SourceError as error:
        try:
            kept = keep(files, destination)
        except OutputError as full:
            raise SourceError(
                f"{error.found}; and the outbox cannot keep the result: {full.found}",
                f"{error.wanted}, or an outbox with room",
                f"send {files[0].parent} with 'iodeep push DIR SOURCE'",
            ) from None
        raise SourceError(
            f"{error.found}; the result is kept in {kept.folder}",
            error.wanted,
            "send it again, here or with 'iodeep push'",
        ) from None


def keep(files: Sequence[Path], destination: str) -> WaitingFiles:
    """Put copies of `files` into the outbox; those that are there already are there once.

    Raises:
        OutputError: the outbox cannot be written.
    """
    uids = sorted(entity_of(path).sop_uid for path in files)
    name = hashlib.sha256("\n".join([destination, *uids]).encode()).hexdigest()[:16]
    kept = WaitingFiles(outbox_folder() / name, destination)
    if not (kept.folder / _DESTINATION).exists():
        with whole_folder(kept.folder) as folder:
            folder.chmod(0o700)
            for number, path in enumerate(files, 1):
                shutil.copyfile(path, folder / f"{number}.dcm")
            (folder / _DESTINATION).write_text(destination, encoding="utf-8")
    return kept


@contextmanager
def _alone() -> Iterator[None]:
    """A block that one process at a time is in."""
    try:
        while (lock := take(outbox_folder() / "lock")) is None:
            time.sleep(_SECONDS_BETWEEN_LOOKS)
    except OSError as error:
        raise OutputError(
            f"the outbox {outbox_folder()} cannot be written ({error.strerror or error})",
            "a folder with write permission",
            "have its permissions corrected, or set IODEEP_OUTBOX to another one",
        ) from None
    try:
        yield
    finally:
        lock.release()


def waiting() -> list[WaitingFiles]:
    """Everything in the outbox."""
    places = sorted(outbox_folder().glob(f"[!.]*/{_DESTINATION}"))
    return [WaitingFiles(place.parent, place.read_text(encoding="utf-8")) for place in places]
