"""What was read from files, kept for as long as the files do not change.

A card takes pydicom some milliseconds: listing a folder again takes a fiftieth of the first time.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import suppress
from pathlib import Path
from typing import Generic, TypeVar

# A file can change again within one tick of the clock that stamps it (0.01 s on Linux, 2 s on FAT):
# of one that has changed only just now nothing is kept.
SETTLED_AFTER = 2 * 10**9  # ns

_T = TypeVar("_T")


class FileMemo(Generic[_T]):
    """Results of reading files, for all threads of this process.

    Args:
        most: so many are kept; those asked for longest ago go first.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[Hashable, tuple[tuple[int, ...], _T]] = OrderedDict()

    def get(self, path: Path, read: Callable[[], _T], *what: Hashable) -> _T:
        """What `read` gives, or gave before if the file is still the same.

        Args:
            path: the file that `read` reads.
            read: is called if nothing is known; what it raises is raised, and not kept.
            what: tells apart what is read from one file.
        """
        key, before = (path, *what), file_state(path)
        kept = self._kept.get(key)
        if kept is not None and kept[0] == before:
            with suppress(KeyError):  # another thread has just let it go
                self._kept.move_to_end(key)
            return kept[1]
        result = read()
        if before and before == file_state(path) and _is_settled(before):
            self._kept[key] = before, result
            if len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return result


def _is_settled(state: tuple[int, ...]) -> bool:
    return time.time_ns() - max(state[:2]) > SETTLED_AFTER


def file_state(path: Path) -> tuple[int, ...]:
    """What changes with a file; empty if it is not there."""
    try:
        stat = path.stat()
    except OSError:
        return ()
    return stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size, stat.st_ino, stat.st_dev
