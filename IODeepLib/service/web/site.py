"""What the routes of one service work with: each finds it at its request."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import cast

from starlette.requests import HTTPConnection

from IODeepLib.service.hands import Hands
from IODeepLib.service.listeners import Ring
from IODeepLib.service.web.known_models import KnownModels
from IODeepLib.service.web.sessions import Sessions
from IODeepLib.service.web.settings import WebSettings

_MOST = 1000  # sessions of a kind
_HOURS, _MINUTES = 3600.0, 60.0


@dataclass(frozen=True)
class Site:
    """What the routes work with.

    Attributes:
        hands: queue, PACS and folder.
        settings: with the secrets themselves, see `with_secrets`.
        ring: called where there may be something to do.
        models: what is known of the models.
        sessions: who is signed in.
        doors: who is about to.
    """

    hands: Hands
    settings: WebSettings
    ring: Ring
    models: KnownModels
    sessions: Sessions = field(default_factory=lambda: Sessions(_MOST, 12 * _HOURS))
    doors: Sessions = field(default_factory=lambda: Sessions(_MOST, 10 * _MINUTES))


def site_of(connection: HTTPConnection) -> Site:
    """The site that was asked."""
    return cast(Site, connection.app.state.site)
