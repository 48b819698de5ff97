"""Which models people on this computer know: before the first run, they see the model card."""

from __future__ import annotations

from typing import TYPE_CHECKING

import qt

if TYPE_CHECKING:
    from IODeepLib.model_object import Card

_KEY = "IODeep/ModelsThatWereSeen"


def wasSeen(card: Card) -> bool:
    """Whether the card of this version of the model was looked at here before."""
    return card.sop_instance_uid in _uids()


def rememberSeen(card: Card) -> None:
    """From now on, it was."""
    if not wasSeen(card):
        qt.QSettings().setValue(_KEY, [*_uids(), card.sop_instance_uid])


def _uids() -> list[str]:
    value = qt.QSettings().value(_KEY)
    # A list of one comes back as its only item.
    return [value] if isinstance(value, str) else list(value or ())
