"""Where models lie and what can be done with them, as people read it: pure functions."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from IODeepSlicer.text import card_text
from IODeepSlicer.text.i18n import tr as _

if TYPE_CHECKING:
    from IODeepLib.model_object import Model
    from IODeepLib.model_object.retirement import Retirement


_LEAST = 50_000  # bytes that are 0.1 MB, rounded


def size(count: int) -> str:
    """Bytes, as in "12.3 MB"; "" for none."""
    if 0 < count < _LEAST:
        return _("< 0.1 MB")
    return card_text.megabytes(count) if count else ""


def newerThan(model: Model, models: Iterable[Model]) -> Model | None:
    """The newest later version of the same model, by the same publisher, or None.

    One that is less believed, as its certificate has ended, takes nobody's place.
    """
    from IODeepLib.selection.publisher import PLACE
    from IODeepLib.selection.ranking import version_precedence

    own = version_precedence(model.card.version)
    newer = [
        other
        for other in models
        if other.family == model.family
        and PLACE[other.standing] <= PLACE[model.standing]
        and version_precedence(other.card.version) > own
    ]
    return max(newer, key=lambda m: version_precedence(m.card.version), default=None)


def state(model: Model, notice: Retirement | None, newer: Model | None, *, onServer: bool) -> str:
    """What a person should know before choosing what to do with a model."""
    parts = []
    if notice is not None:
        parts.append(_("retired"))
    if model.missing_parts:
        if onServer:
            missing = card_text.missingSize(model)
            parts.append(_("on the server, {size}").format(size=missing))
        else:
            parts.append(_("weights missing"))
    else:
        parts.append(_("complete"))
    if newer is not None:
        parts.append(_("newer: {version}").format(version=newer.card.version))
    return ", ".join(parts)


def newerText(newer: Model, *, missing: bool) -> str:
    """That there is a later version of the chosen model."""
    if missing:
        return _("There is a newer version, {version}: get it with Manage….").format(
            version=newer.card.version
        )
    return _("There is a newer version, {version}.").format(version=newer.card.version)
