"""Under *Advanced*: whether a run says how sure the network is of each voxel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from IODeepSlicer.panel.widgets import setTip
from IODeepSlicer.text.messages import errorText

if TYPE_CHECKING:
    from IODeepLib.model_object import Card


class ConfidenceBox:
    """What is ticked, the parameter node keeps."""

    def __init__(self, box: Any) -> None:
        self._box = box
        self._tip = box.toolTip
        self._canBeAsked = False

    def show(self, cards: Sequence[Card]) -> None:
        """Offer it where these models can say so, or say why not."""
        why = [_whyNot(card) for card in cards]
        self._canBeAsked = bool(cards) and not all(why)
        self._box.enabled = self._canBeAsked
        setTip(self._box, why[0] if why and all(why) else self._tip)

    @property
    def isAsked(self) -> bool:
        """Whether it is asked for."""
        # Not whether the box is enabled: in a group that is folded, nothing is.
        return self._canBeAsked and bool(self._box.checked)


def _whyNot(card: Card) -> str:
    from IODeepLib.inference.confidence import confidence_obstacle

    obstacle = confidence_obstacle(card.recipe, card.title)
    return "" if obstacle is None else errorText(obstacle)
