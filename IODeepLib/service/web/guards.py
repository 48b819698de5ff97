"""What every request passes before anybody looks at it: is it meant for us, and sent by us?

A page elsewhere may have a browser send requests here, under a name of its own that it lets stand
for this machine (DNS rebinding), or in the name of who is signed in (forged requests).
"""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from IODeepLib.service.web.problems import RefusedError, answer
from IODeepLib.service.web.settings import WebSettings

_READ_ONLY = ("GET", "HEAD", "OPTIONS")


class Guards:
    """Lets through what is meant for us and comes from here.

    Args:
        app: what is behind.
        settings: what we are called.
    """

    def __init__(self, app: ASGIApp, settings: WebSettings) -> None:
        self._app, self._settings = app, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        refused = self._refused(scope, Headers(scope=scope))
        if refused is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await answer(HTTPConnection(scope), refused)(scope, receive, send)

    def _refused(self, scope: Scope, headers: Headers) -> RefusedError | None:
        host = headers.get("host", "")
        if _name_of(host) not in self._settings.names:
            return RefusedError(
                400,
                f"a request for {host[:100] or 'no host'}",
                "the name of this service",
                "use its address, or name it in service.web.hosts",
            )
        changes = scope["type"] == "websocket" or scope["method"] not in _READ_ONLY
        if changes and self._is_from_elsewhere(host, headers):
            return RefusedError(
                403, "a page of another site", "our own", "do it on the page itself"
            )
        if self._settings.is_open and ("x-forwarded-for" in headers or "forwarded" in headers):
            return RefusedError(
                403,
                "a proxy that passes on requests of others",
                "service.web.proxy, and who may",
                "write them into iodeep.toml",
            )
        return None

    def _is_from_elsewhere(self, host: str, headers: Headers) -> bool:
        """Whether a browser says that a page of another site sends this."""
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
            return True
        origin = headers.get("origin")
        if origin is None:
            return False
        own = {host.lower(), urlsplit(self._settings.address or "").netloc.lower()} - {""}
        try:
            return urlsplit(origin).netloc.lower() not in own
        except ValueError:
            return True


def _name_of(host: str) -> str:
    """A host without its port."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
