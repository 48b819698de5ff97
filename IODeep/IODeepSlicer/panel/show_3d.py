"""The button *Show 3D* below a result; small results are shown in 3D by themselves.

Their surfaces are made in a process of its own. Who presses the button waits for Slicer's own code.
"""

from __future__ import annotations

import logging
from typing import Any

import qt
import slicer

from IODeepSlicer.panel.turns import Polls, later
from IODeepSlicer.scene.surfaces import hasSurfaces, takeSurfaces, voxelStamp
from IODeepSlicer.text.i18n import tr as _
from IODeepSlicer.work.surfaces import Surfaces, startSurfaces
from IODeepSlicer.work.worker_process import State

_KEY = "IODeep/Show3D"
_MOST_SEGMENTS = 20


class Show3D:
    """The button is Slicer's; whether new results are shown by themselves, its menu asks."""

    def __init__(self, button: Any) -> None:
        self._button = button
        self._node: slicer.vtkMRMLSegmentationNode | None = None
        self._surfaces: Surfaces | None = None
        self._ending: list[Surfaces] = []
        self._stamp: tuple[object, ...] = ()
        self._text = button.text
        button.connect("toggled(bool)", self._onToggled)
        self._automatic = button.menu().addAction(
            _("Show new results of up to {count} segments").format(count=_MOST_SEGMENTS)
        )
        self._automatic.checkable = True
        self._automatic.checked = str(qt.QSettings().value(_KEY, "true")).lower() == "true"
        self._automatic.connect("toggled(bool)", _remember)
        self._polls = Polls(self._poll)

    def show(self, node: slicer.vtkMRMLSegmentationNode | None) -> None:
        """Offer to show this segmentation."""
        self._button.visible = node is not None
        self._button.setSegmentationNode(node)

    def take(self, node: slicer.vtkMRMLSegmentationNode) -> None:
        """Show a new result, if it is small and there is a view to show it in."""
        if not self._automatic.checked:
            return
        count = node.GetSegmentation().GetNumberOfSegments()
        if 0 < count <= _MOST_SEGMENTS and _views() and not hasSurfaces(node):
            self._start(node)

    def cleanup(self) -> None:
        """The panel goes."""
        self._cancel()
        for surfaces in self._ending:
            surfaces.cancel()
        self._polls.cleanup()

    def _start(self, node: slicer.vtkMRMLSegmentationNode) -> None:
        self._cancel()
        self._node, self._stamp = node, voxelStamp(node)
        self._surfaces = startSurfaces(node)
        self._button.text = _("Making 3D…")
        self._polls.start()

    def _cancel(self) -> None:
        if self._surfaces is not None:
            self._surfaces.stop()  # waiting for its end would hold up the next result
            self._ending.append(self._surfaces)
        self._surfaces = self._node = None
        self._button.text = self._text

    def _onToggled(self, _on: bool) -> None:
        self._cancel()  # Slicer's own code has made them now, or they are not wanted

    def _poll(self) -> None:
        self._ending = [one for one in self._ending if one.poll() is State.RUNNING]
        surfaces, node = self._surfaces, self._node
        if surfaces is None or node is None:
            if not self._ending:
                self._polls.stop()
            return
        isThere = bool(slicer.mrmlScene.IsNodePresent(node))
        if not isThere or voxelStamp(node) != self._stamp:
            self._cancel()  # what is made now is not what it is any more
            return
        if surfaces.poll() is State.RUNNING:
            return
        self._cancel()
        try:
            takeSurfaces(node, surfaces.outcome())
        except Exception as error:
            logging.error("IODeep: no surfaces: %s\n%s", error, surfaces.log)
            return
        later(_center)


def _remember(automatic: bool) -> None:
    qt.QSettings().setValue(_KEY, "true" if automatic else "false")


def _views() -> list[Any]:
    """The 3D views that a person sees."""
    manager = slicer.app.layoutManager()
    if manager is None:
        return []
    widgets = map(manager.threeDWidget, range(manager.threeDViewCount))
    return [widget.threeDView() for widget in widgets if widget.visible]


def _center() -> None:
    for view in _views():
        view.resetFocalPoint()
        view.resetCamera(False, True, True)  # from where it looks, it still looks
