"""Which models were run on this computer: before the first run, a person sees the model card."""

from __future__ import annotations

from typing import TYPE_CHECKING

import qt

if TYPE_CHECKING:
    from IODeepLib.model_object import Card

_KEY = "IODeep/ModelsThatWereRun"


def wasRun(card: Card) -> bool:
    """Whether this version of the model was run here before."""
    return card.sop_instance_uid in _uids()


def rememberRun(card: Card) -> None:
    """From now on, it was."""
    if not wasRun(card):
        qt.QSettings().setValue(_KEY, [*_uids(), card.sop_instance_uid])


def _uids() -> list[str]:
    value = qt.QSettings().value(_KEY)
    # A list of one comes back as its only item.
    return [value] if isinstance(value, str) else list(value or ())
