"""Application entities are told what has happened to procedure steps (PS3.4 section CC.2.4).

Who does not answer is told later of what happens then: what was missed can be asked for.
"""

from __future__ import annotations

import time

from pydicom.uid import ImplicitVRLittleEndian

from IODeepLib.errors import SourceError
from IODeepLib.service.dimse.settings import Caller, Dimse
from IODeepLib.service.log import tell
from IODeepLib.service.ups.refusals import UPS_EVENT, UPS_PUSH
from IODeepLib.service.ups.subscriptions import Event, Subscriptions
from IODeepLib.service.waits import pause_after
from IODeepLib.sources.dimse.connection import Connection
from IODeepLib.sources.settings import Server

_LONGEST_WAIT = 10.0  # seconds, of who does not answer: others are told meanwhile by nobody
_CONTEXT = UPS_EVENT, str(ImplicitVRLittleEndian)


class Reporting:
    """Tells those who have an address in the settings.

    Args:
        settings: who that is.
        subscriptions: what they want to know.
    """

    def __init__(self, settings: Dimse, subscriptions: Subscriptions) -> None:
        self._settings, self._subscriptions = settings, subscriptions
        last = subscriptions.last()
        self._told = {one.aet: last for one in settings.callers}
        self._silent: dict[str, tuple[int, float]] = {}  # how often in vain, and when again

    def report(self) -> None:
        """Tell all what is new."""
        last, subscribers = self._subscriptions.last(), set(self._subscriptions.titles())
        for caller in self._settings.callers:
            if caller.port is None or caller.aet not in subscribers:
                self._told[caller.aet] = last
                continue
            since = self._told[caller.aet]
            tries, due = self._silent.get(caller.aet, (0, 0.0))
            if time.monotonic() < due:
                continue
            events, self._told[caller.aet] = self._subscriptions.news(caller.aet, since)
            if not events:
                continue
            try:
                self._tell(caller, events)
                self._silent.pop(caller.aet, None)
            except SourceError:
                again = time.monotonic() + pause_after(tries + 1)
                self._silent[caller.aet] = tries + 1, again
                tell("receiver is silent", aet=caller.aet, missed=len(events))

    def _tell(self, caller: Caller, events: list[Event]) -> None:
        assert caller.host is not None and caller.port is not None  # noqa: S101 - see `report`
        url = f"dimse://{caller.aet}@{caller.host}:{caller.port}"
        seconds = min(_LONGEST_WAIT, self._settings.timeout)
        server = Server(url, timeout=seconds, aet=self._settings.aet)
        connection = Connection(server, caller.aet, caller.host, caller.port)
        try:
            number = connection.associate([_CONTEXT], receiving=True).number(_CONTEXT)
            if number is None:
                raise SourceError(f"{caller.aet} takes no reports", "UPS Event", "ask who runs it")
            for event in events:
                connection.report(number, UPS_PUSH, event.step, event.kind, event.information)
        finally:
            connection.close()
