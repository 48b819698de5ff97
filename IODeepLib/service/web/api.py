"""The REST API: /api/v1. Its document is /api/v1/openapi.json."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body, Depends, Path, Query, Security
from fastapi.security import HTTPBearer
from starlette.requests import Request

from IODeepLib.service.job import Job
from IODeepLib.service.kept import rows_of
from IODeepLib.service.listing import Listing
from IODeepLib.service.states import State
from IODeepLib.service.web import deeds, shapes
from IODeepLib.service.web.access import allowed
from IODeepLib.service.web.condition import condition_of
from IODeepLib.service.web.problems import Problem, RefusedError
from IODeepLib.service.web.settings import Role
from IODeepLib.service.web.site import Site, site_of

# Said of every route: whatever is refused is answered so.
_REFUSED: dict[int | str, dict[str, Any]] = {
    "default": {"model": Problem, "description": "what was found, what was wanted, what to do"}
}
_BEARER = Security(HTTPBearer(auto_error=False))  # said in the document; `allowed` checks it

router = APIRouter(prefix="/api/v1", responses=_REFUSED, dependencies=[_BEARER])
_LOOK, _RUN, _ADMINISTER = ([Depends(allowed(role))] for role in Role)

_State = Annotated[State | None, Query(description="only jobs in this state")]
_Limit = Annotated[int, Query(ge=1, le=200, description="how many at most")]
_Cursor = Annotated[str | None, Query(description="`next` of the page before")]
_Uid = Annotated[str, Path(max_length=64, description="a UID")]
_Model = Annotated[str, Body(embed=True, max_length=200, description="a label, or a card's UID")]


@router.get("/jobs", dependencies=_LOOK)
def jobs(
    request: Request, state: _State = None, limit: _Limit = 50, cursor: _Cursor = None
) -> shapes.JobList:
    """Jobs, the newest first."""
    after = None if cursor is None else deeds.uid_at_the_door(cursor)
    found = Listing(site_of(request).hands.database).jobs(state, limit + 1, after)
    shown = [shapes.job_shape(job) for job in found[:limit]]
    return shapes.JobList(jobs=shown, next=shown[-1].uid if len(found) > limit else None)


@router.get("/jobs/{uid}", dependencies=_LOOK)
def job(request: Request, uid: _Uid) -> shapes.WholeJobShape:
    """One job, with its result."""
    return _whole(site_of(request), deeds.job_of(site_of(request), uid))


@router.post("/jobs/{uid}/again", dependencies=_RUN)
def again(request: Request, uid: _Uid) -> shapes.WholeJobShape:
    """Do the work of a job once more that failed or was canceled: the answer is the new job."""
    return _whole(site_of(request), deeds.again(request, uid))


@router.post("/jobs/{uid}/choose", dependencies=_RUN)
def choose(request: Request, uid: _Uid, model: _Model) -> shapes.WholeJobShape:
    """Say which model does a job that several fit equally well."""
    return _whole(site_of(request), deeds.choose(request, uid, model))


@router.post("/jobs/{uid}/cancel", dependencies=_ADMINISTER)
def cancel(request: Request, uid: _Uid) -> shapes.WholeJobShape:
    """End a job."""
    return _whole(site_of(request), deeds.cancel(request, uid))


@router.get("/studies", dependencies=_LOOK)
def studies(request: Request, limit: _Limit = 50, cursor: _Cursor = None) -> shapes.StudyList:
    """Studies that were seen, by their UID."""
    after = "" if cursor is None else deeds.uid_at_the_door(cursor)
    found = Listing(site_of(request).hands.database).studies(limit + 1, after)
    shown = [shapes.StudyShape(**one._asdict()) for one in found[:limit]]
    return shapes.StudyList(studies=shown, next=shown[-1].uid if len(found) > limit else None)


@router.get("/studies/{uid}", dependencies=_LOOK)
def study(request: Request, uid: _Uid) -> shapes.WholeStudyShape:
    """One study, with all jobs on it."""
    hands = site_of(request).hands
    seen = Listing(hands.database).study(deeds.uid_at_the_door(uid))
    if seen is None:
        raise RefusedError(404, f"no study {uid}", "one that was seen", "see /api/v1/studies")
    jobs = [shapes.job_shape(one) for one in hands.jobs.of_study(uid)]
    return shapes.WholeStudyShape(**seen._asdict(), jobs=jobs)


@router.post("/studies/{uid}", dependencies=_RUN, status_code=202)
def look_at_study(request: Request, uid: _Uid) -> shapes.WholeStudyShape:
    """Have a study looked at now, whether anything in it has changed or not; jobs come of that."""
    deeds.look_now(request, uid)
    return study(request, uid)


@router.get("/models", dependencies=_LOOK)
def models(request: Request) -> shapes.ModelList:
    """The models that the service finds, as they were a minute ago at most."""
    return site_of(request).models.all()


@router.get("/service", dependencies=_LOOK)
def service(request: Request) -> shapes.ServiceShape:
    """Versions, disk, and how much there is to do."""
    return condition_of(site_of(request).hands)


def _whole(site: Site, one: Job) -> shapes.WholeJobShape:
    measured = [
        shapes.RowShape(
            name=row.name,
            volume_ml=row.volume_ml,
            long_axis_mm=row.long_axis_mm,
            value=row.value,
        )
        for row in rows_of(site.hands.place.kept, one.uid)
    ]
    return shapes.whole_job(one, site.hands.jobs.outputs(one), measured)
