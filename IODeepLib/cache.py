"""What was fetched from a PACS and will not change there: cards and weights of models.

A plain folder. DICOM instances never change, so that what lies here under a SOP Instance UID is as
good as what the server has. Images of patients are never kept here.

    cards/UID.dcm           cards and retirement notices, and what is known of them
    weights/STUDY/UID.dcm   the parts of a model version
    servers/                which cards a server had the last time
    locks/                  who uses what, among all processes of this machine
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from IODeepLib.errors import OutputError, SourceError
from IODeepLib.locks import FileLock
from IODeepLib.user_folders import cache_folder

MAX_BYTES = 20 * 10**9
_UID = re.compile(r"[0-9.]{1,64}")
_SECONDS_BETWEEN_LOOKS = 0.1
_CARDS = "cards"
# What this process uses, whichever of its caches it came from.
_kept: dict[Path, FileLock] = {}
_keeping = threading.Lock()


@dataclass(frozen=True, slots=True)
class Contents:
    """What a cache holds.

    Attributes:
        cards, card_bytes: cards and notices.
        models, model_bytes: model versions of which weights are here.
    """

    cards: int
    card_bytes: int
    models: int
    model_bytes: int


class Cache:
    """The cache in `folder`.

    Args:
        folder: where; the user's own by default.
        max_bytes: above this many bytes of weights, those used longest ago are removed.
    """

    def __init__(self, folder: Path | None = None, max_bytes: int = MAX_BYTES) -> None:
        self.folder = folder or cache_folder()
        self.max_bytes = max_bytes

    def card(self, sop_instance_uid: str) -> Path:
        """Where a card lies, or would lie."""
        return self.folder / "cards" / f"{_file_name(sop_instance_uid)}.dcm"

    def weights(self, study_instance_uid: str, sop_instance_uid: str) -> Path:
        """Where a part lies, or would lie."""
        return self._model(study_instance_uid) / f"{_file_name(sop_instance_uid)}.dcm"

    def weights_of(self, study_instance_uid: str) -> list[Path]:
        """The parts of a model version that are here."""
        return sorted(self._model(study_instance_uid).glob("*.dcm"))

    def use(self, study_instance_uid: str) -> None:
        """Keep the weights of a model version here for as long as this process lives."""
        self._keep(_file_name(study_instance_uid))
        with suppress(FileNotFoundError):
            os.utime(self._model(study_instance_uid))

    def use_cards(self) -> None:
        """Keep all cards here for as long as this process lives."""
        self._keep(_CARDS)

    def _keep(self, name: str) -> None:
        lock = self._lock(name, "use")
        with self._writing(), _keeping:
            if lock.path not in _kept:
                while not lock.acquire(shared=True):  # only as long as somebody removes them
                    time.sleep(_SECONDS_BETWEEN_LOOKS)
                _kept[lock.path] = lock

    @contextmanager
    def fetching(self, study_instance_uid: str, waiting: Callable[[], None]) -> Iterator[None]:
        """A block that one process at a time is in; `waiting` is called until it is our turn."""
        lock = self._lock(_file_name(study_instance_uid), "fetch")
        try:
            with self._writing():
                while not lock.acquire():
                    waiting()
                    time.sleep(_SECONDS_BETWEEN_LOOKS)
                yield
        finally:
            lock.release()

    def make_room(self, count: int) -> None:
        """Remove weights, those used longest ago first, so that `count` bytes more may come.

        Those that a process uses stay, even if it gets too much.
        """
        models = sorted(self._models(), key=_last_used)
        total = sum(map(_size, models)) + count
        for model in models:
            if total <= self.max_bytes:
                return
            total -= self._remove(model)

    def contents(self) -> Contents:
        """What is here, in numbers."""
        cards = list((self.folder / "cards").glob("*.dcm"))
        models = [model for model in self._models() if any(model.glob("*.dcm"))]
        return Contents(
            len(cards), sum(map(_size, cards)), len(models), sum(_size(model) for model in models)
        )

    def clear(self) -> None:
        """Remove everything that no process uses."""
        with self._writing():
            for model in self._models():
                self._remove(model)
            cards = self._lock(_CARDS, "use")
            if cards.acquire():
                try:
                    for known in (*self.folder.glob("cards/*"), *self.folder.glob("servers/*")):
                        known.unlink(missing_ok=True)
                finally:
                    cards.release()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutputError(
                f"the cache {self.folder} cannot be written ({error.strerror or error})",
                "a folder with write permission and room",
                "set IODEEP_CACHE to another one, or empty it with 'iodeep cache --clear'",
            ) from None

    def _remove(self, model: Path) -> int:
        """Remove the weights of one model version unless they are in use; the bytes set free."""
        lock = self._lock(model.name, "use")
        if not lock.acquire():
            return 0
        try:
            size = 0
            for file in model.glob("*"):
                size += _size(file)
                file.unlink(missing_ok=True)
            with suppress(OSError):
                model.rmdir()
            return size
        except OSError:  # Windows removes no file that is open
            return 0
        finally:
            lock.release()

    def _models(self) -> list[Path]:
        return [path for path in (self.folder / "weights").glob("*") if path.is_dir()]

    def _model(self, study_instance_uid: str) -> Path:
        return self.folder / "weights" / _file_name(study_instance_uid)

    def _lock(self, name: str, what: str) -> FileLock:
        return FileLock(self.folder.absolute() / "locks" / f"{name}.{what}")


def _file_name(uid: str) -> str:
    """A UID, which came from elsewhere, as the name of a file."""
    if not _UID.fullmatch(uid) or not uid.strip("."):
        raise SourceError(f"the UID {uid[:80]!r}", "digits and dots", "check the server")
    return uid


def _last_used(path: Path) -> float:
    with suppress(FileNotFoundError):
        return path.stat().st_mtime
    return 0.0  # another process has removed it


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        if path.is_dir():
            return sum(map(_size, path.iterdir()))
        return path.stat().st_size
    return 0
