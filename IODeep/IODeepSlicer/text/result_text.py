"""What a person should know of a result, from everything about its run: pure functions."""

from __future__ import annotations

from typing import Any

from IODeepSlicer.text.i18n import tr as _

_MOST = 3  # warnings that are shown in full


def warnings(document: dict[str, Any]) -> list[str]:
    """What lies outside of what the network was trained on, a sentence each."""
    from IODeepLib.selection.criteria import Reason, Verdict
    from IODeepLib.selection.training import notes

    outside = []
    said = document.get("trained_on")
    for one in said if isinstance(said, list) else ():
        try:
            reason = Reason.from_json(one)
        except (KeyError, TypeError, ValueError):  # a scene comes from anywhere
            continue
        if reason.verdict is Verdict.FAILS:
            outside.append(reason)
    return notes(outside)


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
