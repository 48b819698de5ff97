"""Keys and certificates in files, as people have them, and each mistake in one line."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, NoEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from cryptography.x509.oid import ExtendedKeyUsageOID
from makers.certificates import Made, made, rsa_key, usage
from makers.signed_objects import KEYS, key_files, publisher, write_key

from IODeepLib.errors import CertificateError
from IODeepLib.trust.signer import read_signer

PHRASE = "pass phräse"


def nobody(what: str) -> str:
    raise AssertionError(f"asked for the pass phrase of {what}")


def phrase(what: str) -> str:
    return PHRASE


def pkcs12(path: Path, who: Made, *others: Made, encrypted: bool = True) -> Path:
    """Key and certificates in one file, as browsers and Windows export them."""
    encryption = BestAvailableEncryption(PHRASE.encode()) if encrypted else NoEncryption()
    rest = [one.x509 for one in others]
    content = serialize_key_and_certificates(b"me", who.key, who.x509, rest, encryption)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("kind", KEYS)
@pytest.mark.parametrize("encrypted", [False, True])
def test_a_key_in_pem(kind: str, encrypted: bool, tmp_path: Path) -> None:
    who = publisher(kind)
    key = write_key(who.key, tmp_path / "key.pem", PHRASE if encrypted else None)
    found = read_signer(key, who.write(tmp_path / "c.pem"), phrase if encrypted else nobody)
    assert found.certificate.der == who.der
    assert found.subject == f"CN=Publisher {kind},O=Hospital"


@pytest.mark.parametrize("encrypted", [False, True])
def test_a_key_in_pkcs12(encrypted: bool, tmp_path: Path) -> None:
    authority = made("CN=Authority", authority=True)
    who = made("CN=Me", authority)
    path = pkcs12(tmp_path / "key.p12", who, authority, encrypted=encrypted)
    found = read_signer(path, None, phrase if encrypted else nobody)
    assert found.certificate.der == who.der


@pytest.mark.parametrize("options", [["rsa:2048"], ["ec", "-pkeyopt", "ec_paramgen_curve:P-384"]])
def test_what_openssl_makes(options: list[str], tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    call = ["openssl", "req", "-x509", "-newkey", *options, "-passout", f"pass:{PHRASE}"]
    call += ["-keyout", key, "-out", certificate, "-days", "30", "-subj", "/CN=Me"]
    subprocess.run(call, check=True, capture_output=True)
    assert read_signer(key, certificate, phrase).subject == "CN=Me"


def test_key_and_certificate_in_one_file(tmp_path: Path) -> None:
    who = publisher()
    path = write_key(who.key, tmp_path / "both.pem")
    path.write_text(path.read_text() + who.pem)
    assert read_signer(path, None, nobody).certificate.der == who.der


def test_a_certificate_among_those_of_its_authorities(tmp_path: Path) -> None:
    root = made("CN=Root", authority=True)
    issuing = made("CN=Issuing", root, authority=True)
    who = made("CN=Me", issuing)
    chain = tmp_path / "chain.pem"
    chain.write_text(issuing.pem + who.pem + root.pem)
    key = write_key(who.key, tmp_path / "key.pem")
    assert read_signer(key, chain, nobody).certificate.der == who.der


def other_key(folder: Path) -> tuple[Path, Path | None]:
    return write_key(publisher("P-384").key, folder / "k.pem"), publisher().write(folder / "c.pem")


def made_of(key: object) -> Callable[[Path], tuple[Path, Path | None]]:
    return lambda folder: (write_key(key, folder / "k.pem"), publisher().write(folder / "c.pem"))


def with_certificate(**options: object) -> Callable[[Path], tuple[Path, Path | None]]:
    def files(folder: Path) -> tuple[Path, Path | None]:
        return key_files(folder, made("CN=Me", **options))  # type: ignore[arg-type]

    return files


def content(name: str, text: bytes) -> Callable[[Path], tuple[Path, Path | None]]:
    def files(folder: Path) -> tuple[Path, Path | None]:
        (folder / name).write_bytes(text)
        return folder / name, publisher().write(folder / "c.pem")

    return files


def no_certificate(folder: Path) -> tuple[Path, Path | None]:
    return write_key(publisher().key, folder / "k.pem"), None


def a_certificate_twice(folder: Path) -> tuple[Path, Path | None]:
    path = publisher().write(folder / "c.pem")
    return path, path


def two_keys(folder: Path) -> tuple[Path, Path | None]:
    key, _ = key_files(folder, publisher())
    return key, key


EMAIL = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
MISTAKES: dict[str, tuple[Callable[[Path], tuple[Path, Path | None]], str]] = {
    "a certificate of another key": (other_key, r"c.pem is the certificate of another key"),
    "no certificate": (no_certificate, "k.pem holds no certificate"),
    "a certificate in the place of the key": (a_certificate_twice, "without a private key"),
    "the key in the place of the certificate": (two_keys, "key.pem holds a private key"),
    "a kind of key that signs nothing here": (
        made_of(ed25519.Ed25519PrivateKey.generate()),
        "a key of the kind Ed25519",
    ),
    "DSA": (made_of(dsa.generate_private_key(2048)), "a key of the kind DSA"),
    "a short key": (with_certificate(key=rsa_key(1024)), "has an RSA key of 1024 bits"),
    "a small curve": (
        with_certificate(key=ec.generate_private_key(ec.SECP192R1())),
        "has the key secp192r1",
    ),
    "expired": (with_certificate(starts=-10, ends=-1), "is valid from .* clock"),
    "not yet valid": (with_certificate(starts=1), "is valid from .* clock"),
    "for something else": (
        with_certificate(extensions=[usage(key_encipherment=True)]),
        "a key usage without digital signature",
    ),
    "for letters alone": (with_certificate(extensions=[(EMAIL, False)]), "extended key usage"),
    "garbage": (content("k.pem", b"\x01\x02garbage"), "is no private key that can be read"),
    "garbage in PEM": (
        content("k.pem", b"-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----\n"),
        "is no private key that can be read",
    ),
    "nothing": (content("k.pem", b""), "is no private key that can be read"),
    "something large": (content("k.pem", bytes(10**6)), "with more than 200000 bytes"),
    "no file": (lambda folder: (folder / "none.pem", None), "none.pem cannot be read"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes(mistake: str, tmp_path: Path) -> None:
    files, words = MISTAKES[mistake]
    with pytest.raises(CertificateError, match=words) as error:
        read_signer(*files(tmp_path), nobody)
    assert "\n" not in str(error.value) and "; next: " in str(error.value)


@pytest.mark.parametrize("form", ["PEM", "PKCS #12"])
def test_a_wrong_pass_phrase(form: str, tmp_path: Path) -> None:
    who = publisher()
    key = write_key(who.key, tmp_path / "k", PHRASE)
    if form != "PEM":
        key = pkcs12(tmp_path / "k", who)
    certificate = who.write(tmp_path / "c.pem")
    with pytest.raises(CertificateError, match="k does not open with this pass phrase") as error:
        read_signer(key, certificate, lambda what: "wr0ng-phrase")
    assert "wr0ng" not in str(error.value)


def test_a_key_that_may_not_be_read(
    tmp_path: Path, without_privileges: Callable[[], AbstractContextManager[None]]
) -> None:
    key, certificate = key_files(tmp_path, publisher())
    key.chmod(0)
    with (
        without_privileges(),
        pytest.raises(CertificateError, match="cannot be read"),
    ):
        read_signer(key, certificate, nobody)


def test_no_key_is_shown(tmp_path: Path) -> None:
    found = read_signer(*key_files(tmp_path, publisher()), nobody)
    assert "key=" not in repr(found)


@pytest.mark.parametrize(
    ("there", "instead", "words"),
    [
        (b"M", b"?", "is no private key that can be read"),  # the file as a whole is damaged
        (b"MII", b"AAA", "holds a certificate that cannot be read"),
    ],
    ids=["no base64", "no DER"],
)
def test_a_damaged_certificate_beside_the_key(
    there: bytes, instead: bytes, words: str, tmp_path: Path
) -> None:
    who = publisher()
    path = write_key(who.key, tmp_path / "both.pem", None)
    head, body = who.pem.encode().split(b"\n", 1)
    path.write_bytes(path.read_bytes() + head + b"\n" + body.replace(there, instead))
    with pytest.raises(CertificateError, match=words):
        read_signer(path, None, nobody)
