"""Cards and retirement notices in a PACS: found, fetched to the cache, and proved to be such."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from pydicom.uid import UID, RawDataStorage

from IODeepLib.disk.cache import Shelf
from IODeepLib.disk.files import whole_file
from IODeepLib.errors import IODeepError, ModelError, RecipeError, SourceError
from IODeepLib.model_object import Card, Weights
from IODeepLib.model_object.datasets import CARD_SERIES
from IODeepLib.model_object.retirement import Retirement
from IODeepLib.sources import Problem
from IODeepLib.sources.archive import (
    Archive,
    Entity,
    Matches,
    StalledError,
    TransientError,
    UnreachableError,
)
from IODeepLib.sources.incoming import save
from IODeepLib.sources.known import KnownServer, read_known, remember
from IODeepLib.sources.limits import MOST_CARD_BYTES, up_to
from IODeepLib.sources.query import matching
from IODeepLib.sources.retries import retried
from IODeepLib.sources.whole_series import not_sent

_log = logging.getLogger(__name__)
# What cards are found by. Weights are in series with another number: no search may match them,
# for many servers read an object from end to end to answer for it.
MODEL = {"PatientID": "IODEEP"}
_CARDS = {**MODEL, "SeriesNumber": f"{CARD_SERIES}"}
# One object that a server fails over is a problem of its own; so many in a row are the server's.
_MOST_FAILING = 3


def read_cards(archive: Archive, shelf: Shelf) -> tuple[list[Card | Retirement], list[Problem]]:
    """All cards and notices that a server has, and what is wrong with others.

    Only those that are not in the cache are fetched, or those that are damaged there.

    Raises:
        SourceError: the server failed.
    """
    found: list[Card | Retirement] = []
    failed: list[Problem] = []
    failing = 0
    there = _find_cards(archive, shelf)
    entities, twice = _each_once(there.entities, archive.name)
    for entity in entities:
        try:
            found.append(_card(archive, shelf, entity))
            failing = 0
        except (SourceError, ModelError, RecipeError) as error:
            failing += isinstance(error, TransientError)
            gone = isinstance(error, (UnreachableError, StalledError))
            if gone or failing >= _MOST_FAILING:
                raise
            failed.append(Problem(None, error))
    odd = [Problem(None, error) for error in (*there.errors, *twice)]
    for problem in failed if not found and not odd else ():
        if isinstance(problem.error, SourceError):  # it is the server, and not one object
            raise problem.error
    return found, [*odd, *failed]


def fetch_card(archive: Archive, shelf: Shelf, entity: Entity) -> Card | Retirement:
    """A card or notice as the server has it, put into the cache in the place of a damaged one.

    Raises:
        ModelError: the server has something else there.
        SourceError: the server failed.
    """
    path = shelf.card(entity.sop_uid)
    kind = entity.attributes.get("SOPClassUID", RawDataStorage)
    if kind and kind != RawDataStorage:
        raise ModelError(
            f"{archive.name} has the {UID(kind).name} {entity.sop_uid} among the models of the "
            "patient IODEEP",
            "IODeep instances, which are Raw Data",
            "have its Patient ID corrected there",
        )
    card = replace(entity, attributes=MODEL)

    def attempt() -> None:
        with whole_file(path) as new:
            archive.retrieve(
                card,
                lambda data: save(
                    up_to(MOST_CARD_BYTES, data, archive.name), new, card, archive.name
                ),
            )
            if not new.exists():
                raise not_sent(archive.name, card)

    shelf.make_way(path)
    retried(attempt)
    try:
        return _checked(remember(path), entity)
    except IODeepError as error:
        shelf.discard(path)
        found = error.found.replace(str(path), f"the object {entity.sop_uid} in {archive.name}")
        raise ModelError(found, error.wanted, "have it corrected, or removed there") from None


def _card(archive: Archive, shelf: Shelf, entity: Entity) -> Card | Retirement:
    """A card or notice, from the cache or from the server."""
    path = shelf.card(entity.sop_uid)
    with shelf.cache.writing():
        here = path.is_file()
    if here:
        try:
            return _checked(read_known(path), entity)
        except IODeepError as error:
            _log.info("%s is fetched again: %s", path, error)
    return fetch_card(archive, shelf, entity)


def _find_cards(archive: Archive, shelf: Shelf) -> Matches:
    """The cards there, and notices; a study that did not change is not searched again."""
    studies = retried(lambda: archive.find_studies(MODEL))
    if studies is None:
        return _search(archive, _CARDS)
    known = KnownServer(shelf)
    entities: list[Entity] = []
    errors = list(studies.errors)
    unchanged = []
    for study in studies.entities:
        keys = {"StudyInstanceUID": study.study_uid, "SeriesNumber": f"{CARD_SERIES}"}
        if not (cards := known.cards(study)):
            found = _search(archive, keys)
            cards = found.entities
            errors += found.errors
            if found.errors:
                entities += cards
                continue  # so that they are said again the next time
        unchanged.append((study, cards))
        entities += cards
    known.remember(unchanged)
    return Matches(entities, errors)


def _search(archive: Archive, keys: Mapping[str, str]) -> Matches:
    return matching(retried(lambda: archive.find_instances(keys)), keys)


def _each_once(entities: Sequence[Entity], server: str) -> tuple[list[Entity], list[SourceError]]:
    """But for those of which there are several: nobody can say which of them is meant."""
    counts = Counter(entity.sop_uid for entity in entities)
    twice = [
        SourceError(
            f"{server} has {count} objects with the SOP Instance UID {uid}, in the studies "
            + ", ".join(entity.study_uid for entity in entities if entity.sop_uid == uid),
            "one",
            "have the others removed there",
        )
        for uid, count in counts.items()
        if count > 1
    ]
    return [entity for entity in entities if counts[entity.sop_uid] == 1], twice


def _checked(found: Card | Weights | Retirement, entity: Entity) -> Card | Retirement:
    """What was read, if it is what the server calls it.

    Raises:
        ModelError: it is something else.
    """
    study = found.study_instance_uid if isinstance(found, Card) else entity.study_uid
    if (study, found.sop_instance_uid) != (entity.study_uid, entity.sop_uid) or isinstance(
        found, Weights
    ):
        raise ModelError(
            f"{found.path} holds {found.sop_instance_uid}",
            f"the card or notice {entity.sop_uid} of study {entity.study_uid}",
            "check the server",
        )
    return found
