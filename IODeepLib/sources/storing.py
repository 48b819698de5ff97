"""Storing files in a PACS: each once, and only what is found there then is stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from IODeepLib.machine.progress import Advancing, Progress
from IODeepLib.model_object.datasets import WEIGHTS_SERIES
from IODeepLib.sources.archive import Archive, Entity, TransientError
from IODeepLib.sources.incoming import to_store
from IODeepLib.sources.retries import retried
from IODeepLib.sources.whole_series import series_keys
from IODeepLib.text.wording import counted

# To have the server's word for it must do for weights: many servers read an object from end to end
# to answer for it.
_WEIGHTS = {"PatientID": "IODEEP", "SeriesNumber": f"{WEIGHTS_SERIES}"}


def store_files(
    archive: Archive, files: Sequence[Path], progress: Progress | None = None
) -> list[Path]:
    """See `Source.store`."""
    entities = {path: to_store(path) for path in files}
    with archive.connected():
        return _store(archive, entities, progress)


def found_there(archive: Archive, entities: Iterable[Entity]) -> set[str]:
    """The SOP Instance UIDs, among others, of those `entities` that the server has."""
    series = {entity.series_uid: entity for entity in entities}
    found = (archive.find_instances(series_keys(entity)) for entity in series.values())
    return {entity.sop_uid for answered in found for entity in answered.entities}


def _store(
    archive: Archive, entities: Mapping[Path, Entity], progress: Progress | None
) -> list[Path]:
    there = retried(lambda: found_there(archive, entities.values()))
    new = [path for path in entities if entities[path].sop_uid not in there]
    advance = Advancing(progress, sum(path.stat().st_size for path in new), "storing")

    def missing() -> list[Path]:
        return [path for path in new if entities[path].sop_uid not in there]

    def stored(path: Path) -> None:
        advance(path.stat().st_size)
        if _WEIGHTS.items() <= entities[path].attributes.items():
            there.add(entities[path].sop_uid)

    def look() -> None:
        there.update(found_there(archive, [entities[path] for path in missing()]))

    def attempt() -> None:
        try:
            archive.store(missing(), stored)
        except TransientError:
            look()
            raise
        look()
        if lost := [entities[path].sop_uid for path in missing()]:
            raise TransientError(
                f"{archive.name} took {counted(len(lost), 'instance')} that it does not have then "
                f"({lost[0]})",
                "to find them there",
                "try again, or check the server",
            )

    if new:
        retried(attempt, lambda: len(there))
    return new
