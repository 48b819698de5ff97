"""What people say of jobs: not this one, with that model, once more."""

from __future__ import annotations

from IODeepLib.errors import UsageError
from IODeepLib.service.database import Database
from IODeepLib.service.job import Job
from IODeepLib.service.jobs import Jobs
from IODeepLib.service.queue import time_of_day
from IODeepLib.service.states import State


def cancel(database: Database, uid: str, reason: str) -> Job:
    """End a job; who works on it notices. One that has ended stays as it is.

    Raises:
        UsageError: there is no such job.
    """
    job = Jobs(database).job(uid)
    final = [state for state in State if state.is_final]
    database.ask(
        "UPDATE jobs SET state = :to, ended = :wall, reason = :reason, owner = NULL"  # noqa: S608
        f" WHERE uid = :uid AND state NOT IN ({', '.join(f':{one.name}' for one in final)})",
        {
            **{one.name: one for one in final},
            "uid": job.uid,
            "to": State.CANCELED,
            "wall": time_of_day(),
            "reason": reason,
        },
    )
    return Jobs(database).job(uid)


def choose(database: Database, uid: str, model: str) -> Job:
    """Say which model does a job that several fit equally well.

    Args:
        database: where the job is.
        uid: the job.
        model: the label, or the UID of the card, of one of its choices.

    Raises:
        UsageError: there is no such job or choice, or somebody chose already.
    """
    job = Jobs(database).job(uid)
    found = [choice for choice in job.choices if model in choice]
    if job.state is not State.CHOICE or len(found) != 1:
        listed = "; ".join(f"{label} ({card})" for card, label in job.choices) or "none"
        raise UsageError(
            f"{model!r} for the job {uid}, which {_is(job.state)}",
            f"a job that needs a choice, and one of its models: {listed}",
            "see 'iodeep serve --jobs'",
        )
    card, label = found[0]
    database.ask(
        "UPDATE jobs SET state = :to, model = :card, label = :label, reason = ''"
        " WHERE uid = :uid AND state = :was",
        {"uid": uid, "was": job.state, "to": State.WAITING, "card": card, "label": label},
    )
    return Jobs(database).job(uid)


def again(database: Database, uid: str) -> Job:
    """Do a job once more that failed or was canceled.

    Raises:
        UsageError: there is no such job, or it goes on or went well.
    """
    job = Jobs(database).job(uid)
    if job.state not in (State.FAILED, State.CANCELED):
        raise UsageError(
            f"the job {uid}, which {_is(job.state)}",
            "one that failed or was canceled",
            "see 'iodeep serve --jobs'",
        )
    database.ask(
        "UPDATE jobs SET state = :to, started = NULL, ended = NULL, due = 0, wait = 0,"
        " attempts = 0, tries = 0, crashes = 0, fraction = 0, message = '', reason = ''"
        " WHERE uid = :uid AND state = :was",
        {"uid": uid, "was": job.state, "to": State.WAITING if job.model else State.CHOICE},
    )
    return Jobs(database).job(uid)


def _is(state: State) -> str:
    return state.value if state is State.CHOICE else f"is {state.value}"
