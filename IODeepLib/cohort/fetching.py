"""Where the files of a cohort lie: a folder stays where it is, of a PACS there are copies."""

from __future__ import annotations

import os
from pathlib import Path

from IODeepLib.disk.files import whole_folder
from IODeepLib.errors import ImageError, UsageError
from IODeepLib.machine.progress import Progress
from IODeepLib.sources import Source
from IODeepLib.sources.find import source_of
from IODeepLib.sources.folder import FolderSource
from IODeepLib.sources.pacs import PacsSource
from IODeepLib.sources.query import Query

_STUDY = "StudyInstanceUID"


def folder_of(
    source: Source | str | Path, copies: Path | str | None, study_date: str | None, tell: Progress
) -> Path:
    """The folder with the files of a source; of a PACS, of its studies that have a SEG.

    A series that was copied before is not fetched again; what came to the study since then is.

    Raises:
        UsageError: no place for copies, no dates of a PACS, or dates of a folder.
        ImageError: there is no such folder, or no SEG.
        SourceError: the PACS failed.
    """
    there = source_of(source) if isinstance(source, (str, Path)) else source
    if isinstance(there, FolderSource):
        if study_date is not None:
            raise UsageError("dates, and a folder", "dates with a PACS alone", "leave out --date")
        if not there.folder.is_dir():
            raise ImageError(f"{there.folder} is no folder", "one with studies", "check the path")
        return Path(os.path.normpath(there.folder.absolute()))
    assert isinstance(there, PacsSource)  # noqa: S101 - there are no others
    if copies is None:
        raise UsageError(
            f"{there.name}, and no place for copies of its studies",
            "a folder in which they stay",
            "add --copies DIR",
        )
    if study_date is None:
        raise UsageError(
            f"{there.name}, and no dates",
            "days at which its studies were made: none answers with all that it has",
            "add --date 20240101-20241231, for instance",
        )
    keys = Query(study_date=study_date, modality="SEG").keys()
    studies = sorted({entity.study_uid for entity in there.series(keys)})
    if not studies:
        raise ImageError(
            f"no segmentations in {there.name}", "studies with a DICOM SEG", "check --date"
        )
    folder = Path(os.path.normpath(Path(copies).absolute()))
    for i, study in enumerate(studies):
        tell(i / len(studies), f"fetching study {i + 1} of {len(studies)}")
        for series in sorted({one.series_uid for one in there.series({_STUDY: study})}):
            if not (folder / study / series).is_dir():
                with whole_folder(folder / study / series) as new:
                    there.objects(series, new)
    return folder
