"""What people and programs have the service do: the same from the page and by the API."""

from __future__ import annotations

from collections.abc import Callable

from IODeepLib.errors import UsageError
from IODeepLib.service import orders
from IODeepLib.service.contents import content_of, counted, images_among
from IODeepLib.service.database import Database
from IODeepLib.service.job import Job
from IODeepLib.service.log import tell
from IODeepLib.service.web.problems import RefusedError
from IODeepLib.service.web.site import Site
from IODeepLib.text.foreign import is_uid

_SEE = "see /api/v1/jobs"


def uid_at_the_door(uid: str) -> str:
    """The same UID, which may be in a path or a query from here on.

    Raises:
        RefusedError: it is none.
    """
    if not is_uid(uid):
        raise RefusedError(400, f"{uid[:70]!r}", "a UID, such as 1.2.840.113619", _SEE)
    return uid


def job_of(site: Site, uid: str) -> Job:
    """The job of this UID.

    Raises:
        RefusedError: there is none.
    """
    try:
        return site.hands.jobs.job(uid_at_the_door(uid))
    except UsageError:
        raise RefusedError(404, f"no job {uid}", "the UID of one", _SEE) from None


def again(site: Site, uid: str) -> Job:
    """Do a job once more that failed or was canceled.

    Raises:
        RefusedError: there is no such job, or it goes on or went well.
    """
    return _ordered(site, uid, "again", lambda database: orders.again(database, uid))


def choose(site: Site, uid: str, model: str) -> Job:
    """Say which model does a job that several fit equally well.

    Raises:
        RefusedError: there is no such job or model, or somebody chose already.
    """
    return _ordered(site, uid, "choose", lambda database: orders.choose(database, uid, model))


def cancel(site: Site, uid: str) -> Job:
    """End a job; one that has ended stays as it is.

    Raises:
        RefusedError: there is no such job.
    """
    reason = "a person canceled it"
    return _ordered(site, uid, "cancel", lambda database: orders.cancel(database, uid, reason))


def look_now(site: Site, uid: str) -> None:
    """Have a study looked at, whether anything in it has changed or not.

    Raises:
        RefusedError: it has no images in the PACS.
        SourceError: the PACS failed.
    """
    hands = site.hands
    images = images_among(hands.source.series({"StudyInstanceUID": uid_at_the_door(uid)}))
    if not images:
        raise RefusedError(
            404,
            f"no images of the study {uid}",
            f"a study with images in {hands.source.name}",
            "send it there",
        )
    hands.studies.look_now(uid, content_of(images, counted(hands.source, images)))
    tell("look is asked for")
    site.ring()


def _ordered(site: Site, uid: str, what: str, order: Callable[[Database], Job]) -> Job:
    job_of(site, uid)
    try:
        job = order(site.hands.database)
    except UsageError as error:
        raise RefusedError(409, error.found, error.wanted, _SEE) from None
    tell("job is ordered", what=what, job=uid)
    site.ring()
    return job
