"""Where the service listens, and whom it lets in there."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable
from ipaddress import ip_address, ip_network

from IODeepLib.disk.user_folders import expanded
from IODeepLib.errors import UsageError


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine reach what listens on `host`."""
    try:
        return host.lower() == "localhost" or ip_address(host).is_loopback
    except ValueError:  # a name
        return False


def is_network(words: str) -> bool:
    """Whether these are an address or a network: "10.1.2.3", "10.1.0.0/16"."""
    try:
        ip_network(words, strict=False)
    except ValueError:
        return False
    return True


def is_in(address: str, networks: Iterable[str]) -> bool:
    """Whether an address is one of these, or in one of these networks."""
    found = ip_address(address.partition("%")[0])
    found = getattr(found, "ipv4_mapped", None) or found
    return any(found in ip_network(network, strict=False) for network in networks)


def listening(table: str, host: str, port: int) -> socket.socket:
    """A socket that others can connect to there.

    Args:
        table: how messages call where these stand.
        host, port: of this machine.

    Raises:
        UsageError: there is no such address, or its port is taken.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except (OSError, UnicodeError) as error:
        raise UsageError(
            f"{table}: {host}:{port} cannot be listened on ({error})",
            "an address of this machine, and a port that is free",
            "correct host and port there",
        ) from None


def tls_context(
    table: str, certificate: str | None, key: str | None, ca: str | None
) -> ssl.SSLContext | None:
    """What those have to get through who connect; None without a certificate.

    Args:
        table: how messages call where these stand.
        certificate, key: PEM files; the key may be in the certificate's file.
        ca: PEM file with the authorities that have to have signed the others' certificates;
            without it they need none.

    Raises:
        UsageError: they cannot be used.
    """
    if certificate is None:
        return None
    try:
        context = ssl.create_default_context(
            ssl.Purpose.CLIENT_AUTH, cafile=str(expanded(ca)) if ca else None
        )
        context.load_cert_chain(
            expanded(certificate), expanded(key) if key else None, lambda: _no_pass_phrase(table)
        )
    except OSError as error:  # SSLError is one
        raise UsageError(
            f"{table}: certificate, key or ca that cannot be used ({error})",
            "PEM files, and a key without a pass phrase",
            "correct them in iodeep.toml",
        ) from None
    context.verify_mode = ssl.CERT_REQUIRED if ca else ssl.CERT_NONE
    return context


def _no_pass_phrase(table: str) -> str:
    raise UsageError(
        f"{table}.key: a key that is encrypted",
        "one that only its owner can read, without a pass phrase",
        "decrypt it into another file",
    )
