"""Procedure steps over HTTP: UPS-RS, the Worklist Service of DICOMweb (PS3.18 chapter 11)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, WebSocket
from fastapi.routing import APIRoute
from pydicom.uid import generate_uid
from starlette.concurrency import run_in_threadpool
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.websockets import WebSocketDisconnect

from IODeepLib.headers import text
from IODeepLib.service.ups import attributes, refusals
from IODeepLib.service.ups.listener import worklist_of
from IODeepLib.service.ups.queries import keys_of
from IODeepLib.service.ups.refusals import Status, UpsError
from IODeepLib.service.ups.subscriptions import Event, Subscriptions
from IODeepLib.service.ups.worklist import Worklist
from IODeepLib.service.web.access import allowed
from IODeepLib.service.web.settings import Role
from IODeepLib.service.web.site import site_of
from IODeepLib.text.foreign import is_uid

_JSON = "application/dicom+json"
_CODES = {
    Status.UNKNOWN: 404,
    Status.UNKNOWN_RECEIVER: 404,
    Status.ALREADY_THERE: 409,
    Status.NOT_ALLOWED: 403,
    Status.FULL: 413,
    **dict.fromkeys(
        (
            *(Status.ENDED, Status.WRONG_TRANSACTION, Status.CLAIMED, Status.COMPLETED),
            *(Status.NEVER_SCHEDULED_AGAIN, Status.NOT_FIT_TO_END, Status.NOT_IN_PROGRESS),
        ),
        409,
    ),
}
_LONGEST_TITLE = 16  # characters; PS3.5 section 6.2, VR AE
_MOST_CHANNELS = 100
_SECONDS_BETWEEN = 0.5  # two looks for news


class _Route(APIRoute):
    """Answers a refusal with the number of HTTP for it, and says why."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        body = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                return await body(request)
            except UpsError as refusal:
                return _empty(request, _CODES.get(refusal.status, 400), str(refusal))

        return handled


# What there is to say of these routes the standard says.
router = APIRouter(prefix="/dicom-web", route_class=_Route, include_in_schema=False)


async def _content(request: Request) -> bytes:
    return await request.body()


def _worklist(connection: HTTPConnection) -> Worklist:
    site, state = site_of(connection), connection.app.state
    if site.hands.settings.ups is None:
        raise UpsError(Status.UNKNOWN, words="there is no [service.ups] here")
    if not hasattr(state, "worklist"):
        state.worklist = worklist_of(site.hands, site.hands.settings.ups)
    found: Worklist = state.worklist
    return found


def _subscriptions(connection: HTTPConnection) -> Subscriptions:
    return Subscriptions(site_of(connection).hands.database, _worklist(connection))


_Content = Annotated[bytes, Depends(_content)]
_Worklist = Annotated[Worklist, Depends(_worklist)]
_Subscriptions = Annotated[Subscriptions, Depends(_subscriptions)]
_LOOK, _RUN = Depends(allowed(Role.LOOK)), Depends(allowed(Role.RUN))


@router.post("/workitems", status_code=201, dependencies=[_RUN])
def create(request: Request, worklist: _Worklist, content: _Content) -> Response:
    """Schedule a Workitem."""
    given = attributes.from_json(content)
    asked = _only_value(request, "workitem", "AffectedSOPInstanceUID")
    uid = asked or text(given, "SOPInstanceUID") or str(generate_uid())
    if not is_uid(uid):
        raise UpsError(Status.BAD_VALUE, "SOPInstanceUID")
    status = worklist.create(uid, given)
    site_of(request).ring()
    answer = _empty(request, 201, status.words if status else "")
    answer.headers["Location"] = str(request.url_for("retrieve", uid=uid))
    return answer


@router.get("/workitems", dependencies=[_LOOK])
def search(request: Request, worklist: _Worklist) -> Response:
    """Search for Workitems."""
    keys, first, most = keys_of(request.query_params.multi_items())
    found = []
    for number, step in enumerate(worklist.search(keys)):
        if number >= first + most:
            break
        if number >= first:
            found.append(step.as_json())
    return _answer(found) if found else Response(status_code=204)


@router.get("/workitems/{uid}", dependencies=[_LOOK])
def retrieve(worklist: _Worklist, uid: str) -> Response:
    """All of a Workitem."""
    return _answer([attributes.to_json(worklist.step(uid))])


@router.post("/workitems/{uid}", dependencies=[_RUN])
def update(request: Request, worklist: _Worklist, uid: str, content: _Content) -> Response:
    """Change what is said of a Workitem."""
    given = attributes.from_json(content)
    secret = _only_value(request, "transaction-uid") or text(given, "TransactionUID")
    worklist.update(uid, given, secret)
    return _empty(request, 200)


@router.put("/workitems/{uid}/state", dependencies=[_RUN])
def change_state(request: Request, worklist: _Worklist, uid: str, content: _Content) -> Response:
    """Claim a Workitem, or end one."""
    given = attributes.from_json(content)
    state, secret = text(given, "ProcedureStepState"), text(given, "TransactionUID")
    status = worklist.change_state(uid, state, secret)
    return _empty(request, 200, status.words if status else "")


@router.post("/workitems/{uid}/cancelrequest", status_code=202, dependencies=[_RUN])
def request_cancel(request: Request, worklist: _Worklist, uid: str, content: _Content) -> Response:
    """Ask for the end of a Workitem."""
    given = attributes.from_json(content) if content.strip() else None
    reason = text(given, "ReasonForCancellation") if given is not None else ""
    status = worklist.request_cancel(uid, reason or "somebody canceled it")
    return _empty(request, 202, status.words if status else "")


@router.post("/workitems/{uid}/subscribers/{title}", status_code=201, dependencies=[_LOOK])
def subscribe(request: Request, known: _Subscriptions, uid: str, title: str) -> Response:
    """Want to know what happens to a Workitem, or to all."""
    keys = None
    if uid == refusals.EVERY_STEP_LIKE:
        keys = keys_of(_filters(request.query_params.get("filter", "")))[0]
    locks = request.query_params.get("deletionlock", "").lower() == "true"
    known.subscribe(uid, _title(title), keys, locks=locks)
    answer = _empty(request, 201)
    channel = request.url_for("channel", title=title)
    secure = "wss" if request.url.scheme == "https" else "ws"
    answer.headers["Content-Location"] = str(channel.replace(scheme=secure))
    return answer


@router.delete("/workitems/{uid}/subscribers/{title}", dependencies=[_LOOK])
def unsubscribe(request: Request, known: _Subscriptions, uid: str, title: str) -> Response:
    """Want to know it no more."""
    known.unsubscribe(uid, _title(title))
    return _empty(request, 200)


@router.post("/workitems/{uid}/subscribers/{title}/suspend", dependencies=[_LOOK])
def suspend(request: Request, known: _Subscriptions, uid: str, title: str) -> Response:
    """Want to know nothing of Workitems that are new."""
    known.suspend(uid, _title(title))
    return _empty(request, 200)


@router.websocket("/subscribers/{title}", dependencies=[_LOOK])
async def channel(websocket: WebSocket, title: str) -> None:
    """Tell a subscriber what happens, from now on."""
    site, state = site_of(websocket), websocket.app.state
    state.channels = getattr(state, "channels", 0) + 1
    try:
        known = await run_in_threadpool(_subscriptions, websocket)
        since = await run_in_threadpool(known.last)
        if state.channels > _MOST_CHANNELS:
            await websocket.close(1013)  # try again later
            return
        await websocket.accept()
        while not site.hands.ending.is_set():
            events, since = await run_in_threadpool(known.news, _title(title), since)
            for event in events:
                await websocket.send_text(json.dumps(_report(event)))
            if await _is_gone(websocket.receive()):
                return
        await websocket.close(1001)
    except UpsError:
        await websocket.close(1008)
    except WebSocketDisconnect:
        pass
    finally:
        state.channels -= 1


async def _is_gone(heard: Awaitable[Any]) -> bool:
    """Whether the other side has gone, which has nothing else to say."""
    with suppress(asyncio.TimeoutError):
        message = await asyncio.wait_for(heard, _SECONDS_BETWEEN)
        return bool(message["type"] == "websocket.disconnect")
    return False


def _report(event: Event) -> dict[str, Any]:
    """PS3.18 section 11.13."""
    return {
        "00000002": {"vr": "UI", "Value": [refusals.UPS_EVENT]},
        "00000110": {"vr": "US", "Value": [event.number % 2**16]},
        "00001000": {"vr": "UI", "Value": [event.step]},
        "00001002": {"vr": "US", "Value": [event.kind]},
        **attributes.to_json(event.information),
    }


def _only_value(request: Request, *names: str) -> str:
    """A query parameter, with its name or, as the standard writes it, without."""
    for name in names:
        if name in request.query_params:
            return str(request.query_params[name])
    query = request.url.query
    return query if query and "=" not in query and "&" not in query else ""


def _filters(words: str) -> list[tuple[str, str]]:
    pairs = (one.partition("=") for one in words.split(",") if one)
    return [(name, value) for name, _, value in pairs]


def _title(title: str) -> str:
    if not title.strip() or len(title) > _LONGEST_TITLE or not title.isprintable():
        raise UpsError(Status.BAD_VALUE, "the AE title")
    return title.strip()


def _answer(found: list[dict[str, Any]]) -> Response:
    return Response(json.dumps(found, ensure_ascii=False), media_type=_JSON)


def _empty(request: Request, status: int, words: str = "") -> Response:
    warning = f"299 {request.base_url}: {words}".encode("ascii", "replace").decode()
    return Response(status_code=status, headers={"Warning": warning} if words else None)
