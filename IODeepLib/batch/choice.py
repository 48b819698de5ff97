"""Who reads the studies of a cohort, by what a call says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from IODeepLib.batch.engines import Engine
from IODeepLib.batch.on_dask import check_address, on_scheduler
from IODeepLib.batch.on_slurm import on_slurm, slurm_options
from IODeepLib.batch.processes import Processes
from IODeepLib.batch.terms import Asked
from IODeepLib.errors import UsageError
from IODeepLib.machine.cores import usable_threads
from IODeepLib.machine.memory import memory_at_hand

_MEMORY = 4 * 2**30  # bytes for each process, if nobody says how many there are


def check_engine(workers: int | None, scheduler: str | None, slurm: str | None) -> None:
    """Say what is wrong with a call before anything is done.

    Raises:
        UsageError: something is.
    """
    if scheduler is not None and slurm is not None:
        raise UsageError("--scheduler and --slurm", "one of them", "leave the other out")
    if scheduler is not None and workers is not None:
        raise UsageError(
            "--workers, and a scheduler that has some", "one of them", "leave --workers out"
        )
    if scheduler is not None:
        check_address(scheduler)
    if slurm is not None:
        slurm_options(slurm)


@contextmanager
def engine_for(
    asked: Asked, workers: int | None, scheduler: str | None, slurm: str | None, minutes: float
) -> Iterator[Engine]:
    """The engine, which ends with the block; the arguments are those of `map`.

    Raises:
        UsageError: there is no Dask or Slurm.
        SourceError: the scheduler does not answer.
    """
    if scheduler is not None:
        with on_scheduler(scheduler, asked) as dask:
            yield dask
    elif slurm is not None:
        with on_slurm(slurm, workers or 1, asked) as dask:
            yield dask
    else:
        room = memory_at_hand() // _MEMORY
        yield Processes(asked, workers or max(1, min(usable_threads(), room)), minutes)
