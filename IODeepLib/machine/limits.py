"""What a process that works for another one may take."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

import psutil


def bound_process(most: int | None = None) -> None:
    """Take no more memory than allowed, and be the first to go where there is none left.

    Args:
        most: bytes; what the machine has by default. What graphics cards reserve does not count.
    """
    try:
        import resource
    except ImportError:  # on Windows
        return
    most = psutil.virtual_memory().total if most is None else most
    # On Linux what may be written to counts; addresses that graphics cards reserve do not.
    what = resource.RLIMIT_DATA if sys.platform == "linux" else resource.RLIMIT_AS
    resource.setrlimit(what, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a dump of memory has the images in it
    with suppress(OSError):  # only Linux has it
        Path("/proc/self/oom_score_adj").write_text("1000")
