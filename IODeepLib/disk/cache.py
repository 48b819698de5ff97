"""What was fetched from PACS and will not change there: cards and weights of models.

A plain folder. Each server has a shelf of its own in it: what one gave is never taken for what
another has under the same UID. Images of patients are never kept here.

    2/SERVER/cards/UID.dcm               cards and retirement notices, and what is known of them
    2/SERVER/weights/STUDY/SHA-256.dcm   the parts of a model version, by their payloads' digests
    2/SERVER/known.json                  which cards the server had the last time
    locks/                               who uses what, among all processes of this machine
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import BaseFileLock

from IODeepLib.disk.locks import Users, take
from IODeepLib.disk.user_folders import cache_folder
from IODeepLib.errors import OutputError, SourceError
from IODeepLib.text.foreign import is_uid, printable

MAX_BYTES = 20 * 10**9
_LAYOUT = "2"
_FORMER_LAYOUT = ("cards", "weights", "servers")  # which told no servers apart
_DIGEST = re.compile(r"[0-9a-f]{64}")
_SECONDS_BETWEEN_LOOKS = 0.1
_CARDS = "cards"
# What this process uses, whichever of its caches it came from.
_kept: dict[Path, BaseFileLock] = {}
_keeping = threading.Lock()


@dataclass(frozen=True, slots=True)
class CacheContents:
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

    def shelf(self, server: str) -> Shelf:
        """What this server gave.

        Args:
            server: its address.
        """
        name = hashlib.sha256(server.encode()).hexdigest()[:16]
        return Shelf(self, self.folder / _LAYOUT / name)

    def cards(self) -> list[Path]:
        """The cards and notices of all servers."""
        return sorted(self.folder.glob(f"{_LAYOUT}/*/cards/*.dcm"))

    def weights_beside(self, card: Path, study_instance_uid: str) -> list[Path]:
        """The parts here that the server gave which gave the card at this path."""
        return Shelf(self, card.parents[1]).weights_of(study_instance_uid)

    def remove_weights(self, card: Path, study_instance_uid: str) -> bool:
        """Remove the parts that `weights_beside` names; False where a process uses them."""
        self._remove(Shelf(self, card.parents[1]).folder_of(study_instance_uid))
        return not self.weights_beside(card, study_instance_uid)

    def make_room(self, count: int) -> None:
        """Remove weights, those used longest ago first, so that `count` bytes more may come.

        Those that a process uses stay, even if it gets too much.
        """
        self._clear_former()
        models = sorted(self._models(), key=_last_used)
        total = sum(map(_size, models)) + count
        for model in models:
            if total <= self.max_bytes:
                return
            total -= self._remove(model)

    def contents(self) -> CacheContents:
        """What is here, in numbers."""
        cards = self.cards()
        models = [model for model in self._models() if any(model.glob("*.dcm"))]
        return CacheContents(
            len(cards), sum(map(_size, cards)), len(models), sum(_size(model) for model in models)
        )

    def clear(self) -> None:
        """Remove everything that no process uses."""
        with self.writing():
            self._clear_former()
            for model in self._models():
                self._remove(model)
            for place in self.folder.glob(f"{_LAYOUT}/*"):
                with self.users(place, _CARDS).kept_out() as unused:
                    if unused:
                        for known in (*place.glob("cards/*"), *place.glob("*.json")):
                            discard(known)

    def users(self, shelf: Path, name: str) -> Users:
        """Those who use what is called `name` on a shelf."""
        return Users(self.lock_file(shelf, f"{name}.use"))

    def lock_file(self, shelf: Path, name: str) -> Path:
        """Where the file lies that is locked under this name, or would lie."""
        path = self.folder.absolute() / "locks" / f"{shelf.name}-{name}"
        if path.is_dir():  # damage
            discard(path)
        return path

    @contextmanager
    def writing(self) -> Iterator[None]:
        """A block in which the errors of the system become an OutputError that names the cache."""
        try:
            yield
        except OSError as error:
            raise OutputError(
                f"the cache {self.folder} cannot be written ({error.strerror or error})",
                "a folder with write permission and room",
                "set IODEEP_CACHE to another one, or empty it with 'iodeep cache --clear'",
            ) from None

    def _clear_former(self) -> None:
        for name in _FORMER_LAYOUT:
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def _remove(self, model: Path) -> int:
        """Remove the weights of one model version unless they are in use; the bytes set free."""
        with self.users(model.parents[1], model.name).kept_out() as unused:
            if not unused:
                return 0
            try:
                size = 0
                for file in model.glob("*"):
                    size += _size(file)
                    discard(file)
                with suppress(OSError):
                    model.rmdir()
                return size
            except OSError:  # Windows removes no file that is open
                return 0

    def _models(self) -> list[Path]:
        return [path for path in self.folder.glob(f"{_LAYOUT}/*/weights/*") if path.is_dir()]


class Shelf:
    """What one server gave.

    Args:
        cache: what it is a part of.
        folder: where it lies.
    """

    def __init__(self, cache: Cache, folder: Path) -> None:
        self.cache, self.folder = cache, folder

    @property
    def known(self) -> Path:
        """Where it stands which cards the server had the last time."""
        return self.folder / "known.json"

    def card(self, sop_instance_uid: str) -> Path:
        """Where a card lies, or would lie."""
        return self.folder / "cards" / f"{_file_name(sop_instance_uid)}.dcm"

    def weights(self, study_instance_uid: str, sha256: str) -> Path:
        """Where the part of a model version with this payload lies, or would lie."""
        if not _DIGEST.fullmatch(sha256):
            raise SourceError(
                f"the digest {printable(sha256)[:80]!r}", "64 hexadecimal digits", "check the card"
            )
        return self.folder_of(study_instance_uid) / f"{sha256}.dcm"

    def weights_of(self, study_instance_uid: str) -> list[Path]:
        """The parts of a model version that are here."""
        return sorted(self.folder_of(study_instance_uid).glob("*.dcm"))

    def use(self, study_instance_uid: str) -> None:
        """Keep the weights of a model version here for as long as this process lives."""
        self._keep(_file_name(study_instance_uid))
        with suppress(FileNotFoundError, NotADirectoryError):
            os.utime(self.folder_of(study_instance_uid))

    def use_cards(self) -> None:
        """Keep all cards here for as long as this process lives."""
        self._keep(_CARDS)

    @contextmanager
    def fetching(self, study_instance_uid: str, waiting: Callable[[], None]) -> Iterator[None]:
        """A block that one process at a time is in; `waiting` is called until it is our turn."""
        name = f"{_file_name(study_instance_uid)}.fetch"
        while True:
            with self.cache.writing():
                lock = take(self.cache.lock_file(self.folder, name))
            if lock is not None:
                break
            waiting()
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        try:
            yield
        finally:
            lock.release()

    def discard(self, path: Path) -> None:
        """Remove what is damaged, whatever has taken its place."""
        with self.cache.writing():
            discard(path)

    def make_way(self, path: Path) -> None:
        """Remove what is in the way of a file: folders in its place, and files in its folders'."""
        with self.cache.writing():
            for parent in (self.folder.parent, self.folder, *reversed(path.parents)):
                if parent.is_relative_to(self.folder.parent) and parent.is_file():
                    discard(parent)
            if path.is_dir():
                discard(path)

    def _keep(self, name: str) -> None:
        with self.cache.writing(), _keeping:
            users = self.cache.users(self.folder, name)
            if users.path not in _kept:
                _kept[users.path] = users.join()

    def folder_of(self, study_instance_uid: str) -> Path:
        """Where the weights of a model version lie, or would lie."""
        return self.folder / "weights" / _file_name(study_instance_uid)


def discard(path: Path) -> None:
    """Remove a file, or a folder where a file should be."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _file_name(uid: str) -> str:
    """A UID, which came from elsewhere, as the name of a file."""
    if not is_uid(uid):
        raise SourceError(f"the UID {printable(uid)[:80]!r}", "digits and dots", "check the server")
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
