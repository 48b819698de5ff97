"""Writing files and folders whole or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from IODeepLib.errors import OutputError


@contextmanager
def whole_folder(target: Path, replaceable: Collection[str] = ()) -> Iterator[Path]:
    """A temporary folder that becomes `target` when the block ends well, and vanishes otherwise.

    Args:
        target: a folder that does not exist yet, is empty, or holds nothing but files that may be
            replaced.
        replaceable: names of files of a former result, which the new one takes the place of.

    Raises:
        OutputError: something else is there, or the folder cannot be written.
    """
    target = Path(target).absolute()
    _check_free(target, replaceable)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Beside the target, so that the final rename stays on one file system.
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise _cannot_write(target, error) from None
    try:
        yield folder
        folder.chmod(0o777 & ~_umask())  # mkdtemp makes private folders
        _move_into_place(folder, target, replaceable)
    except OSError as error:
        raise _cannot_write(target, error) from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def whole_file(path: Path | str) -> Iterator[Path]:
    """A temporary file that becomes `path` when the block ends well, and vanishes otherwise.

    A file that was there before is replaced.

    Raises:
        OutputError: it cannot be written.
    """
    target = Path(path).absolute()
    temporary: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Beside the target, so that the rename stays on one file system; the folder is private,
        # the file gets its permissions as any other.
        temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        yield temporary / target.name
        (temporary / target.name).replace(target)
    except OSError as error:
        raise _cannot_write(target, error) from None
    finally:
        if temporary is not None:
            (temporary / target.name).unlink(missing_ok=True)
            temporary.rmdir()


def _check_free(target: Path, replaceable: Collection[str]) -> None:
    try:
        if not target.exists():
            return
        if not target.is_dir():
            raise OutputError(f"{target} is a file", "a folder", "choose another place")
        others = sorted(item.name for item in target.iterdir() if item.name not in replaceable)
    except OSError as error:
        raise _cannot_write(target, error) from None
    if others:
        raise OutputError(
            f"{target} already holds {others[0]}" + (" and more" if len(others) > 1 else ""),
            "a new or an empty folder",
            "choose another one, or empty it",
        )


def _move_into_place(folder: Path, target: Path, replaceable: Collection[str]) -> None:
    """Rename `folder` to `target`; what stood there before is gone only when the new one stands."""
    if not target.exists():
        folder.rename(target)
        return
    _check_free(target, replaceable)
    former = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        target.rename(former / "former")
        try:
            folder.rename(target)
        except OSError:
            (former / "former").rename(target)
            raise
    finally:
        shutil.rmtree(former, ignore_errors=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _cannot_write(target: Path, error: OSError) -> OutputError:
    return OutputError(
        f"{target} cannot be written ({error.strerror or error})",
        "a folder with write permission and room",
        "choose another place",
    )
