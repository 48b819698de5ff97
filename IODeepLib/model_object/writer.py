"""Writing instances: one whose large element is streamed, never held, and one that is held."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Sequence
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset, write_file_meta_info

from IODeepLib.disk.byte_ranges import Piece, chunks, size_of
from IODeepLib.errors import ModelError
from IODeepLib.machine.progress import Advance
from IODeepLib.model_object.characteristics import NO_DIGEST, TAG, describe
from IODeepLib.model_object.private_dictionary import DICTIONARY, Element, block_of
from IODeepLib.model_object.safetensors_file import ALIGNMENT

_ELEMENT_HEADER = struct.Struct("<HH2sHL")  # group, element, VR, reserved, length (PS3.5 7.1.2)
_LONGEST = 2**32 - 2  # an even length that is not "undefined"


class InstanceWriter:
    """An instance with one large element of VR OB, in Explicit VR Little Endian.

    Args:
        dataset: all other elements, with the file meta information.
        large: the large element.
        length: the element that says its exact length.
        digest: the element that says its SHA-256.

    Attributes:
        sop_instance_uid: the instance.
    """

    def __init__(self, dataset: Dataset, large: Element, length: Element, digest: Element) -> None:
        block = block_of(dataset)
        if block is None:
            raise ValueError("the data set has no private block")
        self._dataset, self._block, self._length = dataset, block, length
        self._tag = block.get_tag(large)
        self.sop_instance_uid = str(dataset.SOPInstanceUID)
        block.add_new(digest, DICTIONARY[digest].vr, NO_DIGEST)
        block.add_new(length, DICTIONARY[length].vr, 0)
        describe(dataset)
        # The content begins at a multiple of ALIGNMENT in the file. The filler that makes it so
        # stands in the file meta information, and not in the data set: it is about this file only.
        meta = dataset.file_meta
        meta.PrivateInformationCreatorUID = meta.ImplementationClassUID
        meta.PrivateInformation = b""
        offset = len(self._head()) + _ELEMENT_HEADER.size
        meta.PrivateInformation = bytes(ALIGNMENT - offset % ALIGNMENT)  # never empty

    def write(self, path: Path, content: Sequence[Piece], advance: Advance | None = None) -> str:
        """Write the file and return the SHA-256 of its content.

        Args:
            path: the file.
            content: the large element's bytes.
            advance: called with the number of bytes written since the last call.

        Raises:
            ModelError: the content is too long for an element, or cannot be read.
            OSError: the file cannot be written.
        """
        size = size_of(content)
        if size > _LONGEST:
            raise ModelError(
                f"{size} bytes for one element of {path.name}",
                f"at most {_LONGEST} (tensors, and the model without its large tensors)",
                "split the tensor, or export the model with its weights as initializers",
            )
        self._block[self._length].value = size
        head = self._head()
        digest = hashlib.sha256()
        with path.open("wb") as file:
            file.write(head)
            group, element = self._tag >> 16, self._tag & 0xFFFF
            file.write(_ELEMENT_HEADER.pack(group, element, b"OB", 0, size + size % 2))
            for chunk in chunks(content):
                digest.update(chunk)
                file.write(chunk)
                if advance:
                    advance(len(chunk))
            file.write(b"\0" * (size % 2))
            file.write(_encoded(self._dataset[self._tag + 1 :]))
            for place in self._digest_places(head):
                file.seek(place)
                file.write(digest.hexdigest().encode())
        return digest.hexdigest()

    def _digest_places(self, head: bytes) -> tuple[int, int]:
        """Where the digest goes: in the description of the block, and in its element.

        Texts, which might have as many zeros, stand before the one and between the two.
        """
        described = head.index(_encoded(self._dataset[TAG : TAG + 1]))
        zeros = NO_DIGEST.encode()
        return head.index(zeros, described), head.rindex(zeros)

    def _head(self) -> bytes:
        """The file up to the large element."""
        buffer = DicomBytesIO()
        buffer.write(b"\0" * 128 + b"DICM")
        write_file_meta_info(buffer, self._dataset.file_meta)
        return buffer.getvalue() + _encoded(self._dataset[: self._tag])


def save_instance(dataset: Dataset, path: Path) -> None:
    """Write an instance that is small enough to be held, in Explicit VR Little Endian.

    Raises:
        OSError: the file cannot be written.
    """
    describe(dataset)
    dataset.save_as(path, implicit_vr=False, little_endian=True, enforce_file_format=True)


def _encoded(dataset: Dataset) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_dataset(buffer, dataset, ["utf-8"])
    return buffer.getvalue()
