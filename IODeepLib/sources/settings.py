"""Named servers, and how to get in: `iodeep.toml`.

    [servers.pacs]
    url = "dicomweb+https://pacs.example.org/dicom-web"
    token = "env:PACS_TOKEN"

Docs/pacs.md describes all keys. Secrets never stand in the file: it says where they come from.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from IODeepLib.cache import MAX_BYTES, Cache
from IODeepLib.errors import UsageError
from IODeepLib.user_folders import config_folder

FILE_NAME = "iodeep.toml"
_SITE_WIDE = Path("/etc/iodeep.toml")
_TABLES = {"servers", "cache"}


@dataclass(frozen=True, slots=True)
class Server:
    """A server and how to get in.

    Attributes:
        url: `dicomweb+http(s)://...` or `dimse://AET@host:port`.
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
    timeout: float = 60.0
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    certificate: Path | None = None
    key: Path | None = None
    ca: Path | None = None
    tls: bool = False
    aet: str = "IODEEP"
    receive_port: int | None = None


@dataclass(frozen=True)
class Settings:
    """What the file says.

    Attributes:
        path: the file; None if there is none.
    """

    path: Path | None
    _tables: dict[str, Any]

    def server(self, words: str) -> Server | None:
        """The server of this name or with this URL; a bare one for any other URL.

        Returns:
            None if `words` are neither a name in the file nor a URL.

        Raises:
            UsageError: what the file says of it is wrong, or a secret is not where it says.
        """
        servers = self._tables.get("servers", {})
        for name, table in servers.items():
            url = str(table.get("url", "")) if isinstance(table, dict) else ""
            if words == name or (url and words.rstrip("/") == url.rstrip("/")):
                return self._read(name, table)
        return Server(words) if "://" in words else None

    @property
    def names(self) -> list[str]:
        """The named servers."""
        return sorted(self._tables.get("servers", {}))

    def cache(self) -> Cache:
        """The cache as the file wants it; IODEEP_CACHE goes before its folder."""
        table = self._tables.get("cache", {})
        self._known("cache", table, {"folder": _KINDS["str"], "max_gb": _KINDS["float"]})
        named = table.get("folder")
        folder = Path(named).expanduser() if named and not os.environ.get("IODEEP_CACHE") else None
        size = table.get("max_gb")
        return Cache(folder, MAX_BYTES if size is None else int(size * 10**9))

    def _read(self, name: str, table: Any) -> Server:
        where = f"servers.{name}"
        kinds = {item.name: _KINDS[str(item.type)] for item in fields(Server)}
        self._known(where, table, kinds)
        if "url" not in table:
            raise self._wrong(where, "no url", "url = 'dicomweb+https://...' or 'dimse://...'")
        self._check_use(where, table)
        values = dict(table)
        for key in ("certificate", "key", "ca"):
            if key in values:
                values[key] = Path(values[key]).expanduser()
                if not values[key].is_file():
                    raise self._wrong(f"{where}.{key}", f"no file {values[key]}", "a PEM file")
        self._check_certificates(where, values)
        for key in ("password", "token"):
            if key in values:
                values[key] = self._secret(f"{where}.{key}", values[key], values.get("user"))
        return Server(**values)

    def _check_use(self, where: str, table: dict[str, Any]) -> None:
        """Raise if there is something that would be passed over: it may be meant to protect."""
        for start, keys in _PASSED_OVER.items():
            for key in filter(table.__contains__, keys if table["url"].startswith(start) else ()):
                raise self._wrong(
                    f"{where}.{key}", f"nothing for {start}...", "another protocol", "remove it"
                )
        if "user" in table and not {"password", "token"} & table.keys():
            raise self._wrong(where, "a user without a password", "both", "add password")
        if "password" in table and "user" not in table:
            raise self._wrong(where, "a password without a user", "both", "add user")

    def _check_certificates(self, where: str, values: dict[str, Any]) -> None:
        """Raise what would otherwise go wrong in the middle of a handshake.

        Of an encrypted key the passphrase would be asked for at the terminal, if there is one.
        """
        import ssl

        def encrypted() -> str:
            raise self._wrong(
                f"{where}.{'key' if 'key' in values else 'certificate'}",
                "a key that is encrypted",
                "one that only its owner can read, without a passphrase",
                "decrypt it into another file",
            )

        if "key" in values and "certificate" not in values:
            raise self._wrong(where, "a key without a certificate", "both", "add certificate")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        load = {
            "certificate": lambda p: context.load_cert_chain(p, values.get("key"), encrypted),
            "ca": context.load_verify_locations,
        }
        for key in filter(values.__contains__, load):
            try:
                load[key](values[key])
            except OSError as error:  # SSLError is one
                raise self._wrong(
                    f"{where}.{key}",
                    f"{values[key]} ({getattr(error, 'reason', None) or error.strerror})",
                    "a PEM file; of a certificate with its key, unless that is in key",
                ) from None

    def _secret(self, where: str, place: str, user: str | None) -> str:
        """The secret at `place`; what is no place may be a secret, and is not repeated."""
        kind, _, name = place.partition(":")
        if kind == "env" and name:
            value = os.environ.get(name)
            if not value:
                raise self._wrong(
                    where,
                    f"no environment variable {name}",
                    "the secret in it",
                    "set it, or correct its name there",
                )
            return value
        if kind == "keyring" and name:
            return self._from_keyring(where, name, user or "")
        raise self._wrong(
            where, "something else than a place", "'env:VARIABLE' or 'keyring:SERVICE'"
        )

    def _from_keyring(self, where: str, service: str, user: str) -> str:
        try:
            import keyring
        except ImportError:
            raise self._wrong(
                where,
                "no Python package keyring",
                "the system's keyring",
                "pip install keyring, or use 'env:VARIABLE'",
            ) from None
        try:
            value = keyring.get_password(service, user)
        except Exception as error:  # its back ends raise what they like
            raise self._wrong(
                where,
                f"a keyring that fails ({type(error).__name__})",
                "the system's keyring, unlocked",
                "unlock it, or use 'env:VARIABLE'",
            ) from None
        if not value:
            raise self._wrong(
                where,
                f"a keyring with nothing for {service!r} and {user!r}",
                "the secret",
                f"put it there with 'keyring set {service} {user or repr(user)}'",
            )
        return str(value)

    def _known(self, where: str, table: Any, kinds: dict[str, Any]) -> None:
        if not isinstance(table, dict):
            raise self._wrong(where, "a single value", "a table")
        for key, value in table.items():
            if key not in kinds:
                raise self._wrong(f"{where}.{key}", "an unknown key", f"one of {', '.join(kinds)}")
            kind, wanted = kinds[key]
            if not isinstance(value, kind) or isinstance(value, bool) != (kind is bool):
                raise self._wrong(f"{where}.{key}", type(value).__name__, wanted)
            least, most = _RANGES.get(key, (value, value))
            if not least <= value <= most:
                raise self._wrong(f"{where}.{key}", f"{value}", f"{least} to {most}")

    def _wrong(
        self, where: str, found: str, wanted: str, next_step: str = "correct it there"
    ) -> UsageError:
        return UsageError(f"{self.path}: {where}: {found}", wanted, next_step)


# What a value has to be, by the type that it becomes: in TOML, and in words.
_TEXT = str, "a text in quotation marks"
_KINDS: dict[str, Any] = {
    "str": _TEXT,
    "str | None": _TEXT,
    "float": ((int, float), "a number"),
    "Path | None": _TEXT,
    "bool": (bool, "true or false"),
    "int | None": (int, "a whole number"),
}
# Seconds, a port, and gigabytes.
_RANGES = {"timeout": (0.1, 86_400), "receive_port": (1, 65_535), "max_gb": (0, 10**6)}
# What only the other protocol has.
_PASSED_OVER = {
    "dimse:": ("user", "password", "token"),
    "dicomweb+": ("tls", "aet", "receive_port"),
}


def read_settings() -> Settings:
    """The first of these files that is there, or empty settings.

    The one that IODEEP_CONFIG names; `iodeep.toml` in the user's configuration folder;
    `/etc/iodeep.toml`. A file in the current folder is not looked at: data from elsewhere must
    not decide where secrets are sent.

    Raises:
        UsageError: it is no TOML, or has unknown tables.
    """
    named = os.environ.get("IODEEP_CONFIG")
    places = [Path(named).expanduser()] if named else [config_folder() / FILE_NAME, _SITE_WIDE]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        if named:
            raise UsageError(f"no file {named}", "the settings", "correct IODEEP_CONFIG")
        return Settings(None, {})
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path} cannot be read ({error})", "TOML", "correct it") from None
    settings = Settings(path, tables)
    for table in tables:
        if table not in _TABLES:
            raise settings._wrong(table, "an unknown table", f"one of {', '.join(sorted(_TABLES))}")
        if not isinstance(tables[table], dict):
            raise settings._wrong(table, "a single value", "a table")
    return settings
