"""Certificates from elsewhere: read within limits, checked once, and shown as text.

What is read may have been made to harm: `opened` forces all of it that is used later, so that no
error comes from a certificate that was let in.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from IODeepLib.errors import CertificateError
from IODeepLib.text.foreign import plain

# A certificate has one or two kilobytes; one with a photograph, which there are, some tens.
MOST_BYTES = 100_000
MOST_IN_A_FILE = 20
# Longer ones make every check take seconds, which is what they are made for.
_LONGEST_RSA = 16_384  # bits
_SHORTEST_RSA = 2048  # bits; NIST SP 800-131A
_SHORTEST_EC = 256  # bits
HASHES = ("sha256", "sha384", "sha512")
_LONGEST_SHOWN = 200  # characters of a subject
_PEM = b"-----BEGIN CERTIFICATE-----"
_Extension = TypeVar("_Extension", bound=x509.ExtensionType)
# What the library raises for what is no good certificate.
DAMAGE: tuple[type[Exception], ...] = (
    ValueError,
    TypeError,
    KeyError,
    UnsupportedAlgorithm,
    x509.InvalidVersion,
    x509.ExtensionNotFound,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
)


@dataclass(frozen=True, eq=False)
class Certificate:
    """A certificate that was checked for form.

    Attributes:
        x509: the library's own.
        der: it, as bytes.
        subject, issuer: as text that may be shown.
        starts, ends: from when to when it is valid.
    """

    x509: x509.Certificate = field(repr=False)
    der: bytes = field(repr=False)
    subject: str
    issuer: str
    starts: datetime
    ends: datetime

    @cached_property
    def sha256(self) -> str:
        """The digest of it, in hexadecimal digits: what tells it from all others."""
        return hashlib.sha256(self.der).hexdigest()

    @cached_property
    def fingerprint(self) -> str:
        """The same as OpenSSL prints it, to be compared by telephone."""
        return ":".join(self.sha256[i : i + 2] for i in range(0, 64, 2)).upper()

    @cached_property
    def key_sha256(self) -> str:
        """The digest of its public key, which a renewed certificate may share."""
        key = self.x509.public_key()
        der = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return hashlib.sha256(der).hexdigest()

    @cached_property
    def serial(self) -> str:
        """Its serial number, in hexadecimal digits."""
        return f"{self.x509.serial_number:x}"

    @cached_property
    def is_authority(self) -> bool:
        """Whether it may vouch for others."""
        found = self.extension(x509.BasicConstraints)
        return found is not None and found.ca

    def extension(self, kind: type[_Extension]) -> _Extension | None:
        """An extension of this kind, if it has one."""
        try:
            return self.x509.extensions.get_extension_for_class(kind).value
        except x509.ExtensionNotFound:
            return None

    @cached_property
    def weakness(self) -> str:
        """What is too weak about its key, or about the signature on it; "" for nothing."""
        key = self.x509.public_key()
        if isinstance(key, rsa.RSAPublicKey):
            if key.key_size < _SHORTEST_RSA:
                return f"an RSA key of {key.key_size} bits"
        elif not isinstance(key, ec.EllipticCurvePublicKey):
            return f"a key of the kind {type(key).__name__.removesuffix('PublicKey')}"
        elif key.key_size < _SHORTEST_EC:
            return f"the key {key.curve.name}"
        used = self.x509.signature_hash_algorithm
        # What it says of itself needs no proof: whoever believes it has compared its fingerprint.
        if not self.is_self_issued and (used is None or used.name not in HASHES):
            return f"a signature with {used.name if used else 'an unknown digest'} on it"
        return ""

    @property
    def is_self_issued(self) -> bool:
        """Whether it names itself as its issuer."""
        return self.x509.subject == self.x509.issuer


def opened(der: bytes, where: str) -> Certificate:
    """The certificate in these bytes.

    Args:
        der: they, in DER.
        where: what messages call it.

    Raises:
        CertificateError: it is none, or a damaged one.
    """
    if len(der) > MOST_BYTES:
        raise _no_certificate(where, f"{len(der)} bytes")
    try:
        found = x509.load_der_x509_certificate(der)
        result = Certificate(
            found,
            der,
            shown(found.subject),
            shown(found.issuer),
            found.not_valid_before_utc,
            found.not_valid_after_utc,
        )
        key = found.public_key()
        if isinstance(key, rsa.RSAPublicKey) and key.key_size > _LONGEST_RSA:
            raise _no_certificate(where, f"an RSA key of {key.key_size} bits")
        _ = found.extensions, found.signature_hash_algorithm, found.signature_algorithm_parameters
        _ = result.key_sha256, result.weakness, result.serial
    except DAMAGE as error:
        raise _no_certificate(where, plain(str(error))[:_LONGEST_SHOWN]) from None
    return result


def read_certificates(path: Path | str) -> tuple[Certificate, ...]:
    """The certificates in a file, PEM or DER.

    Raises:
        CertificateError: there are none, or they are damaged.
    """
    return certificates_in(read_bounded(Path(path), MOST_BYTES * MOST_IN_A_FILE), str(path))


def certificates_in(content: bytes, where: str) -> tuple[Certificate, ...]:
    """The certificates in the content of a file, see `read_certificates`."""
    if b"PRIVATE KEY-----" in content:
        raise CertificateError(
            f"{where} holds a private key",
            "a certificate, which may be given away",
            "give the file with the certificate alone, and keep the key to yourself",
        )
    if _PEM not in content:
        return (opened(content, where),)
    if content.count(_PEM) > MOST_IN_A_FILE:
        raise _no_certificate(where, f"{content.count(_PEM)} certificates")
    try:
        found = x509.load_pem_x509_certificates(content)
    except DAMAGE as error:
        raise _no_certificate(where, plain(str(error))[:_LONGEST_SHOWN]) from None
    return tuple(opened(one.public_bytes(Encoding.DER), where) for one in found)


def pem(certificate: Certificate) -> str:
    """The same as PEM text."""
    return certificate.x509.public_bytes(Encoding.PEM).decode("ascii")


def read_bounded(path: Path, most: int) -> bytes:
    """The content of a file.

    Raises:
        CertificateError: it cannot be read, or is larger.
    """
    try:
        with path.open("rb") as file:
            content = file.read(most + 1)
    except OSError as error:
        raise CertificateError(
            f"{path} cannot be read ({error.strerror})", "a file", "check the path"
        ) from None
    if len(content) > most:
        raise CertificateError(
            f"{path} with more than {most} bytes", "a file of some kilobytes", "check the path"
        )
    return content


def shown(name: x509.Name) -> str:
    """A name as text, such as `CN=Radiology,O=University Hospital`."""
    text = plain(name.rfc4514_string()) or "nobody"
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 3] + "..."


def _no_certificate(where: str, found: str) -> CertificateError:
    return CertificateError(
        f"{where} is no certificate that can be read ({found})",
        "an X.509 certificate in PEM or DER",
        "export it again",
    )
