"""The section *Image*: which one, what is known of it, and what a person can add."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer

from IODeepSlicer.panel.choices import fillModalities, fillRegions
from IODeepSlicer.panel.widgets import loadUI, say, sayHtml
from IODeepSlicer.scene import images
from IODeepSlicer.text.fit_text import RED
from IODeepSlicer.text.i18n import tr as _
from IODeepSlicer.text.image_text import imageHtml
from IODeepSlicer.text.messages import errorText


class ImageSection:
    """`parameters` is set and taken away by the panel; `changed` is called when a person adds.

    Attributes:
        usable: whether there is an image with voxels.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self.root, self.ui = loadUI("Image")
        self.parameters: Any = None
        self.usable = False
        self._changed = changed
        self._boxes = {
            "Modality": (self.ui.modalityLabel, self.ui.modalityComboBox),
            "BodyPartExamined": (self.ui.regionLabel, self.ui.regionComboBox),
        }
        self._fill()
        self.ui.modalityComboBox.connect("activated(int)", lambda _i: self._keep("Modality"))
        self.ui.regionComboBox.connect("activated(int)", lambda _i: self._keep("BodyPartExamined"))

    def _fill(self) -> None:
        self.ui.modalityComboBox.addItem(_("not known"), "")
        fillModalities(self.ui.modalityComboBox)
        self.ui.regionComboBox.addItem(_("not known"), "")

    def show(self, volumeNode: slicer.vtkMRMLScalarVolumeNode | None) -> None:
        """Show what is known of the image."""
        from IODeepLib.errors import IODeepError

        fillRegions(self.ui.regionComboBox)
        self.usable, unknown = False, set()
        say(self.ui.imageLabel, "")
        if volumeNode is not None:
            try:
                image = images.imageOf(volumeNode)
            except IODeepError as error:
                say(self.ui.imageLabel, errorText(error), RED)
            else:
                self.usable = True
                unknown = images.notInHeader(image)
                sayHtml(self.ui.imageLabel, imageHtml(image))
        for keyword, (label, box) in self._boxes.items():
            said = volumeNode.GetAttribute(images.SAID[keyword]) if volumeNode else None
            label.visible = box.visible = keyword in unknown or bool(said)
            box.currentIndex = max(0, box.findData(said or ""))

    def _keep(self, keyword: str) -> None:
        """What the user says about the image stays with it."""
        box = self._boxes[keyword][1]
        value = box.itemData(box.currentIndex)
        self.parameters.inputVolume.SetAttribute(images.SAID[keyword], value or None)
        self._changed()
