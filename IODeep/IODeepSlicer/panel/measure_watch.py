"""The measurements of a result: those of its run, or made anew beside Slicer once it was edited."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import slicer

from IODeepSlicer.panel.turns import Polls
from IODeepSlicer.scene import nodes
from IODeepSlicer.scene.measured import Measured, measuredByRun
from IODeepSlicer.scene.segments import SegmentNow
from IODeepSlicer.text.messages import errorText
from IODeepSlicer.work.measuring import Measuring, startMeasuring
from IODeepSlicer.work.worker_process import State


class MeasureWatch:
    """Knows what is measured of one segmentation, and measures it while Slicer goes on.

    Attributes:
        measured: what was measured of it as it was when it was looked at; None for nothing yet.
        problem: why it cannot be measured; "" if it can.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        """`changed` is called when `measured` or `problem` are others."""
        self.measured: Measured | None = None
        self.problem = ""
        self._changed = changed
        self._measuring: Measuring | None = None
        self._of: tuple[object, ...] | None = None
        self._polls = Polls(self._poll)

    @property
    def isMeasuring(self) -> bool:
        """Whether it is being measured."""
        return self._measuring is not None

    def look(
        self,
        node: slicer.vtkMRMLSegmentationNode | None,
        found: Sequence[SegmentNow] | None,
    ) -> None:
        """Measure this segmentation, unless that was done.

        Args:
            node: of IODeep; None for no segmentation.
            found: its segments; None while they are looked at, and may be others.
        """
        if node is None or found is None:
            self._cancel()
            return
        run = node.GetID(), node.GetAttribute(nodes.RUN)
        of = (*run, *((each.id, each.origin, each.fingerprint) for each in found))
        if of == self._of:
            return
        self._cancel()
        self._of, self.measured, self.problem = of, None, ""
        if found:
            self.measured = measuredByRun(node, found)
            if self.measured is None:
                self._start(node)

    def cleanup(self) -> None:
        """The panel goes."""
        self._cancel()
        self._polls.cleanup()

    def _start(self, node: slicer.vtkMRMLSegmentationNode) -> None:
        try:
            self._measuring = startMeasuring(node)
        except Exception as error:
            self._fail(error)
            return
        self._polls.start()

    def _cancel(self) -> None:
        self._polls.stop()
        if self._measuring is not None:
            self._measuring.cancel()
            self._of = None
        self._measuring = None

    def _poll(self) -> None:
        measuring = self._measuring
        if measuring is None or measuring.poll() is State.RUNNING:
            return
        self._polls.stop()
        self._measuring = None
        try:
            self.measured = measuring.outcome()
        except Exception as error:
            self._fail(error, measuring.log)
        self._changed()

    def _fail(self, error: Exception, log: str = "") -> None:
        logging.error("IODeep: %s\n%s", error, log, exc_info=error)
        self.problem = errorText(error)
