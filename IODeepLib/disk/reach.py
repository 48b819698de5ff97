"""Whether others can exchange a file under the hands of whoever reads it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

_ADMINISTRATOR = 0
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


def others_reach(path: Path) -> bool:
    """Whether another user than this one and the administrator may write a file, or put another
    one in its place: also by the folders above it. Where there are no owners, nobody knows: False.
    """
    if not hasattr(os, "getuid"):
        return False
    path = path.resolve()
    return any(_is_others(place.stat()) for place in (path, *path.parents))


def _is_others(status: os.stat_result) -> bool:
    if status.st_uid not in (_ADMINISTRATOR, os.getuid()):
        return True
    # In a folder with the sticky bit, everybody takes away what is their own, and nothing else.
    sticky = stat.S_ISDIR(status.st_mode) and bool(status.st_mode & stat.S_ISVTX)
    return bool(status.st_mode & _OTHERS_MAY_WRITE) and not sticky
