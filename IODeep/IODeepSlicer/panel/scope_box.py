"""The choice beside *Apply*: what the model is run on. It is shown where there is a choice."""

from __future__ import annotations

from typing import Any

import qt
import slicer
from slicer.util import VTKObservationMixin

from IODeepSlicer.panel.widgets import silent
from IODeepSlicer.scene.sequences import frameCount
from IODeepSlicer.scene.targets import Scope, volumesIn
from IODeepSlicer.text.i18n import tr as _

_SETTLE_MILLISECONDS = 200  # nodes often come and go by the dozen


class ScopeBox(VTKObservationMixin):
    """Fills a QComboBox, again whenever nodes come and go."""

    def __init__(self, box: qt.QComboBox) -> None:
        VTKObservationMixin.__init__(self)
        self._box = box
        self._volumeNode: slicer.vtkMRMLScalarVolumeNode | None = None
        self._settled = qt.QTimer()
        self._settled.setSingleShot(True)
        self._settled.setInterval(_SETTLE_MILLISECONDS)
        self._settled.connect("timeout()", self._fill)
        scene = slicer.mrmlScene
        for event in (scene.NodeAddedEvent, scene.NodeRemovedEvent):
            self.addObserver(scene, event, self._onScene)

    @property
    def scope(self) -> Scope:
        """What is chosen."""
        value = self._box.itemData(self._box.currentIndex)
        return Scope(value) if value else Scope.VOLUME

    def show(self, volumeNode: slicer.vtkMRMLScalarVolumeNode | None) -> None:
        """Offer what there is beside this image."""
        if volumeNode is not self._volumeNode:
            self._box.currentIndex = 0  # a choice for another image goes
        self._volumeNode = volumeNode
        self._fill()

    def cleanup(self) -> None:
        """The panel goes."""
        self._settled.stop()
        self._settled.disconnect("timeout()", self._fill)
        self.removeObservers()

    def _onScene(self, caller: Any = None, event: Any = None) -> None:
        self._settled.start()

    def _fill(self) -> None:
        choices = self._choices()
        chosen = self.scope
        with silent(self._box):
            self._box.clear()
            for scope, text in choices:
                self._box.addItem(text, scope.value)
            self._box.currentIndex = max(0, self._box.findData(chosen.value))
        self._box.visible = len(choices) > 1

    def _choices(self) -> list[tuple[Scope, str]]:
        choices = [(Scope.VOLUME, _("on this image"))]
        volumeNode = self._volumeNode
        if volumeNode is None or not slicer.mrmlScene.IsNodePresent(volumeNode):
            return choices
        frames = frameCount(volumeNode)
        if frames > 1:
            choices.append((Scope.FRAMES, _("on all {count} frames").format(count=frames)))
        loaded, study = (len(volumesIn(s, volumeNode)) for s in (Scope.LOADED, Scope.STUDY))
        if study > 1:
            text = _("on the {count} loaded images of its study").format(count=study)
            choices.append((Scope.STUDY, text))
        if loaded > 1:
            choices.append((Scope.LOADED, _("on all {count} loaded images").format(count=loaded)))
        return choices
