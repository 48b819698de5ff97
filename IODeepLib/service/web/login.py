"""People sign in, with a token or where a provider of OpenID Connect knows them, and out again."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from IODeepLib.service.log import tell
from IODeepLib.service.web import oidc
from IODeepLib.service.web.access import bearer_of
from IODeepLib.service.web.page_access import COOKIE, check_form, form_of, remember, visiting
from IODeepLib.service.web.problems import RefusedError
from IODeepLib.service.web.render import rendered
from IODeepLib.service.web.sessions import Session, Visitor
from IODeepLib.service.web.settings import Role
from IODeepLib.service.web.site import site_of

router = APIRouter(include_in_schema=False)
_DOOR = "iodeep_door"
_PLACE = "/login"


@router.get("/login")
async def login(request: Request) -> Response:
    """The page to sign in on."""
    site = site_of(request)
    if site.settings.is_open:
        return RedirectResponse("/", 303)
    return _form(request, site.doors.begin())


@router.post("/login")
async def sign_in(request: Request) -> Response:
    """Sign in with a token."""
    site = site_of(request)
    door = _door(request)
    await check_form(request, door)
    visitor = bearer_of(site.settings, form_of(request, "token").strip())
    if visitor is None:
        tell("sign-in is refused", how="token")
        return _form(request, door, "No one here has this token.", 403)
    return _signed_in(request, visitor)


@router.get("/login/oidc")
async def go_to_provider(request: Request) -> Response:
    """Go where people are known."""
    site = site_of(request)
    door = site.doors.begin()
    response = await oidc.leave(request, site.settings, door)
    remember(request, response, site.doors, door, _DOOR, _PLACE)
    return response


@router.get("/login/back")
async def come_back(request: Request) -> Response:
    """Come back from there."""
    door = _door(request)
    site_of(request).doors.end(door.key)  # it is gone through once
    return _signed_in(request, await oidc.arrive(request, site_of(request).settings, door))


@router.post("/logout")
async def sign_out(
    request: Request, session: Annotated[Session, Depends(visiting(Role.LOOK))]
) -> Response:
    """Sign out."""
    site_of(request).sessions.end(session.key)
    response = RedirectResponse("/login", 303)
    response.delete_cookie(COOKIE)
    return response


def _form(request: Request, door: Session, wrong: str = "", status: int = 200) -> Response:
    site = site_of(request)
    response = rendered(
        "login.html",
        status,
        csrf=door.csrf,
        wrong=wrong,
        tokens=bool(site.settings.tokens),
        provider="" if site.settings.oidc is None else site.settings.oidc.issuer,
    )
    remember(request, response, site.doors, door, _DOOR, _PLACE)
    return response


def _door(request: Request) -> Session:
    found = site_of(request).doors.find(request.cookies.get(_DOOR))
    if found is None:
        raise RefusedError(403, "no visit to the page to sign in on", "one first", "go to /login")
    return found


def _signed_in(request: Request, visitor: Visitor) -> Response:
    """A page that leads on: what comes from another site has no cookie of ours until then."""
    site = site_of(request)
    tell("signed in", who=visitor.name, role=visitor.role.value)
    request.scope["visitor"] = visitor.name
    response = rendered("signed_in.html")
    site.sessions.end(request.cookies.get(COOKIE))
    remember(request, response, site.sessions, site.sessions.begin(visitor))
    return response
