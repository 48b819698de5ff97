"""Who is signed in on the page: known by a cookie, and forgotten when the service ends."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from IODeepLib.service.web.settings import Role


@dataclass(frozen=True)
class Visitor:
    """Who asks.

    Attributes:
        name: how the log calls them.
        role: what they may do.
    """

    name: str
    role: Role


@dataclass(frozen=True)
class Session:
    """A browser that comes back.

    Attributes:
        key: what its cookie holds.
        csrf: what its forms hold: a page elsewhere does not know it.
        ends: until when it counts, by the monotonic clock.
        visitor: who sits there; None as long as they have not signed in.
        kept: what is to be remembered until they have.
    """

    key: str
    csrf: str
    ends: float
    visitor: Visitor | None = None
    kept: dict[str, Any] = field(default_factory=dict)


class Sessions:
    """The sessions of one kind.

    Args:
        most: how many are remembered; the oldest go first.
        seconds: for how long.
        now: the clock.
    """

    def __init__(
        self, most: int, seconds: float, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._most, self.seconds, self._now = most, seconds, now
        self._lock = threading.Lock()
        self._sessions: dict[str, Session] = {}

    def begin(self, visitor: Visitor | None = None) -> Session:
        """A new one."""
        ends = self._now() + self.seconds
        made = Session(secrets.token_urlsafe(), secrets.token_urlsafe(), ends, visitor)
        with self._lock:
            while len(self._sessions) >= self._most:
                del self._sessions[next(iter(self._sessions))]
            self._sessions[made.key] = made
        return made

    def find(self, key: str | None) -> Session | None:
        """The one with this key, if it still counts."""
        found = self._sessions.get(key or "")
        return found if found is not None and self._now() < found.ends else None

    def end(self, key: str | None) -> None:
        """Forget one."""
        with self._lock:
            self._sessions.pop(key or "", None)
