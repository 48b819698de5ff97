"""What others reach of the service, over the network: each way is a `Listener`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from IODeepLib.errors import UsageError
from IODeepLib.service.dimse.settings import Dimse
from IODeepLib.service.hands import Hands
from IODeepLib.service.settings import ServiceSettings, Ups
from IODeepLib.service.web.settings import WebSettings
from IODeepLib.sources.settings import Settings

# Called where there may be something to do: work that came by a listener begins at once.
Ring = Callable[[], None]


class Listener(Protocol):
    """A way to reach the service."""

    @property
    def name(self) -> str:
        """How messages call it."""
        ...

    def start(self, hands: Hands, ring: Ring) -> None:
        """Listen from now on, in threads of its own.

        Raises:
            UsageError: it cannot, as its port is taken.
        """
        ...

    def stop(self) -> None:
        """End what it does within seconds, and its threads; also where it never started."""
        ...


def listeners_of(settings: Settings, service: ServiceSettings) -> list[Listener]:
    """What listens, by the settings.

    Raises:
        UsageError: what they ask for is not safe, or a package that it needs is not installed.
    """
    found: list[Listener] = []
    if service.dimse is not None:
        found.append(_application_entity(service.dimse, service.ups))
    if service.ups is not None:
        from IODeepLib.service.ups.listener import UpsListener

        found.append(UpsListener(service.ups, service.dimse))
    if service.hl7 is not None:
        from IODeepLib.service.hl7.listener import MllpListener

        found.append(MllpListener(service.hl7))
    if service.web is not None and settings.path is not None:
        found.append(_web(settings.path, service.web))
    return found


def _application_entity(dimse: Dimse, ups: Ups | None) -> Listener:
    try:
        from IODeepLib.service.dimse.listener import DimseListener, Services
        from IODeepLib.service.dimse.storing import storing
        from IODeepLib.service.ups.over_dimse import over_dimse
    except ImportError:
        raise UsageError(
            "no Python package pynetdicom, for [service.dimse]", "it", "pip install pynetdicom"
        ) from None
    services: list[Callable[[Hands], Services]] = []
    if dimse.store:
        services.append(lambda hands: storing(dimse.largest_gb))
    if ups is not None:
        services.append(lambda hands: over_dimse(hands, ups, dimse))
    return DimseListener(dimse, services)


def _web(path: Path, web: WebSettings) -> Listener:
    try:
        from IODeepLib.service.web.listener import WebListener
    except ImportError as error:
        raise UsageError(
            f"no Python package {error.name}, for [service.web]",
            "it",
            "pip install 'IODeepLib[service]'",
        ) from None
    return WebListener(path, web)
