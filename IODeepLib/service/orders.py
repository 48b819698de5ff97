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
    """Do the work of a job once more that failed or was canceled.

    A procedure step that has ended never goes on (PS3.4 section CC.1.1): this is another one, with
    a UID of its own, that names the former one.

    Returns:
        The new job.

    Raises:
        UsageError: there is no such job, it goes on or went well, or this was said of it before.
    """
    jobs = Jobs(database)
    with database.transaction() as execute:
        job = jobs.job(uid)
        if job.state not in (State.FAILED, State.CANCELED) or job.later:
            raise UsageError(
                f"the job {uid}, which {_is(job.state)}"
                + (f" and is done once more as {job.later}" if job.later else ""),
                "one that failed or was canceled, and that nobody has had done again",
                "see 'iodeep serve --jobs'",
            )
        more = job.once_more()
        jobs.insert(execute, more)
    return jobs.job(more.uid)


def _is(state: State) -> str:
    return state.value if state is State.CHOICE else f"is {state.value}"
