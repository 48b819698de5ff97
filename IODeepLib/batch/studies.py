"""The studies of a cohort: which there are, and what each of them has, as a digest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple, Protocol

from IODeepLib.batch.index import FileIndex
from IODeepLib.batch.place import FILES
from IODeepLib.batch.terms import Asked, Task
from IODeepLib.errors import UsageError
from IODeepLib.machine.progress import Progress
from IODeepLib.service.contents import content_of, counted, images_among
from IODeepLib.sources import Source
from IODeepLib.sources.archive import Entity
from IODeepLib.sources.folder import FolderSource
from IODeepLib.sources.pacs import PacsSource
from IODeepLib.sources.query import Query

# A PACS is searched day by day: an answer on years would have no end.
_DAY = timedelta(days=1)


class Study(NamedTuple):
    """A study: its Study Instance UID, and a digest of what it has."""

    uid: str
    content: str


class Cohort(Protocol):
    """Where studies are."""

    def studies(self, progress: Progress) -> Iterator[Study]:
        """All of them, each once.

        Raises:
            SourceError: the PACS failed.
            ImageError: there is no such folder.
        """
        ...

    def task(self, study: Study) -> Task:
        """What is to be done with a study."""
        ...

    @property
    def nobodys(self) -> int:
        """DICOM files that name no study, of those in a folder."""
        ...


class FolderCohort:
    """The studies in a folder, in whatever folders below it and under whatever names.

    Args:
        index: of its files.
        out: where results go, which are no part of it.
    """

    def __init__(self, index: FileIndex, out: Path) -> None:
        self._index, self._out = index, out

    def studies(self, progress: Progress) -> Iterator[Study]:
        """See `Cohort`."""
        self._index.look(self._out, progress)
        yield from (Study(*one) for one in self._index.studies())

    def task(self, study: Study) -> Task:
        """See `Cohort`."""
        return Task(*study, tuple(self._index.files(study.uid)))

    @property
    def nobodys(self) -> int:
        """See `Cohort`."""
        return self._index.nobodys


class PacsCohort:
    """The studies of a PACS with a Study Date in a range.

    Args:
        source: the PACS.
        dates: the first and the last day.
        modality: of the series that count; any by default.
    """

    def __init__(self, source: PacsSource, dates: tuple[date, date], modality: str | None) -> None:
        self._source, self._dates = source, dates
        self._keys = {} if modality is None else {"Modality": modality}

    def studies(self, progress: Progress) -> Iterator[Study]:
        """See `Cohort`."""
        seen: set[str] = set()
        day, last = self._dates
        while day <= last:
            progress(0.0, f"searching {day}: {len(seen)} studies so far")
            by_study: dict[str, list[Entity]] = defaultdict(list)
            keys = {"StudyDate": f"{day:%Y%m%d}", **self._keys}
            for entity in images_among(self._source.series(keys)):
                by_study[entity.study_uid].append(entity)
            for uid in sorted(by_study.keys() - seen):
                images = by_study[uid]
                yield Study(uid, content_of(images, counted(self._source, images)))
            seen |= by_study.keys()
            day += _DAY

    def task(self, study: Study) -> Task:
        """See `Cohort`."""
        return Task(*study)

    @property
    def nobodys(self) -> int:
        """See `Cohort`."""
        return 0


def check_cohort(source: Source, asked: Asked) -> None:
    """Say what is wrong with a call before anything is done.

    Raises:
        UsageError: values that are none, or dates that do not go with the source.
    """
    Query(study_date=asked.study_date, modality=asked.modality)
    if isinstance(source, PacsSource):
        _days(asked.study_date)
    elif asked.study_date is not None:
        raise UsageError(
            "dates, and a folder with studies",
            "dates with a PACS alone",
            "leave out --date, or choose a folder with fewer studies",
        )


@contextmanager
def cohort_of(source: Source, asked: Asked) -> Iterator[Cohort]:
    """The studies that are meant, to be asked for within the block; see `check_cohort`.

    Raises:
        OutputError: the index of files cannot be used.
    """
    if isinstance(source, PacsSource):
        yield PacsCohort(source, _days(asked.study_date), asked.modality)
        return
    assert isinstance(source, FolderSource)  # noqa: S101 - there are no others
    out = Path(asked.out)
    with closing(FileIndex(out / FILES, source.folder.absolute())) as index:
        yield FolderCohort(index, out)


def _days(dates: str | None) -> tuple[date, date]:
    """The first and the last day of a range as DICOM writes it; of an open one, up to today."""
    first, dash, last = (dates or "").partition("-")
    if not first:
        raise UsageError(
            f"--date {dates}" if dates else "a PACS, and no dates",
            "the first day at least: a PACS is searched day by day",
            "add --date 20200101-20201231, for instance",
        )
    try:
        begin = datetime.strptime(first, "%Y%m%d").date()
        if not dash:
            return begin, begin
        return begin, datetime.strptime(last, "%Y%m%d").date() if last else date.today()
    except ValueError:
        raise UsageError(f"--date {dates}", "days that there are", "correct it") from None
