"""The port on which messages of HL7 come, each in a frame (MLLP).

A message is answered once the study that it names is marked as seen, and so on the disk.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

from IODeepLib.errors import IODeepError
from IODeepLib.service.addresses import is_in, listening, tls_context
from IODeepLib.service.hands import Hands
from IODeepLib.service.hl7.message import TYPES, acknowledgment, parse
from IODeepLib.service.hl7.settings import Hl7
from IODeepLib.service.listeners import Ring
from IODeepLib.service.log import tell
from IODeepLib.sources.dimse.dial import shake_hands

_BEGIN, _END = b"\x0b", b"\x1c\r"
_MOST_BYTES = 2**20  # of a message, and of what is between two
_MOST_SENDERS = 16  # at once
_PIECE = 2**16
_SECONDS_TO_GREET = 10.0
_TICK = 0.2  # seconds between two looks whether to go on


class MllpListener:
    """The port. See `Listener`.

    Args:
        settings: how it listens.

    Raises:
        UsageError: certificate or key cannot be used.
    """

    name = "hl7"

    def __init__(self, settings: Hl7) -> None:
        self._settings = settings
        files = settings.certificate, settings.key, settings.ca
        self._tls = tls_context("service.hl7", *files)
        self._listener: socket.socket | None = None
        self._threads: list[threading.Thread] = []
        self._ending = threading.Event()

    def start(self, hands: Hands, ring: Ring) -> None:
        """See `Listener`."""
        place = self._settings.host, self._settings.port
        self._listener = listening("service.hl7", *place)
        self._listener.settimeout(_TICK)
        thread = threading.Thread(target=self._listen, args=[hands, ring])
        self._threads.append(thread)
        thread.start()

    def stop(self) -> None:
        """See `Listener`."""
        self._ending.set()
        for thread in [*self._threads]:
            thread.join()
        if self._listener is not None:
            self._listener.close()

    def _listen(self, hands: Hands, ring: Ring) -> None:
        assert self._listener is not None  # noqa: S101 - see `start`
        while not self._ending.is_set():
            with suppress(OSError):  # nobody for a while
                connection, address = self._listener.accept()
                self._threads[1:] = [one for one in self._threads[1:] if one.is_alive()]
                allowed = self._settings.addresses
                stranger = allowed and not is_in(address[0], allowed)
                if stranger or len(self._threads) > _MOST_SENDERS:
                    connection.close()
                    tell("sender turned away", address=address[0])
                    continue
                ends = connection, hands, ring
                thread = threading.Thread(target=self._serve, args=ends)
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection: socket.socket, hands: Hands, ring: Ring) -> None:
        wire = connection
        count = 0
        try:
            connection.settimeout(self._settings.timeout)
            if self._tls is not None:
                wire = self._tls.wrap_socket(
                    connection, server_side=True, do_handshake_on_connect=False
                )
                shake_hands(wire, min(_SECONDS_TO_GREET, self._settings.timeout))
            for content in self._frames(wire):
                answer, taken = _answered(hands, content)
                count += taken
                if taken:
                    ring()
                wire.settimeout(self._settings.timeout)
                wire.sendall(_BEGIN + answer + _END)
        except OSError:  # they are gone, say nothing, or have no TLS
            pass
        finally:
            if count:
                tell("messages heard", taken=count)
            wire.close()

    def _frames(self, wire: socket.socket) -> Iterator[bytes]:
        """The messages that come, until nobody speaks any more or one has no end."""
        held = b""
        since = time.monotonic()
        while not self._ending.is_set():
            begin = held.find(_BEGIN)
            end = held.find(_END, begin + 1) if begin >= 0 else -1
            if end >= 0:
                yield held[begin + 1 : end]
                held, since = held[end + len(_END) :], time.monotonic()
                continue
            if len(held) > _MOST_BYTES or time.monotonic() - since > self._settings.timeout:
                return
            wire.settimeout(_TICK)
            with suppress(TimeoutError):
                piece = wire.recv(_PIECE)
                if not piece:
                    return
                held += piece


def _answered(hands: Hands, content: bytes) -> tuple[bytes, int]:
    """The answer to a message, and how many studies were marked as seen."""
    message = parse(content)
    if message is None:
        return acknowledgment(None, "AR", "no message of HL7 version 2"), 0
    if message.kind not in TYPES:
        return acknowledgment(message, "AR", "a type that is not taken here"), 0
    try:
        studies = list(message.studies)
        for number in message.accessions:
            found = hands.source.series({"AccessionNumber": number})
            studies += [one.study_uid for one in found]
        with hands.database.transaction() as execute:
            for study in dict.fromkeys(studies):
                hands.studies.seen(execute, study)
    except IODeepError:
        return acknowledgment(message, "AE", "try again later"), 0
    return acknowledgment(message, "AA"), len(set(studies))
