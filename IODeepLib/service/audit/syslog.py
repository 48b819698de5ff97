"""Messages go to a syslog server: RFC 5424 over TLS (RFC 5425), TCP (RFC 6587) or UDP (RFC 5426).

Syslog has no answer that says "I have it". Over TLS and TCP we end what we say and wait until the
server has ended, too: by then it has read everything, or the connection breaks and all is sent
again. Over UDP nobody ever knows.
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterable
from contextlib import suppress
from urllib.parse import urlsplit

from IODeepLib.disk.user_folders import expanded
from IODeepLib.errors import UsageError
from IODeepLib.service.settings import Audit

SECONDS = 5.0  # without a sign of life
_APPLICATION, _MESSAGE_ID = "iodeep", "DICOM+RFC3881"  # PS3.15 section A.6
_NOTICE, _ERROR = 10 * 8 + 5, 10 * 8 + 3  # of security and authorization
_BOM = "\ufeff".encode()


def framed(message: bytes, time: str, *, well: bool) -> bytes:
    """A message as syslog has it. (RFC 5424 section 6)

    Args:
        message: in UTF-8.
        time: when what it says has happened, in ISO 8601 with its time zone.
        well: whether that went well.
    """
    host = "".join(c for c in socket.gethostname() if "!" <= c <= "~") or "-"
    priority = _NOTICE if well else _ERROR
    head = f"<{priority}>1 {time} {host} {_APPLICATION} {os.getpid()} {_MESSAGE_ID} - "
    return head.encode("ascii") + _BOM + message


def send(messages: Iterable[bytes], audit: Audit) -> None:
    """Send messages, in this order.

    Raises:
        OSError: nobody knows which of them have arrived.
    """
    address = urlsplit(audit.server)
    assert address.hostname is not None  # noqa: S101 - the settings were checked
    assert address.port is not None  # noqa: S101
    there = address.hostname, address.port
    if address.scheme == "udp":
        family, kind, protocol, _, where = socket.getaddrinfo(*there, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as plain:
            for message in messages:
                plain.sendto(message, where)
        return
    with socket.create_connection(there, SECONDS) as plain:
        if address.scheme == "tcp":
            _talk(plain, messages)
            return
        with secure_context(audit).wrap_socket(plain, server_hostname=there[0]) as secure:
            _talk(secure, messages)


def secure_context(audit: Audit) -> ssl.SSLContext:
    """How both sides know each other.

    Raises:
        OSError: the files in the settings are no good.
    """
    ca, certificate, key = (
        str(expanded(path)) if path else None for path in (audit.ca, audit.certificate, audit.key)
    )
    context = ssl.create_default_context(cafile=ca)
    if certificate is not None:
        context.load_cert_chain(certificate, key)
    return context


def check(audit: Audit | None) -> None:
    """See that the files are there which the settings name.

    Raises:
        UsageError: they are not, or are something else.
    """
    if audit is not None and audit.server.startswith("tls"):
        try:
            secure_context(audit)
        except OSError as error:  # SSLError is one
            raise UsageError(
                f"service.audit: ca, certificate or key ({error.strerror or error})",
                "PEM files",
                "correct them in iodeep.toml",
            ) from None


def _talk(connection: socket.socket, messages: Iterable[bytes]) -> None:
    for message in messages:
        connection.sendall(f"{len(message)} ".encode() + message)
    # A server that does not say goodbye has said nothing against it either.
    with suppress(TimeoutError, ssl.SSLEOFError, ssl.SSLSyscallError):
        if isinstance(connection, ssl.SSLSocket):
            connection = connection.unwrap()
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(4096):
            pass
