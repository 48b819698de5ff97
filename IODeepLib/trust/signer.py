"""Who signs: a private key and its certificate, out of files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import load_key_and_certificates

from IODeepLib.errors import CertificateError
from IODeepLib.text.foreign import keep_secret, plain
from IODeepLib.trust.certificates import (
    DAMAGE,
    Certificate,
    opened,
    read_bounded,
    read_certificates,
)
from IODeepLib.trust.chains import usage_fault
from IODeepLib.trust.mac import PrivateKey

# Asks for the pass phrase of a key; the argument names the file.
Ask = Callable[[str], str]
_MOST_BYTES = 200_000  # keys have some kilobytes, PKCS #12 files a chain besides
_PEM = b"-----BEGIN "
_T = TypeVar("_T")


@dataclass(frozen=True)
class Signer:
    """A key and the certificate that says whose it is.

    Attributes:
        key: the private key.
        certificate: of its public half.
    """

    key: PrivateKey = field(repr=False)
    certificate: Certificate

    @property
    def subject(self) -> str:
        """Who that is."""
        return self.certificate.subject


def read_signer(key: Path, certificate: Path | None, ask: Ask) -> Signer:
    """The key in a file, and its certificate.

    Args:
        key: a PEM file, encrypted or not, or a PKCS #12 file.
        certificate: a PEM or DER file with the key's certificate, maybe among others; None if it
            is in the same file as the key.
        ask: asked for the pass phrase, if there is one.

    Raises:
        CertificateError: a file cannot be read, the pass phrase is wrong, the certificate is
            another key's or not valid today, or the key is too weak.
    """
    content = read_bounded(key, _MOST_BYTES)
    found, beside = _pem(content, key, ask) if _PEM in content else _pkcs12(content, key, ask)
    if not isinstance(found, (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey)):
        raise CertificateError(
            f"{key} holds a key of the kind {type(found).__name__.removesuffix('PrivateKey')}",
            "an RSA key, or one of an elliptic curve, which DICOM signs with",
            "make another one",
        )
    there = read_certificates(certificate) if certificate else beside
    if not there:
        raise CertificateError(
            f"{key} holds no certificate", "the certificate of that key", "name its file"
        )
    spki = _public(found.public_key())
    for one in there:
        if _public(one.x509.public_key()) == spki:
            _check(one)
            return Signer(found, one)
    raise CertificateError(
        f"{certificate or key} is the certificate of another key ({there[0].subject})",
        f"the certificate of the key in {key}",
        "give the certificate that was made of this key",
    )


def _check(certificate: Certificate) -> None:
    """Raise CertificateError unless signatures with this certificate are good for something."""
    now = datetime.now(UTC)
    found = certificate.weakness or usage_fault(certificate)
    if found:
        raise CertificateError(
            f"{certificate.subject} has {found}",
            "an RSA key of 2048 bits or more, or one of a curve of 256, that may sign",
            "have another certificate made",
        )
    if not certificate.starts <= now <= certificate.ends:
        raise CertificateError(
            f"{certificate.subject} is valid from {certificate.starts:%Y-%m-%d %H:%M} to "
            f"{certificate.ends:%Y-%m-%d %H:%M} UTC, and it is {now:%Y-%m-%d %H:%M}",
            "a certificate that is valid now",
            "renew it, or set this machine's clock",
        )


def _pem(content: bytes, path: Path, ask: Ask) -> tuple[object, tuple[Certificate, ...]]:
    """The key in a PEM file, and the certificates beside it."""
    if b"PRIVATE KEY-----" not in content:
        raise _no_key(path, "a PEM file without a private key")
    try:
        try:
            found: object = load_pem_private_key(content, None)
        except TypeError:  # it is encrypted
            found = _with_phrase(path, ask, lambda phrase: load_pem_private_key(content, phrase))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _no_key(path, str(error)) from None
    certificates = content.count(b"-----BEGIN CERTIFICATE-----")
    try:
        loaded = x509.load_pem_x509_certificates(content) if certificates else []
    except DAMAGE as error:
        raise CertificateError(
            f"{path} holds a certificate that cannot be read ({plain(str(error))[:200]})",
            "a PEM file with a key, and its certificate or none",
            "export it again, or name the certificate's own file",
        ) from None
    return found, tuple(opened(one.public_bytes(Encoding.DER), str(path)) for one in loaded)


def _pkcs12(content: bytes, path: Path, ask: Ask) -> tuple[object, tuple[Certificate, ...]]:
    """The key in a PKCS #12 file, and the certificates beside it."""
    if content[:1] != b"\x30":
        raise _no_key(path, "something else")
    try:
        loaded = load_key_and_certificates(content, None)
    except DAMAGE:
        loaded = _with_phrase(path, ask, lambda phrase: load_key_and_certificates(content, phrase))
    found, own, others = loaded
    if found is None:
        raise _no_key(path, "a PKCS #12 file without a private key")
    certificates = [one for one in (own, *others) if one is not None]
    return found, tuple(opened(one.public_bytes(Encoding.DER), str(path)) for one in certificates)


def _with_phrase(path: Path, ask: Ask, load: Callable[[bytes], _T]) -> _T:
    """What `load` gives with the pass phrase of the file."""
    phrase = ask(str(path))
    keep_secret(phrase)
    try:
        return load(phrase.encode())
    except DAMAGE:
        raise CertificateError(
            f"{path} does not open with this pass phrase",
            "the pass phrase of the key",
            "give the right one, or export the key again if the file is damaged",
        ) from None


def _public(key: Any) -> bytes:
    """A public key as bytes, equal for the same key."""
    found: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return found


def _no_key(path: Path, found: str) -> CertificateError:
    return CertificateError(
        f"{path} is no private key that can be read ({plain(found)[:200]})",
        "a private key in PEM or PKCS #12",
        "export it again",
    )
