"""What the service says while it works: a line of JSON for each event, without data of patients.

A line names a job by its own UID, and never the study, the series or the patient; whoever may read
the queue finds them there.
"""

from __future__ import annotations

import json
import logging

from IODeepLib.service.queue import time_of_day
from IODeepLib.text.foreign import printable

LOGGER = "IODeepLib.service"
_log = logging.getLogger(LOGGER)


def tell(event: str, **facts: str | float | None) -> None:
    """Say that something has happened.

    Args:
        event: what, in a word.
        facts: what is to be known of it; those that are None are left out.
    """
    said: dict[str, str | float] = {"time": time_of_day(), "event": event}
    said |= {
        key: printable(value) if isinstance(value, str) else value
        for key, value in facts.items()
        if value is not None
    }
    _log.info("%s", json.dumps(said))
