"""A row of the section *Models*: who published the chosen one, and the way to its signatures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IODeepSlicer.panel.publisher_window import PublisherWindow
from IODeepSlicer.panel.trust_icon import trustIcon
from IODeepSlicer.panel.widgets import say, setTip
from IODeepSlicer.text import trust_text

if TYPE_CHECKING:
    from IODeepLib.model_object import Model


_ICON = 16  # pixels


class PublisherRow:
    """It takes no room where no model is chosen; `ui` are the widgets of the section."""

    def __init__(self, ui: Any) -> None:
        self._ui = ui
        self._model: Model | None = None
        self._window: PublisherWindow | None = None
        ui.publisherButton.connect("clicked()", self._onDetails)

    def show(self, model: Model | None) -> None:
        """Say whose this model is."""
        isOther = model is not self._model
        self._model = model
        self._ui.publisherFrame.visible = model is not None
        if model is None or not isOther:
            return
        text, color = trust_text.line(model.trust)
        say(self._ui.publisherLabel, text, color)
        setTip(self._ui.publisherLabel, trust_text.tip(model.trust))
        icon = trustIcon(trust_text.badge(model.trust))
        self._ui.publisherIcon.setPixmap(icon.pixmap(_ICON, _ICON))
        if self._window is not None and self._window.isShown:
            self._window.show(model)

    def cleanup(self) -> None:
        """The panel goes."""
        if self._window is not None:
            self._window.cleanup()

    def _onDetails(self) -> None:
        if self._model is None:
            return
        if self._window is None:
            self._window = PublisherWindow()
        self._window.show(self._model)
        self._window.open()
