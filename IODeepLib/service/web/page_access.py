"""Who may do what on the page: whoever is signed in; and no page elsewhere in their name."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response

from IODeepLib.service.web.access import ANYBODY_HERE, checked
from IODeepLib.service.web.problems import RefusedError
from IODeepLib.service.web.sessions import Session, Sessions
from IODeepLib.service.web.settings import Role
from IODeepLib.service.web.site import site_of

COOKIE = "iodeep_session"
_MOST_FIELDS = 20


def visiting(role: Role) -> Callable[[Request], Awaitable[Session]]:
    """What a route of the page depends on that is for those who have this role, or a higher one."""

    async def check(request: Request) -> Session:
        site = site_of(request)
        session = site.sessions.find(request.cookies.get(COOKIE))
        if session is None and site.settings.is_open and request.method == "GET":
            session = site.sessions.begin(ANYBODY_HERE)
            request.state.begun = session
        if session is None or session.visitor is None:
            raise RefusedError(
                401, "nobody who is signed in", "somebody who is", "sign in at /login"
            )
        checked(session.visitor, role, request)
        if request.method == "POST":
            await check_form(request, session)
        return session

    return check


async def check_form(request: Request, session: Session) -> None:
    """Read a form, and see that it was ours; what is in it is `form_of(request)` then.

    Raises:
        RefusedError: it was not.
    """
    content = (await request.body()).decode("utf-8", "replace")
    try:
        fields = dict(parse_qsl(content, max_num_fields=_MOST_FIELDS))
    except ValueError:
        fields = {}
    if not hmac.compare_digest(fields.get("csrf", "").encode(), session.csrf.encode()):
        raise RefusedError(
            403, "a form that is not of this page", "one that is", "load the page, and try again"
        )
    request.state.form = fields


def form_of(request: Request, name: str) -> str:
    """What a field of a form holds that was checked; "" if there is none."""
    return str(request.state.form.get(name, ""))


def remember(
    request: Request,
    response: Response,
    sessions: Sessions,
    session: Session,
    name: str = COOKIE,
    path: str = "/",
) -> None:
    """Let the browser come back with a session.

    One that signs in comes back from another site: its cookie goes with that, and opens nothing.
    """
    response.set_cookie(
        name,
        session.key,
        max_age=int(sessions.seconds),
        path=path,
        secure=site_of(request).settings.over_tls,
        httponly=True,
        samesite="strict" if name == COOKIE else "lax",
    )
