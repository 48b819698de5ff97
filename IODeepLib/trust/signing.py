"""Signing DICOM objects where they lie (PS3.15 annex C; PS3.3 section C.12.1.1.3).

Every byte of the file stays but for the two sequences: MAC Parameters Sequence (4FFE,0001) and
Digital Signatures Sequence (FFFA,FFFA).
"""

from __future__ import annotations

import hashlib
import io
import struct
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from IODeepLib.disk.byte_ranges import ByteRange, Piece, chunks
from IODeepLib.disk.files import whole_file
from IODeepLib.errors import CertificateError, InputError
from IODeepLib.trust.certificates import opened
from IODeepLib.trust.coverage import purpose_of, to_sign
from IODeepLib.trust.dicom_signature import DicomSignature, named
from IODeepLib.trust.elements import ITEM, DamagedError, Elements
from IODeepLib.trust.mac import mac_for, signature_of
from IODeepLib.trust.object_file import ObjectFile, opened_object
from IODeepLib.trust.signature_reading import (
    CERTIFICATE_TYPE,
    MAC_ID,
    Item,
    items_in,
    signatures_of,
)
from IODeepLib.trust.signed_bytes import (
    MAC_PARAMETERS,
    SIGNATURES,
    Ambiguous,
    UnsignableError,
    feed,
)
from IODeepLib.trust.signer import Signer

_MOST_IDS = 2**16


def sign_files(paths: Iterable[Path], signer: Signer) -> None:
    """Sign the objects in files, which take the place of the former ones when all are written.

    A signature by the same key is replaced, those by others stay.

    Raises:
        InputError: one of them cannot be signed; none is then.
        OutputError: one of them cannot be written.
    """
    with ExitStack() as stack:
        for path in paths:
            new = stack.enter_context(whole_file(path))
            with opened_object(path) as found, new.open("wb") as file:
                for chunk in chunks(_signed(found, signer)):
                    file.write(chunk)


def _signed(found: ObjectFile, signer: Signer) -> list[Piece]:
    """The file with one signature more."""
    if found.deflated:
        raise _unsignable(
            found, "is deflated", "store it as Explicit VR Little Endian: dcmconv +te"
        )
    tags = to_sign(found)
    if missing := tuple(tag for tag in tags if tag not in found.top):
        raise _unsignable(
            found,
            f"has no {named(missing)}",
            "if an older IODeep wrote it, pack it again under a new version",
        )
    kept, numbers, taken = _kept(found, signer)
    number = next(i for i in range(_MOST_IDS) if i not in taken)
    parameters, signature = _items(found, signer, tags, number)
    pieces: list[Piece] = []
    position = 0
    for tag, items in (
        (MAC_PARAMETERS, [*numbers, parameters]),
        (SIGNATURES, [*kept, signature]),
    ):
        former = found.top.get(tag)
        behind = (element.start for element in found.top.values() if element.tag > tag)
        begin = former.start if former else next(behind, found.elements.size)
        pieces += [ByteRange(found.path, position, begin - position), _sequence(found, tag, items)]
        position = former.end if former else begin
    return [*pieces, ByteRange(found.path, position, found.elements.size - position)]


def _items(
    found: ObjectFile, signer: Signer, tags: tuple[int, ...], number: int
) -> tuple[bytes, bytes]:
    """The items of the two sequences, in the encoding of the file."""
    mac = mac_for(signer.key)
    parameters, signature = Dataset(), Dataset()
    parameters.MACIDNumber = signature.MACIDNumber = number
    parameters.MACCalculationTransferSyntaxUID = ExplicitVRLittleEndian
    parameters.MACAlgorithm = mac
    parameters.DataElementsSigned = list(tags)
    signature.DigitalSignatureUID = generate_uid(prefix=None)
    # In UTC: some readers hold it against the certificate without looking at its zone.
    signature.DigitalSignatureDateTime = f"{datetime.now(UTC):%Y%m%d%H%M%S.%f}+0000"
    signature.CertificateType = CERTIFICATE_TYPE
    purpose = Dataset()
    purpose.CodeValue, purpose.CodeMeaning = purpose_of(found)
    purpose.CodingSchemeDesignator = "ASTM-sigpurpose"
    signature.DigitalSignaturePurposeCodeSequence = [purpose]
    digest = hashlib.new(mac)
    try:
        for tag in tags:
            feed(digest.update, found.elements, found.top[tag], found.ambiguous)
    except (DamagedError, UnsignableError) as error:
        raise _unsignable(found, f"cannot be signed: {error}", "decompress or repair it") from None
    own = Elements(io.BytesIO(_encoded(signature)), implicit=False, little=True)
    for element in own.top(0):
        feed(digest.update, own, element, Ambiguous())
    signature.CertificateOfSigner = signer.certificate.der
    signature.Signature = signature_of(digest.digest(), mac, signer.key)
    encoding = found.elements
    return (
        _encoded(parameters, implicit=encoding.implicit, little=encoding.little),
        _encoded(signature, implicit=encoding.implicit, little=encoding.little),
    )


def _kept(found: ObjectFile, signer: Signer) -> tuple[list[bytes], list[bytes], set[int]]:
    """The signatures of others and their MAC parameters, and the numbers that are in use."""
    signatures = [
        (_number(item), content)
        for said, (item, content) in zip(
            signatures_of(found), _contents(found, SIGNATURES), strict=True
        )
        if not _is_by(said, signer)
    ]
    used = {number for number, _ in signatures if number is not None}
    parameters = [
        content for item, content in _contents(found, MAC_PARAMETERS) if _number(item) in used
    ]
    return [content for _, content in signatures], parameters, used


def _contents(found: ObjectFile, tag: int) -> list[tuple[Item, bytes]]:
    """The items of a sequence with their bytes."""
    sequence = found.top.get(tag)
    if sequence is None:
        return []
    if sequence.implicit != found.elements.implicit:
        raise _unsignable(found, f"has {named((tag,))} as VR UN", "take the file before that")
    places = found.elements.places_of_items(sequence)
    return [
        (item, found.elements.between(*place))
        for item, place in zip(items_in(found, tag), places, strict=True)
    ]


def _number(item: Item) -> int | None:
    try:
        return item.number(MAC_ID)
    except ValueError:  # it has none, and is no signature that anybody can check
        return None


def _is_by(said: DicomSignature, signer: Signer) -> bool:
    """Whether a signature is by the same key."""
    try:
        return bool(said.certificates) and (
            opened(said.certificates[0], "a signature").key_sha256 == signer.certificate.key_sha256
        )
    except CertificateError:
        return False


def _encoded(dataset: Dataset, *, implicit: bool = False, little: bool = True) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = little, implicit
    write_dataset(buffer, dataset)
    return buffer.getvalue()


def _sequence(found: ObjectFile, tag: int, items: list[bytes]) -> bytes:
    """A sequence of items, in the encoding of the file."""
    order = "<" if found.elements.little else ">"

    def head(tag: int, form: str, *rest: object) -> bytes:
        return struct.pack(f"{order}HH{form}", tag >> 16, tag & 0xFFFF, *rest)

    content = b"".join(head(ITEM, "I", len(item)) + item for item in items)
    if found.elements.implicit:
        return head(tag, "I", len(content)) + content
    return head(tag, "2sHI", b"SQ", 0, len(content)) + content


def _unsignable(found: ObjectFile, what: str, next_step: str) -> InputError:
    return InputError(f"{found.path} {what}", "an object that can be signed", next_step)
