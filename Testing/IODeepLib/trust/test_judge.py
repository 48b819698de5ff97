"""Every way in which a signature is not believed, and the few in which it is."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec
from cryptography.x509.oid import ExtendedKeyUsageOID
from makers.certificates import DAY, NOW, Made, made, revocation_list, rsa_key, usage, weakly_signed
from makers.trust_lists import entry

from IODeepLib.codes import region_by_term
from IODeepLib.trust.judge import judge
from IODeepLib.trust.policy import Policy
from IODeepLib.trust.trust_list import TrustList
from IODeepLib.trust.verdict import Claim, Kind, Trust

ROOT = made("CN=Hospital Root,O=Hospital", authority=True)
ISSUING = made("CN=Hospital Issuing,O=Hospital", ROOT, authority=True, path_length=0)
SIGNER = made("CN=Radiology,O=Hospital", ISSUING)
ALONE = made("CN=Alone")
STRANGER_ROOT = made("CN=Hospital Root,O=Hospital", authority=True)  # by name the same
LIVER = Claim("liver-ct", "Hospital", (region_by_term("LIVER").code,))

Listed = Callable[..., TrustList]


@dataclass(frozen=True)
class Signed:
    """A signature of which everything is well but what a test says."""

    certificates: Sequence[bytes]
    digest: str = "SHA256"
    value: bytes = b"signature"
    signed_at: datetime | None = NOW - DAY
    time_stamp: bytes | None = None
    fault: str = ""


def by(*chain: Made) -> Signed:
    return Signed([one.der for one in chain])


def judged(trust_list: TrustList, *signatures: Signed, claim: Claim = LIVER) -> Trust:
    return judge(signatures, claim, trust_list, NOW)


def test_unsigned(listed: Listed) -> None:
    found = judged(listed(entry("root", ROOT.pem)))
    assert (found.kind, found.found, found.publisher) == (Kind.UNSIGNED, "unsigned", None)


def test_an_authority_vouches_by_way_of_others(listed: Listed) -> None:
    found = judged(listed(entry("hospital", ROOT.pem)), by(SIGNER, ISSUING))
    assert found.kind is Kind.TRUSTED
    assert found.found == "trusted: hospital, CN=Radiology,O=Hospital"
    assert found.publisher is not None and found.publisher.name == "CN=Radiology,O=Hospital"


def test_the_root_may_come_along_and_counts_for_nothing(listed: Listed) -> None:
    assert judged(listed(entry("h", ROOT.pem)), by(SIGNER, ISSUING, ROOT)).is_trusted
    found = judged(listed(entry("h", STRANGER_ROOT.pem)), by(SIGNER, ISSUING, ROOT))
    assert found.kind is Kind.UNKNOWN


@pytest.mark.parametrize(
    "pinned", [ISSUING, SIGNER], ids=["the issuing authority", "the signer itself"]
)
def test_what_is_listed_ends_the_way(listed: Listed, pinned: Made) -> None:
    """DICOM's own signers give their certificate alone along."""
    assert judged(listed(entry("h", pinned.pem)), by(SIGNER)).is_trusted


def test_a_bundle_of_authorities(listed: Listed) -> None:
    assert judged(listed(entry("h", ROOT.pem, ISSUING.pem)), by(SIGNER)).is_trusted


def test_a_certificate_of_its_own(listed: Listed) -> None:
    found = judged(listed(entry("alone", ALONE.pem)), by(ALONE))
    assert (found.kind, found.found) == (Kind.TRUSTED, "trusted: alone")


def signer(subject: str = "CN=S", issuer: Made = ISSUING, **keys: object) -> tuple[Made, ...]:
    return made(subject, issuer, **keys), issuer


def under(authority: Made) -> tuple[Made, ...]:
    return made("CN=S", authority), authority


def purposes(*names: x509.ObjectIdentifier) -> tuple[x509.ExtendedKeyUsage, bool]:
    return x509.ExtendedKeyUsage(names), False


UNHEARD_OF = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\5\0"), True
NAMES = x509.NameConstraints([x509.DirectoryName(x509.Name([]))], None), True
NOT_A_CA = made("CN=Some Clerk,O=Hospital", ROOT)
SHA1, MD5 = hashes.SHA1(), hashes.MD5()  # noqa: S303
DSA = dsa.generate_private_key(1024)  # noqa: S505
OLD = made("CN=Old", ROOT, authority=True, key=rsa_key(2048))
BELOW_ITS_LENGTH = made("CN=Too Deep", ISSUING, authority=True)

# Who signed, what comes of it, and words of the reason. The list has the root alone.
ATTACKS: dict[str, tuple[tuple[Made, ...], Kind, str]] = {
    "a stranger's own certificate": ((made("CN=Radiology,O=Hospital"),), Kind.UNKNOWN, "not in"),
    "an unknown authority": (
        (made("CN=S", made("CN=Elsewhere", authority=True)),),
        Kind.UNKNOWN,
        "CN=Elsewhere vouches, which no list here has",
    ),
    "an authority that only has the name of ours": (
        (made("CN=S", STRANGER_ROOT), STRANGER_ROOT),
        Kind.UNKNOWN,
        "no list here has",
    ),
    "a clerk who plays the authority": (
        (made("CN=S", NOT_A_CA), NOT_A_CA),
        Kind.UNKNOWN,
        "basicConstraints.cA must be asserted",
    ),
    "a longer chain than was allowed": (
        (made("CN=S", BELOW_ITS_LENGTH), BELOW_ITS_LENGTH, ISSUING),
        Kind.UNKNOWN,
        "path length constraint",
    ),
    "an authority whose key is for something else": (
        under(made("CN=A", ROOT, authority=True, extensions=[usage(digital_signature=True)])),
        Kind.UNKNOWN,
        "not to sign certificates",
    ),
    "an authority for web servers": (
        under(
            made(
                "CN=A",
                ROOT,
                authority=True,
                extensions=[purposes(ExtendedKeyUsageOID.SERVER_AUTH)],
            )
        ),
        Kind.UNKNOWN,
        "serverAuth alone",
    ),
    "a critical extension that nobody knows": (
        signer(extensions=[UNHEARD_OF]),
        Kind.UNKNOWN,
        "unaccounted-for critical extensions",
    ),
    "the same in an authority": (
        under(made("CN=A", ROOT, authority=True, extensions=[UNHEARD_OF])),
        Kind.UNKNOWN,
        "unaccounted-for critical extensions",
    ),
    "name constraints of a kind that nobody checks": (
        under(made("CN=A", ROOT, authority=True, extensions=[NAMES])),
        Kind.UNKNOWN,
        "unsupported directoryName constraint",
    ),
    "expired": (signer(ends=-2), Kind.EXPIRED, "no time stamp proves that it was signed on"),
    "an authority that is expired": (
        under(made("CN=A", ROOT, authority=True, ends=-1)),
        Kind.EXPIRED,
        "CN=A was valid until",
    ),
    "not yet valid": (signer(starts=0.01), Kind.NOT_YET_VALID, "the clock here says"),
    "signed before it was valid": (signer(starts=-0.5), Kind.NOT_YET_VALID, "by its own word"),
    "a short RSA key": (signer(key=rsa_key(1024)), Kind.WEAK, "an RSA key of 1024 bits"),
    "DSA": (signer(key=DSA), Kind.WEAK, "a key of the kind DSA"),
    "a short curve": (
        signer(key=ec.generate_private_key(ec.SECP192R1())),
        Kind.WEAK,
        "the key secp192r1",
    ),
    "SHA-1 on a certificate": (
        (weakly_signed("CN=S", OLD, SHA1), OLD),
        Kind.WEAK,
        "a signature with sha1 on it",
    ),
    "MD5 on a certificate": (
        (weakly_signed("CN=S", OLD, MD5), OLD),
        Kind.WEAK,
        "a signature with md5 on it",
    ),
    "a key that encrypts": (
        signer(extensions=[usage(key_encipherment=True)]),
        Kind.WRONG_USAGE,
        "a key usage without digital signature",
    ),
    "a certificate of a web server": (
        signer(extensions=[purposes(ExtendedKeyUsageOID.SERVER_AUTH)]),
        Kind.WRONG_USAGE,
        "the extended key usage serverAuth",
    ),
    "a certificate for e-mail": (
        signer(extensions=[purposes(ExtendedKeyUsageOID.EMAIL_PROTECTION)]),
        Kind.WRONG_USAGE,
        "emailProtection",
    ),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_who_is_not_believed(name: str, listed: Listed) -> None:
    chain, kind, words = ATTACKS[name]
    found = judged(listed(entry("root", ROOT.pem)), by(*chain, ISSUING))
    assert (found.kind, words in found.found) == (kind, True), found
    assert found.required == "trusted"
    assert not replace(found, policy=Policy.REQUIRE).may_run


@pytest.mark.parametrize(
    "extensions",
    [
        [usage(digital_signature=True)],
        [usage(content_commitment=True)],
        [purposes(ExtendedKeyUsageOID.CODE_SIGNING)],
        [purposes(x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36"), ExtendedKeyUsageOID.CLIENT_AUTH)],
        [purposes(ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE)],
    ],
    ids=["signature", "commitment", "code", "documents", "any"],
)
def test_usages_that_may_sign(listed: Listed, extensions: list) -> None:
    chain = signer(extensions=extensions)
    assert judged(listed(entry("root", ROOT.pem)), by(*chain)).is_trusted


@pytest.mark.parametrize("key", [rsa_key(2048), ec.generate_private_key(ec.BrainpoolP256R1())])
def test_other_keys(listed: Listed, key: object) -> None:
    assert judged(listed(entry("root", ROOT.pem)), by(*signer(key=key))).is_trusted


@pytest.mark.parametrize("digest", ["SHA1", "MD5", "RIPEMD160", ""])
def test_weak_digests(listed: Listed, digest: str) -> None:
    found = judged(listed(entry("a", ALONE.pem)), replace(by(ALONE), digest=digest))
    assert found.kind is Kind.WEAK


@pytest.mark.parametrize(
    "signature",
    [Signed([]), Signed([b""]), Signed([b"0" * 200_000]), replace(by(ALONE), fault="was changed")],
    ids=["no certificate", "an empty one", "an endless one", "a fault"],
)
def test_what_is_broken_never_runs(listed: Listed, signature: Signed) -> None:
    found = judged(listed(entry("a", ALONE.pem)), signature)
    assert found.kind is Kind.BROKEN
    assert not found.may_run


# --- revoked --------------------------------------------------------------------------------


def test_revoked_by_its_authority(listed: Listed, tmp_path: Path) -> None:
    (tmp_path / "a.crl").write_bytes(revocation_list(ISSUING, SIGNER))
    site = listed(entry("root", ROOT.pem), crls=["a.crl"])
    found = judged(site, by(SIGNER, ISSUING))
    assert found.kind is Kind.REVOKED
    assert "CN=Radiology,O=Hospital was revoked by CN=Hospital Issuing" in found.found
    assert not found.may_run
    assert judged(site, by(*signer())).is_trusted


def test_an_authority_is_revoked(listed: Listed, tmp_path: Path) -> None:
    (tmp_path / "a.crl").write_bytes(revocation_list(ROOT, ISSUING))
    found = judged(listed(entry("root", ROOT.pem), crls=["a.crl"]), by(SIGNER, ISSUING))
    assert found.kind is Kind.REVOKED


@pytest.mark.parametrize("number", ["serial", "fingerprint"])
def test_revoked_by_the_site(listed: Listed, number: str) -> None:
    words = {"serial": f"00:{SIGNER.x509.serial_number:X}"}
    words["fingerprint"] = SIGNER.x509.fingerprint(hashes.SHA256()).hex(":").upper()
    for pinned in (ROOT, SIGNER):
        found = judged(listed(entry("r", pinned.pem), revoked=[words[number]]), by(SIGNER, ISSUING))
        assert (found.kind, "this site's list" in found.found) == (Kind.REVOKED, True)


def test_lists_that_are_not_believed(listed: Listed, tmp_path: Path) -> None:
    """A stranger's list neither revokes nor hides that there is no list."""
    (tmp_path / "a.crl").write_bytes(revocation_list(ISSUING, SIGNER, key=ALONE.key))
    found = judged(listed(entry("root", ROOT.pem), crls=["a.crl"]), by(SIGNER, ISSUING))
    assert found.is_trusted
    assert (
        "is not believed" in found.notes[0] and "whose signature it does not bear" in found.notes[0]
    )


def test_a_list_that_is_out_of_date(listed: Listed, tmp_path: Path) -> None:
    (tmp_path / "a.crl").write_bytes(revocation_list(ISSUING, SIGNER, at=-30, due=-2, made_on=-20))
    site = listed(entry("root", ROOT.pem), crls=["a.crl"])
    found = judged(site, by(*signer()))
    assert found.is_trusted and "is out of date" in found.notes[0]
    assert judged(site, by(SIGNER, ISSUING)).kind is Kind.REVOKED


def test_an_authority_in_the_list_that_another_one_there_has_revoked(
    listed: Listed, tmp_path: Path
) -> None:
    (tmp_path / "a.crl").write_bytes(revocation_list(ROOT, ISSUING))
    (tmp_path / "b.crl").write_bytes(revocation_list(STRANGER_ROOT, ISSUING))
    for roots, crl, kind in (
        ((ROOT,), "a.crl", Kind.REVOKED),
        ((STRANGER_ROOT, ROOT), "a.crl", Kind.REVOKED),
        ((STRANGER_ROOT,), "b.crl", Kind.TRUSTED),
        ((), "a.crl", Kind.TRUSTED),  # whose list that is nobody knows
    ):
        site = listed(entry("h", ISSUING.pem, *(one.pem for one in roots)), crls=[crl])
        assert judged(site, by(SIGNER)).kind is kind, (roots, crl)


# --- when -----------------------------------------------------------------------------------


def seen(days: float, signature: Signed) -> Claim:
    """The claim on a machine that trusted this signature so many days from now."""
    digest = hashlib.sha256(signature.value).hexdigest()
    return replace(LIVER, seen={digest: NOW + days * DAY})


def test_the_signers_own_word_for_the_time_counts_for_nothing(listed: Listed) -> None:
    old = replace(by(*signer(ends=-2)), signed_at=NOW - 5 * DAY)
    assert judged(listed(entry("r", ROOT.pem)), old).kind is Kind.EXPIRED
    assert judged(listed(entry("r", ROOT.pem)), old, claim=seen(-4, old)).kind is Kind.EXPIRED


def test_what_this_machine_has_seen_is_believed_where_the_site_says_so(listed: Listed) -> None:
    site = listed(entry("r", ROOT.pem), believe_first_seen=True)
    old = replace(by(*signer(ends=-2)), signed_at=NOW - 5 * DAY)
    found = judged(site, old, claim=seen(-4, old))
    assert found.is_trusted
    assert f"signed on {NOW - 4 * DAY:%Y-%m-%d} or before, when it was first" in found.found
    assert judged(site, old, claim=seen(-1, old)).kind is Kind.EXPIRED
    assert judged(site, old, claim=seen(+1, old)).kind is Kind.EXPIRED
    other = replace(old, value=b"another signature")
    assert judged(site, old, claim=seen(-4, other)).kind is Kind.EXPIRED


def test_what_was_signed_before_a_revocation(listed: Listed, tmp_path: Path) -> None:
    (tmp_path / "a.crl").write_bytes(revocation_list(ISSUING, SIGNER, at=-2))
    site = listed(entry("root", ROOT.pem), crls=["a.crl"], believe_first_seen=True)
    found = judged(site, by(SIGNER, ISSUING), claim=seen(-4, by(SIGNER)))
    assert found.is_trusted and "after it had signed" in found.notes[0]
    assert judged(site, by(SIGNER, ISSUING), claim=seen(-1, by(SIGNER))).kind is Kind.REVOKED


def test_a_signature_from_the_future_is_said(listed: Listed) -> None:
    found = judged(listed(entry("a", ALONE.pem)), replace(by(ALONE), signed_at=NOW + DAY))
    assert found.is_trusted and "to come" in found.notes[0]


# --- what one may speak for -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ({"models": ["lung-*", "heart"]}, "models lung-* or heart, found liver-ct"),
        ({"models": ["Liver-*"]}, "found liver-ct"),
        ({"publishers": ["Another"]}, "may speak for Another, found Hospital"),
        ({"regions": ["CHEST"]}, "may speak for CHEST, found Liver"),
        ({"subjects": ["CN=Radiology,O=Other"]}, "found CN=Radiology,O=Hospital"),
        ({"since": NOW.date() + DAY}, "from"),
        ({"until": NOW.date() - DAY}, "until"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_who_may_not_speak_for_it(listed: Listed, keys: dict, words: str) -> None:
    found = judged(listed(entry("h", ROOT.pem, **keys)), by(SIGNER, ISSUING))
    assert (found.kind, words in found.found) == (Kind.NOT_ALLOWED, True), found.found
    assert found.may_run and not replace(found, policy=Policy.REQUIRE).may_run


def test_who_may_speak_for_it(listed: Listed) -> None:
    allowed = entry(
        "h",
        ROOT.pem,
        models=["liver-*"],
        publishers=["Hospital"],
        regions=["ABDOMEN"],
        subjects=["CN=Someone", "O=Hospital"],
    )
    assert judged(listed(allowed), by(SIGNER, ISSUING)).is_trusted
    anywhere = replace(LIVER, regions=())
    assert judged(listed(allowed), by(SIGNER, ISSUING), claim=anywhere).kind is Kind.NOT_ALLOWED


# --- who it is ------------------------------------------------------------------------------


def test_a_renewed_certificate_is_of_the_same_publisher(listed: Listed) -> None:
    site = listed(entry("root", ROOT.pem), entry("alone", ALONE.pem))
    first, renewed = signer("CN=S"), signer("CN=S")
    other = signer("CN=T")
    keys = [judged(site, by(*chain)).publisher.key for chain in (first, renewed, other, (ALONE,))]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def test_two_certificates_of_one_name_are_of_one_publisher(listed: Listed) -> None:
    new = made("CN=New")
    site = listed(entry("alone", ALONE.pem), entry("alone", new.pem))
    assert judged(site, by(ALONE)).publisher.key == judged(site, by(new)).publisher.key


def test_nobody_becomes_another_by_name(listed: Listed) -> None:
    """Neither those of the list nor strangers among each other."""
    site = listed(entry("root", ROOT.pem), entry("alone", ALONE.pem))
    clerk = made("CN=Clerk", STRANGER_ROOT)
    chains = [
        (SIGNER, ISSUING),
        (ALONE,),
        (made("CN=Alone"),),
        (made("CN=Radiology,O=Hospital", STRANGER_ROOT), STRANGER_ROOT),
        (made("CN=Radiology,O=Hospital", clerk), clerk, STRANGER_ROOT),
    ]
    keys = {judged(site, by(*chain)).publisher.key for chain in chains}
    assert len(keys) == len(chains)


def test_an_expired_certificate_still_says_who_it_was(listed: Listed) -> None:
    site = listed(entry("root", ROOT.pem))
    old, new = (judged(site, by(*signer("CN=S", ends=ends))) for ends in (-2, 100))
    assert (old.kind, new.kind) == (Kind.EXPIRED, Kind.TRUSTED)
    assert old.publisher.key == new.publisher.key


def test_several_signatures(listed: Listed) -> None:
    site = listed(entry("root", ROOT.pem), entry("alone", ALONE.pem))
    ours, second, stranger = by(SIGNER, ISSUING), by(ALONE), by(made("CN=Stranger"))
    assert judged(site, second, ours, stranger).publisher == judged(site, ours).publisher
    assert judged(site, ours, replace(stranger, fault="bad")).kind is Kind.BROKEN
    third = by(made("CN=Third"))
    both = [judged(site, *pair).publisher.key for pair in ((stranger, third), (third, stranger))]
    assert both[0] == both[1]
    assert both[0] not in {judged(site, one).publisher.key for one in (stranger, third)}
