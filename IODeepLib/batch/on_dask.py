"""Studies are read by the workers of a Dask cluster.

Dask's own processes talk in pickles. Of ours they get the name of one function and JSON, and what
they answer is JSON, which is checked; but whoever reaches a scheduler can have its workers and its
clients do anything. So a scheduler elsewhere is only spoken to by TLS. See decision 22.
"""

from __future__ import annotations

import re
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any

from IODeepLib.batch.engines import lost
from IODeepLib.batch.terms import Asked, StudyRecord, Task, from_line, to_line
from IODeepLib.errors import SourceError, UsageError
from IODeepLib.text.foreign import printable

_AT_HAND = 2  # tasks for each worker, so that none waits for the next one
_COUNT_EVERY = 1.0  # seconds: workers come and go
_LOOPBACK = re.compile(r"tcp://(127(\.\d{1,3}){3}|\[::1\]|localhost):\d{1,5}")
_TLS = re.compile(r"tls://\S+:\d{1,5}")


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
    distributed = dask_distributed()
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


def dask_distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise missing("distributed", error) from None
    return distributed


def missing(package: str, error: ImportError) -> UsageError:
    return UsageError(
        f"no Python package {package} ({error})",
        "Dask, for workers elsewhere; processes of this machine need none",
        "pip install 'IODeepLib[batch]'",
    )
