"""What a service makes of a study, as people read it: pure functions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from IODeepSlicer.text.fit_text import AMBER, GREEN, RED
from IODeepSlicer.text.i18n import tr as _
from IODeepSlicer.text.plain_text import inLines

if TYPE_CHECKING:
    from IODeepLib.service.client import JobSeen, StudySeen

_MOST_JOBS, _LONGEST = 8, 300  # lines, and characters of what a service says


def serviceText(seen: StudySeen, service: str) -> str:
    """What becomes of a study, a line for each job.

    Args:
        seen: what the service knows.
        service: how people call it.
    """
    return "\n".join(_lines(seen, service))


def serviceColor(seen: StudySeen) -> str:
    """The color of that; "" while all goes its way."""
    states = {str(job.state) for job in seen.jobs}
    if str(seen.state) == "failed" or "failed" in states:
        return RED
    if "needs a choice" in states or not (seen.jobs or seen.is_looked_at):
        return AMBER
    return GREEN if states == {"done"} and not seen.is_looked_at else ""


def _lines(seen: StudySeen, service: str) -> Iterator[str]:
    name, why = _short(service), _short(seen.reason)
    if seen.is_looked_at:
        yield _("{name} looks at the study; press Refresh to see what comes of it.").format(
            name=name
        )
    elif str(seen.state) == "failed":
        yield _("{name} could not look at the study: {why}").format(name=name, why=why)
    elif not seen.jobs:
        yield _("{name} runs nothing on this study: {why}").format(
            name=name, why=why or _("it has no images that a model reads")
        )
    for job in seen.jobs[:_MOST_JOBS]:
        yield _jobText(job, name)
    if len(seen.jobs) > _MOST_JOBS:
        more = len(seen.jobs) - _MOST_JOBS
        yield _("And {count} more, on the page of {name}.").format(count=more, name=name)


def _jobText(job: JobSeen, name: str) -> str:
    label, why, state = _short(job.label), _short(job.reason), str(job.state)
    if state == "needs a choice":
        choices = ", ".join(_short(one.label) for one in job.choices[:_MOST_JOBS])
        text = _("Several models fit equally well ({choices}): choose on the page of {name}.")
        return text.format(choices=choices, name=name)
    words = {
        "waiting": _("{label}: queued."),
        "running": _("{label}: runs, {percent} %."),
        "storing": _("{label}: its result goes to the PACS."),
        "done": _("{label}: done. Its result is in the PACS: fetch it with the module DICOM."),
        "failed": _("{label}: failed: {why}"),
        "canceled": _("{label}: canceled: {why}"),
    }
    percent = round(100 * job.fraction)
    return words[state].format(label=label, why=why, percent=percent)


def _short(text: str) -> str:
    text = " ".join(inLines(text).split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
