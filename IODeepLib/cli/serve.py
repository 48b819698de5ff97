"""Run the service beside a PACS: what comes there is read by the models that fit."""

from __future__ import annotations

import argparse
import logging
import os
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IODeepLib.cli import console
from IODeepLib.errors import UsageError

if TYPE_CHECKING:
    from IODeepLib.service.job import Job
    from IODeepLib.service.preview import Preview
    from IODeepLib.service.settings import ServiceSettings

_STUDIES, _JOBS = 10, 50
_JOB = "JOB"
_NOBODY = 2**32 - 1  # has signed in: a daemon


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="iodeep.toml with a table [service] [the usual]"
    )
    instead = parser.add_mutually_exclusive_group()
    instead.add_argument(
        "--dry-run",
        type=int,
        nargs="?",
        const=_STUDIES,
        metavar="N",
        help=f"say what would happen with the newest N studies, and why [{_STUDIES}]; do nothing",
    )
    instead.add_argument(
        "--jobs", type=int, nargs="?", const=_JOBS, metavar="N", help=f"list the newest [{_JOBS}]"
    )
    instead.add_argument(
        "--choose", nargs=2, metavar=(_JOB, "MODEL"), help="the model for a job that needs a choice"
    )
    instead.add_argument("--again", metavar=_JOB, help="run as a new job what failed, was canceled")
    instead.add_argument("--cancel", metavar=_JOB, help="end a job")


def run(options: argparse.Namespace) -> int:
    if options.config is not None:
        # The processes that do the work read it as well.
        os.environ["IODEEP_CONFIG"] = str(options.config.absolute())
    from IODeepLib.service.settings import service_settings
    from IODeepLib.sources.settings import read_settings

    settings = read_settings()
    service = service_settings(settings)
    if options.dry_run is not None:
        return _dry_run(options, service)
    if options.jobs is not None or options.choose or options.again or options.cancel:
        return _jobs(options, service)
    from IODeepLib.service.hands import hands_for
    from IODeepLib.service.listeners import listeners_of
    from IODeepLib.service.looking import pacs_of
    from IODeepLib.service.service import Service
    from IODeepLib.service.triggers import triggers_of

    source = pacs_of(service)
    triggers = triggers_of(settings, service, source)
    listeners = listeners_of(settings, service)
    _say_events()
    work = Service(hands_for(service, source), triggers, listeners)
    try:
        work.work()
    except KeyboardInterrupt:  # SIGTERM and Ctrl-C: that is how it ends
        return 0
    return 0


def _say_events() -> None:
    """Every event is a line of JSON on standard error, as it is."""
    from IODeepLib.service.log import LOGGER

    handler = logging.StreamHandler(sys.stderr)
    logger = logging.getLogger(LOGGER)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False


def _dry_run(options: argparse.Namespace, service: ServiceSettings) -> int:
    from IODeepLib.service.preview import preview

    if options.dry_run < 1:
        raise UsageError(f"--dry-run {options.dry_run}", "1 or more", "correct --dry-run")
    previews = list(preview(service, options.dry_run))
    text = "\n".join(line for one in previews for line in _preview_lines(one))
    console.emit(options, [_preview_document(one) for one in previews], text or "no studies")
    return 0


def _preview_lines(one: Preview) -> list[str]:
    lines = [f"study {one.study}" + (f" of {one.date}" if one.date else "")]
    if one.trouble:
        return [*lines, f"  {one.trouble}"]
    if not one.decisions:
        return [*lines, "  nothing: it has no images that a model reads"]
    for decision in one.decisions:
        what = "nothing"
        if decision.model:
            what = f"run {decision.label}, store {', '.join(decision.products)}"
        elif decision.choices:
            what = "wait until somebody chooses a model"
        why = f" ({decision.why})" if decision.why else ""
        lines.append(f"  {decision.series}, {decision.rule}: {what}{why}")
    return lines


def _preview_document(one: Preview) -> dict[str, Any]:
    from IODeepLib.text.records import dump

    decisions = [dump(decision) for decision in one.decisions]
    return {"study": one.study, "date": one.date, "decisions": decisions, "trouble": one.trouble}


def _jobs(options: argparse.Namespace, service: ServiceSettings) -> int:
    from IODeepLib.service import orders
    from IODeepLib.service.audit.trail import trail_of
    from IODeepLib.service.database import Database
    from IODeepLib.service.jobs import Jobs
    from IODeepLib.service.place import Place

    database = Database(Place(service.place).queue)
    if options.jobs is not None:
        jobs = [*Jobs(database).latest(options.jobs)]
    else:
        uid = options.again or options.cancel or options.choose[0]
        before = Jobs(database).job(uid)
        if options.choose:
            what, job = "choose", orders.choose(database, *options.choose)
        elif options.again:
            what, job = "again", orders.again(database, uid)
        else:
            what, job = "cancel", orders.cancel(database, uid, "a person canceled it")
        if job != before:  # what has ended cannot be canceled
            trail_of(service).ordered(what, _user(), socket.gethostname(), job.study, job)
        jobs = [job]
    found = [(job, Jobs(database).outputs(job)) for job in jobs]
    documents = [_job_document(job) | {"outputs": [o._asdict() for o in out]} for job, out in found]
    text = "\n".join(line for job in jobs for line in _job_lines(job))
    console.emit(options, documents, text or "no jobs")
    return 0


def _job_document(job: Job) -> dict[str, Any]:
    from dataclasses import asdict

    return {"uid": job.uid, "ups_state": job.ups_state.value} | asdict(job)


def _job_lines(job: Job) -> list[str]:
    what = job.label or " or ".join(label for _, label in job.choices)
    how = f", {job.fraction:.0%}" if job.fraction and not job.state.is_final else ""
    lines = [f"{job.uid}", f"  {job.state.value}{how}: {what} on {job.series} ({job.rule})"]
    lines += [f"  does again {job.former}"] if job.former else []
    lines += [f"  done again as {job.later}"] if job.later else []
    return [*lines, f"  {job.reason}"] if job.reason else lines


def _user() -> str:
    """Who gives an order, as the system knows it: who signed in, also behind sudo."""
    if sys.platform == "win32":
        return os.getlogin()
    import pwd

    uid = os.getuid()
    with suppress(OSError, ValueError):  # elsewhere than on Linux
        signed_in = int(Path("/proc/self/loginuid").read_text(encoding="ascii"))
        uid = uid if signed_in == _NOBODY else signed_in
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"{uid}"
