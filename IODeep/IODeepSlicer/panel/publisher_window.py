"""The window *Publisher of a model*: the verdict on its signatures, and all that they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import slicer

from IODeepSlicer.panel.window import Window
from IODeepSlicer.text import signature_text
from IODeepSlicer.text.i18n import tr as _

if TYPE_CHECKING:
    from IODeepLib.model_object import Model


class PublisherWindow(Window):
    """See `Window`."""

    def __init__(self) -> None:
        self._fingerprint = ""
        super().__init__("Publisher", _("IODeep: publisher of a model"), 680, 520)
        self.ui.copyFingerprintButton.connect("clicked()", self._copy)
        self.ui.closePublisherButton.connect("clicked()", self._dialog.close)

    def show(self, model: Model) -> None:
        """Show what this model bears."""
        from IODeepLib.errors import InputError
        from IODeepLib.trust.signature_reading import read_signatures

        found, missing = {"card": model.card.signatures}, []
        for number, part in enumerate(model.parts, 1):
            name = f"part {number}"
            try:
                if part is None:
                    missing.append(name)
                else:
                    found[name] = read_signatures(part.path)
            except InputError as error:
                missing.append(f"{name} ({error.found})")
        self.ui.publisherBrowser.html = signature_text.detailsHtml(model, found, missing)
        self._fingerprint = signature_text.fingerprint(model)
        self.ui.copyFingerprintButton.enabled = bool(self._fingerprint)

    def _copy(self) -> None:
        slicer.app.clipboard().setText(self._fingerprint)
