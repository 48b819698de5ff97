"""What is known from the last time, as JSON in the cache: cards, and which of them a server has.

Reading it takes a tenth of the time that DICOM takes.

    cards/UID.json          a card that this version of IODeep has read, and found to be good
    servers/NAME.json       the studies with models that a server had, and the cards in each
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from IODeepLib import __version__
from IODeepLib.cache import Cache
from IODeepLib.files import whole_file
from IODeepLib.model_object import Card, Weights
from IODeepLib.model_object.retirement import Retirement
from IODeepLib.pieces import Span
from IODeepLib.sources.archive import Entry
from IODeepLib.sources.folder import read_instance


def read_known(path: Path) -> Card | Weights | Retirement:
    """The same as `read_instance`, of a file that will never change."""
    known = path.with_suffix(".json")
    with suppress(OSError, ValueError, TypeError, KeyError):
        return _card_of(json.loads(known.read_text("utf-8")), path)
    found = read_instance(path)
    if isinstance(found, Card) and isinstance(found.architecture, Span):
        _write(known, _fields_of(found, found.architecture))
    return found


def _fields_of(card: Card, architecture: Span) -> dict[str, Any]:
    fields = {field.name: getattr(card, field.name) for field in dataclasses.fields(card)}
    del fields["path"]
    fields["created"] = card.created and card.created.isoformat()
    fields["architecture"] = architecture.offset, architecture.length
    return {"read_by": __version__, **fields}


def _card_of(fields: dict[str, Any], path: Path) -> Card:
    if fields.pop("read_by") != __version__:
        raise ValueError("what another version found good may not be so")
    fields["created"] = fields["created"] and datetime.fromisoformat(fields["created"])
    fields["architecture"] = Span(path, *fields["architecture"])
    return Card(path=path, **fields)


class KnownServer:
    """The studies with models that a server had when it was last asked for them.

    Args:
        cache: where that is kept.
        name: the server.
    """

    def __init__(self, cache: Cache, name: str) -> None:
        digest = hashlib.sha256(name.encode()).hexdigest()[:16]
        self._cache, self._path = cache, cache.folder / "servers" / f"{digest}.json"
        self._studies: dict[str, dict[str, Any]] = {}
        with suppress(OSError, ValueError):
            self._studies = json.loads(self._path.read_text("utf-8"))

    def cards(self, study: Entry) -> list[Entry]:
        """Its cards and notices, all in the cache; none if it may have changed."""
        known = self._studies.get(study.study_uid)
        if known is None or known["state"] != _state(study):
            return []
        if not all(self._cache.card(uid).exists() for uid in known["cards"]):
            return []
        return [Entry(study.study_uid, "", uid) for uid in known["cards"]]

    def remember(self, studies: Iterable[tuple[Entry, Iterable[Entry]]]) -> None:
        """Keep what was found now: these studies, each with its cards, and no others."""
        new = {
            study.study_uid: {"state": _state(study), "cards": [card.sop_uid for card in cards]}
            for study, cards in studies
            if _state(study)
        }
        if new != self._studies:
            _write(self._path, new)


def _state(study: Entry) -> str:
    """What changes with a study; "" if the server does not say it.

    Nothing is added to a study of a model but notices, whose modality nothing else there has: they
    show even if as much was removed.
    """
    count = study.attributes.get("NumberOfStudyRelatedInstances", "")
    modalities = sorted(study.attributes.get("ModalitiesInStudy", "").split("\\"))
    return f"{count} {'+'.join(modalities)}" if count and any(modalities) else ""


def _write(path: Path, content: object) -> None:
    with whole_file(path) as new:
        new.write_text(json.dumps(content), "utf-8")
