"""Weights of models in a PACS: fetched part by part, each proved by its digest as it arrives."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from IODeepLib.disk.cache import Shelf
from IODeepLib.disk.files import whole_file
from IODeepLib.errors import IODeepError, ModelError, SourceError
from IODeepLib.machine.progress import Advance, Advancing, Progress
from IODeepLib.model_object import Card, Part, Weights
from IODeepLib.sources.archive import Archive, Entity, PartialError
from IODeepLib.sources.cards import MODEL
from IODeepLib.sources.incoming import PayloadFile, check, with_sop_uid
from IODeepLib.sources.known import read_known, remember
from IODeepLib.sources.limits import MOST_BESIDE_PAYLOAD, MOST_BYTES, up_to
from IODeepLib.sources.storing import found_there
from IODeepLib.sources.whole_series import retrieve

_log = logging.getLogger(__name__)


def fetch_weights(
    archive: Archive,
    shelf: Shelf,
    card: Card,
    missing: Mapping[Part, Path],
    progress: Progress | None,
) -> None:
    """Fetch parts of the weights of a model to the cache.

    Args:
        archive: where from.
        shelf: where to.
        card: the model's.
        missing: the parts, and where each goes.
        progress: called with the fraction done and a message; it may raise to stop.

    Raises:
        ModelError: the server has lost some of them.
        SourceError: the server failed, or sent something else.
    """
    if not missing:  # small networks have all their weights in the card
        return
    total = sum(part.length for part in missing)
    shelf.cache.make_room(total)
    study, manifest = card.study_instance_uid, card.manifest
    series = Entity(study, manifest.series_instance_uid, "", MODEL)
    for path in missing.values():
        shelf.make_way(path)
    whole = len(missing) == len(manifest.parts)
    advance = Advancing(progress, total, f"fetching {card.label}")
    try:
        _fetch_parts(archive, series, missing, whole, advance)
    except SourceError:
        _check_there(archive, card, series)
        raise


def weights_here(shelf: Shelf, study: str) -> list[Weights]:
    """The parts of a model version that are in the cache and whole, as far as headers tell."""
    found = []
    for path in shelf.weights_of(study):
        try:
            weights = read_known(path)
            if isinstance(weights, Weights):
                found.append(weights)
        except IODeepError as error:
            _log.info("%s is not taken: %s", path, error)
    return found


def _check_there(archive: Archive, card: Card, series: Entity) -> None:
    """Raise ModelError if the server has lost parts of the weights, which are in `series`."""
    parts = card.manifest.parts
    with suppress(SourceError):
        there = found_there(archive, [series])
        lost = [n for n, part in enumerate(parts, 1) if part.sop_instance_uid not in there]
        if lost:
            raise ModelError(
                f"{archive.name} has lost part {', '.join(map(str, lost))} of {len(parts)} of "
                f"{card.label}",
                "all parts",
                "push the model again: it sends what is missing",
            )


def _fetch_parts(
    archive: Archive,
    series: Entity,
    paths: Mapping[Part, Path],
    whole: bool,
    advance: Advance,
) -> None:
    """Fetch parts of the weights to their paths, where each is only seen when it is whole.

    Args:
        archive: where from.
        series: what they are in.
        paths: where they go.
        whole: whether they are all that there is in the series.
        advance: is told the bytes that come, and takes back those that have to come again.
    """
    by_uid = {part.sop_instance_uid: part for part in paths}

    def receive(arriving: Iterable[bytes]) -> None:
        uid, arriving = with_sop_uid(arriving)
        part = by_uid.get(uid)
        if part is None:  # of the series, but not of the model
            for _ in up_to(MOST_BYTES, arriving, archive.name):
                pass
            return
        arriving = up_to(part.length + MOST_BESIDE_PAYLOAD, arriving, archive.name)
        arrived = 0

        def count(chunk: int) -> None:
            nonlocal arrived
            arrived += chunk
            advance(chunk)

        try:
            # Not flushed: that lengthens the transfer of gigabytes, and they are proved before use.
            with whole_file(paths[part], flush=False) as new:
                payload = PayloadFile(new, part)
                payload.receive(arriving, count)
                check(new, replace(series, sop_uid=uid), archive.name)
                payload.check(archive.name)
            remember(paths[part])
        except BaseException:
            advance(-arrived)
            raise

    def missing() -> list[Entity]:
        return [
            replace(series, sop_uid=part.sop_instance_uid)
            for part, path in paths.items()
            if not path.is_file()
        ]

    def done() -> int:
        return len(paths) - len(missing())

    def everything() -> None:
        with suppress(PartialError):  # what is missing then is seen
            archive.retrieve(series, receive)

    retrieve(archive, missing, receive, done, everything if whole else None)
