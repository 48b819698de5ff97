"""Certificates, lists of revoked ones, time stamps and trust lists, damaged, and judged with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import makers.certificates as make
import makers.time_stamps as stamps
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from IODeepLib.codes import region_by_term
from IODeepLib.errors import IODeepError
from IODeepLib.trust.certificates import Certificate, certificates_in, opened
from IODeepLib.trust.judge import judge
from IODeepLib.trust.revocation import read_revocation_list
from IODeepLib.trust.time_stamps import TimeStampError, time_of
from IODeepLib.trust.trust_file import Entry, Permission, read_trust_file
from IODeepLib.trust.trust_list import TrustList
from IODeepLib.trust.verdict import Claim

_USES = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING]), False
_NAMES = x509.NameConstraints([x509.DNSName("hospital.org")], None), True
_ROOT = make.made("CN=Root,O=Hospital", authority=True)
_ISSUING = make.made("CN=Issuing", _ROOT, authority=True, path_length=0, extensions=[_NAMES])
_SIGNER = make.made(
    "CN=Radiology", _ISSUING, extensions=[make.usage(digital_signature=True), _USES]
)
_BY_RSA = make.made("CN=Radiology", key=make.rsa_key(2048))
_CLAIM = Claim("liver", "Hospital", (region_by_term("LIVER").code,))


@dataclass(frozen=True)
class _Signed:
    certificates: tuple[bytes, ...]
    digest: str = "SHA256"
    value: bytes = b""
    signed_at: None = None
    time_stamp: bytes | None = None
    fault: str = ""


def certificates(folder: Path) -> tuple[list[bytes], Callable[[bytes], bool]]:
    """Certificates as a signature has them, or a file."""
    root = opened(_ROOT.der, "root")
    site = TrustList(entries=(Entry(Permission("root", ""), folder, (root,), (), ()),))

    def read(content: bytes) -> bool:
        try:
            found = certificates_in(content, "it")
        except IODeepError:
            return False
        for one in found:
            _all_of(one)
            chains = ((one.der,), (one.der, _ISSUING.der), (_SIGNER.der, one.der))
            for chain in chains:
                judge([_Signed(chain, time_stamp=one.der)], _CLAIM, site, make.NOW)
        return True

    seeds = [_ROOT.der, _ISSUING.der, _SIGNER.der, _BY_RSA.der]
    return [*seeds, _SIGNER.pem.encode() + _ISSUING.pem.encode()], read


def _all_of(one: Certificate) -> None:
    assert one.subject.isprintable() and one.issuer.isprintable()
    _ = one.fingerprint, one.key_sha256, one.serial, one.is_authority, one.weakness


def revocation_lists(folder: Path) -> tuple[list[bytes], Callable[[bytes], bool]]:
    """Lists of an authority that is known."""
    path = folder / "changed.crl"
    issuing, signer = opened(_ISSUING.der, "it"), opened(_SIGNER.der, "it")

    def read(content: bytes) -> bool:
        path.write_bytes(content)
        try:
            found = read_revocation_list(path)
        except IODeepError:
            return False
        assert found.issuer.isprintable()
        _ = found.fault(issuing), found.revoked_at(signer)
        return True

    part = x509.IssuingDistributionPoint(None, None, True, False, None, False, False), True
    pem = make.revocation_list(_ISSUING, _SIGNER, extensions=[part])
    der = x509.load_pem_x509_crl(pem).public_bytes(Encoding.DER)
    return [pem, der, make.revocation_list(_ISSUING)], read


def time_stamps(folder: Path) -> tuple[list[bytes], Callable[[bytes], bool]]:
    """Time stamps of a signature, judged with it."""
    root, value = opened(stamps.ROOT.der, "it"), b"a signature"
    site = TrustList(time_stamps=(root,))

    def read(content: bytes) -> bool:
        signature = _Signed((_SIGNER.der, _ISSUING.der), value=value, time_stamp=content)
        judge([signature], _CLAIM, site, make.NOW)
        try:
            return time_of(content, value, [root]) is not None
        except TimeStampError:
            return False

    return [stamps.stamp(folder, value, digest=one) for one in ("sha256", "sha384")], read


def trust_lists(folder: Path) -> tuple[list[bytes], Callable[[bytes], bool]]:
    """What a file says of whom to believe."""
    path = folder / "changed.toml"
    (folder / "a.crl").write_bytes(make.revocation_list(_ISSUING, _SIGNER))
    _ROOT.write(folder / "root.pem")

    def read(content: bytes) -> bool:
        path.write_bytes(content)
        try:
            return read_trust_file(path) is not None
        except IODeepError:
            return False

    small = """[trust]
policy = "require"
believe_first_seen = true
crls = ["a.crl"]
revoked = ["0A:0B"]

[[trust.certificates]]
name = "hospital"
certificate = "root.pem"
subjects = ["CN=Radiology,O=Hospital"]
models = ["liver-*"]
publishers = ["Hospital"]
regions = ["LIVER", "CHEST"]
since = 2026-01-01
until = 2027-12-31
"""
    own = f'[[trust.certificates]]\nname = "own"\ncertificate = """\n{_BY_RSA.pem}"""\n'
    return [small.encode(), own.encode(), (small + own).encode()], read
