"""Jobs are run, each in a process of its own, and come to a result or a reason."""

from __future__ import annotations

import time

from IODeepLib.errors import IODeepError
from IODeepLib.service import tasks
from IODeepLib.service.hands import Hands
from IODeepLib.service.job import Job
from IODeepLib.service.jobs import Output
from IODeepLib.service.log import tell
from IODeepLib.service.processes import do_apart
from IODeepLib.service.settings import Product
from IODeepLib.service.tasks import Failure, Run, failure_of


def run_next(hands: Hands) -> bool:
    """Run the job that is first in the queue; whether there was one."""
    job = hands.jobs.next_to_run()
    if job is None:
        return False
    try:
        _run(hands, job)
    except IODeepError as error:
        _went_wrong(hands, job, failure_of(error))
    except BaseException:
        hands.jobs.give_back(job)
        raise
    hands.forget_unwanted_images(job.study)
    return True


def _run(hands: Hands, job: Job) -> None:
    tell("run begins", job=job.uid, rule=job.rule, model=job.label, attempt=job.attempts)
    began = time.monotonic()
    folder = hands.place.begin(job)
    places = hands.place.images_of(job.study)
    if (received := hands.received.of_study(job.study)) is not None:
        places.append(received)
    task = Run(
        hands.settings,
        job.study,
        job.series,
        job.volume,
        job.content,
        job.model,
        tuple(map(Product, job.products)),
        tuple(map(str, places)),
        tuple(hands.jobs.former_outputs(job)),
        job.uid,
    )
    ended = do_apart(
        hands.helpers,
        task,
        folder,
        lambda: not hands.ending.is_set() and hands.jobs.is_ours(job),
        lambda fraction, message: hands.jobs.report(job, fraction, message),
    )
    seconds = round(time.monotonic() - began, 1)
    if ended.unwanted:
        hands.jobs.give_back(job)
        tell("run ended early", job=job.uid, seconds=seconds)
    elif ended.failure is not None:
        _went_wrong(hands, job, ended.failure)
    elif ended.crash:
        again = hands.jobs.crashed(job, ended.reason)
        how = "later" if again else "never: it is quarantined"
        tell("run crashed", job=job.uid, again=how, how=ended.crash, seconds=seconds)
    else:
        outputs: list[Output] = tasks.read_json(folder / tasks.OUTPUTS, list[Output])
        hands.jobs.has_result(job, outputs)
        hands.durations.add(time.monotonic() - began)
        tell("run ended well", job=job.uid, seconds=seconds)


def _went_wrong(hands: Hands, job: Job, failure: Failure) -> None:
    again = failure.passes and hands.jobs.later(job, failure.reason, refused=failure.refused)
    if not failure.passes:
        hands.jobs.failed(job, failure.reason)
    tell("run failed", job=job.uid, kind=failure.kind, again="later" if again else "never")
