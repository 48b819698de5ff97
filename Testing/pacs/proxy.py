"""A bad network: a proxy in front of a real server that breaks connections, or answers itself."""

from __future__ import annotations

import contextlib
import math
import random
import re
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pacs.listener import Listener

_CHUNK = 2**16


@dataclass(frozen=True)
class Fault:
    """What happens to one connection.

    Attributes:
        sent: so many bytes of the client get through.
        answered: so many bytes of the server get through.
        stall: afterwards nothing moves any more; otherwise the connection is reset.
        rate: so many bytes of the server a second get through, as over a slower line.
        drip: afterwards the rest of what the server has said comes byte by byte, with so many
            seconds between two.
        answer: what is answered to every request instead of asking the server.
        unless: if the request has these bytes, it does go to the server.
        only: if the request lacks these bytes, it does go to the server.
    """

    sent: int | None = None
    answered: int | None = None
    stall: bool = False
    rate: float = math.inf
    drip: float = 0.0
    answer: bytes = b""
    unless: bytes = b""
    only: bytes = b""


class Proxy:
    """A proxy that listens on `port`; `fault` is asked for every connection, counted from 0.

    Args:
        target: the server's port.
        fault: what happens to each connection.
        tls: what clients have to get through first, for servers without it.

    Attributes:
        port: where it listens.
        connections: how many there were.
        answers: how many requests it answered itself.
        bytes_answered: how many bytes came from the server.
    """

    def __init__(
        self,
        target: int,
        fault: Callable[[int], Fault | None],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._target, self._fault, self._tls = target, fault, tls
        self.connections = self.answers = self.bytes_answered = 0
        self._listener = Listener(self._begin)
        self.port = self._listener.port

    def close(self) -> None:
        """End it; connections end when their clients do."""
        self._listener.close()

    def _begin(self, client: socket.socket) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        fault = self._fault(self.connections)
        self.connections += 1
        threading.Thread(target=self._serve, args=(client, fault), daemon=True).start()

    def _serve(self, client: socket.socket, fault: Fault | None) -> None:
        fault = fault or Fault()
        with contextlib.suppress(OSError):
            if self._tls is not None:
                client = self._tls.wrap_socket(client, server_side=True)
            if fault.answer:
                with client:
                    self._answer(client, fault)
                return
            with client, socket.create_connection(("127.0.0.1", self._target)) as server:
                server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._pass_on(client, server, fault)

    def _pass_on(self, client: socket.socket, server: socket.socket, fault: Fault) -> None:
        """Copy both ways until one side ends, or the fault comes: then reset both, or wait."""
        left = {client: fault.sent, server: fault.answered}
        while 0 not in left.values():
            for source in select.select([client, server], [], [])[0]:
                limit = left[source]
                chunk = source.recv(_CHUNK if limit is None else min(_CHUNK, limit))
                while isinstance(source, ssl.SSLSocket) and source.pending():
                    chunk += source.recv(source.pending())
                if not chunk:
                    return
                (server if source is client else client).sendall(chunk)
                for end in (client, server):  # or servers wait 40 ms before they go on
                    end.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
                if source is server:
                    self.bytes_answered += len(chunk)
                    time.sleep(len(chunk) / fault.rate)
                left[source] = None if limit is None else max(0, limit - len(chunk))
        if fault.drip:
            ends = {client: (server, _CHUNK), server: (client, 1)}
            while True:
                for source in select.select([*ends], [], [])[0]:
                    other, most = ends[source]
                    chunk = source.recv(most)
                    if not chunk:
                        return
                    other.sendall(chunk)
                time.sleep(fault.drip)
        if fault.stall:
            server.close()  # it serves few at a time; who stalls is the proxy
            given_up = select.poll()
            given_up.register(client, select.POLLRDHUP)  # what it still sends is not taken
            given_up.poll()
            return
        for end in (client, server):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _answer(self, client: socket.socket, fault: Fault) -> None:
        """Answer the requests of a connection, but pass on those that have what is asked for."""
        while request := _message(client):
            spared = fault.unless and fault.unless in request
            if spared or fault.only not in request:
                with socket.create_connection(("127.0.0.1", self._target)) as server:
                    server.sendall(request)
                    client.sendall(_message(server))
            else:
                self.answers += 1
                client.sendall(fault.answer)


@contextmanager
def proxy(
    target: int, fault: Callable[[int], Fault | None], tls: ssl.SSLContext | None = None
) -> Iterator[Proxy]:
    """A proxy in front of the server on port `target`."""
    running = Proxy(target, fault, tls)
    try:
        yield running
    finally:
        running.close()


def dropping(share: float, seed: int, most: int = 3000) -> Callable[[int], Fault | None]:
    """A share of all connections is reset, after up to `most` bytes in either direction."""
    dice = random.Random(seed)

    def fault(number: int) -> Fault | None:
        if dice.random() >= share:
            return None
        count = dice.randrange(most)
        return Fault(sent=count) if dice.random() < 0.5 else Fault(answered=count)

    return fault


def answer(status: str, content: bytes = b"", kind: str = "text/plain") -> bytes:
    """An HTTP answer."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content


def _message(sender: socket.socket) -> bytes:
    """One HTTP request or answer with its body; nothing if there is none any more."""
    message = b""
    while b"\r\n\r\n" not in message:
        chunk = sender.recv(_CHUNK)
        if not chunk:
            return b""
        message += chunk
    head, _, body = message.partition(b"\r\n\r\n")
    found = re.search(rb"(?i)content-length: *(\d+)", head)
    length = int(found[1]) if found else 0
    while len(body) < length:
        chunk = sender.recv(_CHUNK)
        if not chunk:
            return b""
        body += chunk
    return head + b"\r\n\r\n" + body
