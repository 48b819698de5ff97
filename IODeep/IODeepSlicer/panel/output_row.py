"""The row *Output*: a new segmentation on Apply, or one whose content the result replaces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import slicer

from IODeepSlicer.panel.questions import confirmed
from IODeepSlicer.scene.former import isNetworksAlone
from IODeepSlicer.text import card_text
from IODeepSlicer.text.i18n import tr as _

if TYPE_CHECKING:
    from IODeepLib.model_object import Card


class OutputRow:
    """Which one is chosen, the parameter node keeps."""

    def __init__(self, ui: Any) -> None:
        self._ui = ui

    def show(self, card: Card | None, *, forMany: bool) -> None:
        """Offer the choice where one model that segments is to be run once."""
        from IODeepLib.recipe import Task

        self._ui.outputFrame.visible = (
            card is not None and card.task is Task.SEGMENTATION and not forMany
        )
        if card is not None:
            self._ui.outputSelector.baseName = card_text.nodeName(card)

    @property
    def chosen(self) -> slicer.vtkMRMLSegmentationNode | None:
        """The segmentation whose content is replaced, or None for a new one."""
        return self._ui.outputSelector.currentNode() if self._ui.outputFrame.visible else None

    def mayReplace(self, node: slicer.vtkMRMLSegmentationNode) -> bool:
        """Whether its content may go; a person is asked where it is anybody's work."""
        return isNetworksAlone(node) or confirmed(
            _("{name} holds segments that were drawn or changed by hand.").format(
                name=node.GetName()
            ),
            _("They are gone when the result takes their place."),
            _("Replace"),
        )
