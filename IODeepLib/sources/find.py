"""From the words of a call to a source."""

from __future__ import annotations

import re
from pathlib import Path

from IODeepLib.disk.cache import Cache
from IODeepLib.errors import InputError, UsageError
from IODeepLib.sources import Source
from IODeepLib.sources.archive import Archive
from IODeepLib.sources.settings import Server, read_settings, settings_files

# What must not be in an address: a user or a password, which may have slashes.
_SECRET = {"dicomweb": re.compile(r"://.*@"), "dimse": re.compile(r"://[^/@]*:.*@")}
_SECRET_WITHOUT_SCHEME = re.compile(r"[^/\\:]+:[^/\\]*@")


def source_of(words: str | Path, cache: Cache | None = None) -> Source:
    """The source that SOURCE names.

    Args:
        words: a folder, `dicomweb+http(s)://...`, `dimse://AET@host:port`, or the name of a server
            in `iodeep.toml`. A folder goes before a name; `./name` is always a folder.
        cache: where cards and weights from a PACS are kept; by default as `iodeep.toml` says.

    Raises:
        InputError: it is none of these.
        UsageError: there are no words, or the address or `iodeep.toml` is wrong.
    """
    from IODeepLib.sources.folder import FolderSource
    from IODeepLib.sources.pacs import PacsSource

    words = str(words)
    if not words.strip():  # a variable of the shell that is not set, and not the current folder
        raise UsageError("a SOURCE without a word", "where it is", "name a folder or a PACS")
    if "://" not in words and Path(words).exists():
        return FolderSource(Path(words))
    settings = read_settings()
    server = settings.server(words)
    if server is None:
        if _SECRET_WITHOUT_SCHEME.match(words):
            raise _secret_in_address()
        names = ", ".join(settings.names) or "none"
        raise InputError(
            f"{words} is no folder, and no server in {_file()}",
            f"a folder, dicomweb+https://..., dimse://AET@host:port, or a named server ({names})",
            "check the path or the name",
        )
    return PacsSource(archive_of(server), cache or settings.cache())


def archive_of(server: Server) -> Archive:
    """How the server at an address is spoken to.

    Raises:
        UsageError: the address is of no known kind, or has a user, a password or a query in it.
    """
    scheme = server.url.partition("://")[0]
    if _SECRET["dimse" if scheme == "dimse" else "dicomweb"].search(server.url):
        raise _secret_in_address()
    if scheme in ("dicomweb+http", "dicomweb+https"):
        if {"?", "#"} & set(server.url):
            raise UsageError(
                "an address with '?' or '#'",
                "that of the service, of which the requests' are made",
                "leave out what follows",
            )
        from IODeepLib.sources.dicomweb import DicomwebArchive

        return DicomwebArchive(server)
    if scheme == "dimse":
        from IODeepLib.sources.dimse import DimseArchive

        return DimseArchive(server)
    raise UsageError(
        f"the address {server.url}",
        "dicomweb+http://..., dicomweb+https://... or dimse://AET@host:port",
        "correct it",
    )


def _secret_in_address() -> UsageError:
    return UsageError(
        "a user or a password in an address",
        "one that may be seen, in messages and by other users of this machine; with %40 for @",
        f"name the server and where its password is in {_file()}",
    )


def _file() -> Path:
    """The settings, or where they would be."""
    return read_settings().path or settings_files()[0]
