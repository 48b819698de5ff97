"""The cards of the server that a person chose: asked for once, while Slicer goes on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IODeepSlicer.panel.turns import Polls
from IODeepSlicer.sources.recent_servers import rememberServer
from IODeepSlicer.sources.servers import serverNames
from IODeepSlicer.text.i18n import tr as _
from IODeepSlicer.text.messages import errorText
from IODeepSlicer.work.worker_process import State

if TYPE_CHECKING:
    from IODeepSlicer.work.listing import Listing


class ServerCards:
    """`arrived` is called when an answer, or an error, is here.

    No server is asked because a scene names it: that takes a person, see `ask`.
    """

    def __init__(self, logic: Any, arrived: Callable[[], None]) -> None:
        self._logic, self._arrived = logic, arrived
        self._server, self._message = "", ""
        self._cards: Sequence[Path] = ()
        self._listing: Listing | None = None
        self._polls = Polls(self._poll)

    def ask(self, server: str) -> None:
        """A person wants the models of this server."""
        self._cancel()
        self._server, self._cards = server, ()
        self._message = _("Asking {server} for its models…").format(server=server)
        self._listing = self._logic.startListing(server)
        self._polls.start()

    def of(self, server: str) -> Sequence[Path]:
        """The files of its cards, as far as they are here."""
        return self._cards if server == self._server else ()

    def message(self, server: str) -> str:
        """What a person should know about them; "" if all is well."""
        if server == self._server:
            return self._message
        return _("{server} was not asked for its models yet. Press the button beside it.").format(
            server=server
        )

    def cleanup(self) -> None:
        """The panel goes."""
        self._cancel()
        self._polls.cleanup()

    def _cancel(self) -> None:
        self._polls.stop()
        if self._listing is not None:
            self._listing.cancel()
        self._listing = None

    def _poll(self) -> None:
        if self._listing is None or self._listing.poll() is State.RUNNING:
            return
        self._polls.stop()
        listing, self._listing = self._listing, None
        try:
            self._cards, self._message = listing.outcome(), ""
            if self._server not in serverNames()[0]:
                rememberServer(self._server)
        except Exception as error:
            logging.error("IODeep: %s\n%s", error, listing.log)
            self._message = errorText(error)
        self._arrived()
