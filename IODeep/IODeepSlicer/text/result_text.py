"""What a person should know of a result, from everything about its run: pure functions."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from IODeepSlicer.text.i18n import tr as _

if TYPE_CHECKING:
    from IODeepLib.selection.criteria import Reason

_MOST = 3  # warnings that are shown in full


def warnings(document: dict[str, Any]) -> list[str]:
    """Whose network it may not be, and what lies outside of its training, a sentence each."""
    from IODeepLib.selection.criteria import Verdict
    from IODeepLib.selection.publisher import CRITERION
    from IODeepLib.selection.training import notes

    outside = [r for r in _reasons(document.get("trained_on")) if r.verdict is Verdict.FAILS]
    unproved = any(
        reason.criterion == CRITERION and reason.verdict is Verdict.UNKNOWN
        for reason in _reasons(document.get("reasons"))
    )
    said = _texts(document.get("notes")) if unproved else []
    return [note for note in said if note.startswith(f"{CRITERION}: ")] + notes(outside)


def _reasons(said: Any) -> list[Reason]:
    """Those that are some: a scene comes from anywhere."""
    from IODeepLib.selection.criteria import Reason

    found = []
    for one in said if isinstance(said, list) else ():
        with suppress(KeyError, TypeError, ValueError):
            found.append(Reason.from_json(one))
    return found


def notShownOver(name: str, others: list[str]) -> str:
    """Where the confidence `name` is not shown, because of other volumes; "" where it is."""
    if not others:
        return ""
    text = _(
        "Slice views keep {others}, which lies over the image there. To see how sure the network "
        "was, choose “{name}” in its place in a view, or choose none and tick the box again."
    )
    return text.format(others=", ".join(f"“{other}”" for other in others), name=name)


def inShort(found: list[str]) -> str:
    """Warnings on a few lines; "" for none."""
    lines = [f"⚠ {text[:1].upper()}{text[1:]}" for text in found[:_MOST]]
    if len(found) > _MOST:
        lines.append(_("⚠ and {count} more").format(count=len(found) - _MOST))
    return "\n".join(lines)


def otherNotes(document: dict[str, Any]) -> list[str]:
    """All else that the run says, and what was left out."""
    above = warnings(document)
    notes = [note for note in _texts(document.get("notes")) if note not in above]
    leftOut = _texts(document.get("left_out"))
    if leftOut:
        notes.append(_("Left out, as asked: {names}.").format(names=", ".join(leftOut)))
    return notes


def _texts(found: Any) -> list[str]:
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []
