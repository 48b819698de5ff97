"""Errors and times, as people read them: pure functions."""

from __future__ import annotations

import re

from IODeepSlicer.text.i18n import tr as _

# An address, a file or a model at the beginning stays as it is written.
_WORD = re.compile(r"[^\W\d_]+(['\u2019-][^\W\d_]+)*[,:;]?")


def errorText(error: Exception) -> str:
    """What was found and what to do next, in sentences."""
    found = getattr(error, "found", "") or str(error) or type(error).__name__
    nextStep = getattr(error, "next_step", _("See the error log (Ctrl+0)."))
    return " ".join(f"{_capitalized(part).rstrip('.')}." for part in (found, nextStep) if part)


def progressText(message: str, secondsLeft: float | None) -> str:
    """What is being done, and for how long still, where that is known."""
    message = _capitalized(message)
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


def _capitalized(text: str) -> str:
    first = text.partition(" ")[0]
    return f"{text[:1].upper()}{text[1:]}" if _WORD.fullmatch(first) else text
