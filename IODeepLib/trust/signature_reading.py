"""Reading the signatures of a DICOM object, and holding it against them.

Digital Signatures Sequence and MAC Parameters Sequence of the data set (PS3.3 section C.12.1.1.3).
Those within items are of these items, and say nothing of the object.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from pydicom.uid import UID, AllTransferSyntaxes, ExplicitVRBigEndian, ImplicitVRLittleEndian

from IODeepLib.errors import CertificateError, InputError
from IODeepLib.text.foreign import plain
from IODeepLib.trust.certificates import MOST_BYTES, MOST_IN_A_FILE, opened
from IODeepLib.trust.coverage import to_sign
from IODeepLib.trust.dicom_signature import DicomSignature, Integrity, named
from IODeepLib.trust.elements import DamagedError, Element, Elements
from IODeepLib.trust.mac import STRONG, WEAK, der_in, der_length, is_of
from IODeepLib.trust.object_file import ObjectFile, opened_object
from IODeepLib.trust.signed_bytes import (
    MAC_PARAMETERS,
    SIGNATURES,
    Ambiguous,
    UnsignableError,
    feed,
    is_signable,
    numbers,
)

MOST_SIGNATURES = 32
MAC_ID, SYNTAX, ALGORITHM, ELEMENTS_SIGNED = 0x04000005, 0x04000010, 0x04000015, 0x04000020
SIGNATURE_UID, DATE_TIME, TYPE = 0x04000100, 0x04000105, 0x04000110
CERTIFICATE, VALUE, PURPOSE = 0x04000115, 0x04000120, 0x04000401
_STAMP_TYPE, _STAMP = 0x04000305, 0x04000310
CERTIFICATE_TYPE, _STAMP_KIND = "X509_1993_SIG", "CMS_TSP"
# A signature is not over itself, and not over what says who made it.
_NOT_FED = (CERTIFICATE, VALUE, _STAMP_TYPE, _STAMP)
_LONGEST_SIGNATURE = 4096  # bytes
_MOST_ELEMENTS = 16_000  # that one signature names
_PIXELS = 0x7FE00010
_SYNTAXES = set(AllTransferSyntaxes)


def read_signatures(path: Path | str) -> tuple[DicomSignature, ...]:
    """The signatures of the object in a file; none if it is unsigned.

    Raises:
        InputError: the file cannot be read, or has too many.
    """
    with opened_object(path) as found:
        return signatures_of(found)


def signatures_of(found: ObjectFile) -> tuple[DicomSignature, ...]:
    """The same of a file that is open.

    Raises:
        InputError: its signatures cannot be read, or are too many.
    """
    try:
        items = list(items_in(found, SIGNATURES))
        parameters = list(items_in(found, MAC_PARAMETERS))
    except DamagedError as error:
        raise InputError(
            f"{found.path} has signatures that cannot be read ({error})",
            f"at most {MOST_SIGNATURES} digital signatures as the standard has them",
            "retrieve or copy it again, or have it signed anew",
        ) from None
    wanted = to_sign(found)
    return tuple(_signature(found, item, parameters, wanted) for item in items)


class Item(NamedTuple):
    """An item of one of the two sequences."""

    elements: Elements
    there: dict[int, Element]

    def content(self, tag: int, most: int = 1024) -> bytes:
        """The value of an element that must be there."""
        if tag not in self.there:
            raise _UnreadableError(f"it has no {named((tag,))}")
        return self.elements.content(self.there[tag], most)

    def text(self, tag: int) -> str:
        """The same as text."""
        return plain(self.content(tag).rstrip(b" \0").decode("ascii", "replace"))

    def number(self, tag: int) -> int:
        """The same as a number."""
        found = numbers(self.content(tag, 2), self.elements.little)
        if not found:
            raise _UnreadableError(f"it has no {named((tag,))}")
        return found[0]


def items_in(found: ObjectFile, tag: int) -> Iterator[Item]:
    """The items of a sequence in the data set.

    Raises:
        DamagedError: there are too many, or it is damaged.
    """
    sequence = found.top.get(tag)
    if sequence is None:
        return
    if sequence.vr not in ("SQ", ""):
        raise DamagedError(f"{named((tag,))} that is no sequence")
    for count, item in enumerate(found.elements.items(sequence), 1):
        if count > MOST_SIGNATURES:
            raise DamagedError(f"more than {MOST_SIGNATURES} items in {named((tag,))}")
        yield Item(found.elements, {element.tag: element for element in item})


class _UnreadableError(ValueError):
    """A signature that is not as the standard has it."""


def _signature(
    found: ObjectFile, item: Item, parameters: list[Item], wanted: tuple[int, ...]
) -> DicomSignature:
    """One signature, whatever is wrong with it."""
    said = DicomSignature(Integrity.UNREADABLE, "")
    try:
        said = replace(
            said,
            uid=item.text(SIGNATURE_UID),
            said_at=item.text(DATE_TIME),
            purpose=_purpose(item),
            certificates=_certificates(item),
            value=item.content(VALUE, _LONGEST_SIGNATURE),
            time_stamp=_time_stamp(item),
        )
        about = _parameters(item, parameters)
        covered = _covered(found, about)
        said = replace(
            said,
            digest=about.text(ALGORITHM),
            covered=covered,
            left_out=tuple(sorted({*wanted} - {*covered})),
        )
        return _verified(found, item, about, said)
    except (DamagedError, UnsignableError, UnsupportedAlgorithm, _UnreadableError) as error:
        return replace(said, why=f"the signature cannot be checked: {plain(str(error))}")
    except CertificateError as error:
        return replace(said, why=f"the signature cannot be checked: {error.found}")


def _verified(found: ObjectFile, item: Item, about: Item, said: DicomSignature) -> DicomSignature:
    if said.digest in WEAK:
        return replace(said, integrity=Integrity.WEAK, why=f"digested with {said.digest}")
    if said.digest not in STRONG:
        raise _UnreadableError(f"the MAC algorithm {said.digest or 'that it does not name'}")
    if not said.covered:
        raise _UnreadableError("it is over nothing that is there")
    syntax = UID(about.text(SYNTAX))
    # All others encode elements alike, but for compressed pixels.
    if syntax in (ImplicitVRLittleEndian, ExplicitVRBigEndian) or syntax not in _SYNTAXES:
        raise _UnreadableError(f"its MAC is over the transfer syntax {plain(syntax.name)}")
    signer = opened(said.certificates[0], "its certificate")
    if signer.weakness:
        return replace(said, integrity=Integrity.WEAK, why=f"signed with {signer.weakness}")
    key = signer.x509.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey):
        said = replace(said, value=der_in(said.value))
    # In Implicit VR nothing says which of the two VRs the pixels had.
    pixels = found.top.get(_PIXELS)
    left_open = pixels is not None and " or " in pixels.vr and _PIXELS in said.covered
    for vr in ("OW", "OB") if left_open else ("OW",):
        digest = _digest(found, item, said, found.ambiguous._replace(bytes_=vr))
        said = replace(said, mac=digest.hex())
        if is_of(said.value, digest, said.digest, key):
            return _intact(said)
    return replace(
        said,
        integrity=Integrity.BROKEN,
        why="the signature is broken: something was changed since, or it is of another object",
    )


def _intact(said: DicomSignature) -> DicomSignature:
    if said.left_out:
        return replace(
            said,
            integrity=Integrity.PARTIAL,
            why=f"the signature covers fewer elements than it has to: not {named(said.left_out)}",
        )
    return replace(said, integrity=Integrity.INTACT)


def _digest(found: ObjectFile, item: Item, said: DicomSignature, ambiguous: Ambiguous) -> bytes:
    """What is signed: the elements, and the signature's own but for itself."""
    digest = hashlib.new(said.digest)
    own = [e for tag, e in item.there.items() if is_signable(tag) and tag not in _NOT_FED]
    for element in (*(found.top[tag] for tag in said.covered), *own):
        feed(digest.update, found.elements, element, ambiguous)
    return digest.digest()


def _parameters(item: Item, parameters: list[Item]) -> Item:
    """How the MAC of a signature was made."""
    number = item.number(MAC_ID)
    found = [one for one in parameters if MAC_ID in one.there and one.number(MAC_ID) == number]
    if len(found) != 1:
        raise _UnreadableError(f"{len(found)} MAC parameters with the number {number}")
    return found[0]


def _covered(found: ObjectFile, about: Item) -> tuple[int, ...]:
    """The tags that are signed and there, in the order of the data set."""
    values = numbers(about.content(ELEMENTS_SIGNED, 4 * _MOST_ELEMENTS), found.elements.little)
    tags = {a << 16 | b for a, b in zip(values[::2], values[1::2], strict=False)}
    if unsignable := tuple(sorted(tag for tag in tags if not is_signable(tag))):
        raise _UnreadableError(f"it names {named(unsignable)}, which no signature is over")
    return tuple(tag for tag in found.top if tag in tags)


def _certificates(item: Item) -> tuple[bytes, ...]:
    """The signer's certificate, and further ones that stand behind it."""
    if (kind := item.text(TYPE)) != CERTIFICATE_TYPE:
        raise _UnreadableError(f"a certificate of the type {kind}")
    content = item.content(CERTIFICATE, MOST_BYTES * 2)
    certificates: list[bytes] = []
    while content.rstrip(b"\0"):
        size = der_length(content)
        if not 0 < size <= len(content) or len(certificates) == MOST_IN_A_FILE:
            raise _UnreadableError("a certificate that is none")
        certificates.append(content[:size])
        content = content[size:]
    if not certificates:
        raise _UnreadableError("no certificate")
    return tuple(certificates)


def _time_stamp(item: Item) -> bytes | None:
    if _STAMP not in item.there:
        return None
    if item.text(_STAMP_TYPE) != _STAMP_KIND:
        return None
    return der_in(item.content(_STAMP, MOST_BYTES * 2))


def _purpose(item: Item) -> str:
    """The first code of its purpose, as `1 Author's Signature`."""
    sequence = item.there.get(PURPOSE)
    if sequence is None:
        return ""
    for elements in item.elements.items(sequence, 2):
        code = Item(item.elements, {element.tag: element for element in elements})
        there = [tag for tag in (0x00080100, 0x00080104) if tag in code.there]
        return " ".join(code.text(tag) for tag in there)
    return ""
