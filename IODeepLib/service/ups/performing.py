"""Steps that others have scheduled for us are done: by jobs like all others."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from pydicom.dataset import Dataset

from IODeepLib.errors import IODeepError
from IODeepLib.headers import text
from IODeepLib.service import tasks
from IODeepLib.service.contents import images_among
from IODeepLib.service.hands import Hands
from IODeepLib.service.jobs import Jobs
from IODeepLib.service.log import tell
from IODeepLib.service.processes import do_apart
from IODeepLib.service.queue import MOST_REFUSALS
from IODeepLib.service.rules import Decision
from IODeepLib.service.settings import Priority, Rule, Ups, Which
from IODeepLib.service.states import State, UpsState
from IODeepLib.service.tasks import Failure, Look, failure_of
from IODeepLib.service.ups.attributes import moment
from IODeepLib.service.ups.steps import MODEL, SCHEME
from IODeepLib.service.ups.worklist import RULE, Step, Worklist
from IODeepLib.service.waits import pause_after
from IODeepLib.text.derived_uids import derived_uid
from IODeepLib.text.foreign import is_uid

_IMAGES = "images"
_NEVER = 0, 0.0  # tries, and when to try again


class _RefusedError(Exception):
    """Nothing will come of a step."""


class Performing:
    """Does what is to be done for the steps of others.

    Args:
        hands: of the service.
        settings: how.
        worklist: the steps.
    """

    def __init__(self, hands: Hands, settings: Ups, worklist: Worklist) -> None:
        self._hands, self._settings, self._worklist = hands, settings, worklist
        self._tries: dict[str, tuple[int, float]] = {}  # how often in vain, and when again

    def follow(self) -> None:
        """Let steps end whose jobs have ended."""
        for step in self._worklist.ours(UpsState.IN_PROGRESS):
            jobs = self._worklist.jobs_of(step.uid)
            if all(job.state.is_final for job in jobs):
                well = all(job.state is State.DONE for job in jobs)
                state = UpsState.COMPLETED if well else UpsState.CANCELED
                reason = "; ".join(job.reason for job in jobs if job.reason)
                self._move(step, state, "" if well else reason)

    def begin_next(self) -> bool:
        """Begin the step that has waited longest; whether there was one."""
        for step in self._worklist.ours(UpsState.SCHEDULED):
            _, due = self._tries.get(step.uid, _NEVER)
            if time.monotonic() < due or not _is_due(step.attributes):
                continue
            try:
                self._begin(step)
            except _RefusedError as refusal:
                self._cancel(step, str(refusal))
            except IODeepError as error:
                self._later(step, failure_of(error))
            except Exception as fault:  # of ours: what others write must not stop their work
                tell("fault", at="ups", step=step.uid, kind=type(fault).__name__)
                self._cancel(step, f"a fault of IODeep's ({type(fault).__name__})")
            return True
        return False

    def _begin(self, step: Step) -> None:
        study, series = _input(step.attributes)
        source = self._hands.source
        in_pacs = source.series({"StudyInstanceUID": study})
        sent = self._hands.received.more_than(study, in_pacs)
        images = images_among(({one.series_uid: one for one in in_pacs} | sent).values())
        if not images:
            raise _RefusedError(f"no images of the study {study} in {source.name}")
        received = [str(self._hands.received.of_series(study, one)) for one in sent]
        settings = replace(self._hands.settings, rules=(_rule(step.attributes, self._settings),))
        with self._hands.place.looking(self._hands.owner.name) as folder:
            look = Look(settings, study, str(folder / _IMAGES), tuple(received))
            ended = do_apart(
                self._hands.helpers, look, folder, self._goes_on, lambda fraction, message: None
            )
            if ended.unwanted:
                return
            failure = ended.failure
            if ended.crash:
                why = f"the process that looked at its images crashed ({ended.reason})"
                failure = Failure(why, "crash", passes=True, refused=True)
            if failure is not None:
                self._later(step, failure)
                return
            decisions: list[Decision] = tasks.read_json(folder / tasks.FOUND, list[Decision])
            wanted = [one for one in decisions if not series or one.series_uid in series]
            self._put_at_hand(folder / _IMAGES, study, step.uid)
            self._claim(step, wanted)
        self._hands.forget_unwanted_images(study)

    def _put_at_hand(self, images: Path, study: str, uid: str) -> None:
        """Keep the images for its jobs, which otherwise fetch them once more."""
        target = self._hands.place.images(study, derived_uid("images of a step", uid)[::-1])
        shutil.rmtree(target, ignore_errors=True)
        with suppress(OSError):
            target.parent.mkdir(parents=True, exist_ok=True)
            images.rename(target)

    def _claim(self, step: Step, decisions: list[Decision]) -> None:
        """Its jobs are in the queue, or the step is canceled."""
        jobs = [one.job for one in decisions if one.model]
        if not jobs:
            whys = dict.fromkeys(one.why for one in decisions)
            raise _RefusedError("; ".join(whys) or "it has no images that a model reads")
        with self._hands.database.transaction() as execute:
            if not _is_still(execute, step):
                return
            secret = derived_uid("transaction", f"{step.uid} {time.time_ns()}")
            self._worklist.move(execute, step.uid, UpsState.IN_PROGRESS, secret)
            found = [job for job in jobs if job is not None]
            for job in found:
                done_by = Jobs(self._hands.database).for_somebody(execute, job)
                execute("INSERT OR IGNORE INTO ups_performs VALUES (?, ?)", [step.uid, done_by.uid])
        tell("step begins", step=step.uid, jobs=len(found))

    def _cancel(self, step: Step, reason: str) -> None:
        """Who cancels a step has claimed it before."""
        with self._hands.database.transaction() as execute:
            if _is_still(execute, step):
                secret = derived_uid("transaction", f"{step.uid} {time.time_ns()}")
                self._worklist.move(execute, step.uid, UpsState.IN_PROGRESS, secret)
                self._worklist.move(execute, step.uid, UpsState.CANCELED, secret, reason)
        tell("step canceled", step=step.uid)

    def _later(self, step: Step, failure: Failure) -> None:
        """Try it again after a pause, unless that is in vain."""
        tries = self._tries.pop(step.uid, _NEVER)[0] + 1
        if not failure.passes or (failure.refused and tries >= MOST_REFUSALS):
            self._cancel(step, failure.reason)
            return
        self._tries[step.uid] = tries, time.monotonic() + pause_after(tries)
        tell("step waits", step=step.uid, kind=failure.kind)

    def _move(self, step: Step, state: UpsState, reason: str) -> None:
        with self._hands.database.transaction() as execute:
            if _is_still(execute, step):
                self._worklist.move(execute, step.uid, state, step.secret, reason)
        tell("step ends", step=step.uid, state=state.value)

    def _goes_on(self) -> bool:
        return not self._hands.ending.is_set()


def _is_still(execute: Callable[..., Any], step: Step) -> bool:
    """Whether a step is in the same state as before, within a transaction."""
    found = execute("SELECT state FROM ups_steps WHERE uid = ?", [step.uid]).fetchone()
    return found is not None and found["state"] == step.state


def _is_due(step: Dataset) -> bool:
    """Whether its images are there, and its time has come, by the clock of this machine."""
    starts = moment(text(step, "ScheduledProcedureStepStartDateTime"))
    ready = text(step, "InputReadinessState") == "READY"
    return ready and (starts is None or starts <= datetime.now(UTC))


def _input(step: Dataset) -> tuple[str, set[str]]:
    """The study, and the series in it if some are named."""
    items = step.get("InputInformationSequence") or []
    studies = {text(one, "StudyInstanceUID") for one in items}
    if len(studies) != 1 or not is_uid(next(iter(studies))):
        raise _RefusedError("it names no study to read, or several")
    return studies.pop(), {uid for one in items if (uid := text(one, "SeriesInstanceUID"))}


def _rule(step: Dataset, settings: Ups) -> Rule:
    """What is to be done with the images, in the words of the service's rules."""
    words = model_of(step)
    priority = text(step, "ScheduledProcedureStepPriority")
    return Rule(
        name=RULE,
        models=(words,) if words else Which.BEST,
        trusted=settings.trusted,
        store=settings.store,
        priority=Priority(priority) if priority in set(Priority) else Priority.MEDIUM,
    )


def model_of(step: Dataset) -> str:
    """The model that is asked for, as NAME or NAME@VERSION; "" for the one that fits best.

    By a processing parameter, a text whose concept is (MODEL, 99IODEEP); or by a workitem code of
    ours.
    """
    for item in step.get("ScheduledProcessingParametersSequence") or []:
        for concept in item.get("ConceptNameCodeSequence") or []:
            if (_value(concept), text(concept, "CodingSchemeDesignator")) == (MODEL, SCHEME):
                return text(item, "TextValue")
    for item in step.get("ScheduledWorkitemCodeSequence") or []:
        if text(item, "CodingSchemeDesignator") == SCHEME:
            return _value(item)
    return ""


def _value(code: Dataset) -> str:
    return text(code, "CodeValue") or text(code, "LongCodeValue")
