"""The entry *Segment with IODeep…* in the context menu of a volume, as in the module Data."""

from __future__ import annotations

from typing import Any

import qt
import slicer
from slicer.i18n import tr as _
from SubjectHierarchyPlugins import AbstractScriptedSubjectHierarchyPlugin


class IODeepSubjectHierarchyPlugin(AbstractScriptedSubjectHierarchyPlugin):
    """It owns no items; what it does not answer, the Default plugin does."""

    filePath = __file__

    def __init__(self, scriptedPlugin: Any) -> None:
        scriptedPlugin.name = "IODeep"
        AbstractScriptedSubjectHierarchyPlugin.__init__(self, scriptedPlugin)
        self.segmentAction = qt.QAction(_("Segment with IODeep…"), scriptedPlugin)
        self.segmentAction.connect("triggered()", self.onSegment)

    def canAddNodeToSubjectHierarchy(self, node: Any, parentItemID: int) -> float:
        """It owns nothing."""
        return 0.0

    def canOwnSubjectHierarchyItem(self, itemID: int) -> float:
        """It owns nothing."""
        return 0.0

    def roleForPlugin(self) -> str:
        """It owns nothing, and so has no role."""
        return "N/A"

    def helpText(self) -> str:
        """Nothing to say in the help of the module Data."""
        return ""

    def icon(self, itemID: int) -> Any:
        """It owns nothing, and so has no icon."""
        return qt.QIcon()

    def visibilityIcon(self, visible: int) -> Any:
        """As everywhere."""
        return self._default().visibilityIcon(visible)

    def editProperties(self, itemID: int) -> None:
        """As everywhere."""
        self._default().editProperties(itemID)

    def setDisplayVisibility(self, itemID: int, visible: int) -> None:
        """As everywhere."""
        self._default().setDisplayVisibility(itemID, visible)

    def getDisplayVisibility(self, itemID: int) -> int:
        """As everywhere."""
        return self._default().getDisplayVisibility(itemID)

    def tooltip(self, itemID: int) -> str:
        """It owns nothing, and so has none."""
        return ""

    def itemContextMenuActions(self) -> list[Any]:
        """What may be shown in the menu of an item."""
        return [self.segmentAction]

    def sceneContextMenuActions(self) -> list[Any]:
        """Nothing in the menu of the whole scene."""
        return []

    def showContextMenuActionsForItem(self, itemID: int) -> None:
        """Show the entry for volumes that are images."""
        self.segmentAction.visible = _isImage(_nodeOf(itemID)) if itemID else False

    def onSegment(self) -> None:
        """Open the module with the image chosen on which the menu was opened."""
        volumeNode = _nodeOf(self._handler().currentItem())
        if _isImage(volumeNode):
            slicer.util.selectModule("IODeep")
            slicer.modules.iodeep.widgetRepresentation().self().chooseImage(volumeNode)

    @staticmethod
    def _handler() -> Any:
        return slicer.qSlicerSubjectHierarchyPluginHandler.instance()

    def _default(self) -> Any:
        return self._handler().pluginByName("Default")


def _nodeOf(itemID: int) -> Any:
    return slicer.mrmlScene.GetSubjectHierarchyNode().GetItemDataNode(itemID) if itemID else None


def _isImage(node: Any) -> bool:
    return (
        node is not None
        and node.IsA("vtkMRMLScalarVolumeNode")
        and not node.IsA("vtkMRMLLabelMapVolumeNode")
    )
