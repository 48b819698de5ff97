"""Results that could not be stored: kept until they are.

outbox/NAME/destination.txt     the SOURCE that they are for
outbox/NAME/N.dcm               the files
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from IODeepLib.errors import OutputError, SourceError
from IODeepLib.files import whole_folder
from IODeepLib.sources import Source
from IODeepLib.sources.incoming import entry_of
from IODeepLib.user_folders import outbox_folder

_DESTINATION = "destination.txt"


@dataclass(frozen=True)
class Kept:
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

    def sent(self) -> None:
        """They are where they should be: nothing waits any more."""
        shutil.rmtree(self.folder, ignore_errors=True)


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
            "send it with 'iodeep push'",
        ) from None


def keep(files: Sequence[Path], destination: str) -> Kept:
    """Put copies of `files` into the outbox; those that are there already are there once.

    Raises:
        OutputError: the outbox cannot be written.
    """
    uids = sorted(entry_of(path).sop_uid for path in files)
    name = hashlib.sha256("\n".join([destination, *uids]).encode()).hexdigest()[:16]
    kept = Kept(outbox_folder() / name, destination)
    if not (kept.folder / _DESTINATION).exists():
        with whole_folder(kept.folder) as folder:
            for number, path in enumerate(files, 1):
                shutil.copyfile(path, folder / f"{number}.dcm")
            (folder / _DESTINATION).write_text(destination, encoding="utf-8")
    return kept


def waiting() -> list[Kept]:
    """Everything in the outbox."""
    places = sorted(outbox_folder().glob(f"[!.]*/{_DESTINATION}"))
    return [Kept(place.parent, place.read_text(encoding="utf-8")) for place in places]
