"""Whether and why a model fits, as people read it: pure functions."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from IODeepSlicer.text.i18n import tr as _
from IODeepSlicer.text.plain_text import html

if TYPE_CHECKING:
    from IODeepLib.selection import Candidate, Selection
    from IODeepLib.selection.criteria import Reason

# Readable on white and on the dark style's gray.
GREEN, AMBER, RED, GRAY = "#2e9e4f", "#d08700", "#d9534f", "#7f8c8d"
_COLOR = {"fits": GREEN, "unknown": AMBER, "fails": RED}
_ORDER = ("fails", "unknown", "fits")


def isRefused(candidate: Candidate) -> bool:
    """Whether it would fit, and is not run here because of who published it."""
    return candidate.judgement.fits and not candidate.fits


def badge(candidate: Candidate, *, onServer: bool = False) -> tuple[str, str]:
    """(text, color): whether a model fits, in two or three words.

    Args:
        candidate: the model.
        onServer: whether weights that are not here can be fetched.
    """
    if isRefused(candidate):
        return _("not run"), RED
    if not candidate.fits:
        return _("no fit"), RED
    if candidate.model.missing_parts and not onServer:
        return _("no weights"), RED
    if any(reason.verdict == "unknown" for reason in candidate.judgement.reasons):
        return _("may fit"), AMBER
    return _("fits"), GREEN


def reasonsHtml(candidate: Candidate) -> str:
    """Every criterion of the image that the model has, those that speak against it first."""
    asked = [reason for reason in candidate.judgement.reasons if reason.verdict in _ORDER]
    asked.sort(key=lambda reason: _ORDER.index(reason.verdict))
    return (
        f"<b>{html(candidate.model.label)}</b><table cellpadding='3'><tr>{_head()}</tr>"
        f"{''.join(map(_row, asked))}</table>"
    )


@functools.cache  # Slicer looks long for a translation, and a table asks for many
def _head() -> str:
    names = ("", _("criterion"), _("the model needs"), _("the image has"), _("found in"))
    return "".join(f"<th align='left'>{html(name)}</th>" for name in names)


@functools.cache
def _words() -> dict[str, str]:
    return {"fits": _("yes"), "unknown": _("not known"), "fails": _("no")}


def _row(reason: Reason) -> str:
    word = _words()[reason.verdict]
    cells = (reason.criterion, reason.required, reason.found, reason.attribute)
    return (
        f"<tr><td><font color='{_COLOR[reason.verdict]}'><b>{html(word)}</b></font></td>"
        f"{''.join(f'<td>{html(cell)}</td>' for cell in cells)}</tr>"
    )


def preselected(selection: Selection) -> Candidate | None:
    """The model that is chosen until a person chooses: the best one, unless others are as good."""
    equals = selection.equals
    return equals[0] if len(equals) == 1 else None


def tie(selection: Selection) -> str:
    """That several models are as good, and who decides; "" where one is the best, or none fits."""
    count = len(selection.equals)
    if count < 2:
        return ""
    return _("{count} models fit this image equally well: choose one of them.").format(count=count)


def firstFault(candidate: Candidate) -> str:
    """The first thing that speaks against a model, in one sentence; "" where nothing does."""
    for reason in candidate.judgement.reasons:
        if reason.verdict == "fails":
            return _(
                "This model does not fit the image: it needs {criterion} {required}; the image has "
                "{found}."
            ).format(criterion=reason.criterion, required=reason.required, found=reason.found)
    return ""
