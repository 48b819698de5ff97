"""How long something waits, by a clock that nobody sets.

All processes of a machine share the monotonic clock, and it begins anew with the machine. With the
time until which something waits is kept how long that was when it was said: what lies further ahead
is from before the machine was started again, and waits no more.
"""

from __future__ import annotations

FIRST_PAUSE, LONGEST_PAUSE = 2.0, 600.0  # seconds
# In SQL, with the columns `due` and `wait`: whether something waits no more.
IS_DUE = "(due <= :now OR due - wait > :now)"


def pause_after(tries: int) -> float:
    """Seconds until the next try, after so many that went wrong."""
    return min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(tries - 1, 30))
