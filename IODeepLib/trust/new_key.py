"""A key to sign with, and a certificate of its own or a request for that of an authority."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)

from IODeepLib.disk.files import whole_folder
from IODeepLib.errors import UsageError

KEY, CERTIFICATE, REQUEST = "key.pem", "certificate.pem", "request.pem"
_RSA_BITS = 3072  # as strong as P-256, NIST SP 800-57
# The clock of whoever verifies may be behind.
_EARLIER = timedelta(hours=1)
_DAYS_A_YEAR = 365.25


def new_key(
    folder: Path,
    subject: x509.Name,
    *,
    pass_phrase: str | None,
    years: float,
    by_rsa: bool = False,
    request: bool = False,
) -> Path:
    """Write a new key, which its owner alone can read, and its certificate or a request for one.

    Args:
        folder: a new one, for both files.
        subject: whose key it is.
        pass_phrase: what the key is encrypted with; None to leave it open.
        years: for how long the certificate is valid.
        by_rsa: RSA in the place of P-256.
        request: a request (PKCS #10) in the place of a certificate of its own.

    Returns:
        The certificate or the request.

    Raises:
        OutputError: the folder has something in it, or cannot be written.
    """
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey = (
        rsa.generate_private_key(65537, _RSA_BITS)
        if by_rsa
        else ec.generate_private_key(ec.SECP256R1())
    )
    name = REQUEST if request else CERTIFICATE
    made = _request(key, subject) if request else _certificate(key, subject, years)
    encryption: KeySerializationEncryption = (
        BestAvailableEncryption(pass_phrase.encode()) if pass_phrase else NoEncryption()
    )
    with whole_folder(folder) as new:
        private = os.open(new / KEY, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(private, "wb") as file:
            file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
        (new / name).write_bytes(made.public_bytes(Encoding.PEM))
    return folder / name


def subject_of(name: str, organization: str = "", country: str = "") -> x509.Name:
    """The name of a certificate.

    Args:
        name: who it is, such as `Radiology AI`.
        organization: where, such as `University Hospital`.
        country: two letters.

    Raises:
        UsageError: one of them is too long, or empty.
    """
    known = x509.NameOID
    given = ((known.COUNTRY_NAME, country), (known.ORGANIZATION_NAME, organization))
    try:
        parts = [x509.NameAttribute(oid, value) for oid, value in given if value]
        parts.append(x509.NameAttribute(known.COMMON_NAME, name))
    except ValueError as error:
        raise UsageError(
            f"the name {', '.join(filter(None, (name, organization, country)))!r} ({error})",
            "1 to 64 characters for each part, and two capital letters for a country",
            "shorten or correct it",
        ) from None
    return x509.Name(parts)


def _certificate(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, subject: x509.Name, years: float
) -> x509.Certificate:
    now = datetime.now(UTC)
    public = key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _EARLIER)
        .not_valid_after(now + timedelta(days=years * _DAYS_A_YEAR))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_to_sign(), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .sign(key, hashes.SHA256())
    )


def _request(
    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, subject: x509.Name
) -> x509.CertificateSigningRequest:
    return (
        x509.CertificateSigningRequestBuilder()
        .subject_name(subject)
        .add_extension(_to_sign(), critical=True)
        .sign(key, hashes.SHA256())
    )


def _to_sign() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
