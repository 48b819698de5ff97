"""Procedure steps in a running service: those of others are performed, and others are told."""

from __future__ import annotations

import threading
from collections.abc import Callable

from IODeepLib.errors import IODeepError
from IODeepLib.service.dimse.settings import Dimse
from IODeepLib.service.hands import Hands
from IODeepLib.service.listeners import Ring
from IODeepLib.service.log import tell
from IODeepLib.service.settings import Ups
from IODeepLib.service.ups.performing import Performing
from IODeepLib.service.ups.steps import Performer
from IODeepLib.service.ups.subscriptions import Subscriptions
from IODeepLib.service.ups.worklist import Worklist

_EVERY = 0.5  # seconds


class UpsListener:
    """What goes on of itself. See `Listener`.

    Args:
        settings: how.
        dimse: who may be told over DIMSE; None if nobody.
    """

    name = "ups"

    def __init__(self, settings: Ups, dimse: Dimse | None) -> None:
        self._settings, self._dimse = settings, dimse
        self._threads: list[threading.Thread] = []
        self._ending = threading.Event()

    def start(self, hands: Hands, ring: Ring) -> None:
        """See `Listener`."""
        worklist = worklist_of(hands, self._settings)
        performing = Performing(hands, self._settings, worklist)

        def perform() -> None:
            performing.follow()
            if performing.begin_next():
                ring()

        self._begin(perform, hands)
        if self._dimse is not None:
            from IODeepLib.service.ups.reporting import Reporting

            self._begin(
                Reporting(self._dimse, Subscriptions(hands.database, worklist)).report, hands
            )

    def stop(self) -> None:
        """See `Listener`."""
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def _begin(self, body: Callable[[], None], hands: Hands) -> None:
        def again_and_again() -> None:
            while not self._ending.wait(_EVERY):
                try:
                    body()
                except IODeepError as error:
                    tell("trouble", at=self.name, why=str(error))
                except BaseException:  # a fault of ours: who started the service starts it again
                    hands.ending.set()
                    raise

        thread = threading.Thread(target=again_and_again)
        self._threads.append(thread)
        thread.start()


def worklist_of(hands: Hands, settings: Ups) -> Worklist:
    """The steps in the database of a service."""
    return Worklist(hands.database, Performer.of(settings.station, hands.source))
