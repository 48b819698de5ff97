"""How much one address may ask for: so many requests, and no long ones."""

from __future__ import annotations

import math

from anyio import current_time, fail_after
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from IODeepLib.service.web.problems import RefusedError, answer
from IODeepLib.service.web.rates import Rate, Rates

MOST_BYTES = 1_000_000  # of a body; a work item has some ten thousand
SECONDS = 30.0  # until a body has come
LOGIN, ANY = Rate(10, 0.2), Rate(300, 50.0)


class Limits:
    """Refuses what is too much.

    Args:
        app: what is behind.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app, self._rates = app, Rates()

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
        wait = self._rates.wait(address_of(scope), rate)
        if not wait:
            return None
        return RefusedError(
            429,
            "too many requests",
            f"{rate.each_second:g} a second",
            f"wait {wait} s",
            {"Retry-After": f"{wait}"},
        )


def address_of(scope: Scope) -> str:
    """Who asks, by the address."""
    return str((scope.get("client") or ("",))[0])


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
