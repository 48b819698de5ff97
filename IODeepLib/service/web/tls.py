"""Certificate and key of the page and the API, tried before anything listens."""

from __future__ import annotations

import ssl
from pathlib import Path

from IODeepLib.disk.user_folders import expanded
from IODeepLib.errors import UsageError
from IODeepLib.service.settings import mistake
from IODeepLib.service.web.settings import WebSettings
from IODeepLib.text.json_text import StructureError


def check_certificate(path: Path, settings: WebSettings) -> tuple[str | None, str | None]:
    """The files of certificate and key; None for what there is not.

    Args:
        path: the file that the settings stand in, for messages.
        settings: which files.

    Raises:
        UsageError: they cannot be read, do not belong together, or the key is encrypted.
    """
    if settings.certificate is None:
        return None, None
    certificate = str(expanded(settings.certificate))
    key = None if settings.key is None else str(expanded(settings.key))

    def encrypted() -> str:
        raise _wrong(path, "a key that is encrypted", "one without a passphrase")

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, encrypted)
    except OSError as error:  # SSLError is one
        why = getattr(error, "reason", None) or error.strerror
        wanted = "a PEM file with its key, unless that is in key"
        raise _wrong(path, f"{certificate} ({why})", wanted) from None
    return certificate, key


def _wrong(path: Path, found: str, wanted: str) -> UsageError:
    return mistake(path, StructureError("$.web.certificate", found, wanted))
