"""What pydicom says about odd values, held back where they are expected.

The filters of warnings and the loggers are those of the whole process, which may be somebody else's
program. What is put there lets pass whatever other threads say, and goes with the last block. Not
`warnings.catch_warnings`, which holds back what other threads say as well, and makes Python warn
again of all that it is to warn of once; and not pydicom's settings, which are everybody's too.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

# All that pydicom has: what a logger holds back, those below it do not.
_LOGGERS = [
    logging.getLogger(name)
    for name in (
        "pydicom",
        "pydicom.pixels.decoders.base",
        "pydicom.pixels.encoders.base",
        "pydicom.pixels.utils",
    )
]


@contextmanager
def quiet() -> Iterator[None]:
    """Holds back what pydicom says about odd values, which would be a warning or more a slice.

    Only in this thread, and as long as the block lasts: nobody else's code belongs into it.
    """
    blocks = _enter()
    try:
        yield
    finally:
        _leave(blocks)


class _Blocks:
    """How many blocks of `quiet` a thread is in."""

    depth = 0


class _Here(threading.local):
    """Stands among the filters of warnings, as a pattern, and among those of the loggers.

    Attributes:
        blocks: those of this thread, if it ever was in one.
        match: whether a warning is to be held back. No Python code, which another thread could
            interrupt: if this filter went away meanwhile, the one after it would be passed over.
    """

    blocks: _Blocks | None = None
    match: Callable[[str], object] = frozenset[str]().__contains__  # none

    def filter(self, _record: logging.LogRecord) -> bool:
        """Whether a record may pass."""
        return self.blocks is None or self.blocks.depth == 0


_here = _Here()
_filter: Any = ("ignore", _here, Warning, None, 0)
_lock = threading.RLock()  # a finalizer may leave a block while its thread enters or leaves one
_entered: list[_Blocks] = []  # a block each, of all threads
_filtered: list[Any] = []  # the lists of filters that have ours


def _enter() -> _Blocks:
    if _here.blocks is None:
        _here.blocks = _Blocks()
        _here.match = partial(getattr, _here.blocks, "depth")
    with _lock:
        # Again where others have put theirs before it, or `warnings.catch_warnings` a new list.
        # Not with `warnings.simplefilter`, after which Python warns again of what it did once.
        filters: Any = warnings.filters
        if not filters or filters[0] is not _filter:
            filters.insert(0, _filter)
            _filtered.append(filters)
        if not _entered:
            for logger in _LOGGERS:
                logger.addFilter(_here)
        _here.blocks.depth += 1
        _entered.append(_here.blocks)
        return _here.blocks


def _leave(blocks: _Blocks) -> None:
    """`blocks` are those of the thread that entered: a generator may be closed in another one."""
    with _lock:
        blocks.depth -= 1
        _entered.remove(blocks)
        if _entered:
            return
        for logger in _LOGGERS:
            logger.removeFilter(_here)
        # The list of today may be a copy that `warnings.catch_warnings` made of one of these.
        for filters in (*_filtered, warnings.filters):
            with suppress(ValueError):
                while True:
                    filters.remove(_filter)
        _filtered.clear()
