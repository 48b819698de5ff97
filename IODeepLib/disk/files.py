"""Writing files and folders whole or not at all.

What is being written lies beside its target in a folder `.NAME-XXXXXXXX.part`, until it is renamed.
A process that was killed leaves that folder; the next one that writes the same target clears it
away, and knows by the lock in it that nobody works there any more. Temporary folders are of the
same kind.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import BaseFileLock

from IODeepLib.disk.locks import take
from IODeepLib.errors import OutputError

_log = logging.getLogger(__name__)

_SUFFIX = ".part"
_WORKPLACE = re.compile(rf"\..+-\w{{8}}{re.escape(_SUFFIX)}", re.DOTALL)
_LOCK, _NEW, _FORMER = "lock", "new", "former"  # what lies in such a folder
_SECONDS_TO_LOCK = 60  # far longer than a process takes from making such a folder to locking it
_unfinished: dict[Path, Path] = {}  # the folders that this process works in, each with its target


@contextmanager
def whole_folder(
    target: Path,
    replaceable: Collection[str] = (),
    may_replace: Callable[[Path], None] = lambda former: None,
) -> Iterator[Path]:
    """A temporary folder that becomes `target` when the block ends well, and vanishes otherwise.

    Of two processes that write the same target at once, each gives a whole folder or an error.

    Args:
        target: a folder that does not exist yet, is empty, or holds nothing but files that may be
            replaced.
        replaceable: names of files of a former result, which the new one takes the place of.
        may_replace: asked in the end, with the folder of what would be replaced; it raises where it
            has to stay.

    Raises:
        OutputError: something else is there, or the folder cannot be written.
    """
    target = Path(target).absolute()
    with writing(target), _workplace(target) as place:
        _check_free(target, replaceable)
        (place / _NEW).mkdir()
        yield place / _NEW
        _check_free(target, replaceable)
        if target.exists():
            target.rename(place / _FORMER)  # see `_clear`
            may_replace(place / _FORMER)  # where nobody writes into it any more
        (place / _NEW).rename(target)


@contextmanager
def whole_file(path: Path | str, *, flush: bool = True) -> Iterator[Path]:
    """A temporary file that becomes `path` when the block ends well, and vanishes otherwise.

    A file that was there before is replaced.

    Args:
        path: where it shall be.
        flush: whether it is on the disk before it gets its name, so that a power failure leaves the
            former file or the new one, never an empty one.

    Raises:
        OutputError: it cannot be written.
    """
    target = Path(path).absolute()
    with writing(target), _workplace(target) as place:
        new = place / _NEW / target.name
        new.parent.mkdir()
        yield new
        if flush:
            with new.open("rb+") as written:  # Windows flushes only what may be written
                os.fsync(written.fileno())
        new.replace(target)


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder that only this user can read, and that vanishes with the block.

    What a process has left that was killed meanwhile is cleared away by the next one.

    Raises:
        OutputError: it cannot be made.
    """
    target = _temporary()
    with ExitStack() as stack:
        with writing(target):
            folder = stack.enter_context(_workplace(target)) / _NEW
            folder.mkdir(mode=0o700)
        yield folder


def clear_left() -> None:
    """Clear away the temporary folders of processes that were killed: they may hold images."""
    target = _temporary()
    with suppress(OSError):  # there is no such place, or it cannot be read: nothing of ours is
        _clear_away(target)


def _temporary() -> Path:
    return Path(tempfile.gettempdir(), "iodeep").absolute()


@contextmanager
def _workplace(target: Path) -> Iterator[Path]:
    """A folder on the target's file system, for this process alone, and gone in the end."""
    target.parent.mkdir(parents=True, exist_ok=True)
    _clear_away(target)
    place, lock = _locked(target)
    _unfinished[place] = target
    try:
        yield place
    finally:
        _clear_locked(place, target, lock)
        _unfinished.pop(place, None)


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """A block in which the errors of the system become an OutputError that names `target`.

    Those that name another file, one that is read for instance, stay what they are.
    """
    try:
        yield
    except OSError as error:
        # pydicom raises another one in the system's stead. Those of other libraries, such as
        # requests, say nothing of files.
        reason = error if error.errno is not None else error.__cause__
        if not isinstance(reason, OSError) or reason.errno is None or _is_elsewhere(reason, target):
            raise
        raise OutputError(
            f"{target} cannot be written ({reason.strerror})",
            "a folder with write permission and room",
            "choose another place",
        ) from None


def _is_elsewhere(error: OSError, target: Path) -> bool:
    """Whether an error names a file that has nothing to do with writing `target`."""
    if not isinstance(error.filename, (str, bytes, os.PathLike)):
        return False  # what fails within an open file names none
    target, place = target.absolute(), Path(os.fsdecode(error.filename)).absolute()
    in_workplace = place.is_relative_to(target.parent) and any(
        map(_WORKPLACE.fullmatch, place.parts)
    )
    return not (target.is_relative_to(place) or place.is_relative_to(target) or in_workplace)


def clear_unfinished() -> None:
    """Clear away what this process is writing, which is about to end on the spot."""
    for place, target in list(_unfinished.items()):
        _clear(place, target)


def walk(folder: Path) -> Iterator[Path]:
    """All that is no folder in `folder` and below it, in order, but for what is half written.

    Folders that cannot be read are passed over, and said.
    """

    def say(error: OSError) -> None:
        _log.warning("%s cannot be read (%s)", error.filename, error.strerror)

    for parent, folders, names in os.walk(folder, onerror=say):
        folders[:] = sorted(name for name in folders if not _WORKPLACE.fullmatch(name))
        for name in sorted(names):
            yield Path(parent, name)


def _locked(target: Path) -> tuple[Path, BaseFileLock | None]:
    while True:
        prefix = f".{target.name}-"
        place = Path(tempfile.mkdtemp(prefix=prefix, suffix=_SUFFIX, dir=target.parent))
        try:
            lock = take(place / _LOCK)
        except OSError:  # a file system without locks: nothing is ever cleared away there
            return place, None
        if lock is not None:
            if (place / _LOCK).exists():
                return place, lock
            lock.release()  # another process cleared it away before it was locked


def _clear_away(target: Path) -> None:
    """Clear what processes left that were killed while they wrote `target`."""
    left = re.compile(rf"\.{re.escape(target.name)}-\w{{8}}{re.escape(_SUFFIX)}")
    for name in filter(left.fullmatch, os.listdir(target.parent)):  # noqa: PTH208
        place = target.parent / name
        with suppress(OSError):  # somebody cleared it away
            if not _is_ours(place):
                continue
            if not (place / _LOCK).exists():
                if time.time() - place.stat().st_mtime > _SECONDS_TO_LOCK:
                    place.rmdir()
            elif (lock := take(place / _LOCK)) is not None:  # nobody works there
                _clear_locked(place, target, lock)


def _is_ours(place: Path) -> bool:
    """Whether it is a folder of this user's: anybody can put links in a temporary folder."""
    status = place.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == getattr(os, "getuid", lambda: 0)()


def _clear_locked(place: Path, target: Path, lock: BaseFileLock | None) -> None:
    """Remove a workplace while nobody else can, and the lock with it."""
    try:
        _clear(place, target)
    finally:
        if lock is not None:
            lock.release()
        shutil.rmtree(place, ignore_errors=True)  # Windows removes no file that is open


def _clear(place: Path, target: Path) -> None:
    """Remove a workplace; what was moved out of the way and not replaced goes back."""
    if (place / _FORMER).exists() and not target.exists():
        (place / _FORMER).rename(target)
    shutil.rmtree(place, ignore_errors=True)


def _check_free(target: Path, replaceable: Collection[str]) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise OutputError(f"{target} is a file", "a folder", "choose another place")
    others = sorted(
        item.name for item in target.iterdir() if item.name not in replaceable or not item.is_file()
    )
    if others:
        raise OutputError(
            f"{target} already holds {others[0]}" + (" and more" if len(others) > 1 else ""),
            "a new or an empty folder",
            "choose another one, or empty it",
        )
