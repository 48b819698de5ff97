"""The way to an application entity: its host and port, and TLS."""

from __future__ import annotations

import select
import socket
import ssl
import time

from IODeepLib.errors import SourceError, UsageError
from IODeepLib.sources.archive import StalledError, TransientError, UnreachableError
from IODeepLib.sources.settings import Server

SocketAddress = tuple[str, int] | tuple[str, int, int, int]  # as `socket` has it
SECONDS_TO_CONNECT = 10.0


def dial(server: Server, name: str, host: str, port: int) -> tuple[socket.socket, SocketAddress]:
    """A connection, through TLS if `server` says so, with its timeout for everything it does.

    Returns:
        It, and the other side's address, which a connection that was reset cannot tell any more.

    Raises:
        SourceError: there is none to be had.
    """
    seconds = min(SECONDS_TO_CONNECT, server.timeout)
    try:
        connection = socket.create_connection((host, port), seconds)
    except (OSError, UnicodeError) as error:  # the latter for impossible names
        raise UnreachableError(
            f"{name} cannot be reached ({getattr(error, 'strerror', None) or error})",
            "an application entity there",
            "check host and port, and whether it runs",
        ) from None
    try:
        there: SocketAddress = connection.getpeername()
        connection.settimeout(server.timeout)
        if server.tls:
            connection = secure_context(server, name, ssl.Purpose.SERVER_AUTH).wrap_socket(
                connection, server_hostname=host, do_handshake_on_connect=False
            )
            shake_hands(connection, server.timeout)
    except OSError as error:
        connection.close()
        raise broken(server, name, error) from None
    except BaseException:
        connection.close()
        raise
    return connection, there


def addresses(host: str) -> set[str]:
    """All addresses that a host has by its name."""
    try:
        return {str(found[4][0]) for found in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError):
        return set()


def secure_context(server: Server, name: str, purpose: ssl.Purpose) -> ssl.SSLContext:
    """For TLS with `server`, whichever side begins: each has to show a certificate.

    Raises:
        UsageError: there are no certificates to do it with.
    """
    try:
        context = ssl.create_default_context(purpose, cafile=server.ca)
        if server.certificate is not None:
            context.load_cert_chain(server.certificate, server.key)
    except OSError as error:  # SSLError is one
        raise UsageError(
            f"the certificate, key or authorities for {name} ({error})",
            "PEM files",
            "correct them in iodeep.toml",
        ) from None
    if purpose is ssl.Purpose.CLIENT_AUTH:
        if server.certificate is None:
            raise UsageError(
                f"no certificate to show {name}, which is to send to a port of ours through TLS",
                "a certificate and its key",
                "add certificate and key in iodeep.toml, or leave out receive_port",
            )
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def shake_hands(secure: ssl.SSLSocket, seconds: float) -> None:
    """Agree upon TLS, be it in ever so small pieces, within so many seconds.

    Raises:
        OSError: it cannot be done; ssl.SSLError is one.
    """
    timeout, end = secure.gettimeout(), time.monotonic() + seconds
    secure.settimeout(0)
    while (left := end - time.monotonic()) > 0:
        try:
            secure.do_handshake()
            secure.settimeout(timeout)
            return
        except ssl.SSLWantReadError:
            select.select([secure], [], [], left)
        except ssl.SSLWantWriteError:
            select.select([], [secure], [], left)
    raise TimeoutError


def broken(
    server: Server, name: str, error: OSError | None = None, *, heard: bool = False
) -> SourceError:
    """The error to raise when what comes is not what has to come.

    Args:
        server, name: from whom.
        error: of the connection.
        heard: whether it has been good for anything.
    """
    if isinstance(error, TimeoutError):
        return StalledError(name, server.timeout)
    # Our certificate may be turned down after the handshake (RFC 8446).
    broke = not isinstance(error, ssl.SSLError) or isinstance(error, ssl.SSLEOFError)
    if not broke and not heard:
        return SourceError(
            f"{name} and this side do not trust each other ({error})",
            "certificates that both sides accept",
            "name the server in iodeep.toml with its ca, and with certificate and key",
        )
    return TransientError(
        f"the association with {name} broke",
        "an answer to its end",
        f"try again, or ask who runs the server whether {server.aet} may do this",
    )
