"""The command `iodeep`: Ctrl-C ends it at any moment with one line and exit status 130."""

from __future__ import annotations

import logging
import os
import signal
import sys
from types import FrameType

CANCELLED = "iodeep: cancelled; nothing is left half written\n"
_ENDING = (signal.SIGINT, signal.SIGTERM)


def command() -> None:
    """Do what the arguments of this process say, and end it."""
    for number in _ENDING:  # while the rest is imported; `main` has its own way
        signal.signal(number, _end)
    from IODeepLib.cli.main import main

    logging.captureWarnings(True)  # `main` says which messages are shown
    status = main()
    for number in _ENDING:  # it is done
        signal.signal(number, signal.SIG_IGN)
    sys.exit(status)


def _end(signum: int, frame: FrameType | None) -> None:
    os.write(2, CANCELLED.encode())
    os._exit(130)
