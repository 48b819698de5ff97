"""The bytes that a signature is over (PS3.3 section C.12.1.1.3.1.1), whatever the file's encoding.

Explicit VR Little Endian; of a sequence neither its length nor those of its items, nor the ends of
these. They are the same before and after Implicit VR, Big Endian, and sequences without lengths.
"""

from __future__ import annotations

import array
import struct
from collections.abc import Callable
from typing import NamedTuple

from pydicom.valuerep import EXPLICIT_VR_LENGTH_16

from IODeepLib.disk.byte_ranges import CHUNK
from IODeepLib.trust.elements import ITEM, SEQUENCE_END, UNDEFINED, Element, Elements, shown

MAC_PARAMETERS, SIGNATURES = 0x4FFE0001, 0xFFFAFFFA
_TRAILING_PADDING = 0xFFFCFFFC
_PADDED_WITH_ZERO = {"OB", "UI"}
# What is turned round in Big Endian, by the size of its numbers as `array` calls it.
_NUMBERS = dict.fromkeys(("US", "SS", "OW", "AT"), "H")
_NUMBERS |= dict.fromkeys(("UL", "SL", "FL", "OF", "OL"), "I")
_NUMBERS |= dict.fromkeys(("FD", "OD", "SV", "UV", "OV"), "Q")


# Takes the bytes that a signature is over.
Update = Callable[[bytes], object]


class Ambiguous(NamedTuple):
    """What elements are that the dictionary leaves open, in a file that does not say it.

    Attributes:
        bytes_: of what may be OB or OW.
        numbers: of what may be US or SS.
    """

    bytes_: str = "OW"
    numbers: str = "US"


class UnsignableError(ValueError):
    """An element whose bytes are not the same everywhere; the message says why."""


def is_signable(tag: int) -> bool:
    """Whether a signature may be over an element: not over lengths, padding and signatures."""
    group, number = tag >> 16, tag & 0xFFFF
    if number == 0 or group < 0x0008 or tag == 0x00080001:
        return False
    return group != SIGNATURES >> 16 and tag not in (MAC_PARAMETERS, _TRAILING_PADDING)


def feed(
    update: Update, elements: Elements, element: Element, ambiguous: Ambiguous, depth: int = 0
) -> None:
    """Give an element, as a signature is over it, to a digest.

    Args:
        update: takes the bytes, one piece after the other.
        elements: where it lies.
        element: it.
        ambiguous: the VRs of those that the file leaves open.
        depth: in how many sequences it lies.

    Raises:
        UnsignableError: it has lost its VR, or is compressed.
        DamagedError: it is damaged.
    """
    vr = _vr(element, ambiguous)
    if vr == "SQ":
        update(_tag(element.tag) + b"SQ\0\0")
        for item in elements.items(element, depth + 1):
            update(_ITEM)
            for inner in item:
                if is_signable(inner.tag):
                    feed(update, elements, inner, ambiguous, depth + 1)
        update(_SEQUENCE_END)
        return
    if element.length == UNDEFINED:
        raise UnsignableError(f"{shown(element.tag)} is compressed")
    length = element.length + element.length % 2
    group, number = element.tag >> 16, element.tag & 0xFFFF
    if vr not in EXPLICIT_VR_LENGTH_16:
        head = _LONG_HEAD.pack(group, number, vr.encode(), 0, length)
    elif length <= 0xFFFF:
        head = _SHORT_HEAD.pack(group, number, vr.encode(), length)
    else:
        raise UnsignableError(f"{shown(element.tag)} is too long for its VR {vr}")
    swapped = None if elements.little else _NUMBERS.get(vr)
    for chunk in elements.chunks(element, CHUNK):
        update(head + (chunk if swapped is None else _swapped(chunk, swapped)))
        head = b""
    if length > element.length:
        update(b"\0" if vr in _PADDED_WITH_ZERO else b" ")
    elif head:
        update(head)


def numbers(content: bytes, little: bool) -> list[int]:
    """Numbers of two bytes each."""
    found = array.array("H", content[: len(content) // 2 * 2])
    if little != _IS_LITTLE:
        found.byteswap()
    return list(found)


_IS_LITTLE = array.array("H", b"\1\0")[0] == 1


def _vr(element: Element, ambiguous: Ambiguous) -> str:
    vr = element.vr
    if " or " in vr:
        vr = ambiguous.bytes_ if "OW" in vr else ambiguous.numbers
    if vr in ("", "UN"):
        raise UnsignableError(f"{shown(element.tag)} has lost its VR")
    return vr


def _swapped(content: bytes, kind: str) -> bytes:
    found = array.array(kind)
    if len(content) % found.itemsize:
        raise UnsignableError(f"{len(content)} bytes of numbers of {found.itemsize}")
    found.frombytes(content)
    found.byteswap()
    return found.tobytes()


def _tag(tag: int) -> bytes:
    return struct.pack("<HH", tag >> 16, tag & 0xFFFF)


_SHORT_HEAD, _LONG_HEAD = struct.Struct("<HH2sH"), struct.Struct("<HH2sHI")
_ITEM, _SEQUENCE_END = _tag(ITEM), _tag(SEQUENCE_END)
