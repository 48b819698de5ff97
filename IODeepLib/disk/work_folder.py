"""A folder that a long piece of work has for itself, and goes on in after it was killed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from IODeepLib.disk.files import writing
from IODeepLib.disk.locks import take
from IODeepLib.errors import OutputError


@contextmanager
def at_work_in(folder: Path, what: str, asked: str) -> Iterator[None]:
    """A block in which nobody else works in the folder, made where it is missing.

    Args:
        folder: the folder.
        what: the kind of work, a word.
        asked: the name of the file that says what is asked for: such a folder is known by it.

    Raises:
        OutputError: somebody else does, it holds something else, or it cannot be written.
    """
    lock_name = f"{what}.lock"
    with writing(folder):
        names = {item.name for item in folder.iterdir()} if folder.is_dir() else set()
        others = names - {lock_name}
        if others and not (folder / asked).is_file():
            raise OutputError(
                f"{folder} already holds {min(others)}",
                f"a new or an empty folder, or that of the same {what}",
                "choose another one",
            )
        folder.mkdir(parents=True, exist_ok=True)
        lock = take(folder / lock_name)
    if lock is None:
        raise OutputError(
            f"another {what} at work in {folder}", "one at a time", "wait for it, or end it"
        )
    try:
        yield
    finally:
        lock.release()
