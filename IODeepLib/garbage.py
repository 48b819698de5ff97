"""Python's garbage collector, where it costs more than it is worth."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Look for no cycles of objects as long as this lasts.

    For work that makes many objects and no cycles, such as data sets, tables or verdicts: the
    collector would go through all of them again and again (a quarter of the time of a large SEG).
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
