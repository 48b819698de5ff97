"""Waiting for a process, for scripts: Slicer goes on meanwhile."""

from __future__ import annotations

import time
from typing import Any

import slicer

from IODeepSlicer.work.worker_process import State, WorkerProcess

_POLL_INTERVAL = 0.1  # seconds


def wait(process: WorkerProcess[Any]) -> None:
    """Return when it is over; what breaks the waiting off ends it, too."""
    try:
        while process.poll() is State.RUNNING:
            slicer.app.processEvents()
            time.sleep(_POLL_INTERVAL)
    finally:
        process.cancel()
