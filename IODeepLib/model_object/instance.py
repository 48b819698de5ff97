"""One IODeep instance as a DICOM file: what cards and weights have in common, read safely.

Only the small elements are read; where a large one lies in the file is known without touching it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydicom import dcmread
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset, PrivateBlock
from pydicom.sequence import Sequence as ItemSequence
from pydicom.uid import DeflatedExplicitVRLittleEndian, RawDataStorage

from IODeepLib.disk.byte_ranges import ByteRange
from IODeepLib.disk.file_memo import file_state
from IODeepLib.errors import IODeepError, ModelError
from IODeepLib.headers.header_file import open_regular
from IODeepLib.model_object.deflated import read_deflated
from IODeepLib.model_object.private_dictionary import (
    CREATOR,
    CREATOR_PREFIX,
    CREATOR_VERSION_UID,
    DICTIONARY,
    GROUP,
    Element,
    block_of,
)
from IODeepLib.model_object.sequence_file import DamagedSequenceError, SmallElements, read_items

_DEFER = 64 * 2**10  # bytes; elements above it are left in the file
_UNDEFINED = 0xFFFFFFFF  # length of an element that is made of fragments (PS3.5 A.4)
_PREAMBLE, _MAGIC = 128, b"DICM"
# The file meta information, whose UIDs tell what the file is, fits in well.
_HEAD = 2 * 2**10
# What may be left of an instance that was anonymized.
_MARKS = {"PatientID": "IODEEP", "ContentLabel": "IODEEP_", "SeriesDescription": "IODeep-"}


class Elements:
    """The private elements of an instance, or of an item in it.

    Args:
        dataset: as pydicom read it.
        block: where they are in it.
        where: what errors call the instance.
        path: the file that large elements lie in; None where they are in memory, as those of a
            deflated file are, or did not come at all.
    """

    def __init__(
        self, dataset: Dataset, block: PrivateBlock, where: str, path: Path | None
    ) -> None:
        self.dataset, self.where = dataset, where
        self._block, self._path = block, path

    def __contains__(self, element: Element) -> bool:
        """Whether a private element is there."""
        return element in self._block

    def get(self, element: Element) -> Any:
        """The value of a private element, or None if it is absent or empty."""
        return self._block[element].value or None if element in self else None

    def need(self, element: Element, kind: type) -> Any:
        """The value of a private element that must be there, and be of this Python type."""
        value = self.get(element)
        if not isinstance(value, kind):
            found = "nothing" if value is None else f"{type(value).__name__} {str(value)[:40]!r}"
            raise self.damaged(element, found)
        return value

    def text(self, element: Element) -> str:
        """The value of a text element that must be there."""
        return str(self.need(element, str))

    def number(self, element: Element) -> int:
        """The value of a number element that must be there."""
        return int(self.need(element, int))

    def content(self, element: Element, length: int) -> bytes | ByteRange:
        """The first `length` bytes of a large element: where in the file, or as they are."""
        raw = self.dataset.get_item(self._block.get_tag(element), keep_deferred=True)
        if not isinstance(raw, RawDataElement):
            raise self.damaged(element, "nothing")
        if raw.length == _UNDEFINED:
            raise self.damaged(element, "fragments")
        if self._path is None:
            value = raw.value or b""
            if len(value) < length:
                raise self.damaged(element, f"{len(value)} of {length} bytes")
            return bytes(value[:length])
        size = self._path.stat().st_size
        if raw.length < length or raw.value_tell + length > size:
            there = max(0, min(raw.length, size - raw.value_tell))
            raise self.damaged(element, f"{there} of {length} bytes")
        return ByteRange(self._path, raw.value_tell, length)

    def items(self, element: Element, most: int) -> Iterator[Elements]:
        """The private elements of each item of a sequence, which has `most` at most."""
        for item in self._items(element, most):
            block = block_of(item)
            if block is None:
                raise self.damaged(element, f"an item without the private block {CREATOR}")
            yield Elements(item, block, self.where, self._path)

    def _items(self, element: Element, most: int) -> Sequence[Dataset]:
        if self._path is None:
            value = self.need(element, ItemSequence)
            if len(value) > most:
                raise self.damaged(element, f"more than {most} items")
            return list(value)
        there: Any = self.dataset.get_item(self._block.get_tag(element), keep_deferred=True)
        if there is None:
            raise self.damaged(element, "nothing")
        if isinstance(there, RawDataElement):
            begin, length = there.value_tell, there.length
        else:  # what has no length pydicom has read whole
            begin, length = there.file_tell, _UNDEFINED
        implicit, little = self.dataset.original_encoding
        try:
            return read_items(
                self._path,
                begin,
                length,
                implicit=bool(implicit),
                little=little is not False,
                most=most,
                defer=_DEFER,
            )
        except DamagedSequenceError as error:
            raise self.damaged(element, str(error)) from None

    def damaged(self, element: Element, found: str) -> ModelError:
        """The error for a private element that is not as it should be."""
        return ModelError(
            f"{self.where} has {found} in {DICTIONARY[element].name} (0017,xx{element:02X})",
            "a complete IODeep instance",
            "retrieve or copy it again",
        )


class Instance(Elements):
    """The small elements of an IODeep instance.

    Args:
        dataset: as pydicom read it.
        where: what errors call it.
        state: of its file before it was read, see `file_state`.
        kind: the Creator-Version UID that it has to have.

    Raises:
        ModelError: it is no IODeep instance, or not of this version of the format.
    """

    def __init__(
        self,
        dataset: Dataset,
        where: str,
        state: tuple[int, ...] = (),
        kind: str = CREATOR_VERSION_UID,
    ) -> None:
        self.state = state
        with reading(where):
            block = _checked_block(dataset, where, kind)
        meta = getattr(dataset, "file_meta", Dataset())
        self.deflated = bool(meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian)
        filename = getattr(dataset, "filename", None)
        self.path = Path(filename) if filename else None
        super().__init__(dataset, block, where, None if self.deflated else self.path)

    @classmethod
    def read(cls, path: Path, kind: str = CREATOR_VERSION_UID) -> Instance:
        """The instance in the file at `path`; large elements stay there."""
        state = file_state(path)
        head = read_head(path)
        if not is_dicom(head):
            raise ModelError(
                f"{path} is no DICOM file", "an IODeep instance", "choose the model's folder"
            )
        with reading(str(path)):
            if DeflatedExplicitVRLittleEndian.encode() in head:
                dataset = read_deflated(path)
            else:
                with open_regular(path, SmallElements) as file:
                    dataset = dcmread(file, defer_size=_DEFER)
                # With these pydicom opens the file again for what it left there.
                dataset.filename, dataset.fileobj_type = str(path), open
        return cls(dataset, str(path), state, kind)

    def standard(self, keyword: str) -> str:
        """A standard attribute as text; empty if it is absent."""
        return str(self.dataset.get(keyword) or "")


@contextmanager
def reading(where: str) -> Iterator[None]:
    """Turn what pydicom raises over a damaged file, which is of many kinds, into a ModelError.

    pydicom converts a value when it is asked for, so that it may raise then, too.
    """
    try:
        yield
    except IODeepError:
        raise
    except Exception as error:
        raise ModelError(
            f"{where} cannot be read ({error!r})",
            "an undamaged DICOM file",
            "retrieve or copy it again",
        ) from None


def read_head(path: Path) -> bytes:
    """The beginning of a file, enough for `is_dicom` and `may_be_instance`.

    Raises:
        ModelError: the file cannot be read.
    """
    try:
        with open_regular(path) as file:
            return file.read(_HEAD)
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error})", "a file", "check the path") from None


def is_dicom(head: bytes) -> bool:
    """Whether a file that begins with `head` is a DICOM file (PS3.10 7.1)."""
    return head[_PREAMBLE : _PREAMBLE + len(_MAGIC)] == _MAGIC


def may_be_instance(head: bytes) -> bool:
    """Whether a file that begins with `head` may be an IODeep instance: DICOM, and Raw Data."""
    return is_dicom(head) and RawDataStorage.encode() in head


def _checked_block(dataset: Dataset, where: str, kind: str) -> PrivateBlock:
    sop_class = str(dataset.get("SOPClassUID", ""))
    creator_version = str(dataset.get("CreatorVersionUID", ""))
    block = block_of(dataset)
    ours = creator_version == kind
    if sop_class == RawDataStorage and ours and block is not None:
        return block
    newer = [
        str(name)
        for name in (dataset.private_creators(GROUP) if sop_class == RawDataStorage else ())
        if str(name).startswith(CREATOR_PREFIX) and name != CREATOR
    ]
    if newer:
        raise ModelError(
            f"{where} has the format {newer[0]}", CREATOR, "update IODeep, which is older than it"
        )
    if ours or any(str(dataset.get(key, "")).startswith(mark) for key, mark in _MARKS.items()):
        raise ModelError(
            f"{where} has lost the private block {CREATOR}, as anonymization does"
            if block is None
            else f"{where} has lost its Creator-Version UID, as anonymization does",
            "an IODeep instance as it was stored",
            "exempt models from anonymization, and store this one again",
        )
    raise NotAnInstanceError(
        f"{where} has the Creator-Version UID {creator_version or '(none)'}",
        f"an IODeep instance, which has {kind}",
        "choose the model's folder",
    )


class NotAnInstanceError(ModelError):
    """It is a DICOM object of another kind: no model is damaged."""
