"""What results are made with takes most of a second to load: the run of a network can hide that."""

from __future__ import annotations

import contextlib
import functools
import math
import threading

# Voxels of a series from which on it is not hidden: there a second does not count, and the 180 MB
# that it takes are needed by the scores.
_MANY = 1 << 25


def load_beside(shape: tuple[int, ...]) -> None:
    """Begin to load it while a network runs on a series of this shape."""
    if math.prod(shape) < _MANY:
        _loading()


def load() -> None:
    """Have it loaded, if it is not yet."""
    _loading().join()


@functools.cache
def _loading() -> threading.Thread:
    thread = threading.Thread(target=_load, name="what results are made with")
    thread.start()
    return thread


def _load() -> None:
    with contextlib.suppress(Exception):  # whoever needs it will say so
        import highdicom as hd
        import SimpleITK  # noqa: F401
        from pydicom.uid import SegmentationStorage

        # With its first object highdicom reads tables of the standard, 22 MB of JSON.
        hd.SOPClass("1", "2", 1, "3", SegmentationStorage, 1, "SEG")
