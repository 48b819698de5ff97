"""Who may do what by the API: whoever bears a token, by its role.

`Depends(allowed(Role.RUN))` stands at every route of programs; the page has sessions instead, see
`page_access`.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable

from starlette.requests import HTTPConnection

from IODeepLib.service.web.problems import RefusedError
from IODeepLib.service.web.sessions import Visitor
from IODeepLib.service.web.settings import Role, Token, WebSettings
from IODeepLib.service.web.site import site_of

# Where nobody has said who may: only this machine reaches it then.
ANYBODY_HERE = Visitor("this machine", Role.ADMINISTER)


def allowed(role: Role) -> Callable[[HTTPConnection], Awaitable[Visitor]]:
    """What a route depends on that is for those who have this role, or a higher one."""

    async def check(connection: HTTPConnection) -> Visitor:
        visitor = _visitor(connection)
        if visitor is None:
            raise RefusedError(
                401,
                "nobody who is known",
                "a header 'Authorization: Bearer TOKEN'",
                "ask whoever runs the service for a token",
                {"WWW-Authenticate": "Bearer"},
            )
        return checked(visitor, role, connection)

    return check


def checked(visitor: Visitor, role: Role, connection: HTTPConnection) -> Visitor:
    """The same visitor, whom the log names from here on.

    Raises:
        RefusedError: they may not do what that role is for.
    """
    connection.scope["visitor"] = visitor.name
    if not visitor.role.covers(role):
        raise RefusedError(
            403,
            f"{visitor.name}, who may {visitor.role.value}",
            f"somebody who may {role.value}",
            "ask whoever runs the service",
        )
    return visitor


def bearer_of(settings: WebSettings, secret: str) -> Visitor | None:
    """Whose token this is; how long that takes says nothing of any."""
    digest = _digest(secret)
    found: Token | None = None
    for token in settings.tokens:
        if hmac.compare_digest(_digest(token.token), digest):
            found = token
    return None if found is None else Visitor(found.name, found.role)


def _visitor(connection: HTTPConnection) -> Visitor | None:
    settings = site_of(connection).settings
    if settings.is_open:
        return ANYBODY_HERE
    kind, _, secret = connection.headers.get("authorization", "").partition(" ")
    return bearer_of(settings, secret.strip()) if kind.lower() == "bearer" else None


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
