"""How long a request to a server may take, and how much it may bring.

A server that is broken, or wants to keep us, need not be silent: it can answer for ever, or send a
byte a second. So beside the silence everything that a request takes has an end.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

from IODeepLib.errors import SourceError
from IODeepLib.sources.archive import StalledError

# Slower than any line that images go over: 500 MB would take 14 hours.
SLOWEST = 10_000  # bytes a second
# So many time-outs may pass beside what SLOWEST allows: 10 minutes, as `iodeep.toml` has it if it
# says nothing. Archives that fetch from a tape first say every few seconds that they are at it.
TIMEOUTS = 10
# Answers to a search. A study has thousands of instances, and a day of a hospital less studies.
MOST_ANSWERS = 100_000
# Instances of a series, where the server does not say how many it has.
MOST_INSTANCES = 100_000
# Of one instance: what the length of an element can say (PS3.5 section 7.1), and what is beside it.
MOST_BYTES = 2**32 + 2**24
# Of a card: its architecture has no large tensors, and texts are some hundred kilobytes.
MOST_CARD_BYTES = 2**26
# Of what a weights instance has beside its payload.
MOST_BESIDE_PAYLOAD = 2**20


class TimeLimit:
    """Of one request to one server: silence has an end, and so has all that it takes.

    Args:
        name: how messages call the server.
        seconds: without a sign of life, after which it counts as lost.
    """

    def __init__(self, name: str, seconds: float) -> None:
        self._name, self.seconds = name, seconds
        self._begin = self._moved = time.monotonic()
        self._bytes = 0

    def resumed(self) -> None:
        """We wait for the server again: what has passed since something moved was our own time."""
        now = time.monotonic()
        self._begin += now - self._moved
        self._moved = now

    def moved(self, count: int) -> None:
        """So many bytes came or went."""
        self._moved = time.monotonic()
        self._bytes += count

    def check(self) -> None:
        """Raise if it is over.

        Raises:
            StalledError: nothing has moved for too long.
            SourceError: too little has moved in all the time that it took.
        """
        now = time.monotonic()
        if now - self._moved > self.seconds:
            raise StalledError(self._name, self.seconds)
        took = now - self._begin
        if took > TIMEOUTS * self.seconds + self._bytes / SLOWEST:
            raise SourceError(
                f"{self._name} has moved {self._bytes} bytes in {took:.0f} seconds and has not "
                "come to an end",
                f"{SLOWEST} bytes a second, after {TIMEOUTS} times the timeout",
                "ask who runs the server, or set a longer timeout in iodeep.toml",
            )


def too_many(name: str, what: str, most: int) -> SourceError:
    """The error to raise when there is no end to what a server sends."""
    return SourceError(f"{name} sent more than {most} {what}", "an end", "ask who runs the server")


def up_to(most: int, chunks: Iterable[bytes], name: str) -> Iterator[bytes]:
    """The chunks of an object that a server sends.

    Raises:
        SourceError: there are more than `most` bytes.
    """
    count = 0
    for chunk in chunks:
        count += len(chunk)
        if count > most:
            raise too_many(name, "bytes of one object", most)
        yield chunk
