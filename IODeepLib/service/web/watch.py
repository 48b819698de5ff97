"""What is said of each request in the log, and which headers each answer has.

The log names the route and whoever asked, and never a study.
"""

from __future__ import annotations

import time
import traceback
from pathlib import PurePath

from anyio.to_thread import run_sync
from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from IODeepLib.service.audit.trail import Trail
from IODeepLib.service.log import tell
from IODeepLib.service.web.limits import address_of
from IODeepLib.service.web.problems import RefusedError, answer
from IODeepLib.service.web.rates import Rate, Rates
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
_ALERTS = Rate(10, 0.1)  # of one address: whoever tries and tries fills nobody's archive
# Asked for by programs again and again, or together with a page.
_SILENT = ("/healthz", "/metrics", "/static/{name}")


class Watch:
    """Sees every request and its answer.

    Args:
        app: what is behind.
        settings: whether others reach us by TLS.
        trail: the way to the site's audit server, which is told who is refused.
    """

    def __init__(self, app: ASGIApp, settings: WebSettings, trail: Trail) -> None:
        self._app, self._trail, self._rates = app, trail, Rates()
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
        if status in (401, 403) and not self._rates.wait(address_of(scope), _ALERTS):
            who, what = scope.get("visitor", ""), f"{_method(scope)} {_route(scope)}".strip()
            await run_sync(self._trail.refused, who, address_of(scope), what)


def _log(scope: Scope, status: int, began: float) -> None:
    route = _route(scope)
    if route not in _SILENT or status >= 400:
        tell(
            "request",
            method=_method(scope),
            route=route or None,
            status=status,
            who=scope.get("visitor"),
            ms=round((time.monotonic() - began) * 1000, 1),
        )


def _method(scope: Scope) -> str:
    return str(scope["method"])[:_LONGEST_METHOD]


def _route(scope: Scope) -> str:
    """The path, with the names of what is in it in place of that."""
    return getattr(scope.get("route"), "path", "")


def _tell_of(fault: Exception) -> None:
    """Say where a fault is; its words may be of a patient."""
    last = traceback.extract_tb(fault.__traceback__)[-1]
    where = f"{PurePath(last.filename).name}:{last.lineno}"
    tell("fault", at="web", kind=type(fault).__name__, where=where)
