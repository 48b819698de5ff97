"""What was found, what was wanted, what to do next: every refusal says it, as JSON or as a page."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.websockets import WebSocket, WebSocketState

from IODeepLib.errors import IODeepError, OutputError, SourceError, UsageError
from IODeepLib.text.complaints import short
from IODeepLib.text.foreign import printable

_BY_KIND = {UsageError: 400, SourceError: 502, OutputError: 503}
_WANTED = {
    404: "a path that there is",
    405: "another method",
    408: "all of it",
    413: "a shorter body",
}
_POLICY_VIOLATION = 1008  # of a web socket
_API = "/api/v1/openapi.json"


class Problem(BaseModel):
    """Why something was refused, or went wrong."""

    found: str
    wanted: str
    next: str


class RefusedError(IODeepError):
    """A request that is refused.

    Args:
        status: of HTTP.
        found, wanted, next_step: see `IODeepError`.
        headers: further ones of the answer.
    """

    def __init__(
        self,
        status: int,
        found: str,
        wanted: str,
        next_step: str,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(found, wanted, next_step)
        self.status, self.headers = status, headers


def answer(connection: HTTPConnection, refused: RefusedError) -> Response:
    """What whoever asked is told: people on a page, programs in JSON."""
    shown = {
        "found": printable(refused.found),
        "wanted": printable(refused.wanted),
        "next": printable(refused.next_step),
    }
    if not _is_of_a_page(connection):
        return JSONResponse(shown, refused.status, refused.headers)
    if refused.status == 401:
        return RedirectResponse("/login", 303)
    from IODeepLib.service.web.render import rendered

    return rendered("problem.html", refused.status, refused.headers, **shown)


def add_handlers(app: FastAPI) -> None:
    """Let an app answer so, whatever goes wrong in it."""

    async def refused(connection: HTTPConnection, error: Exception) -> Response:
        response = answer(connection, _refused(error))
        if isinstance(connection, WebSocket):
            if connection.application_state is WebSocketState.CONNECTING:
                await connection.send_denial_response(response)
            else:
                await connection.close(_POLICY_VIOLATION)
        return response

    for kind in (IODeepError, HTTPException, RequestValidationError):
        app.add_exception_handler(kind, refused)


def _refused(error: Exception) -> RefusedError:
    if isinstance(error, RefusedError):
        return error
    if isinstance(error, IODeepError):
        status = next((code for kind, code in _BY_KIND.items() if isinstance(error, kind)), 500)
        return RefusedError(status, error.found, error.wanted, error.next_step)
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        where = " ".join(str(part) for part in first["loc"])
        found = f"{where}: {short(first.get('input'))}"
        return RefusedError(400, found, str(first["msg"]), f"see {_API}")
    if isinstance(error, HTTPException):
        wanted = _WANTED.get(error.status_code, "another request")
        return RefusedError(
            error.status_code, str(error.detail), wanted, f"see {_API}", error.headers
        )
    raise error


def _is_of_a_page(connection: HTTPConnection) -> bool:
    wants = "text/html" in connection.headers.get("accept", "")
    return wants and not connection.scope["path"].startswith("/api/")
