"""What would happen with the newest studies of the PACS, and why; nothing is done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from IODeepLib.disk.files import temporary_folder
from IODeepLib.errors import IODeepError
from IODeepLib.service.contents import images_among
from IODeepLib.service.looking import look_at, pacs_of
from IODeepLib.service.rules import Decision
from IODeepLib.service.settings import ServiceSettings
from IODeepLib.sources.find import source_of

_WINDOWS = (2, 30, 365, 36_525)  # days, until there are enough studies


@dataclass(frozen=True)
class Preview:
    """What would happen with a study.

    Attributes:
        study: Study Instance UID.
        date: Study Date, as far as the server says it.
        decisions: what the rules say of its series.
        trouble: why nobody knows, if so.
    """

    study: str
    date: str
    decisions: tuple[Decision, ...] = ()
    trouble: str = ""


def preview(settings: ServiceSettings, count: int) -> Iterator[Preview]:
    """What would happen with the newest studies, by Study Date.

    Raises:
        SourceError: the PACS failed.
        UsageError: the settings name no PACS.
    """
    catalog = source_of(settings.models_source).models()
    for study, day in _newest(settings, count):
        with temporary_folder() as folder:
            try:
                decisions = look_at(settings, catalog, study, folder / "images")
            except IODeepError as error:
                yield Preview(study, day, trouble=str(error))
            else:
                yield Preview(study, day, tuple(decisions))


def _newest(settings: ServiceSettings, count: int) -> list[tuple[str, str]]:
    source, days = pacs_of(settings), {}
    for window in _WINDOWS:
        first = date.today() - timedelta(days=window)
        found = images_among(source.series({"StudyDate": f"{first:%Y%m%d}-"}))
        days = {one.study_uid: one.attributes.get("StudyDate", "") for one in found}
        if len(days) >= count:
            break
    return sorted(days.items(), key=lambda study: (study[1], study[0]), reverse=True)[:count]
