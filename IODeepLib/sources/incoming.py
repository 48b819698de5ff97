"""Instances on their way from a PACS into files: proved to be what was asked for as they arrive."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

from pydicom import dcmread
from pydicom.filereader import read_partial

from IODeepLib.disk.byte_ranges import ByteRange, chunks
from IODeepLib.errors import ModelError, SourceError
from IODeepLib.headers import quiet, text
from IODeepLib.machine.progress import Advance
from IODeepLib.model_object import Part
from IODeepLib.model_object.instance import Instance
from IODeepLib.model_object.private_dictionary import Element
from IODeepLib.sources.archive import BadUidError, Entity, Level
from IODeepLib.text.foreign import printable

_UIDS = ["SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "SOPClassUID"]
_IDENTITY = [*_UIDS, "PatientID", "SeriesNumber"]
_SOP_INSTANCE_UID = 0x00080018
# What a weights instance has before its payload fits well in here.
_HEAD = 64 * 2**10  # bytes


def entity_of(path: Path) -> Entity:
    """What the DICOM file at `path` is; only its header is read.

    Raises:
        ModelError: it is no DICOM file, a damaged one, or has a UID that is none.
    """
    try:
        with quiet():
            header = dcmread(path, stop_before_pixels=True, specific_tags=_IDENTITY)
    except Exception as error:  # pydicom raises whatever a broken file leads it to
        raise ModelError(
            f"{path} cannot be read as DICOM ({error})", "a DICOM file", "check the file"
        ) from None
    study, series, sop = (
        text(header, f"{level}InstanceUID") for level in ("Study", "Series", "SOP")
    )
    try:
        return Entity(study, series, sop, {key: text(header, key) for key in _IDENTITY})
    except BadUidError as error:
        raise ModelError(f"{path} has {error.found}", error.wanted, "have it corrected") from None


def to_store(path: Path) -> Entity:
    """What a DICOM file is that is to be stored, and found again: its UIDs must be there.

    Raises:
        ModelError: it is no DICOM file, a damaged one, or lacks a UID.
    """
    entity = entity_of(path)
    uids = (entity.study_uid, entity.series_uid, entity.sop_uid)
    for level, uid in zip(Level, uids, strict=True):
        if not uid:
            raise ModelError(
                f"{path} has no {level.words}", "one", "have the file corrected, or leave it out"
            )
    return entity


def with_sop_uid(arriving: Iterable[bytes]) -> tuple[str, Iterable[bytes]]:
    """The SOP Instance UID in the head of an instance that arrives, and all its chunks."""
    chunks = iter(arriving)
    head = b""
    while len(head) < _HEAD and (chunk := next(chunks, None)):
        head += chunk
    try:
        with quiet():
            begun = read_partial(BytesIO(head), lambda tag, *_: tag > _SOP_INSTANCE_UID)
        uid = text(begun, "SOPInstanceUID")
    except Exception:  # pydicom raises whatever a broken file leads it to
        uid = ""
    return uid, itertools.chain([head], chunks)


def save(arriving: Iterable[bytes], path: Path, wanted: Entity, server: str) -> Entity:
    """Write an instance that arrives to `path`, and return what it is; nothing if it breaks off.

    Raises:
        SourceError: it is no DICOM file, or neither the wanted instance nor of the wanted series.
    """
    try:
        with path.open("wb") as file:
            for chunk in arriving:
                file.write(chunk)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return check(path, wanted, server)


def check(path: Path, wanted: Entity, server: str) -> Entity:
    """What arrived at `path`, if it is the wanted instance, or of the wanted series."""
    try:
        found = entity_of(path)
    except ModelError as error:
        raise SourceError(
            f"{server} sent something that is no DICOM file ({error.found})",
            f"the instance {wanted.sop_uid or 'of series ' + wanted.series_uid}",
            "check the server's address, and the objects on it",
        ) from None
    for level, has, asked in (
        (Level.STUDY, found.study_uid, wanted.study_uid),
        (Level.SERIES, found.series_uid, wanted.series_uid),
        (Level.INSTANCE, found.sop_uid, wanted.sop_uid),
    ):
        if has != asked and (asked or not has):
            raise SourceError(
                f"{server} sent the instance {found.sop_uid}, "
                f"whose {level.words} is {has or 'empty'}",
                asked or "one",
                "check the server",
            )
    patient, whose = wanted.attributes.get("PatientID", ""), found.attributes["PatientID"]
    if patient and not _same_id(patient, whose):
        raise SourceError(
            f"{server} sent the instance {found.sop_uid}, whose PatientID is "
            f"{printable(whose) or 'empty'}",
            f"an instance of the patient {printable(patient)}",
            "check the server",
        )
    return found


def _same_id(one: str, other: str) -> bool:
    """Whether two Patient IDs may be the same.

    Answers to searches often do not say in which character set they are: then letters beyond ASCII
    are not compared, for there is no telling what they are.
    """
    if one.isascii() and other.isascii():
        return one.strip() == other.strip()
    return _ascii_of(one) == _ascii_of(other)


def _ascii_of(value: str) -> str:
    return "".join(filter(str.isascii, value)).strip()


class PayloadFile:
    """A weights instance that arrives: its payload's digest is ready when its last byte is.

    Args:
        path: the file that it is written to.
        part: what the manifest says of it.
    """

    def __init__(self, path: Path, part: Part) -> None:
        self._path, self._part = path, part
        self._digest = hashlib.sha256()
        self._written = 0
        self._payload: int | None = None  # where it begins

    def receive(self, arriving: Iterable[bytes], advance: Advance) -> None:
        """Write the file; `advance` is told the bytes of every chunk."""
        hashing: Future[None] | None = None
        with self._path.open("wb") as file, ThreadPoolExecutor(1) as hasher:
            for chunk in arriving:
                file.write(chunk)
                begin, self._written = self._written, self._written + len(chunk)
                advance(len(chunk))
                if hashing is not None:
                    hashing.result()
                    hashing = None
                if self._payload is not None:
                    hashing = hasher.submit(self._hash, chunk, begin)
                elif self._written >= _HEAD:
                    file.flush()
                    self._catch_up()
        if self._payload is None:
            self._catch_up()

    def check(self, server: str) -> None:
        """Raise SourceError unless the payload is the one in the manifest."""
        found = self._digest.hexdigest()
        if found != self._part.sha256:
            raise SourceError(
                f"{server} sent {self._part.sop_instance_uid} with a payload whose SHA-256 is "
                f"{found}",
                self._part.sha256,
                "publish the model again, under a new version",
            )

    def _catch_up(self) -> None:
        """Find the payload in what was written, and hash what is there of it."""
        try:
            payload = Instance.read(self._path).content(Element.PAYLOAD, 0)
        except ModelError:
            return  # `check` will say that it is something else
        if not isinstance(payload, ByteRange):
            return
        start = payload.offset
        there = max(0, min(self._part.length, self._written - start))
        for piece in chunks([ByteRange(self._path, start, there)]):
            self._digest.update(piece)
        self._payload = start

    def _hash(self, chunk: bytes, begin: int) -> None:
        """Add what `chunk`, which begins at `begin` in the file, has of the payload."""
        assert self._payload is not None  # noqa: S101 - see `receive`
        end = self._payload + self._part.length - begin
        if end > 0:
            self._digest.update(memoryview(chunk)[:end])
