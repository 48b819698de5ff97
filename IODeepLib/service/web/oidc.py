"""Signing in where somebody else knows who people are: the code flow of OpenID Connect.

Authlib does it, with PKCE, state and nonce; here is said what it may believe.
"""

from __future__ import annotations

import functools
import ssl
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from IODeepLib.service.log import tell
from IODeepLib.service.web.problems import RefusedError
from IODeepLib.service.web.sessions import Session, Visitor
from IODeepLib.service.web.settings import Oidc, Role, WebSettings

_BACK = "/login/back"
# Who knows a public key can sign with none of these: "none" and the HS family are left out.
_SIGNED_BY = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
_LEEWAY = 30  # seconds that two clocks may differ
_LONGEST_NAME = 100


async def leave(request: Request, settings: WebSettings, door: Session) -> Response:
    """Where the browser goes to.

    Raises:
        RefusedError: there is no such provider, or it does not answer.
    """
    asked = _oidc(settings)
    client = _client(asked)
    request.scope["session"] = door.kept
    back = f"{(settings.address or '').rstrip('/')}{_BACK}"
    try:
        await _trusted_metadata(client, asked)
        response: Response = await client.authorize_redirect(request, back)
    except Exception as error:
        raise _failed(asked, error) from None
    return response


async def arrive(request: Request, settings: WebSettings, door: Session) -> Visitor:
    """Who has come back from there.

    Raises:
        RefusedError: it does not say it in a way that can be believed, or who it is may not in.
    """
    asked = _oidc(settings)
    client = _client(asked)
    request.scope["session"] = door.kept
    believed = {
        "iss": {"essential": True, "value": asked.issuer},
        "aud": {"essential": True, "value": asked.client_id},
        "exp": {"essential": True},
    }
    try:
        await _trusted_metadata(client, asked)
        token = await client.authorize_access_token(
            request, claims_options=believed, leeway=_LEEWAY
        )
        claims = token["userinfo"]
    except Exception as error:
        raise _failed(asked, error) from None
    role = _role(asked, claims)
    name = str(claims.get("preferred_username") or claims.get("email") or claims["sub"])
    if role is None:
        raise RefusedError(
            403,
            f"{name[:_LONGEST_NAME]}, who is in no group that may come in",
            f"one of these in {asked.claim}: {', '.join(asked.roles)}",
            "ask whoever runs the service",
        )
    return Visitor(name[:_LONGEST_NAME], role)


def _client(asked: Oidc) -> Any:
    from authlib.integrations.starlette_client import OAuth

    return OAuth().register(
        "provider",
        client_id=asked.client_id,
        client_secret=asked.client_secret,
        server_metadata_url=f"{asked.issuer.rstrip('/')}/.well-known/openid-configuration",
        client_kwargs={
            "scope": "openid profile email",
            "code_challenge_method": "S256",
            "verify": _authorities(),
        },
    )


@functools.cache
def _authorities() -> ssl.SSLContext:
    """Whom to believe who the provider is: reading them takes a while."""
    import httpx2

    return httpx2.create_ssl_context()


async def _trusted_metadata(client: Any, asked: Oidc) -> None:
    """Let the client believe the provider that was meant, and no signature that anybody can make.

    Raises:
        ValueError: it is another provider.
    """
    metadata = await client.load_server_metadata()
    if metadata.get("issuer") != asked.issuer:
        raise ValueError("another issuer")
    said = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
    metadata["id_token_signing_alg_values_supported"] = [a for a in said if a in _SIGNED_BY]


def _oidc(settings: WebSettings) -> Oidc:
    if settings.oidc is None:
        raise RefusedError(404, "no provider of OpenID Connect", "a token", "sign in at /login")
    return settings.oidc


def _role(asked: Oidc, claims: Mapping[str, Any]) -> Role | None:
    """The highest role of the groups that somebody is in."""
    found: Any = claims
    for part in asked.claim.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    groups = [found] if isinstance(found, str) else found if isinstance(found, list) else []
    roles = {asked.roles.get(group) for group in groups if isinstance(group, str)}
    return next((role for role in reversed(Role) if role in roles), None)


def _failed(asked: Oidc, error: Exception) -> RefusedError:
    import httpx2

    tell("sign-in is refused", how="OIDC", why=type(error).__name__)
    if isinstance(error, httpx2.HTTPError):
        return RefusedError(
            502, f"{asked.issuer} does not answer", "the provider", "try again later"
        )
    return RefusedError(
        403,
        f"nobody whom {asked.issuer} proves to be who they are ({type(error).__name__})",
        "somebody whom it does",
        "sign in again at /login",
    )
