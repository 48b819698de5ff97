"""The page: what waits, runs, is done and has failed, and what a person can do about it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from IODeepLib.errors import IODeepError
from IODeepLib.service.job import Job
from IODeepLib.service.kept import picture_of, rows_of
from IODeepLib.service.listing import Listing
from IODeepLib.service.states import State
from IODeepLib.service.web import deeds
from IODeepLib.service.web.condition import condition_of
from IODeepLib.service.web.page_access import form_of, remember, visiting
from IODeepLib.service.web.plot import plot
from IODeepLib.service.web.problems import RefusedError
from IODeepLib.service.web.render import rendered
from IODeepLib.service.web.sessions import Session
from IODeepLib.service.web.settings import Role
from IODeepLib.service.web.shapes import ModelList
from IODeepLib.service.web.site import Site, site_of

router = APIRouter(include_in_schema=False)
_Looks = Annotated[Session, Depends(visiting(Role.LOOK))]
_Runs = Annotated[Session, Depends(visiting(Role.RUN))]
_Administers = Annotated[Session, Depends(visiting(Role.ADMINISTER))]

_SHOWN = 20  # jobs of a state
_NEXT, _PICTURES = 8, 8
_HOURS = 24
_STATIC = Path(__file__).parent / "static"
_FILES = {"page.css": "text/css", "page.js": "text/javascript", "icon.svg": "image/svg+xml"}


@router.get("/")
def overview(request: Request, session: _Looks) -> Response:
    """All that goes on."""
    hands = site_of(request).hands
    listing = Listing(hands.database)
    done = listing.ended_jobs(State.DONE, _PICTURES)
    return _page(
        request,
        session,
        "overview.html",
        condition=condition_of(hands),
        choices=listing.jobs(State.CHOICE, _SHOWN),
        running=listing.jobs(State.RUNNING, _SHOWN),
        storing=listing.jobs(State.STORING, _SHOWN),
        waiting=listing.next_jobs(_NEXT),
        failed=listing.ended_jobs(State.FAILED, _SHOWN),
        done=[(job, *_kept(site_of(request), job)) for job in done],
        plot=plot(listing.hours(_HOURS, datetime.now(UTC))),
    )


@router.get("/models")
def models(request: Request, session: _Looks) -> Response:
    """The models, whom they are of, and what they read."""
    trouble, found = "", ModelList(models=[], problems=[])
    try:
        found = site_of(request).models.all()
    except IODeepError as error:
        trouble = str(error)
    return _page(request, session, "models.html", found=found, trouble=trouble)


@router.get("/jobs")
def jobs(
    request: Request, session: _Looks, state: State | None = None, cursor: str | None = None
) -> Response:
    """A list of jobs, however long."""
    after = None if cursor is None else deeds.uid_at_the_door(cursor)
    found = Listing(site_of(request).hands.database).jobs(state, _SHOWN + 1, after)
    more = found[_SHOWN - 1].uid if len(found) > _SHOWN else ""
    return _page(request, session, "jobs.html", state=state, jobs=found[:_SHOWN], more=more)


@router.get("/jobs/{uid}")
def job(request: Request, session: _Looks, uid: str) -> Response:
    """All of one job."""
    site = site_of(request)
    found = deeds.job_of(site, uid)
    has_picture, rows = _kept(site, found)
    outputs = site.hands.jobs.outputs(found)
    return _page(
        request, session, "job.html", job=found, outputs=outputs, rows=rows, has_picture=has_picture
    )


@router.get("/jobs/{uid}/picture.png")
def picture(request: Request, session: _Looks, uid: str) -> Response:
    """The picture of a result."""
    found = picture_of(site_of(request).hands.place.kept, deeds.uid_at_the_door(uid))
    if found is None:
        raise RefusedError(
            404, f"no picture of the job {uid}", "one of the last", "look in the PACS"
        )
    return FileResponse(found, media_type="image/png")


@router.post("/jobs/{uid}/again")
def again(request: Request, session: _Runs, uid: str) -> Response:
    """Do a job once more."""
    return _back(deeds.again(request, uid))


@router.post("/jobs/{uid}/choose")
def choose(request: Request, session: _Runs, uid: str) -> Response:
    """Say which model does a job."""
    return _back(deeds.choose(request, uid, form_of(request, "model")))


@router.post("/jobs/{uid}/cancel")
def cancel(request: Request, session: _Administers, uid: str) -> Response:
    """End a job."""
    return _back(deeds.cancel(request, uid))


@router.post("/look")
def look(request: Request, session: _Runs) -> Response:
    """Have a study looked at now."""
    deeds.look_now(request, form_of(request, "study").strip())
    return RedirectResponse("/", 303)


@router.get("/static/{name}")
def static(name: str) -> Response:
    """A file of the page; there are no others."""
    if name not in _FILES:
        raise RefusedError(404, f"no file {name!r}", ", ".join(_FILES), "see the page")
    headers = {"Cache-Control": "max-age=3600"}
    return FileResponse(_STATIC / name, media_type=_FILES[name], headers=headers)


def _page(request: Request, session: Session, template: str, **values: Any) -> Response:
    visitor, site = session.visitor, site_of(request)
    assert visitor is not None  # noqa: S101 - see `visiting`
    response = rendered(
        template,
        csrf=session.csrf,
        visitor=visitor,
        may_run=visitor.role.covers(Role.RUN),
        may_administer=visitor.role.covers(Role.ADMINISTER),
        signs_in=not site.settings.is_open,
        **values,
    )
    if getattr(request.state, "begun", None) is session:
        remember(request, response, site.sessions, session)
    return response


def _kept(site: Site, job: Job) -> tuple[bool, list[Any]]:
    """Whether there is a picture of a result, and what was measured."""
    kept = site.hands.place.kept
    return picture_of(kept, job.uid) is not None, rows_of(kept, job.uid)


def _back(job: Job) -> Response:
    """On the page of a job it is seen what came of it."""
    return RedirectResponse(f"/jobs/{job.uid}", 303)
