"""Errors and times, as people read them: pure functions."""

from __future__ import annotations

from IODeepSlicer.text.i18n import tr as _


def errorText(error: Exception) -> str:
    """What was found and what to do next, in sentences."""
    found = getattr(error, "found", "") or str(error) or type(error).__name__
    nextStep = getattr(error, "next_step", _("See the error log (Ctrl+0)."))
    return " ".join(
        f"{part[:1].upper()}{part[1:].rstrip('.')}." for part in (found, nextStep) if part
    )


def progressText(message: str, secondsLeft: float | None) -> str:
    """What is being done, and for how long still, where that is known."""
    message = f"{message[:1].upper()}{message[1:]}"
    if secondsLeft is None:
        return message
    if secondsLeft < 5:
        return _("{message}, a few seconds left").format(message=message)
    if secondsLeft < 60:
        return _("{message}, about {count} s left").format(
            message=message, count=round(secondsLeft / 5) * 5
        )
    return _("{message}, about {count} min left").format(
        message=message, count=round(secondsLeft / 60)
    )
