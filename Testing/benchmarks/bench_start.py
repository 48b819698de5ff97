"""How long it takes until anything happens."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from harness import Bench, Row, duration, fresh, seconds


def rows(bench: Bench) -> Iterator[Row]:
    """Import and help."""
    pairs = bench.sizes.pairs
    fresh("bench_start:imported")  # the files come into memory, the byte code is written
    times = [fresh("bench_start:imported") for _ in range(pairs)]
    whole = statistics.median(fresh("bench_start:pipeline_imported") for _ in range(pairs))
    note = f"the package alone; import IODeepLib.pipeline takes {whole:.2f} s"
    yield duration("import IODeepLib", times, 0.3, note=note)
    yield duration("iodeep --help", [seconds(_help) for _ in range(pairs)], 0.1)


def imported() -> float:
    """The import alone, without the start of Python."""

    def action() -> None:
        import IODeepLib  # noqa: F401

    return seconds(action)


def pipeline_imported() -> float:
    """The import of the room that needs all others."""

    def action() -> None:
        import IODeepLib.pipeline  # noqa: F401

    return seconds(action)


def _help() -> None:
    command = [str(Path(sys.executable).with_name("iodeep")), "--help"]
    subprocess.run(command, capture_output=True, check=True)
