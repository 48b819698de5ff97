"""How it is known that something in a study has changed: each way is a `Trigger`."""

from __future__ import annotations

from typing import Protocol

from IODeepLib.service.changes import change_feed
from IODeepLib.service.database import Database
from IODeepLib.service.polling import PolledServer
from IODeepLib.service.settings import ServiceSettings
from IODeepLib.service.studies import Studies
from IODeepLib.sources.pacs import PacsSource
from IODeepLib.sources.settings import Settings


class Trigger(Protocol):
    """A way to know that studies have come or changed."""

    @property
    def name(self) -> str:
        """How messages call it."""
        ...

    @property
    def every(self) -> float:
        """Seconds between two looks."""
        ...

    def look(self, database: Database, studies: Studies) -> int:
        """Mark the studies that have changed since the last time as seen; how many those are.

        What was there before the first look of all is left alone.

        Raises:
            SourceError: the server failed.
        """
        ...


def triggers_of(settings: Settings, service: ServiceSettings, source: PacsSource) -> list[Trigger]:
    """What starts jobs, by the settings.

    Raises:
        UsageError: a server that they name is none.
    """
    found: list[Trigger] = []
    if service.changes is not None:
        found.append(change_feed(settings, service, service.changes))
    if service.polling is not None:
        found.append(PolledServer(source, service.polling))
    return found
