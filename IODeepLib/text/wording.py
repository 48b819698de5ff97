"""Words of messages that depend on a number."""

from __future__ import annotations


def counted(count: int, noun: str, plural: str = "") -> str:
    """A count and its noun; `plural` where that is more than an s.

    >>> counted(1, "slice"), counted(2, "slice"), counted(2, "series", "series")
    ('1 slice', '2 slices', '2 series')
    """
    return f"{count} {noun if count == 1 else plural or noun + 's'}"
