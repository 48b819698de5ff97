"""HTTP connections on which no answer takes for ever, not even its head.

requests ends what is silent, and not what drips: a byte a second is a sign of life. It reads the
head, and the line before each chunk, in one piece, so that it must be stopped where bytes arrive.
"""

from __future__ import annotations

import io
import socket
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from IODeepLib.errors import SourceError
from IODeepLib.sources.limits import TimeLimit

# Of a body, 1 MiB is asked for at a time; a head has some kilobytes.
_MOST_HELD = 2**21  # bytes


class Meter:
    """What has come of the answer to the latest request.

    Args:
        name: how messages call the server.
        seconds: without a sign of life, after which it counts as lost.
    """

    def __init__(self, name: str, seconds: float) -> None:
        self._name, self._seconds = name, seconds
        self.begin()

    def begin(self) -> None:
        """Another request."""
        self._time_limit = TimeLimit(self._name, self._seconds)
        self._held = 0

    def delivered(self) -> None:
        """What has arrived was of use."""
        self._held = 0

    def waiting(self) -> None:
        """For more."""
        self._time_limit.resumed()

    def arrived(self, count: int) -> None:
        """So many bytes more.

        Raises:
            SourceError: the answer takes too long, or none of it can be used.
        """
        self._time_limit.moved(count)
        self._time_limit.check()
        self._held += count
        if self._held > _MOST_HELD:
            raise SourceError(
                f"{self._name} sent {self._held} bytes that are neither a head nor a body",
                "an HTTP answer",
                "check the address, or ask who runs the server",
            )


class PacedAdapter(HTTPAdapter):
    """Makes the connections.

    Args:
        meter: is told what arrives.
    """

    def __init__(self, meter: Meter) -> None:
        self._pools = _pools(meter)
        super().__init__()

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        """Also: with connections of ours."""
        super().init_poolmanager(*args, **more)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, *args: Any, **more: Any) -> Any:
        """Also: with connections of ours."""
        manager = super().proxy_manager_for(*args, **more)
        manager.pool_classes_by_scheme = self._pools
        return manager


def _pools(meter: Meter) -> dict[str, type[HTTPConnectionPool]]:
    class Plain(HTTPConnection):
        def connect(self) -> None:
            super().connect()
            self.sock: Any = _Socket(self.sock, meter)

    class Secure(HTTPSConnection):
        def connect(self) -> None:
            super().connect()
            self.sock: Any = _Socket(self.sock, meter)

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    return {"http": PlainPool, "https": SecurePool}


class _Socket:
    """A socket, of which what is read is metered."""

    def __init__(self, inner: socket.socket, meter: Meter) -> None:
        self._inner, self._meter = inner, meter

    def makefile(self, mode: str = "rb", *_: Any, **__: Any) -> io.BufferedReader:
        return io.BufferedReader(_File(self._inner.makefile("rb", buffering=0), self._meter))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _File(io.RawIOBase):
    def __init__(self, inner: Any, meter: Meter) -> None:
        self._inner, self._meter = inner, meter

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._meter.waiting()
        count: int | None = self._inner.readinto(buffer)
        self._meter.arrived(count or 0)
        return count

    def fileno(self) -> int:
        return int(self._inner.fileno())

    def close(self) -> None:
        if not self.closed:
            self._inner.close()
        super().close()
