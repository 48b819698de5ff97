"""Named servers, and how to get in: `iodeep.toml`.

    [servers.pacs]
    url = "dicomweb+https://pacs.example.org/dicom-web"
    token = "env:PACS_TOKEN"

Docs/pacs.md describes all keys. Secrets never stand in the file: it says where they come from.
"""

from __future__ import annotations

import functools
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

from msgspec import field
from msgspec.structs import replace

from IODeepLib.disk import settings_file
from IODeepLib.disk.cache import MAX_BYTES, Cache
from IODeepLib.disk.secret_places import secret_at
from IODeepLib.disk.user_folders import expanded
from IODeepLib.errors import UsageError
from IODeepLib.text.foreign import keep_secret
from IODeepLib.text.records import Record, within

_SECRETS = ("password", "token")
SERVICE = "service+"  # how the address of a service begins
_T = TypeVar("_T")


class Server(Record):
    """A server and how to get in, in the words of the file.

    Attributes:
        url: `dicomweb+http(s)://...` or `dimse://AET@host:port`; or `service+http(s)://...`, where
            the service beside a PACS is.
        timeout: seconds without a sign of life after which it counts as lost.
        user, password: for HTTP basic authentication.
        token: for HTTP bearer authentication.
        certificate, key: PEM files that say who we are; the key may be in the certificate's file.
        ca: PEM file with the authorities that may have signed the server's certificate.
        tls: whether DIMSE goes through TLS.
        aet: our own AE title.
        receive_port: where we take what a C-MOVE sends us; C-GET is used without it.
    """

    url: str
    timeout: Annotated[float, within(0.1, 86_400)] = 60.0
    user: str | None = None
    password: str | None = None
    token: str | None = None
    certificate: str | None = None
    key: str | None = None
    ca: str | None = None
    tls: bool = False
    aet: str = "IODEEP"
    receive_port: Annotated[int, within(1, 65_535)] | None = None

    def __post_init__(self) -> None:
        for secret in (self.password, self.token):
            keep_secret(secret or "", self.user or "")

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        shown = [name for name in self.__struct_fields__ if name not in _SECRETS]
        return [(name, getattr(self, name)) for name in shown]

    def __repr__(self) -> str:
        return f"Server({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"


class _CacheTable(Record):
    """What the file says of the cache: its folder, and its size in gigabytes."""

    folder: str | None = None
    max_gb: Annotated[float, within(0, 10**6)] | None = None


class _Tables(Record):
    """The file. A server is read when it is asked for: what is wrong with one harms no other.

    Whom this site trusts is read by `trust.trust_list`, who signs by `trust.own_key`, what the
    service does by `service.settings`.
    """

    servers: dict[str, Any] = field(default_factory=dict)
    cache: dict[str, Any] = field(default_factory=dict)
    trust: dict[str, Any] = field(default_factory=dict)
    signing: dict[str, Any] = field(default_factory=dict)
    service: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Settings:
    """What the file says.

    Attributes:
        path: the file; None if there is none.
    """

    path: Path | None
    _tables: _Tables

    def server(self, words: str) -> Server | None:
        """The server of this name or with this URL; a bare one for any other URL.

        Returns:
            None if `words` are neither a name in the file nor a URL.

        Raises:
            UsageError: what the file says of it is wrong, or a secret is not where it says.
        """
        for name, table in self._tables.servers.items():
            url = _url(table)
            if words == name or (url and words.rstrip("/") == url.rstrip("/")):
                return self._read(f"servers.{name}", table)
        return Server(words) if "://" in words else None

    @property
    def names(self) -> list[str]:
        """The named servers that hold models and images."""
        return sorted(set(self._tables.servers) - set(self.services))

    @property
    def services(self) -> list[str]:
        """The named services beside a PACS."""
        tables = self._tables.servers
        return sorted(name for name in tables if _url(tables[name]).startswith(SERVICE))

    @property
    def service(self) -> dict[str, Any]:
        """What it says of the service, as it stands there."""
        return self._tables.service

    def cache(self) -> Cache:
        """The cache as the file wants it; IODEEP_CACHE goes before its folder."""
        table = self._parsed(_CacheTable, "cache", self._tables.cache)
        named = table.folder if not os.environ.get("IODEEP_CACHE") else None
        size = MAX_BYTES if table.max_gb is None else int(table.max_gb * 10**9)
        return Cache(expanded(named) if named else None, size)

    def _read(self, where: str, table: Any) -> Server:
        given = self._parsed(Server, where, table)
        self._check_use(where, given, table)
        files = {}
        for key in ("certificate", "key", "ca"):
            if (path := getattr(given, key)) is not None:
                files[key] = str(expanded(path))
                if not Path(files[key]).is_file():
                    raise self._wrong(f"{where}.{key}", f"no file {files[key]}", "a PEM file")
        self._check_certificates(where, files)
        secrets = {}
        for key in _SECRETS:
            if (place := getattr(given, key)) is not None:
                wrong = functools.partial(self._wrong, f"{where}.{key}")
                secrets[key] = secret_at(place, given.user or "", wrong)
                self._check_header(f"{where}.{key}", key, secrets[key])
        return replace(given, **files, **secrets)

    def _check_use(self, where: str, given: Server, table: dict[str, Any]) -> None:
        """Raise if there is something that would be passed over: it may be meant to protect."""
        for start, keys in _PASSED_OVER.items():
            for key in filter(table.__contains__, keys if given.url.startswith(start) else ()):
                raise self._wrong(
                    f"{where}.{key}", f"nothing for {start}...", "another protocol", "remove it"
                )
        if "user" in table and not table.keys() & _SECRETS:
            raise self._wrong(where, "a user without a password", "both", "add password")
        if "password" in table and "user" not in table:
            raise self._wrong(where, "a password without a user", "both", "add user")
        if ":" in (given.user or "") or not (given.user or "").isprintable():
            raise self._wrong(
                f"{where}.user", "a colon or a control character", "a name", "leave it out"
            )

    def _check_certificates(self, where: str, files: dict[str, str]) -> None:
        """Raise what would otherwise go wrong in the middle of a handshake.

        Of an encrypted key the passphrase would be asked for at the terminal, if there is one.
        """
        import ssl

        def encrypted() -> str:
            raise self._wrong(
                f"{where}.{'key' if 'key' in files else 'certificate'}",
                "a key that is encrypted",
                "one that only its owner can read, without a passphrase",
                "decrypt it into another file",
            )

        if "key" in files and "certificate" not in files:
            raise self._wrong(where, "a key without a certificate", "both", "add certificate")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        load = {
            "certificate": lambda p: context.load_cert_chain(p, files.get("key"), encrypted),
            "ca": context.load_verify_locations,
        }
        for key in filter(files.__contains__, load):
            try:
                load[key](files[key])
            except OSError as error:  # SSLError is one
                raise self._wrong(
                    f"{where}.{key}",
                    f"{files[key]} ({getattr(error, 'reason', None) or error.strerror})",
                    "a PEM file; of a certificate with its key, unless that is in key",
                ) from None

    def _check_header(self, where: str, key: str, secret: str) -> None:
        """Raise if an HTTP header cannot hold the secret, which is not repeated.

        A token is visible ASCII (RFC 6750 section 2.1), and a password has no control characters
        (RFC 7617 section 2). A variable that was filled from a file often ends with a line feed.
        """
        if key == "token" and not re.fullmatch(r"[!-~]+", secret):
            wanted = "letters, digits and signs of ASCII, without spaces or line feeds"
            raise self._wrong(
                where, "a secret with other characters", wanted, "correct it where it is kept"
            )
        if not secret.isprintable():
            raise self._wrong(
                where,
                "a secret with a control character, such as a line feed",
                "text of one line",
                "correct it where it is kept",
            )

    def _parsed(self, kind: type[_T], where: str, table: Any) -> _T:
        return settings_file.parsed(kind, self.path, where, table, words=_IN_TOML, secret=_SECRETS)

    def _wrong(
        self, where: str, found: str, wanted: str, next_step: str = "correct it there"
    ) -> UsageError:
        return settings_file.wrong(self.path, where, found, wanted, next_step)


# The only key that has to be there is url.
_IN_TOML = settings_file.IN_TOML | {
    "a value: this key is required": "'dicomweb+https://...' or 'dimse://...'"
}
# What only the other protocol has.
_PASSED_OVER = {
    "dimse:": ("user", "password", "token"),
    "dicomweb+": ("tls", "aet", "receive_port"),
    SERVICE: ("tls", "aet", "receive_port", "user", "password"),
}


def _url(table: Any) -> str:
    return str(table.get("url", "")) if isinstance(table, dict) else ""


def settings_files() -> list[Path]:
    """Where settings may be; the first one that is there counts."""
    own = settings_file.own_file()
    if os.environ.get("IODEEP_CONFIG") and own is not None:
        return [own]
    return [*filter(None, [own]), settings_file.site_wide_file()]


def read_settings() -> Settings:
    """The first of these files that is there, or empty settings.

    The one that IODEEP_CONFIG names; `iodeep.toml` in the user's configuration folder; the one for
    all users of this machine. A file in the current folder is not looked at: data from elsewhere
    must not decide where secrets are sent.

    Raises:
        UsageError: it is no TOML, or has unknown tables.
    """
    named = os.environ.get("IODEEP_CONFIG")
    path = next((place for place in settings_files() if place.is_file()), None)
    if path is None:
        if named:
            raise UsageError(f"no file {named}", "the settings", "correct IODEEP_CONFIG")
        return Settings(None, _Tables())
    settings = Settings(path, _Tables())
    return Settings(path, settings._parsed(_Tables, "", settings_file.read_toml(path)))
