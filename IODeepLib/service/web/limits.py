"""How much one address may ask for: so many requests, and no long ones."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import NamedTuple

from anyio import current_time, fail_after
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from IODeepLib.service.web.problems import RefusedError, answer

MOST_BYTES = 1_000_000  # of a body; a work item has some ten thousand
SECONDS = 30.0  # until a body has come
_MOST_ADDRESSES = 4096  # that are remembered


class Rate(NamedTuple):
    """How often.

    Attributes:
        at_once: how many requests in one go.
        each_second: how many later, on average.
    """

    at_once: int
    each_second: float


LOGIN, ANY = Rate(10, 0.2), Rate(300, 50.0)


class Limits:
    """Refuses what is too much.

    Args:
        app: what is behind.
        now: the clock.
    """

    def __init__(self, app: ASGIApp, now: Callable[[], float] = time.monotonic) -> None:
        self._app, self._now = app, now
        # What each address has left, and when that was so.
        self._left: dict[tuple[str, Rate], tuple[float, float]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        refused = self._too_often(scope) or _too_long(scope)
        if refused is None:
            received = receive if scope["type"] == "websocket" else _counted(receive)
            await self._app(scope, received, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await answer(HTTPConnection(scope), refused)(scope, receive, send)

    def _too_often(self, scope: Scope) -> RefusedError | None:
        signs_in = scope["path"].startswith("/login") and scope.get("method") != "GET"
        rate = LOGIN if signs_in else ANY
        address = (scope.get("client") or ("", 0))[0]
        wait = self._wait(address, rate)
        if not wait:
            return None
        return RefusedError(
            429,
            "too many requests",
            f"{rate.each_second:g} a second",
            f"wait {wait} s",
            {"Retry-After": f"{wait}"},
        )

    def _wait(self, address: str, rate: Rate) -> int:
        """The seconds until this address may ask again; 0 if it may now."""
        now = self._now()
        left, since = self._left.pop((address, rate), (float(rate.at_once), now))
        left = min(rate.at_once, left + (now - since) * rate.each_second)
        if len(self._left) >= _MOST_ADDRESSES:
            del self._left[next(iter(self._left))]  # who was seen longest ago
        self._left[(address, rate)] = (left - 1 if left >= 1 else left, now)
        return 0 if left >= 1 else math.ceil((1 - left) / rate.each_second)


def _too_long(scope: Scope) -> RefusedError | None:
    lengths = [value for name, value in scope["headers"] if name == b"content-length"]
    if all(one.isdigit() and int(one) <= MOST_BYTES for one in lengths):
        return None
    return RefusedError(413, "a body that is too long", f"at most {MOST_BYTES} bytes", "send less")


def _counted(receive: Receive) -> Receive:
    """What is received, as long as it is not too much: not all say before how much they send.

    Nor does it take for ever.
    """
    count, is_whole = 0, False
    ends = math.inf

    async def received() -> Message:
        nonlocal count, is_whole, ends
        if is_whole:
            return await receive()
        ends = min(ends, current_time() + SECONDS)
        try:
            with fail_after(ends - current_time()):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, f"a body that did not come within {SECONDS:g} s") from None
        if message["type"] == "http.request":
            is_whole = not message.get("more_body", False)
            count += len(message.get("body", b""))
            if count > MOST_BYTES:
                raise HTTPException(413, f"a body of more than {MOST_BYTES} bytes")
        return message

    return received
