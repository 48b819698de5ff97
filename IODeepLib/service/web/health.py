"""Whether the service works, for who would start it again: /healthz."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import JSONResponse

from IODeepLib.errors import OutputError
from IODeepLib.service.hands import Hands
from IODeepLib.service.web.site import site_of

router = APIRouter(include_in_schema=False)


@router.get("/healthz")
def healthz(request: Request) -> JSONResponse:
    """200 while all is well, 503 with the reason otherwise; it names nobody and no place."""
    trouble = _trouble(site_of(request).hands)
    if trouble:
        return JSONResponse({"status": "fails", "why": trouble}, 503)
    return JSONResponse({"status": "works"})


def _trouble(hands: Hands) -> str:
    if hands.ending.is_set():  # a thread that fails ends the service
        return "the service ends"
    try:
        with hands.database.transaction() as execute:
            execute("INSERT OR REPLACE INTO cursors VALUES ('healthz', '')")
    except OutputError:
        return "the queue cannot be written"
    return ""
