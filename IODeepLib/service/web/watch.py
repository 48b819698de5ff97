"""What is said of each request in the log, and which headers each answer has.

The log names the route and whoever asked, and never a study.
"""

from __future__ import annotations

import time
import traceback
from pathlib import PurePath

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from IODeepLib.service.log import tell
from IODeepLib.service.web.problems import RefusedError, answer
from IODeepLib.service.web.settings import WebSettings

_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'none'; object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",  # what is of patients stays in no cache
}
_TLS = {"Strict-Transport-Security": "max-age=31536000"}
_LONGEST_METHOD = 10
# Asked for by programs again and again, or together with a page.
_SILENT = ("/healthz", "/metrics", "/static/{name}")


class Watch:
    """Sees every request and its answer.

    Args:
        app: what is behind.
        settings: whether others reach us by TLS.
    """

    def __init__(self, app: ASGIApp, settings: WebSettings) -> None:
        self._app = app
        self._headers = _HEADERS | _TLS if settings.over_tls else _HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.monotonic(), 0

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, sent)
        except Exception as fault:  # one of ours: the service goes on
            _tell_of(fault)
            if not status:
                refused = RefusedError(500, "a fault of ours", "none", "see the log of the service")
                await answer(HTTPConnection(scope), refused)(scope, receive, sent)
        finally:
            _log(scope, status, began)


def _log(scope: Scope, status: int, began: float) -> None:
    route = getattr(scope.get("route"), "path", "")
    if route not in _SILENT or status >= 400:
        tell(
            "request",
            method=scope["method"][:_LONGEST_METHOD],
            route=route or None,
            status=status,
            who=scope.get("visitor"),
            ms=round((time.monotonic() - began) * 1000, 1),
        )


def _tell_of(fault: Exception) -> None:
    """Say where a fault is; its words may be of a patient."""
    last = traceback.extract_tb(fault.__traceback__)[-1]
    where = f"{PurePath(last.filename).name}:{last.lineno}"
    tell("fault", at="web", kind=type(fault).__name__, where=where)
