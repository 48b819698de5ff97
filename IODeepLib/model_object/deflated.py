"""A deflated instance, inflated in memory: enough for a card, never for weights.

Deflated Explicit VR Little Endian (PS3.5 A.5): the data set is one raw deflate stream (RFC 1951)
behind the file meta information.
"""

from __future__ import annotations

import zlib
from io import BytesIO
from pathlib import Path

from pydicom.dataset import FileDataset
from pydicom.filereader import read_dataset, read_file_meta_info

from IODeepLib.disk.byte_ranges import CHUNK
from IODeepLib.errors import ModelError

# More than any card has: its architecture, and its texts.
MAX_INFLATED_BYTES = 96 * 2**20
# Preamble and prefix, and the group length with its own element (PS3.10 7.1).
_META_START, _GROUP_LENGTH_SIZE = 132, 12


def read_deflated(path: Path) -> FileDataset:
    """The data set in the deflated file at `path`.

    Raises:
        ModelError: it is larger than a card can be, or the stream ends too early.
        zlib.error: the stream is damaged.
    """
    meta = read_file_meta_info(path)
    start = _META_START + _GROUP_LENGTH_SIZE + meta.FileMetaInformationGroupLength
    dataset = read_dataset(_inflated(path, start), is_implicit_VR=False, is_little_endian=True)
    return FileDataset(str(path), dataset, file_meta=meta, is_implicit_VR=False)


def _inflated(path: Path, start: int) -> BytesIO:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    content = BytesIO()
    with path.open("rb") as file:
        file.seek(start)
        while not inflater.eof:
            chunk = inflater.unconsumed_tail or file.read(CHUNK)
            if not chunk:
                raise ModelError(
                    f"{path} ends within its deflated data set",
                    "a whole file",
                    "retrieve or copy it again",
                )
            content.write(inflater.decompress(chunk, MAX_INFLATED_BYTES + 1 - content.tell()))
            if content.tell() > MAX_INFLATED_BYTES:
                raise weights_refused(path)
    content.seek(0)
    return content


def weights_refused(path: Path) -> ModelError:
    """The error for weights that are deflated: nothing can be mapped from there."""
    return ModelError(
        f"{path} is deflated and no card",
        "weights that can be used where they lie",
        "retrieve it as Explicit VR Little Endian, or use dcmconv +te",
    )
