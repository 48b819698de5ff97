"""Pixels of one bit, as segmentations have them, where they are not compressed.

Not by pydicom 3.0, which takes a byte too few where a frame begins within one.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from pydicom import dcmread
from pydicom.uid import ExplicitVRBigEndian

from IODeepLib.headers import integer, quiet
from IODeepLib.series.image_file import ImageFile, undecodable


def native_bits(file: ImageFile, numbers: Sequence[int]) -> Iterator[npt.NDArray]:
    """Frames of a bit a pixel, which have no gap between them. (PS3.5 section 8.1.1)

    Raises:
        ImageError: there are too few.
    """
    rows, columns = (integer(file.header, k) or 0 for k in ("Rows", "Columns"))
    try:
        stream, begin = _bits_of(file)
        with stream:
            for number in numbers:
                first, skipped = divmod((number - 1) * rows * columns, 8)
                wanted = (skipped + rows * columns + 7) // 8
                stream.seek(begin + first)
                data = stream.read(wanted)
                if len(data) < wanted:
                    why = f"its pixels end after {len(data)} of {wanted} bytes"
                    raise undecodable(file.path, why)
                bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
                yield bits[skipped : skipped + rows * columns].reshape(rows, columns)
    except OSError as error:
        raise undecodable(file.path, error) from error


def _bits_of(file: ImageFile) -> tuple[BinaryIO, int]:
    """Where the bits of all frames are, and where they begin there."""
    big = file.transfer_syntax == ExplicitVRBigEndian
    if file.pixels_at is not None and not big:
        return file.path.open("rb"), file.pixels_at
    try:
        with quiet():
            element = dcmread(file.path, force=True)["PixelData"]
    except Exception as error:  # pydicom raises whatever a broken file leads it to
        raise undecodable(file.path, error) from error
    content = bytes(element.value)
    if big and element.VR == "OW":
        content = np.frombuffer(content, np.uint16).byteswap().tobytes()
    return io.BytesIO(content), 0
