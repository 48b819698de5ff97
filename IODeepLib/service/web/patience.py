"""Connections on which nothing comes, or a byte now and then, are ended: there are few of them."""

from __future__ import annotations

from asyncio import Transport

from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

SECONDS = 10.0  # until the head of a request has come


class Impatient(H11Protocol):
    """HTTP/1.1 for whoever says soon what they want."""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """A connection has begun."""
        super().connection_made(transport)
        self._wait()

    def on_response_complete(self) -> None:
        """A request is answered; another one may follow."""
        super().on_response_complete()
        self._wait()

    def _wait(self) -> None:
        self.loop.call_later(SECONDS, self._end, self.cycle)

    def _end(self, former: RequestResponseCycle | None) -> None:
        """End the connection if no request has come behind the former one."""
        waits = self.cycle is former and (former is None or former.response_complete)
        if waits and self in self.connections:  # it is no web socket meanwhile
            self.transport.close()
