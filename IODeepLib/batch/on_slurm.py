"""Studies are read by jobs that Slurm starts: workers of a Dask cluster of our own."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from IODeepLib.batch.on_dask import OnDask, dask_distributed, missing
from IODeepLib.batch.terms import Asked
from IODeepLib.errors import UsageError
from IODeepLib.text.foreign import printable

_ALLOWED_FAILURES = 2  # deaths of workers that a study survives
_HERE = "127.0.0.1"
_KEYS = ".keys-"
_EVERY = 30.0  # seconds between two looks whether jobs have ended: by scancel, at their walltime
_OPTIONS = {"queue": "normal", "cores": "4", "memory": "16GB", "walltime": "12:00:00"}


@contextmanager
def on_slurm(options: str, jobs: int, asked: Asked) -> Iterator[OnDask]:
    """Workers that Slurm starts, a job each, and ends with the block.

    The scheduler listens on this machine's address, with certificates that are made for it and lie
    in the cohort's folder, for this user alone, as long as it works. Its dashboard is on loopback.

    Args:
        options: as `slurm_options` reads them.
        jobs: how many.
        asked: what is done with every study.

    Raises:
        UsageError: there is no Dask or Slurm, or no such jobs in it.
    """
    asked_for: dict[str, Any] = slurm_options(options)
    distributed = dask_distributed()
    slurm_cluster = _slurm_cluster()
    cores = int(asked_for.pop("cores"))
    for left in Path(asked.out).glob(f"{_KEYS}*"):  # of a call that was killed
        shutil.rmtree(left, ignore_errors=True)
    with ExitStack() as stack:
        keys = stack.enter_context(TemporaryDirectory(prefix=_KEYS, dir=asked.out))
        cluster = slurm_cluster(
            **asked_for,
            cores=cores,
            processes=1,
            python=sys.executable,
            security=_certified(distributed.Security, Path(keys)),
            local_directory="/tmp",  # noqa: S108 - of the machine that the job runs on
            log_directory=str(Path(asked.out) / "slurm"),
            worker_extra_args=["--nthreads", "1", "--no-dashboard"],
            job_script_prologue=[f"export OMP_NUM_THREADS={cores}"],
            scheduler_options={
                "dashboard_address": f"{_HERE}:0",
                "allowed_failures": _ALLOWED_FAILURES,
            },
        )
        stack.enter_context(cluster)
        client = stack.enter_context(distributed.Client(cluster, set_as_default=False))
        _try(cluster.job_script())
        stack.enter_context(_kept(cluster, jobs))
        # Dask calls it by the scheduler's own address, on which it does not listen.
        port = urlsplit(client.dashboard_link).port
        yield OnDask(client, asked, f"http://{_HERE}:{port}/status")


def _slurm_cluster() -> Any:
    """dask-jobqueue's class, whose module would have Ctrl-C end the process with status 0."""
    former = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        from dask_jobqueue import SLURMCluster
    except ImportError as error:
        raise missing("dask-jobqueue", error) from None
    finally:
        for number, handler in former.items():
            if signal.getsignal(number) is not handler:
                signal.signal(number, handler)
    return SLURMCluster


def _try(script: str) -> None:
    """Ask Slurm whether it would take a job; Dask does not say it if it does not.

    Raises:
        UsageError: it would not, or is not here.
    """
    how: Any = {"input": script, "capture_output": True, "text": True, "check": False}
    try:
        done = subprocess.run(["sbatch", "--test-only"], **how)  # noqa: S607
        failed = done.returncode != 0
        why = (done.stderr.strip() or f"it ends with {done.returncode}") if failed else ""
    except OSError as error:
        why = error.strerror or str(error)
    if why:
        raise UsageError(
            f"sbatch does not take a job ({printable(why)})",
            "a machine that jobs of Slurm can be started from",
            "correct --slurm-options",
        )


@contextmanager
def _kept(cluster: Any, jobs: int) -> Iterator[None]:
    """So many jobs, as long as the block lasts: where one ends before, another one begins."""
    ended = threading.Event()

    def keep() -> None:
        cluster.scale(jobs=jobs)
        while not ended.wait(_EVERY):
            cluster.scale(jobs=jobs)

    thread = threading.Thread(target=keep)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _certified(security: Any, folder: Path) -> Any:
    """Who has these new certificates, in a folder that is this user's alone, may take part.

    dask-jobqueue's own way leaves the keys where they are until the process ends.
    """
    made = security.temporary().get_tls_config_for_role("worker")
    paths = {}
    for what in ("ca_file", "cert", "key"):
        path = folder / f"{what}.pem"
        path.touch(mode=0o600)
        path.write_text(made[what], encoding="ascii")
        paths[what] = str(path)
    roles = ("scheduler", "worker", "client")
    own = {f"tls_{role}_{what}": paths[what] for role in roles for what in ("cert", "key")}
    return security(tls_ca_file=paths["ca_file"], require_encryption=True, **own)


def slurm_options(words: str) -> dict[str, str]:
    """Options of jobs, as KEY=VALUE with commas between.

    >>> slurm_options("queue=gpu,cores=8")
    {'cores': '8', 'memory': '16GB', 'walltime': '12:00:00', 'queue': 'gpu'}

    Raises:
        UsageError: they are something else.
    """
    found = {key: _OPTIONS[key] for key in ("cores", "memory", "walltime")}
    for pair in filter(None, map(str.strip, words.split(","))):
        key, _, value = map(str.strip, pair.partition("="))
        good: Mapping[str, Callable[[str], Any]] = {
            "queue": re.compile(r"[\w.-]+").fullmatch,
            "cores": re.compile(r"[1-9]\d{0,3}").fullmatch,
            "memory": re.compile(r"\d+(\.\d+)? ?[KMGT]i?B").fullmatch,
            "walltime": re.compile(r"(\d+-)?\d+(:\d\d){0,2}").fullmatch,
        }
        if key not in good or not good[key](value):
            raise UsageError(
                f"--slurm-options {pair}",
                ", ".join(f"{name}={value}" for name, value in _OPTIONS.items()),
                "correct it",
            )
        found[key] = value
    return found
