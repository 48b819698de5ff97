"""The list in which a person ticks the labels that the result shall have."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import qt

from IODeepSlicer.panel.widgets import silent
from IODeepSlicer.text.i18n import tr as _
from IODeepSlicer.text.plain_text import inLines

_MOST_ROWS = 8  # shown without scrolling


class LabelList:
    """Fills a list with labels to tick; `changed` is called when a person ticks."""

    def __init__(
        self, box: qt.QGroupBox, list_: qt.QListWidget, changed: Callable[[], None]
    ) -> None:
        self._box, self._list, self._changed = box, list_, changed
        self._shown: list[str] = []
        list_.connect("itemChanged(QListWidgetItem*)", self._onChanged)

    def show(self, names: Sequence[str], leftOut: Collection[str]) -> None:
        """Show these labels, ticked where they are not left out; without any, take no room."""
        self._box.visible = bool(names)
        with silent(self._list):
            if list(names) != self._shown:
                self._shown = list(names)
                self._list.clear()
                for name in names:
                    self._list.addItem(inLines(name))
                height = self._list.sizeHintForRow(0) * min(len(names), _MOST_ROWS)
                self._list.setFixedHeight(height + 2 * self._list.frameWidth)
            for name, item in zip(names, self._items(), strict=True):
                item.setCheckState(qt.Qt.Unchecked if name in leftOut else qt.Qt.Checked)
        self._showCount()

    def tickAll(self, tick: bool) -> None:
        """Tick all of them, or none."""
        with silent(self._list):
            for item in self._items():
                item.setCheckState(qt.Qt.Checked if tick else qt.Qt.Unchecked)
        self._onChanged()

    @property
    def leftOut(self) -> list[str]:
        """The labels that are not ticked."""
        return self._names(unticked=True)

    @property
    def kept(self) -> list[str]:
        """The labels that are ticked."""
        return self._names(ticked=True)

    def _items(self) -> list[qt.QListWidgetItem]:
        return [self._list.item(row) for row in range(self._list.count)]

    def _names(self, *, ticked: bool = False, unticked: bool = False) -> list[str]:
        return [
            name
            for name, item in zip(self._shown, self._items(), strict=True)
            if (ticked if item.checkState() == qt.Qt.Checked else unticked)
        ]

    def _showCount(self) -> None:
        kept, count = len(self.kept), self._list.count
        self._box.title = (
            _("Labels to keep: all {count}").format(count=count)
            if kept == count
            else _("Labels to keep: {kept} of {count}").format(kept=kept, count=count)
        )

    def _onChanged(self, _item: qt.QListWidgetItem | None = None) -> None:
        self._showCount()
        self._changed()
