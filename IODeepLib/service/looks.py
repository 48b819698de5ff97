"""Studies that were seen are looked at, once they are quiet: jobs come of that, or a reason."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from IODeepLib.errors import IODeepError
from IODeepLib.service import tasks
from IODeepLib.service.contents import content_of, counted, images_among, modalities_of
from IODeepLib.service.hands import Hands
from IODeepLib.service.job import Job
from IODeepLib.service.log import tell
from IODeepLib.service.processes import do_apart
from IODeepLib.service.rules import Decision
from IODeepLib.service.states import State
from IODeepLib.service.studies import Study
from IODeepLib.service.tasks import Failure, Look, failure_of

# For each worker, so many studies have their images here; of others they are fetched a second time.
_STUDIES_AT_HAND = 4
_READY_BEFORE = 5.0  # seconds before a study is looked at; a process is ready after two
_MOMENT = 1.0  # seconds in which nothing else comes for who looks


def look_at_next(hands: Hands) -> bool:
    """Look at the study that has waited longest; whether there was one."""
    study = hands.studies.next()
    if study is None:
        return _awaited(hands)
    try:
        _look(hands, study)
    except IODeepError as error:
        _went_wrong(hands, study, failure_of(error))
    except BaseException:
        hands.studies.give_back(study)
        raise
    return True


def _awaited(hands: Hands) -> bool:
    """Be ready for the next study, and wait if it is a matter of a moment; whether it was."""
    seconds = hands.studies.seconds_to_next()
    if seconds is None or seconds > _READY_BEFORE:
        return False
    hands.helpers.prepare()
    return 0 < seconds < _MOMENT and not hands.ending.wait(seconds)


def _look(hands: Hands, study: Study) -> None:
    in_pacs = hands.source.series({"StudyInstanceUID": study.uid})
    sent = hands.received.more_than(study.uid, in_pacs)
    images = images_among(({one.series_uid: one for one in in_pacs} | sent).values())
    content = content_of(images, counted(hands.source, images))
    if not images:
        hands.studies.looked_at(study, content, reason="it has no images")
    elif content == study.looked:  # what has come is a result, or came twice
        hands.studies.looked_at(study, content)
    elif content != study.content:
        quiet = hands.settings.quiet(modalities_of(images))
        hands.studies.has_changed(study, content, quiet)
    else:
        _look_apart(hands, study, content, sent)


def _look_apart(hands: Hands, study: Study, content: str, sent: Iterable[str]) -> None:
    """Fetch its images and apply the rules, in a process of its own."""
    here = hands.place.images(study.uid, content)
    shutil.rmtree(here, ignore_errors=True)  # of a look that did not come to its end
    received = tuple(str(hands.received.of_series(study.uid, series)) for series in sent)
    with hands.place.looking(hands.owner.name) as folder:
        ended = do_apart(
            hands.helpers,
            Look(hands.settings, study.uid, str(here), received),
            folder,
            lambda: not hands.ending.is_set() and hands.studies.is_ours(study),
            lambda fraction, message: None,
        )
        if ended.unwanted:
            hands.studies.give_back(study)
        elif ended.failure is not None:
            _went_wrong(hands, study, ended.failure)
        elif ended.crash:
            again = hands.studies.crashed(study, ended.reason)
            tell("look crashed", again="later" if again else "never", how=ended.crash)
        else:
            many = len(hands.place.studies()) > _STUDIES_AT_HAND * hands.settings.workers
            if many and not received:  # which take no room
                shutil.rmtree(here, ignore_errors=True)  # before anybody knows of it
            _decided(hands, study, content, folder / tasks.FOUND)
    hands.forget_unwanted_images(study.uid)


def _decided(hands: Hands, study: Study, content: str, found: Path) -> None:
    decisions: list[Decision] = tasks.read_json(found, list[Decision])
    jobs = [job for decision in decisions if (job := decision.job) is not None]
    reasons = dict.fromkeys(f"{one.series}: {one.why}" for one in decisions if one.job is None)
    why = "; ".join(reasons) or "it has no images that a model reads"
    new = hands.studies.looked_at(study, content, jobs, "" if jobs else why)
    tell("study looked at", jobs=len(jobs), new=len(new))
    for job in new:
        _say(job)


def _say(job: Job) -> None:
    event = "job needs a choice" if job.state is State.CHOICE else "job waits"
    tell(event, job=job.uid, rule=job.rule, model=job.label or None)


def _went_wrong(hands: Hands, study: Study, failure: Failure) -> None:
    again = failure.passes and hands.studies.later(study, failure.reason, refused=failure.refused)
    if not failure.passes:
        hands.studies.failed(study, failure.reason)
    tell("look failed", kind=failure.kind, again="later" if again else "never")
