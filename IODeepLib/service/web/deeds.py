"""What people and programs have the service do: the same from the page and by the API."""

from __future__ import annotations

from collections.abc import Callable

from starlette.requests import Request

from IODeepLib.errors import UsageError
from IODeepLib.service import orders
from IODeepLib.service.contents import content_of, counted, images_among
from IODeepLib.service.database import Database
from IODeepLib.service.job import Job
from IODeepLib.service.log import tell
from IODeepLib.service.web.limits import address_of
from IODeepLib.service.web.problems import RefusedError
from IODeepLib.service.web.site import Site, site_of
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


def again(request: Request, uid: str) -> Job:
    """Do the work of a job once more that failed or was canceled; the new job.

    Raises:
        RefusedError: there is no such job, it goes on or went well, or has been done again.
    """
    return _ordered(request, uid, "again", lambda database: orders.again(database, uid))


def choose(request: Request, uid: str, model: str) -> Job:
    """Say which model does a job that several fit equally well.

    Raises:
        RefusedError: there is no such job or model, or somebody chose already.
    """
    return _ordered(request, uid, "choose", lambda database: orders.choose(database, uid, model))


def cancel(request: Request, uid: str) -> Job:
    """End a job; one that has ended stays as it is.

    Raises:
        RefusedError: there is no such job.
    """
    reason = "a person canceled it"
    return _ordered(request, uid, "cancel", lambda database: orders.cancel(database, uid, reason))


def look_now(request: Request, uid: str) -> None:
    """Have a study looked at, whether anything in it has changed or not.

    Raises:
        RefusedError: it has no images in the PACS.
        SourceError: the PACS failed.
    """
    site = site_of(request)
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
    hands.trail.ordered("look", *_who(request), uid)
    site.ring()


def _ordered(request: Request, uid: str, what: str, order: Callable[[Database], Job]) -> Job:
    site = site_of(request)
    before = job_of(site, uid)
    try:
        job = order(site.hands.database)
    except UsageError as error:
        raise RefusedError(409, error.found, error.wanted, _SEE) from None
    if job != before:  # what has ended cannot be canceled
        tell("job is ordered", what=what, job=job.uid)
        site.hands.trail.ordered(what, *_who(request), job.study, job)
        site.ring()
    return job


def _who(request: Request) -> tuple[str, str]:
    """Who asks, and from where."""
    return str(request.scope.get("visitor", "")), address_of(request.scope)
