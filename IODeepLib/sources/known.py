"""What is known from the last time, as JSON in the cache: instances, and which cards a server has.

Reading it takes a tenth of the time that DICOM takes.

    cards/UID.json               a card that this version of IODeep has read, and found to be good
    weights/STUDY/SHA-256.json   that a part came whole
    known.json                   the studies with models that the server had, and the cards in each

Each file begins with the checksum of the rest: what is damaged is not known. An instance of which
nothing is known was not written to its end, or not by us.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from IODeepLib import __version__
from IODeepLib.disk.byte_ranges import ByteRange, chunks
from IODeepLib.disk.cache import Shelf, discard
from IODeepLib.disk.file_memo import FileMemo
from IODeepLib.disk.files import whole_file
from IODeepLib.errors import ModelError
from IODeepLib.model_object import Card, Weights
from IODeepLib.model_object.retirement import Retirement
from IODeepLib.sources.archive import BadUidError, Entity
from IODeepLib.sources.folder import read_instance

_T = TypeVar("_T")
# By study: its state, and the series and SOP Instance UIDs of its cards.
_Studies = dict[str, tuple[str, list[tuple[str, str]]]]
_MODE, _OTHERS_MAY_WRITE = 0o644, 0o022
_NAME = re.compile(r"[A-Za-z0-9._-]+")  # it names a folder
# Of files that were not written here, or not to their end.
_DAMAGE = (OSError, ValueError, RecursionError, BadUidError)
# A card has some kilobytes; one with many labels has a hundred.
_memo: FileMemo[Card | Weights | Retirement] = FileMemo(most=5000)


class _Known(msgspec.Struct, omit_defaults=True):
    """What is kept of an instance: of a card all that is in it; others are read as quickly.

    Attributes:
        checksum: of the file, see `_checksum_of`.
        read_by: the version of IODeep that read the card, and found it to be good.
        card: it; where it lies is not kept.
    """

    checksum: str
    read_by: str = ""
    card: Card | None = None


def remember(path: Path) -> Card | Weights | Retirement:
    """What is in a file that has just come whole and will never change; kept for `read_known`."""
    found = read_instance(path)
    _keep(found, _checksum_of(found))
    return found


def read_known(path: Path) -> Card | Weights | Retirement:
    """What is in a file that came before; of a card, what `remember` kept is as good as the file.

    Raises:
        ModelError: it is damaged, or nothing is known of it.
    """
    return _memo.get(path, lambda: _read_known(path))


def check_intact(found: Card | Weights | Retirement) -> None:
    """Raise ModelError unless the file is as it came; of weights, all of it but the payload."""
    assert found.path is not None  # noqa: S101 - it was read from a file
    known = _known_of(found.path)
    with suppress(OSError):
        if known.checksum == _checksum_of(found):
            return
    raise _damaged(found.path)


def _read_known(path: Path) -> Card | Weights | Retirement:
    known = _known_of(path)
    own = _is_own(path.with_suffix(".json"))
    if own and known.card is not None and known.read_by == __version__:
        named = _NAME.fullmatch(known.card.name) and _NAME.fullmatch(known.card.version)
        if not named or known.card.sop_instance_uid != path.stem:
            raise _damaged(path)
        return known.card
    found = read_instance(path)
    if own and known.read_by:  # what another version found good may not be so
        _keep(found, known.checksum)
    return found


def _keep(found: Card | Weights | Retirement, checksum: str) -> None:
    assert found.path is not None  # noqa: S101 - it was read from a file
    known = _Known(checksum)
    if isinstance(found, Card) and all(
        isinstance(network.architecture, ByteRange) for network in found.networks
    ):
        known = _Known(checksum, __version__, found)
    _write(found.path.with_suffix(".json"), known)


def _known_of(path: Path) -> _Known:
    with suppress(*_DAMAGE):
        return _read(path.with_suffix(".json"), _Known, path)
    raise _damaged(path)


def _damaged(path: Path) -> ModelError:
    return ModelError(f"{path} is damaged", "it as it came", "fetch it again")


def _checksum_of(found: Card | Weights | Retirement) -> str:
    """Of the file, but for a payload, which has a digest of its own."""
    assert found.path is not None  # noqa: S101 - it was read from a file
    size = found.path.stat().st_size
    payload = found.payload if isinstance(found, Weights) else ByteRange(found.path, 0, 0)
    end = payload.offset + payload.length
    pieces = [ByteRange(found.path, 0, payload.offset), ByteRange(found.path, end, size - end)]
    checksum = 0
    for chunk in chunks([piece for piece in pieces if piece.length > 0]):
        checksum = zlib.crc32(chunk, checksum)
    return f"{size} {checksum:08x}"


class KnownServer:
    """The studies with models that a server had when it was last asked for them.

    Args:
        shelf: where that is kept.
    """

    def __init__(self, shelf: Shelf) -> None:
        self._path = shelf.known
        self._studies: dict[str, tuple[str, list[Entity]]] = {}
        with suppress(*_DAMAGE):
            if not _is_own(self._path):
                return
            self._studies = {
                study: (state, [Entity(study, series, sop) for series, sop in cards])
                for study, (state, cards) in _read(self._path, _Studies).items()
            }

    def cards(self, study: Entity) -> Sequence[Entity]:
        """Its cards and notices; none if it may have changed."""
        state, cards = self._studies.get(study.study_uid, ("", []))
        return cards if state and state == _state(study) else []

    def remember(self, studies: Iterable[tuple[Entity, Iterable[Entity]]]) -> None:
        """Keep what was found now: these studies, each with its cards, and no others."""
        new = {
            study.study_uid: (_state(study), [Entity(*_uids(card)) for card in cards])
            for study, cards in studies
            if _state(study)
        }
        if new != self._studies:
            content = {
                study: (state, [(card.series_uid, card.sop_uid) for card in cards])
                for study, (state, cards) in new.items()
            }
            _write(self._path, content)


def _uids(entity: Entity) -> tuple[str, str, str]:
    return entity.study_uid, entity.series_uid, entity.sop_uid


def _state(study: Entity) -> str:
    """What changes with a study; "" if the server does not say it.

    Nothing is added to a study of a model but notices, whose modality nothing else there has: they
    show even if as much was removed.
    """
    count = study.attributes.get("NumberOfStudyRelatedInstances", "")
    modalities = sorted(study.attributes.get("ModalitiesInStudy", "").split("\\"))
    return f"{count} {'+'.join(modalities)}" if count and any(modalities) else ""


def _read(path: Path, kind: type[_T], instance: Path | None = None) -> _T:
    """What a file that `_write` wrote holds; paths in it are that of the `instance`.

    Raises:
        OSError, ValueError: it is not there, or damaged.
    """
    checksum, _, content = path.read_bytes().partition(b"\n")
    if checksum != _checksum(content):
        raise ValueError("damaged")
    return msgspec.json.decode(content, type=kind, dec_hook=lambda _kind, _value: instance)


def _write(path: Path, content: object) -> None:
    encoded = msgspec.json.encode(content, enc_hook=lambda _path: "")
    if path.is_dir():  # damage
        discard(path)
    with whole_file(path) as new:
        new.write_bytes(_checksum(encoded) + b"\n" + encoded)
        new.chmod(_MODE)


def _is_own(path: Path) -> bool:
    """Whether this user wrote a file, and nobody else may.

    Several may share a cache. What another one knows, be it that a card is signed, is read anew.
    """
    status = path.stat()
    own = status.st_uid == getattr(os, "getuid", lambda: status.st_uid)()
    return own and (os.name != "posix" or not status.st_mode & _OTHERS_MAY_WRITE)


def _checksum(content: bytes) -> bytes:
    """Against disks, not against people: who may write here may write as they like."""
    return f"{zlib.crc32(content):08x}".encode()
