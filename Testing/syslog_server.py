"""A syslog server that keeps what it is sent: over TLS (RFC 5425), TCP (RFC 6587) or UDP."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from trustme import CA


@dataclass
class SyslogServer:
    """What came.

    Attributes:
        address: of the server, as the settings have it.
        messages: in the order in which they came.
        breaks: connections that it will break off, before it has read what came.
    """

    address: str
    messages: list[bytes] = field(default_factory=list)
    breaks: int = 0


@contextmanager
def syslog_server(kind: str, authority: CA | None = None) -> Iterator[SyslogServer]:
    """A server on a port of its own.

    Args:
        kind: tls, tcp or udp.
        authority: who has signed its certificate, for tls.
    """
    listener = socket.socket(type=socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
    with listener:
        listener.bind(("127.0.0.1", 0))
        found = SyslogServer(f"{kind}://localhost:{listener.getsockname()[1]}")
        if kind == "udp":
            thread = threading.Thread(target=_datagrams, args=[listener, found], daemon=True)
        else:
            listener.listen()
            context = None
            if authority is not None:
                context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
                authority.issue_cert("localhost").configure_cert(context)
            arguments = [listener, context, found]
            thread = threading.Thread(target=_connections, args=arguments, daemon=True)
        thread.start()
        yield found


def _datagrams(listener: socket.socket, found: SyslogServer) -> None:
    with suppress(OSError):  # it was closed
        while True:
            found.messages.append(listener.recv(65536))


def _connections(
    listener: socket.socket, context: ssl.SSLContext | None, found: SyslogServer
) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:  # it was closed
            return
        if found.breaks:
            found.breaks -= 1
            # At once, and nothing of what lies in the way is read.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
            continue
        with suppress(OSError), connection:
            if context is None:
                found.messages += _messages(_all(connection))
            else:
                with context.wrap_socket(connection, server_side=True) as secure:
                    found.messages += _messages(_all(secure))
                    with suppress(OSError):
                        secure.unwrap()


def _all(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65536), b""))


def _messages(stream: bytes) -> Iterator[bytes]:
    """Each has its length before it. (RFC 5425 section 4.3)"""
    while stream:
        length, _, rest = stream.partition(b" ")
        yield rest[: int(length)]
        stream = rest[int(length) :]
