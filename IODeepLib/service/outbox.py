"""Results are stored in the study that they are of, each object once, however often it is tried.

An object counts as stored once the server was asked and has it. Its UID was made with it, and it
lies on the disk until then: what is sent twice is the same object.
"""

from __future__ import annotations

from IODeepLib.errors import IODeepError
from IODeepLib.service import tasks
from IODeepLib.service.hands import Hands
from IODeepLib.service.job import Job
from IODeepLib.service.kept import keep
from IODeepLib.service.log import tell
from IODeepLib.service.tasks import failure_of


def store_next(hands: Hands) -> bool:
    """Store the result of the job that is first in the queue; whether there was one."""
    job = hands.jobs.next_to_store()
    if job is None:
        return False
    try:
        _store(hands, job)
    except IODeepError as error:
        failure = failure_of(error)
        again = hands.jobs.later(job, failure.reason, refused=failure.refused)
        how = "later" if again else "never"
        tell("storing failed", job=job.uid, kind=failure.kind, why=failure.reason, again=how)
    except BaseException:
        hands.jobs.give_back(job)
        raise
    return True


def _store(hands: Hands, job: Job) -> None:
    sent_to_us = hands.received.of_series(job.study, job.series)
    if sent_to_us is None and not hands.source.instances(job.study, job.series):
        # A result alone would bring back a study that somebody has deleted.
        hands.jobs.failed(job, f"the series is no longer in {hands.source.name}")
        tell("images are gone", job=job.uid)
        return
    folder = hands.place.attempt(job) / tasks.RESULT
    waiting = [output for output in hands.jobs.outputs(job) if output.stored is None]
    files = [folder / output.name for output in waiting]
    if not all(file.is_file() for file in files):
        hands.jobs.lost_result(job)
        tell("result is lost", job=job.uid)
        return
    hands.trail.sending(files, hands.source.name)
    for output, file in zip(waiting, files, strict=True):
        if not hands.jobs.is_ours(job):
            return
        hands.source.store([file])
        hands.jobs.is_stored(job, output)
        tell("object stored", job=job.uid, object=output.uid)
    hands.trail.sent(files, hands.source.name)
    if hands.settings.web is not None:
        keep(hands.place.kept, job.uid, folder)
    hands.jobs.done(job)
    tell("job done", job=job.uid, attempts=job.attempts)
    hands.place.forget_job(job.uid)
