"""Below a result: a person accepts it, amends it in the Segment Editor, or rejects it."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Sequence
from typing import Any

import slicer

from IODeepSlicer.panel.widgets import loadUI, say, setTip
from IODeepSlicer.scene import nodes
from IODeepSlicer.scene.reviews import Review, Verdict, addReview, isOutdated, reviewsOf
from IODeepSlicer.scene.segments import SegmentNow
from IODeepSlicer.text.fit_text import AMBER, GREEN, RED
from IODeepSlicer.text.i18n import tr as _
from IODeepSlicer.text.messages import errorText

_COLORS = {Verdict.ACCEPTED: GREEN, Verdict.AMENDED: AMBER, Verdict.REJECTED: RED}


class ReviewRow:
    """What is said is kept with the result, see `IODeepSlicer.scene.reviews`.

    `decided` is called when something was said, and told what.
    """

    def __init__(self, decided: Callable[[Verdict], None]) -> None:
        self.root, self._ui = loadUI("Review")
        self._decided = decided
        self._node: Any = None
        self._found: Sequence[SegmentNow] | None = None
        for button, verdict in (
            (self._ui.acceptButton, Verdict.ACCEPTED),
            (self._ui.amendButton, Verdict.AMENDED),
            (self._ui.rejectButton, Verdict.REJECTED),
        ):
            button.connect("clicked()", lambda verdict=verdict: self._decide(verdict))

    def show(self, node: slicer.vtkMRMLNode | None) -> None:
        """Offer to review this result, and show what was said of it."""
        self._node, self._found = node, None
        self.root.visible = node is not None
        if node is None:
            return
        self._ui.amendButton.visible = node.IsA("vtkMRMLSegmentationNode")
        self._ui.reasonLineEdit.text = ""
        self._enable()
        self._say(reviewsOf(node))

    def _enable(self) -> None:
        """What is said is said of segments that were looked at."""
        known = self._found is not None or not self._node.IsA("vtkMRMLSegmentationNode")
        for button in (self._ui.acceptButton, self._ui.amendButton, self._ui.rejectButton):
            button.enabled = known

    def look(self, found: Sequence[SegmentNow] | None) -> None:
        """The segments of the result were looked at; None: they are just being looked at."""
        self._found = found
        if self._node is None:
            return
        self._enable()
        if found is not None:
            self._say(reviewsOf(self._node))

    def _say(self, reviews: list[Review]) -> None:
        last = reviews[-1] if reviews else None
        text = _("Not reviewed yet.") if last is None else str(last)
        color = "" if last is None else _COLORS[last.verdict]
        if last is not None and self._found is not None and isOutdated(last, self._found):
            changed = _("The segments were changed since then.")
            text, color = f"{text.rstrip('.')}. {changed}", AMBER
        say(self._ui.reviewLabel, text, color)
        setTip(self._ui.reviewLabel, "\n".join(map(str, reviews)))

    def _decide(self, verdict: Verdict) -> None:
        try:
            reason = self._ui.reasonLineEdit.text
            addReview(self._node, verdict, _reviewer(), reason, self._found)
        except Exception as error:
            say(self._ui.reviewLabel, errorText(error), RED)
            return
        self._ui.reasonLineEdit.text = ""
        self._say(reviewsOf(self._node))
        self._decided(verdict)


def _reviewer() -> str:
    """Who Slicer's settings say is there, or who is logged in."""
    person = slicer.app.applicationLogic().GetUserInformation()
    return person.GetName() or person.GetLogin() or getpass.getuser()


def openInEditor(segmentationNode: slicer.vtkMRMLSegmentationNode) -> None:
    """Open it in the Segment Editor, on its image."""
    slicer.util.selectModule("SegmentEditor")
    editor = slicer.modules.segmenteditor.widgetRepresentation().self().editor
    editor.setSegmentationNode(segmentationNode)
    editor.setSourceVolumeNode(nodes.imageNodeOf(segmentationNode))
