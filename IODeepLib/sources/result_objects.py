"""The objects of a result in a PACS, fetched without the images beside them."""

from __future__ import annotations

from pathlib import Path

from IODeepLib.errors import InputError, UsageError
from IODeepLib.headers.sop_classes import IMAGES
from IODeepLib.machine.progress import Progress
from IODeepLib.sources.pacs import PacsSource
from IODeepLib.sources.query import Query


def fetch_results(
    source: PacsSource, query: Query, folder: Path, progress: Progress | None = None
) -> list[Path]:
    """Copies, in `folder`, of the series that `query` names, but for those of image modalities.

    Raises:
        UsageError: the query names neither a study nor a series.
        InputError: there is no such series.
        SourceError: the PACS failed.
    """
    if query.study_uid is None and query.series_uid is None:
        raise UsageError(
            f"no result named in {source.name}",
            "its study or its series",
            "add --study or --series",
        )
    files: list[Path] = []
    for number, entity in enumerate(source.series(query.keys())):
        if query.series_uid or entity.attributes.get("Modality", "") not in IMAGES:
            part = folder / str(number)
            part.mkdir()
            files += source.objects(entity.series_uid, part, progress)
    if not files:
        raise InputError(
            f"{source.name} has no results with {query}", "a series of results", "check the UIDs"
        )
    return files
