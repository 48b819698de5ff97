"""A provider of OpenID Connect that says of people, and signs, whatever a test wants."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT, SECRET = "iodeep", "what the client and the provider know"


def new_key() -> rsa.RSAPrivateKey:
    """A key to sign with."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class Provider:
    """The provider, as a test wants it; what it says is right unless a test says otherwise.

    Attributes:
        issuer: its address.
        key: what its published key belongs to.
        claims: what is said of who signs in; None leaves a claim out.
        header: of the token.
        signed_by: "RS256", "none", or "HS256" by the public key, which everybody knows.
        signs_with: another key than the published one.
        metadata: what its configuration says otherwise.
        answer: what the answer with the tokens says otherwise.
    """

    issuer: str
    key: rsa.RSAPrivateKey
    claims: dict[str, Any] = field(default_factory=dict)
    header: dict[str, Any] = field(default_factory=dict)
    signed_by: str = "RS256"
    signs_with: rsa.RSAPrivateKey | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    answer: dict[str, Any] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    @property
    def app(self) -> Starlette:
        """It as an app."""
        routes = [
            Route("/.well-known/openid-configuration", self._configuration),
            Route("/authorize", self._authorize),
            Route("/token", self._token, methods=["POST"]),
            Route("/keys", self._keys),
        ]
        return Starlette(routes=routes)

    async def _configuration(self, request: Request) -> Response:
        said = {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
            "code_challenge_methods_supported": ["S256"],
        }
        return JSONResponse(said | self.metadata)

    async def _authorize(self, request: Request) -> Response:
        """Whoever comes is believed to be who they are."""
        asked = dict(request.query_params)
        code = secrets.token_urlsafe()
        self.codes[code] = asked
        back = urlencode({"code": code, "state": asked["state"]})
        return RedirectResponse(f"{asked['redirect_uri']}?{back}", 302)

    async def _token(self, request: Request) -> Response:
        sent = {k: v[0] for k, v in parse_qs((await request.body()).decode()).items()}
        asked = self.codes.pop(sent.get("code", ""), None)
        shown = request.headers.get("authorization", "")
        digest = hashlib.sha256(sent.get("code_verifier", "").encode()).digest()
        is_right = (
            asked is not None
            and shown == f"Basic {base64.b64encode(f'{CLIENT}:{SECRET}'.encode()).decode()}"
            and asked["redirect_uri"] == sent["redirect_uri"]
            and asked["code_challenge"] == _encoded(digest)
        )
        if not is_right or asked is None:
            return JSONResponse({"error": "invalid_grant"}, 400)
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "sub": "4711",
            "iat": now,
            "exp": now + 60,
            "nonce": asked["nonce"],
            "preferred_username": "jane",
        }
        known = {k: v for k, v in (claims | self.claims).items() if v is not None}
        answer = {"access_token": "a", "token_type": "Bearer", "id_token": self._signed(known)}
        said = {k: v for k, v in (answer | self.answer).items() if v is not None}
        return JSONResponse(said)

    async def _keys(self, request: Request) -> Response:
        numbers = self.key.public_key().public_numbers()
        key = {"kty": "RSA", "kid": "1", "use": "sig", "e": _number(numbers.e)}
        return JSONResponse({"keys": [key | {"n": _number(numbers.n)}]})

    def _signed(self, claims: dict[str, Any]) -> str:
        header = {"alg": self.signed_by, "kid": "1", "typ": "JWT"} | self.header
        parts = [_encoded(json.dumps(part).encode()) for part in (header, claims)]
        content = ".".join(parts).encode()
        signature = b""
        if self.signed_by == "RS256":
            key = self.signs_with or self.key
            signature = key.sign(content, padding.PKCS1v15(), hashes.SHA256())
        elif self.signed_by == "HS256":
            form = Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
            public = self.key.public_key().public_bytes(*form)
            signature = hmac.digest(public, content, "sha256")
        return ".".join([*parts, _encoded(signature)])


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


def _number(value: int) -> str:
    return _encoded(value.to_bytes((value.bit_length() + 7) // 8, "big"))
