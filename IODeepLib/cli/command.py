"""The command `iodeep`: Ctrl-C ends it at any moment with one line and exit status 130."""

from __future__ import annotations

import gc
import logging
import os
import signal
import sys
from contextlib import suppress
from types import FrameType

from IODeepLib.cli.console import CANCELED
from IODeepLib.cli.json_lines import asked_for, error_line

_ENDING = (signal.SIGINT, signal.SIGTERM)
# Objects made between two searches for cyclic garbage. Modules and data sets are many objects that
# stay: with Python's 700, looking through them took a fifth of a short run, and found nothing.
_UNSEARCHED = 50_000


def command() -> None:
    """Do what the arguments of this process say, and end it."""
    gc.set_threshold(_UNSEARCHED)
    _open_standard_files()
    for number in _ENDING:  # while the rest is imported; `main` has its own way
        signal.signal(number, _end)
    from IODeepLib.cli.main import main
    from IODeepLib.machine.interruptible import left_behind

    logging.captureWarnings(True)  # `main` says which messages are shown
    status = main()
    for number in _ENDING:  # it is done
        signal.signal(number, signal.SIG_IGN)
    if left_behind():  # it would be unloaded where it computes, and crash
        from IODeepLib.disk.files import clear_unfinished

        clear_unfinished()
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(status)
    sys.exit(status)


def _open_standard_files() -> None:
    """Where one of the three is closed, the next file that is opened would be taken for it."""
    for file in range(3):
        try:
            os.fstat(file)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
    if sys.stderr is None:
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115


def _end(signum: int, frame: FrameType | None) -> None:
    line = error_line(CANCELED, 130) if asked_for(sys.argv[1:]) else f"iodeep: {CANCELED}"
    os.write(2, f"{line}\n".encode())
    os._exit(130)
