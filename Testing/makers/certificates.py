"""Authorities and signers, as hospitals have them: certificates of any kind, made in no time."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Made:
    """A certificate and its key."""

    x509: x509.Certificate
    key: Any

    @property
    def der(self) -> bytes:
        """The certificate in DER."""
        return self.x509.public_bytes(Encoding.DER)

    @property
    def pem(self) -> str:
        """The certificate in PEM."""
        return self.x509.public_bytes(Encoding.PEM).decode()

    def write(self, path: Path) -> Path:
        """The certificate as a PEM file."""
        path.write_text(self.pem)
        return path


def made(
    subject: str,
    issuer: Made | None = None,
    *,
    authority: bool = False,
    path_length: int | None = None,
    key: Any = None,
    starts: float = -10,
    ends: float = 1000,
    extensions: Iterable[tuple[x509.ExtensionType, bool]] = (),
    digest: hashes.HashAlgorithm | None = None,
    serial: int | None = None,
) -> Made:
    """A certificate, of itself if there is no issuer.

    Args:
        subject: such as `CN=Radiology,O=Hospital`.
        issuer: who signs it.
        authority: whether it may vouch for others.
        path_length: how many authorities may follow below it.
        key: its key; otherwise a new one on P-256.
        starts, ends: when it is valid, in days from now.
        extensions: further ones, each with whether it is critical.
        digest: of the signature on it; otherwise SHA-256.
        serial: its number; otherwise one by chance.
    """
    key = key or ec.generate_private_key(ec.SECP256R1())
    name = x509.Name.from_rfc4514_string(subject)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(issuer.x509.subject if issuer else name)
        .public_key(key.public_key())
        .serial_number(serial or x509.random_serial_number())
        .not_valid_before(NOW + starts * DAY)
        .not_valid_after(NOW + ends * DAY)
        .add_extension(x509.BasicConstraints(authority, path_length), critical=True)
    )
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return Made(builder.sign(issuer.key if issuer else key, digest or hashes.SHA256()), key)


@functools.cache
def rsa_key(bits: int) -> Any:
    """An RSA key, which takes a while to find."""
    return rsa.generate_private_key(65537, bits)


def usage(**allowed: bool) -> tuple[x509.KeyUsage, bool]:
    """The extension that allows nothing but these uses of a key."""
    names = "digital_signature content_commitment key_encipherment data_encipherment key_agreement"
    names += " key_cert_sign crl_sign encipher_only decipher_only"
    return x509.KeyUsage(**{name: allowed.get(name, False) for name in names.split()}), True


def revocation_list(
    issuer: Made,
    *revoked: Made,
    at: float = -1,
    made_on: float = -1,
    due: float = 10,
    key: Any = None,
    extensions: Iterable[tuple[x509.ExtensionType, bool]] = (),
) -> bytes:
    """A list (CRL) of an authority, in PEM.

    Args:
        issuer: the authority.
        revoked: certificates that count no more.
        at, made_on, due: since when, when it was made and when the next is due: days from now.
        key: signs it in the place of the authority's own.
        extensions: of the list, each with whether it is critical.
    """
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.x509.subject)
        .last_update(NOW + made_on * DAY)
        .next_update(NOW + due * DAY)
    )
    for one in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(one.x509.serial_number)
        builder = builder.add_revoked_certificate(entry.revocation_date(NOW + at * DAY).build())
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical)
    return builder.sign(key or issuer.key, hashes.SHA256()).public_bytes(Encoding.PEM)


def weakly_signed(subject: str, issuer: Made, digest: hashes.HashAlgorithm) -> Made:
    """A certificate whose signature is over SHA-1 or MD5, which no library signs any more.

    Args:
        subject: whose.
        issuer: with an RSA key.
        digest: the weak one.
    """
    good = made(subject, issuer)
    oids = {hashes.SHA256: 0x0B, hashes.SHA1: 0x05, hashes.MD5: 0x04}  # 1.2.840.113549.1.1.x
    former, new = (
        bytes.fromhex("2a864886f70d0101") + bytes((oids[kind],))
        for kind in (hashes.SHA256, type(digest))
    )
    signed = good.x509.tbs_certificate_bytes.replace(former, new)
    signature = issuer.key.sign(signed, padding.PKCS1v15(), digest)
    der = good.der.replace(former, new)[: -len(signature)] + signature
    return Made(x509.load_der_x509_certificate(der), good.key)
