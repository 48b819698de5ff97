"""What a reader may take of time and memory, whatever it is given; see `make fuzz`."""

from __future__ import annotations

import logging
import resource
import signal
import warnings
from types import FrameType

MEMORY = 2**30  # bytes of address space
SECONDS = 2.0  # of computing for one file


class TooLongError(BaseException):
    """The time for one file is over. No reader catches it."""


def limit_this_process() -> None:
    """Limit the memory; the time is limited by `start_clock`."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.signal(signal.SIGPROF, _too_long)
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)


def start_clock(seconds: float = SECONDS) -> None:
    """TooLongError will be raised after so many seconds of computing; 0: never."""
    signal.setitimer(signal.ITIMER_PROF, seconds)


def _too_long(signum: int, frame: FrameType | None) -> None:
    raise TooLongError
