"""Trying again what may be tried again."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable
from typing import TypeVar

from IODeepLib.sources.archive import TransientError

_log = logging.getLogger(__name__)
_Answer = TypeVar("_Answer")
_sleep = time.sleep

_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0  # seconds


def retried(action: Callable[[], _Answer], done: Callable[[], int] = lambda: 0) -> _Answer:
    """What `action` gives, which is tried again with growing pauses while errors are transient.

    For actions that may be done twice: searching, retrieving, and storing after a look at what has
    arrived.

    Args:
        action: what is done.
        done: how much of it is done, for an action that goes on from where it broke off: each time
            it gets further, tries are counted anew.

    Raises:
        SourceError: it did not go well in the end.
    """
    pause, tries, before = _FIRST_PAUSE, 1, done()
    while True:
        try:
            return action()
        except TransientError as error:
            if done() > before:
                pause, tries, before = _FIRST_PAUSE, 1, done()
            if tries >= error.tries:
                raise
            _log.info("try %d of %d: %s", tries, error.tries, error)
        _sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311 - so that clients part
        pause = min(2 * pause, _LONGEST_PAUSE)
        tries += 1
