"""What `iodeep.toml` says of the page and the API: its table `service.web`.

    [service.web]
    host = "0.0.0.0"
    address = "https://iodeep.example.org:8443"
    certificate = "/etc/iodeep/certificate.pem"

    [[service.web.tokens]]
    name = "monitoring"
    token = "env:IODEEP_MONITORING"
    role = "look"

Docs/service.md describes all keys. Only this machine reaches it, unless the file says who may.
"""

from __future__ import annotations

from enum import StrEnum
from ipaddress import ip_address
from typing import Annotated, Any
from urllib.parse import urlsplit

from msgspec import Meta

from IODeepLib.service.addresses import is_loopback
from IODeepLib.text.json_text import StructureError
from IODeepLib.text.records import Many, Record, within

_WORDS = Annotated[str, Meta(min_length=1, max_length=200)]
_LOCAL = "localhost"


class Role(StrEnum):
    """What somebody may do; each may as well do what those before it may."""

    LOOK = "look"
    RUN = "run"  # have studies looked at, and jobs done
    ADMINISTER = "administer"  # end what others have begun

    def covers(self, role: Role) -> bool:
        """Whether who has this role may do what that one is for."""
        roles = list(Role)
        return roles.index(self) >= roles.index(role)


class Token(Record):
    """Who shows this, is let in.

    Attributes:
        name: whose it is; the log names it.
        token: where it is kept, "env:VARIABLE" or "keyring:SERVICE".
        role: what its bearer may do.
    """

    name: _WORDS
    token: str
    role: Role = Role.LOOK

    def __repr__(self) -> str:
        return f"Token(name={self.name!r}, role={self.role!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("name", self.name), ("role", self.role)]


class Oidc(Record):
    """Somebody else knows who people are: a provider of OpenID Connect.

    Attributes:
        issuer: its address, below which `.well-known/openid-configuration` lies.
        client_id: how it knows this service.
        client_secret: where that is kept, "env:VARIABLE" or "keyring:SERVICE"; none is needed of a
            client that is public there.
        claim: what of a person's token says the groups; a dot leads into an object.
        roles: the role of who is in a group; of several the highest counts.
    """

    issuer: str
    client_id: _WORDS
    roles: dict[str, str]
    client_secret: str | None = None
    claim: _WORDS = "groups"

    def __post_init__(self) -> None:
        address = urlsplit(self.issuer)
        if address.scheme != "https" and not (
            address.scheme == "http" and is_loopback(address.hostname or "")
        ):
            raise StructureError("$.issuer", self.issuer, "an address that begins with https://")
        if not self.roles:
            raise StructureError("$.roles", "no role", "the role of at least one group")
        for group, role in self.roles.items():
            if role not in list(Role):
                raise StructureError(f"$.roles.{group}", role, " or ".join(Role))

    def __repr__(self) -> str:
        return f"Oidc(issuer={self.issuer!r}, client_id={self.client_id!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("issuer", self.issuer), ("client_id", self.client_id)]


class WebSettings(Record):
    """Where the page and the API are reached, and by whom.

    Attributes:
        host, port: where they listen.
        address: how others call them, "https://iodeep.example.org"; where people sign in with OIDC
            they come back to it.
        hosts: further names and addresses by which they are reached.
        certificate, key: PEM files for TLS; the key may be in the certificate's file.
        proxy: the address of the proxy in front, which does TLS.
        tokens, oidc: who is let in; where there is neither, everybody on this machine.
    """

    host: _WORDS = "127.0.0.1"
    port: Annotated[int, within(1, 65_535)] = 8080
    address: str | None = None
    hosts: Many[_WORDS] = ()
    certificate: str | None = None
    key: str | None = None
    proxy: str | None = None
    tokens: Many[Token] = ()
    oidc: Oidc | None = None

    def __post_init__(self) -> None:
        self._check_who_may()
        self._check_tls()
        self._check_address()

    def _check_who_may(self) -> None:
        if not self.is_open:
            return
        wanted = "who may: [[service.web.tokens]] or [service.web.oidc]"
        if not is_loopback(self.host):
            raise StructureError("$.host", f"{self.host}, for everybody who reaches it", wanted)
        if self.proxy is not None:
            raise StructureError("$.proxy", "a proxy, for everybody who reaches it", wanted)

    def _check_tls(self) -> None:
        if self.key is not None and self.certificate is None:
            raise StructureError("$.key", "a key without a certificate", "both")
        if not is_loopback(self.host) and not self.over_tls:
            raise StructureError(
                "$.host",
                f"{self.host}, without TLS",
                "certificate and key; or proxy, the address of a proxy in front that does TLS",
            )
        if self.proxy is not None and self.certificate is None and self.address is None:
            raise StructureError("$.proxy", "no address", "address, how others call the proxy")

    def _check_address(self) -> None:
        if self.address is None:
            if self.oidc is not None:
                raise StructureError("$.oidc", "no address", "address, where people come back to")
            if _is_any(self.host):
                raise StructureError(
                    "$.host", f"{self.host}, without an address", "address, how others call it"
                )
            return
        found = urlsplit(self.address)
        scheme = "https" if self.over_tls else "http"
        bare = f"{found.scheme}://{found.netloc}" == self.address.rstrip("/").lower()
        if found.scheme != scheme or not found.hostname or "@" in found.netloc or not bare:
            raise StructureError(
                "$.address", self.address, f"{scheme}://NAME or {scheme}://NAME:PORT"
            )

    @property
    def is_open(self) -> bool:
        """Whether everybody who reaches it may do everything."""
        return not self.tokens and self.oidc is None

    @property
    def over_tls(self) -> bool:
        """Whether others reach it by TLS."""
        return self.certificate is not None or self.proxy is not None

    @property
    def names(self) -> frozenset[str]:
        """What may stand as host in a request: a page elsewhere cannot call itself so."""
        found = {"127.0.0.1", "::1", _LOCAL, *(name.lower() for name in self.hosts)}
        if not _is_any(self.host):
            found.add(self.host.lower())
        if self.address is not None:
            found.add(urlsplit(self.address).hostname or "")
        return frozenset(found)


def _is_any(host: str) -> bool:
    """Whether it stands for all addresses of this machine."""
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False
