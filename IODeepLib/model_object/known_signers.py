"""Which cards and models were seen with the signature of a trusted publisher, and since when.

A card says nothing of the signature that it once had. This machine remembers, and so a signature
that was taken away or exchanged is seen; and one that was good before its certificate ended, where
the site believes in this memory.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from IODeepLib.disk.files import whole_file
from IODeepLib.disk.user_folders import memory_folder
from IODeepLib.errors import OutputError, UsageError
from IODeepLib.trust.dicom_signature import DicomSignature
from IODeepLib.trust.verdict import Kind, Trust

if TYPE_CHECKING:
    from IODeepLib.model_object.card import Card

_log = logging.getLogger(__name__)
_FILE_NAME = "signers.json"
_Moment = Annotated[datetime, msgspec.Meta(tz=True)]
_MOST = 100_000  # cards; those seen longest ago are forgotten first


class _Memory(msgspec.Struct):
    """What the file says.

    Attributes:
        cards, models: names of publishers, by the UID of a card, and of a model.
        signatures: of each card, as it was trusted: the SHA-256 of their values.
        seen: since when signatures are trusted, by the same.
    """

    cards: dict[str, str] = msgspec.field(default_factory=dict)
    models: dict[str, str] = msgspec.field(default_factory=dict)
    signatures: dict[str, list[str]] = msgspec.field(default_factory=dict)
    seen: dict[str, _Moment] = msgspec.field(default_factory=dict)


class KnownSigners:
    """What this user's machine remembers; empty for whoever has no place for it."""

    def __init__(self) -> None:
        self._path: Path | None = None
        self._memory = _Memory()
        self._is_new = False
        with suppress(UsageError):
            self._path = memory_folder() / _FILE_NAME
            with suppress(OSError, msgspec.MsgspecError):
                self._memory = msgspec.json.decode(self._path.read_bytes(), type=_Memory)

    @property
    def seen(self) -> Mapping[str, datetime]:
        """Since when this machine knows signatures, by the SHA-256 of their values."""
        return self._memory.seen

    def saw(self, signatures: Iterable[DicomSignature], now: datetime) -> None:
        """Remember signatures of something that is trusted."""
        for one in signatures:
            key = _key(one)
            if key not in self._memory.seen and not one.fault:
                self._memory.seen[key] = now
                self._is_new = True

    def compared(self, card: Card, trust: Trust) -> Trust:
        """The verdict on a card, with what is remembered; and remember it."""
        memory, uid = self._memory, card.sop_instance_uid
        signatures = [_key(one) for one in card.signatures]
        if trust.is_trusted and trust.publisher is not None:
            name = trust.publisher.name
            known = memory.cards.get(uid), memory.models.get(card.model_uid)
            if known != (name, name) or memory.signatures.get(uid) != signatures:
                memory.cards[uid] = memory.models[card.model_uid] = name
                memory.signatures[uid] = signatures
                self._is_new = True
            return trust
        name, former = memory.cards.get(uid, ""), memory.signatures.get(uid, [])
        if name and not (signatures and set(former) <= set(signatures)):
            found = f"{trust.found}, though it was signed by {name} before: somebody took that away"
            return replace(trust, kind=Kind.BROKEN, found=found)
        if trust.kind is not Kind.UNSIGNED:
            return trust
        if name := memory.models.get(card.model_uid, ""):
            return replace(trust, found=f"unsigned, though {name} signs this model")
        return trust

    def keep(self) -> None:
        """Write what is new, if that is possible."""
        if not self._is_new or self._path is None:
            return
        known: dict[str, Any]
        memory = self._memory
        for known in (memory.cards, memory.models, memory.signatures, memory.seen):
            while len(known) > _MOST:
                del known[next(iter(known))]
        try:
            with whole_file(self._path) as new:
                new.write_bytes(msgspec.json.encode(self._memory))
        except OutputError as error:
            _log.info("who signs is not remembered: %s", error)


def _key(one: DicomSignature) -> str:
    return hashlib.sha256(one.value).hexdigest()
