"""What a job can be in, in our words, and in those of a unified procedure step.

A job is such a step (PS3.3 section C.30, PS3.4 annex CC): it is scheduled, performed, and ends
completed or canceled; it never goes back.
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """Where a job is."""

    CHOICE = "needs a choice"  # several models are equally good
    WAITING = "waiting"
    RUNNING = "running"
    STORING = "storing"  # its result is whole, and goes to the server
    DONE = "done"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def is_final(self) -> bool:
        """Whether nothing happens to it any more."""
        return self in (State.DONE, State.FAILED, State.CANCELED)


class UpsState(StrEnum):
    """Procedure Step State (0074,1000)."""

    SCHEDULED = "SCHEDULED"
    IN_PROGRESS = "IN PROGRESS"
    COMPLETED = "COMPLETED"
    CANCELED = "CANCELED"


_UPS = {
    State.CHOICE: UpsState.SCHEDULED,
    State.WAITING: UpsState.SCHEDULED,
    State.RUNNING: UpsState.IN_PROGRESS,
    State.STORING: UpsState.IN_PROGRESS,
    State.DONE: UpsState.COMPLETED,
    State.FAILED: UpsState.CANCELED,  # a reason for discontinuation says why
    State.CANCELED: UpsState.CANCELED,
}


def ups_state(state: State, began: bool) -> UpsState:
    """The state of a step; `began` says whether it was ever performed, be it in vain."""
    found = _UPS[state]
    return UpsState.IN_PROGRESS if began and found is UpsState.SCHEDULED else found
