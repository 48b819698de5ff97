"""All instances of a series in a PACS, as files; and the proof that they are all.

A server that answers with a part of a series looks like one that answers with all of it. What it
has must be known from elsewhere: it counts the instances of a series, or it lists them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from IODeepLib.errors import SourceError
from IODeepLib.sources.archive import Archive, Entity, PartialError, Receiver, TransientError
from IODeepLib.sources.incoming import save
from IODeepLib.sources.limits import MOST_BYTES, MOST_INSTANCES, too_many, up_to
from IODeepLib.sources.query import matching
from IODeepLib.sources.retries import retried


def fetch_series(
    archive: Archive, series: Entity, folder: Path, most: int = MOST_BYTES
) -> list[Path]:
    """All instances of a series, as files in `folder`, of `most` bytes each at most.

    Raises:
        SourceError: the server failed, or it cannot be known whether it sent all of them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, Path] = {}
    numbers = itertools.count()
    count = series.instance_count or 0
    listed = None if count else _listed(archive, series)
    partial = False

    def receive(arriving: Iterable[bytes]) -> None:
        number = next(numbers)
        if number >= MOST_INSTANCES:
            raise too_many(archive.name, f"instances of {series.series_uid}", MOST_INSTANCES)
        path = folder / f"{number}.dcm"
        arriving = up_to(most, arriving, archive.name)
        found = save(arriving, path, series, archive.name)
        if path != files.setdefault(found.sop_uid, path):
            path.unlink()  # it was sent before the connection broke

    def whole() -> None:
        nonlocal partial
        try:
            archive.retrieve(series, receive)
        except PartialError:
            partial = True

    def missing() -> list[Entity]:
        nonlocal listed
        if len(files) == count and not partial:
            return []
        if listed is None:
            listed = _listed(archive, series)
        return [instance for uid, instance in listed.items() if uid not in files]

    retrieve(archive, missing, receive, lambda: len(files), whole)
    if listed is not None and (files.keys() != listed.keys() or len(files) < count):
        counted = f", and counts {count}" if count else ""
        raise SourceError(
            f"{archive.name} sent {len(files)} instances of {series.series_uid}, lists "
            f"{len(listed)}{counted}",
            "the same ones each time",
            "try again when nothing is being stored there, or ask who runs the server",
        )
    return list(files.values())


def retrieve(
    archive: Archive,
    missing: Callable[[], Sequence[Entity]],
    receive: Receiver,
    done: Callable[[], int],
    whole: Callable[[], object] | None,
) -> None:
    """Retrieve what is `missing`, one by one, after `whole` has brought as much as it could.

    Args:
        archive: where from.
        missing: what has not come yet.
        receive: takes what comes.
        done: how much has come.
        whole: retrieves everything at once; None if little is missing.
    """

    def attempt() -> None:
        nonlocal whole
        if whole is not None:
            first, whole = whole, None
            first()
        if left := missing():
            for instance in left:
                archive.retrieve(instance, receive)
            if left := missing():
                raise not_sent(archive.name, left[0])

    retried(attempt, done)


def not_sent(server: str, entity: Entity) -> SourceError:
    """The error to raise when what was asked for did not come."""
    return SourceError(
        f"{server} answered without {entity.sop_uid or 'all instances of ' + entity.series_uid}",
        "what was asked for",
        "check whether the server still has it",
    )


def series_keys(entity: Entity) -> dict[str, str]:
    """What the series of an entity is found by."""
    return {"StudyInstanceUID": entity.study_uid, "SeriesInstanceUID": entity.series_uid}


def _listed(archive: Archive, series: Entity) -> dict[str, Entity]:
    """The instances that the server says a series has, by their UIDs.

    Raises:
        SourceError: it says it of none, or one of them cannot be asked for.
    """
    keys = series_keys(series)
    try:
        found = matching(retried(lambda: archive.find_instances(keys)), keys)
    except TransientError:
        raise
    except SourceError as error:
        raise _unknown(archive, series, f" ({error.found})") from None
    if found.errors:
        raise found.errors[0]  # without it the series is not complete
    if not found.entities:
        raise _unknown(archive, series, "")
    return {instance.sop_uid: instance for instance in found.entities}


def _unknown(archive: Archive, series: Entity, why: str) -> SourceError:
    return SourceError(
        f"{archive.name} neither counts nor lists the instances of {series.series_uid}{why}",
        "to know whether all of them have come",
        "fetch the images by other means, and name their folder",
    )
