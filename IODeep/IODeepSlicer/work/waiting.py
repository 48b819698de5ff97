"""Waiting for a process, for scripts: Slicer goes on meanwhile."""

from __future__ import annotations

import time
from typing import Protocol

import slicer

from IODeepSlicer.work.worker_process import State

_POLL_INTERVAL = 0.1  # seconds


class Work(Protocol):
    """What goes on elsewhere."""

    def poll(self) -> State:
        """How far it is."""
        ...

    def cancel(self) -> None:
        """End it."""
        ...


def wait(process: Work) -> None:
    """Return when it is over; what breaks the waiting off ends it, too."""
    try:
        while process.poll() is State.RUNNING:
            slicer.app.processEvents()
            time.sleep(_POLL_INTERVAL)
    finally:
        process.cancel()
