"""The segments of a result, looked at again whenever they changed, a little at a time."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator

import qt
import slicer
from slicer.util import VTKObservationMixin

from IODeepSlicer.panel.turns import later
from IODeepSlicer.scene import segments
from IODeepSlicer.scene.segments import SegmentNow
from IODeepSlicer.text.messages import errorText

_SETTLE_MILLISECONDS = 300  # after the last change: an edit makes many
_SLICE, _REST_MILLISECONDS = 0.03, 10  # seconds at a time, and what Slicer has in between
# What the node says of its segmentation, which may be replaced as a whole.
_EVENTS = (
    slicer.vtkSegmentation.SourceRepresentationModified,
    slicer.vtkSegmentation.SegmentAdded,
    slicer.vtkSegmentation.SegmentRemoved,
    slicer.vtkSegmentation.SegmentModified,
    slicer.vtkSegmentation.SegmentsOrderModified,
    slicer.vtkMRMLSegmentationNode.SegmentationChangedEvent,
    slicer.vtkMRMLTransformableNode.TransformModifiedEvent,
)


class SegmentsWatch(VTKObservationMixin):
    """Watches one segmentation, and tells when it was looked at.

    Attributes:
        node: the segmentation, or None.
        found: its segments as they are; None while they are looked at.
        problem: why they cannot be looked at; "" if they can.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        """`changed` is called when `found` or `problem` are others."""
        VTKObservationMixin.__init__(self)
        self.node: slicer.vtkMRMLSegmentationNode | None = None
        self.found: list[SegmentNow] | None = None
        self.problem = ""
        self._changed = changed
        self._stamp: tuple[object, ...] = ()
        self._looking: Generator[None, None, list[SegmentNow]] | None = None
        self._settled, self._turn = qt.QTimer(), qt.QTimer()
        self._settled.setSingleShot(True)
        self._settled.setInterval(_SETTLE_MILLISECONDS)
        self._settled.connect("timeout()", self._begin)
        self._turn.setInterval(_REST_MILLISECONDS)
        self._turn.connect("timeout()", self._go)

    def watch(self, node: slicer.vtkMRMLSegmentationNode | None) -> None:
        """Watch this segmentation of IODeep, and look at it now."""
        self.rest()
        self.node = node
        self.found, self.problem = None, ""
        if node is not None:
            for event in _EVENTS:
                self.addObserver(node, event, self._onEvent)
            self._begin()

    def rest(self) -> None:
        """Watch no longer."""
        self.removeObservers()
        self._settled.stop()
        self._turn.stop()
        self._looking = None
        self.node = None

    def cleanup(self) -> None:
        """The panel goes."""
        self.rest()
        self._settled.disconnect("timeout()", self._begin)
        self._turn.disconnect("timeout()", self._go)

    def _onEvent(self, _caller: object = None, _event: object = None) -> None:
        if self.node is None or segments.stampOf(self.node) == self._stamp:
            return  # nothing but a tag of ours
        if self.found is not None:
            self.found = None
            self._changed()
        self._settled.start()

    def _begin(self) -> None:
        if self.node is None:
            return
        self._stamp = segments.stampOf(self.node)
        self._looking = segments.look(self.node)
        self._turn.start()

    def _go(self) -> None:
        until = time.monotonic() + _SLICE
        try:
            while self._looking is not None and time.monotonic() < until:
                next(self._looking)
        except StopIteration as end:
            self._take(end.value)
        except Exception as error:
            logging.error("IODeep: %s", error, exc_info=error)
            self._end()
            self.problem = errorText(error)
            self._changed()

    def _take(self, found: list[SegmentNow]) -> None:
        assert self.node is not None  # noqa: S101 - it was looked at
        self._end()
        self.found, self.problem = found, ""
        self._stamp = segments.stampOf(self.node)
        segments.tellCore(self.node, found)
        later(self._changed)  # the table of fifty rows has a turn of its own

    def _end(self) -> None:
        self._turn.stop()
        self._looking = None
