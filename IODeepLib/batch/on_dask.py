"""Studies are read by the workers of a Dask cluster: one that is there, or one that Slurm starts.

Dask's own processes talk in pickles. Of ours they get the name of one function and JSON, and what
they answer is JSON, which is checked; but whoever reaches a scheduler can have its workers and its
clients do anything. So a scheduler elsewhere is only spoken to by TLS. See decision 22.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from IODeepLib.batch.engines import lost
from IODeepLib.batch.terms import Asked, StudyRecord, Task, from_line, to_line
from IODeepLib.errors import SourceError, UsageError
from IODeepLib.text.foreign import printable

_AT_HAND = 2  # tasks for each worker, so that none waits for the next one
_COUNT_EVERY = 1.0  # seconds: workers come and go
_ALLOWED_FAILURES = 2  # deaths of workers that a study survives
_HERE = "127.0.0.1"
_LOOPBACK = re.compile(r"tcp://(127(\.\d{1,3}){3}|\[::1\]|localhost):\d{1,5}")
_TLS = re.compile(r"tls://\S+:\d{1,5}")
_OPTIONS = {"queue": "normal", "cores": "4", "memory": "16GB", "walltime": "12:00:00"}


class OnDask:
    """An `Engine` of the workers of a Dask cluster.

    Args:
        client: distributed's client.
        asked: what is done with every study.
        dashboard: address of its page.
    """

    def __init__(self, client: Any, asked: Asked, dashboard: str) -> None:
        self._client, self._asked = client, to_line(asked)
        self._workers, self._counted_at = 0, -_COUNT_EVERY
        self.where = f"Dask, with its dashboard at {dashboard}"

    def records(self, tasks: Iterator[Task]) -> Generator[StudyRecord, None, None]:
        """See `Engine`. Workers that come later get work as well."""
        from distributed import KilledWorker, as_completed

        from IODeepLib.batch import remote

        pending: dict[str, tuple[Any, Task]] = {}
        ended = as_completed(loop=self._client.loop)

        def submit(count: int) -> None:
            for task in islice(tasks, count):
                arguments = self._asked, to_line(task)
                future = self._client.submit(remote.read, *arguments, pure=False)
                pending[future.key] = future, task
                ended.add(future)

        try:
            submit(self._room(0))
            while pending:
                future = next(ended)
                _, task = pending.pop(future.key)
                submit(self._room(len(pending)))
                try:
                    record = from_line(StudyRecord, future.result())
                    if (record.study, record.content) != (task.study, task.content):
                        raise ValueError("an answer on another study")
                except KilledWorker:
                    record = lost(task, "its worker died again and again")
                except Exception as error:  # whatever Dask, or a worker without IODeep, raises
                    kind = type(error).__name__
                    record = lost(task, f"its worker failed ({kind})", printable(str(error)))
                yield record
        finally:
            if pending:
                self._client.cancel([future for future, _ in pending.values()])

    def _room(self, pending: int) -> int:
        now = time.monotonic()
        if now - self._counted_at >= _COUNT_EVERY:
            self._workers, self._counted_at = len(self._client.nthreads()), now
        return max(0, _AT_HAND * max(1, self._workers) - pending)


def check_address(address: str) -> None:
    """Refuse the address of a scheduler that others could listen to, or talk to.

    Raises:
        UsageError: it is one.
    """
    if not (_LOOPBACK.fullmatch(address) or _TLS.fullmatch(address)):
        raise UsageError(
            f"--scheduler {address}",
            "tls://HOST:PORT, or tcp://127.0.0.1:PORT: whoever speaks to a scheduler can have code "
            "run there",
            "start the scheduler with TLS",
        )


@contextmanager
def on_scheduler(address: str, asked: Asked) -> Iterator[OnDask]:
    """The workers of a cluster that is there.

    Args:
        address: of its scheduler; what certificates it wants stands in Dask's own settings.
        asked: what is done with every study.

    Raises:
        UsageError: there is no Dask.
        SourceError: nobody answers there.
    """
    distributed = _distributed()
    try:
        client = distributed.Client(address, set_as_default=False)
    except (OSError, TypeError, ValueError) as error:  # of certificates, too
        raise SourceError(
            f"no Dask scheduler at {address} ({printable(str(error))})",
            "one that answers, of the same version of Dask",
            "check the address, and for tls:// Dask's settings distributed.comm.tls",
        ) from None
    with client:
        yield OnDask(client, asked, client.dashboard_link)


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
        UsageError: there is no Dask or Slurm.
    """
    asked_for: dict[str, Any] = slurm_options(options)
    distributed = _distributed()
    try:
        from dask_jobqueue import SLURMCluster
    except ImportError as error:
        raise _missing("dask-jobqueue", error) from None
    cores = int(asked_for.pop("cores"))
    with ExitStack() as stack:
        keys = stack.enter_context(TemporaryDirectory(prefix=".keys-", dir=asked.out))
        cluster = SLURMCluster(
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
        try:
            cluster.scale(jobs=jobs)
        except (OSError, RuntimeError) as error:
            raise UsageError(
                f"sbatch does not take a job ({printable(str(error))})",
                "a machine that jobs of Slurm can be started from",
                "correct --slurm-options",
            ) from None
        # Dask calls it by the scheduler's own address, on which it does not listen.
        port = urlsplit(client.dashboard_link).port
        yield OnDask(client, asked, f"http://{_HERE}:{port}/status")


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


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise _missing("distributed", error) from None
    return distributed


def _missing(package: str, error: ImportError) -> UsageError:
    return UsageError(
        f"no Python package {package} ({error})",
        "Dask, for workers elsewhere; processes of this machine need none",
        "pip install 'IODeepLib[batch]'",
    )
