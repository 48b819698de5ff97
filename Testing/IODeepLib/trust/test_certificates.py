"""Certificates and revocation lists from elsewhere are read, or refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from makers.certificates import made, revocation_list, rsa_key

from IODeepLib.errors import CertificateError
from IODeepLib.trust.certificates import MOST_BYTES, certificates_in, opened, pem, read_certificates
from IODeepLib.trust.revocation import read_revocation_list

ONE = made("CN=Radiology,O=Hospital", authority=True)


def test_pem_and_der_are_read_alike(tmp_path: Path) -> None:
    (tmp_path / "a.pem").write_text(f"words before\n{ONE.pem}{ONE.pem}")
    (tmp_path / "a.der").write_bytes(ONE.der)
    first, second = read_certificates(tmp_path / "a.pem")
    (third,) = read_certificates(tmp_path / "a.der")
    assert first.der == second.der == third.der == ONE.der
    assert pem(first) == ONE.pem
    assert first.subject == first.issuer == "CN=Radiology,O=Hospital"
    assert first.is_authority and first.is_self_issued and first.weakness == ""


def test_the_fingerprint_is_that_of_openssl() -> None:
    printed = ONE.x509.fingerprint(hashes.SHA256()).hex(":").upper()
    assert opened(ONE.der, "it").fingerprint == printed


def test_subjects_are_shown_and_obeyed_by_nothing() -> None:
    odd = made("CN=Radiology\x1b[2J\u202eygoloidaR" + f",OU={'x' * 60}" * 5)
    subject = opened(odd.der, "it").subject
    assert subject.isprintable() and "\ufffd" in subject and len(subject) <= 200


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no certificate that can be read"),
        (b"PK\3\4 something else", "no certificate that can be read"),
        (ONE.der[:-1], "no certificate that can be read"),
        (ONE.der + b"\0", "no certificate that can be read"),
        (b"\0" * (MOST_BYTES + 1), "100001 bytes"),
        (ONE.der.replace(b"\xa0\3\2\1\2", b"\xa0\3\2\1\7", 1), "7 is not a valid X509 version"),
        (ONE.pem.encode().replace(b"M", b"?"), "no certificate that can be read"),
        (ONE.pem.encode() * 21, "21 certificates"),
    ],
    ids=["nothing", "else", "cut off", "with more", "endless", "of no version", "damaged", "many"],
)
def test_what_is_no_certificate(content: bytes, words: str) -> None:
    with pytest.raises(CertificateError, match=words):
        certificates_in(content, "cert.pem")


def test_a_private_key_is_not_taken_for_a_certificate() -> None:
    kind = PrivateFormat.PKCS8
    key = ONE.key.private_bytes(Encoding.PEM, kind, NoEncryption())
    with pytest.raises(CertificateError, match="holds a private key"):
        certificates_in(ONE.pem.encode() + key, "both.pem")


def test_files_that_are_not_there_or_too_large(tmp_path: Path) -> None:
    with pytest.raises(CertificateError, match=r"cannot be read \(No such file"):
        read_certificates(tmp_path / "nothing.pem")
    with pytest.raises(CertificateError, match=r"cannot be read \(Is a directory"):
        read_certificates(tmp_path)
    with (tmp_path / "large").open("wb") as file:
        file.truncate(MOST_BYTES * 30)
    with pytest.raises(CertificateError, match="more than 2000000 bytes"):
        read_certificates(tmp_path / "large")


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (rsa_key(1024), "an RSA key of 1024 bits"),
        (ec.generate_private_key(ec.SECP224R1()), "the key secp224r1"),
        (ec.generate_private_key(ec.SECP521R1()), ""),
    ],
)
def test_weak_keys(key: object, words: str) -> None:
    assert opened(made("CN=A", key=key).der, "it").weakness == words


def test_a_revocation_list(tmp_path: Path) -> None:
    revoked = made("CN=Gone", ONE)
    path = tmp_path / "a.crl"
    for content in (
        revocation_list(ONE, revoked),
        x509.load_pem_x509_crl(revocation_list(ONE, revoked)).public_bytes(Encoding.DER),
    ):
        path.write_bytes(content)
        found = read_revocation_list(path)
        assert found.issuer == "CN=Radiology,O=Hospital"
        assert found.fault(opened(ONE.der, "it")) == ""
        assert found.revoked_at(opened(revoked.der, "it")) is not None
        assert found.revoked_at(opened(made("CN=Other", ONE).der, "it")) is None


def only_some(indirect: bool) -> x509.IssuingDistributionPoint:
    return x509.IssuingDistributionPoint(None, None, True, False, None, indirect, False)


def test_lists_of_a_part_are_understood_and_those_of_others_are_not(tmp_path: Path) -> None:
    path = tmp_path / "a.crl"
    path.write_bytes(revocation_list(ONE, extensions=[(only_some(False), True)]))
    read_revocation_list(path)
    for extension in (only_some(True), x509.DeltaCRLIndicator(1)):
        path.write_bytes(revocation_list(ONE, extensions=[(extension, True)]))
        with pytest.raises(CertificateError, match=r"critical extension 2\.5\.29\.(27|28)"):
            read_revocation_list(path)


CRL = x509.load_pem_x509_crl(revocation_list(ONE)).public_bytes(Encoding.DER)
NO_VERSION = CRL.replace(b"\2\1\1\x30", b"\2\1\7\x30", 1)


@pytest.mark.parametrize(
    "content",
    [b"", ONE.der, ONE.pem.encode(), CRL[:100], NO_VERSION],
    ids=["nothing", "a certificate", "one as text", "cut off", "of no version"],
)
def test_what_is_no_revocation_list(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.crl").write_bytes(content)
    with pytest.raises(CertificateError, match=r"a\.crl is no list of revoked certificates"):
        read_revocation_list(tmp_path / "a.crl")
