"""The list of a queue of runs below *Apply*: how far each is, and why one failed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import qt
import slicer

from IODeepSlicer.panel.turns import Polls, later
from IODeepSlicer.panel.widgets import loadUI, say, setTip, tableOfRows
from IODeepSlicer.text.fit_text import GRAY, RED
from IODeepSlicer.text.i18n import tr as _
from IODeepSlicer.text.plain_text import inLines
from IODeepSlicer.work.queue import Item, RunQueue
from IODeepSlicer.work.runner import Run, State

_LOWEST, _HIGHEST = 60, 150  # pixels of all rows together; more are scrolled
_MOST_SHOWN = 3  # reasons in full; all are in the tooltips
_NAME, _STATE = range(2)


class QueueList:
    """Polls a queue and shows it.

    Args:
        done: called with the node of each result.
        watch: called with the run that goes on, again and again.
        over: called when all are over.
    """

    def __init__(
        self,
        done: Callable[[slicer.vtkMRMLNode], None],
        watch: Callable[[Run], None],
        over: Callable[[], None],
    ) -> None:
        self.root, self.ui = loadUI("Queue")
        self._done, self._watch, self._over = done, watch, over
        self._queue: RunQueue | None = None
        self._states: list[str] = []
        self._known = 0  # how many results were handed on
        self._polls = Polls(self._poll)
        table = self.ui.queueTable
        tableOfRows(table, (_("Run"), _("State")))
        table.setWordWrap(False)
        table.setTextElideMode(qt.Qt.ElideMiddle)
        header = table.horizontalHeader()
        header.setSectionResizeMode(_NAME, qt.QHeaderView.Stretch)
        header.setSectionResizeMode(_STATE, qt.QHeaderView.ResizeToContents)
        self.ui.cancelSelectedButton.connect("clicked()", self._cancelSelected)
        self.ui.cancelAllButton.connect("clicked()", self.cancel)
        self.ui.closeQueueButton.connect("clicked()", self._close)
        self.root.visible = False

    @property
    def isRunning(self) -> bool:
        """Whether a queue is not over yet."""
        return self._polls.isActive

    @property
    def results(self) -> tuple[slicer.vtkMRMLNode, ...]:
        """The nodes of what was found so far."""
        return self._queue.results if self._queue is not None else ()

    def start(self, queue: RunQueue) -> None:
        """Show this queue instead of a former one, and run it."""
        self._queue, self._known = queue, 0
        self._states = [""] * len(queue.items)
        table = self.ui.queueTable
        table.setRowCount(len(queue.items))
        for row, item in enumerate(queue.items):
            for column in (_NAME, _STATE):
                table.setItem(row, column, qt.QTableWidgetItem(""))
            table.item(row, _NAME).setText(inLines(item.name))
            setTip(table.item(row, _NAME), item.name)
        table.resizeRowsToContents()
        height = sum(table.rowHeight(row) for row in range(len(queue.items)))
        height = max(_LOWEST, min(height, _HIGHEST))
        table.setFixedHeight(height + table.horizontalHeader().height + 6)
        self.root.visible = True
        self._polls.start()
        self._show(queue)

    def cancel(self) -> None:
        """Stop what runs and what waits."""
        if self._queue is not None and self.isRunning:
            self._queue.cancel()
            self._poll()

    def cleanup(self) -> None:
        """The panel goes."""
        if self._queue is not None:
            self._queue.cancel()
        self._polls.cleanup()

    def _poll(self) -> None:
        queue = self._queue
        if queue is None:
            return
        item = queue.current
        isOver = queue.poll() is State.DONE
        if item is not None and item.run is not None:
            self._watch(item.run)
        if isOver:
            self._polls.stop()
        self._show(queue)
        for node in queue.results[self._known :]:
            self._known += 1
            # In a turn of its own: making it took one.
            later(partial(self._done, node))
        if isOver:
            later(self._over)

    def _show(self, queue: RunQueue) -> None:
        for row, item in enumerate(queue.items):
            text = _stateText(item)
            if text != self._states[row]:
                self._states[row] = text
                self._showState(row, item, text)
        running = self.isRunning
        self.ui.queueProgressBar.value = round(1000 * queue.fraction)
        self.ui.queueProgressBar.visible = running
        for button in (self.ui.cancelSelectedButton, self.ui.cancelAllButton):
            button.visible = running
        self.ui.closeQueueButton.visible = not running
        failed = len(queue.problems)
        if running:
            text = _("{number} of {count}").format(
                number=min(queue.over + 1, len(queue.items)), count=len(queue.items)
            )
        else:
            done = sum(item.state is State.DONE for item in queue.items)
            text = _("Done: {done} of {count}.").format(done=done, count=len(queue.items))
            text = "\n".join((text, *_few(queue.problems)))
        say(self.ui.queueLabel, text, RED if failed and not running else "")

    def _showState(self, row: int, item: Item, text: str) -> None:
        cell = self.ui.queueTable.item(row, _STATE)
        cell.setText(text)
        setTip(cell, item.problem or text)
        if item.state in (State.FAILED, State.CANCELLED):
            color = RED if item.state is State.FAILED else GRAY
            cell.setForeground(qt.QBrush(qt.QColor(color)))

    def _cancelSelected(self) -> None:
        if self._queue is not None:
            for index in self.ui.queueTable.selectionModel().selectedRows():
                self._queue.cancel(self._queue.items[index.row()])

    def _close(self) -> None:
        self._queue = None
        self.root.visible = False


def _few(problems: Sequence[str]) -> Sequence[str]:
    """The first ones, and how many more there are."""
    if len(problems) <= _MOST_SHOWN:
        return problems
    more = _("And {count} more: hold the mouse over their state.").format(
        count=len(problems) - _MOST_SHOWN
    )
    return (*problems[:_MOST_SHOWN], more)


def _stateText(item: Item) -> str:
    if item.state is State.RUNNING and item.run is not None:
        return _("{percent} %").format(percent=round(100 * item.run.fraction))
    return {
        None: _("waits"),
        State.DONE: _("done"),
        State.FAILED: _("failed"),
        State.CANCELLED: _("canceled"),
    }.get(item.state, "")
