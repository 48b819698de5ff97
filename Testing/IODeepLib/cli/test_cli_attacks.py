"""Attacks on what a site trusts, each with the real verbs: `list` says why, and `run` does not."""

from __future__ import annotations

import json
import shutil
import zlib
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from command import Answer, refused
from cryptography.hazmat.primitives import hashes
from cryptography.x509 import ExtendedKeyUsage
from cryptography.x509.oid import ExtendedKeyUsageOID
from makers.certificates import Made, made, revocation_list, rsa_key, usage, weakly_signed
from makers.packed_models import altered
from makers.published import IMAGES, publish
from makers.signed_objects import in_block, key_files, sign, signed_by_dcmtk, verdicts
from makers.trust_lists import entry, in_a_folder, toml
from pacs.servers import Orthanc

from IODeepLib import pipeline
from IODeepLib.disk.file_memo import FileMemo
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.model_object import Model
from IODeepLib.model_object.private_dictionary import Element
from IODeepLib.network.session import Session
from IODeepLib.results.result import Result
from IODeepLib.series import find_series
from IODeepLib.sources.folder import find_model
from IODeepLib.trust.certificates import opened
from IODeepLib.trust.signer import Signer
from IODeepLib.trust.signing import sign_files

Command = Callable[..., Answer]
ROOT = made("CN=Root,O=Hospital", authority=True)
RSA_ROOT = made("CN=Old Root,O=Hospital", authority=True, key=rsa_key(2048))
OURS, STRANGER = made("CN=Radiology,O=Hospital", ROOT), made("CN=Radiology,O=Hospital")
WEB = ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo network, unsigned."""
    return publish(tmp_path_factory.mktemp("packed")).card.path.parent


@pytest.fixture(scope="module")
def found(packed: Path) -> bytes:
    """What it finds."""
    (series,) = find_series(IMAGES)
    return pipeline.run(series, find_model(packed)).found.array.tobytes()


@pytest.fixture
def model(packed: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(packed, tmp_path / "models" / "one")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A site that requires what its authorities vouch for, within what the entry says."""
    path, _ = in_a_folder(tmp_path, monkeypatch)

    def say(said: dict | None = None, policy: str = "require", **keys: object) -> None:
        path.write_text(
            toml(entry("hospital", ROOT.pem, RSA_ROOT.pem, **said or {}), policy=policy, **keys)
        )

    say()
    return say


def signed_by(who: Made, card: Path, *beside: Made) -> None:
    """Sign a card, whatever is wrong with who does; and put further certificates beside theirs."""
    sign_files([card], Signer(who.key, opened(who.der, "it")))

    def put(dataset: pydicom.Dataset) -> None:
        content = b"".join(one.der for one in (who, *beside))
        (item,) = dataset.DigitalSignaturesSequence
        item.CertificateOfSigner = content + b"\0" * (len(content) % 2)

    altered(card, put)


def chain(length: int) -> tuple[Made, ...]:
    """A signer, and so many authorities between it and ours."""
    between = [ROOT]
    for number in range(length):
        between.insert(0, made(f"CN=Between {number}", between[0], authority=True))
    return (made("CN=Radiology,O=Hospital", between[0]), *between[:-1])


def never_run(iodeep: Command, model: Path, verdict: str, words: str) -> None:
    """`list` shows it with the reason, `select` and `run` leave it alone for that reason."""
    (found,) = json.loads(iodeep("list", model, "--json").out)["models"]
    trust = found["trust"]
    assert (trust["verdict"], trust["may_run"]) == (verdict, False), trust
    assert words in trust["found"]
    (selection,) = json.loads(iodeep("select", IMAGES, "--models", model, "--json").out)
    (candidate,) = selection["candidates"]
    assert candidate["place"] is None
    out = model.parent.parent / "out"
    refused(iodeep("run", IMAGES, "--models", model, "--out", out), 3, "publisher fails", words)
    assert not out.exists()


def test_who_is_vouched_for_is_run(
    model: Path, site: Callable, iodeep: Command, tmp_path: Path
) -> None:
    """Or else nothing here would show anything."""
    who, *beside = chain(2)
    signed_by(who, model / "card.dcm", *beside)
    answer = iodeep("run", IMAGES, "--models", model, "--out", tmp_path / "out")
    assert answer.status == 0, answer
    trust = json.loads((tmp_path / "out" / "result.json").read_text())["provenance"]["trust"]
    assert trust == "trusted: hospital, CN=Radiology,O=Hospital"


CLERK = made("CN=Clerk", ROOT)
SIGNERS: dict[str, tuple[tuple[Made, ...], str, str]] = {
    "expired": ((made("CN=S", ROOT, ends=-1),), "expired", "was valid until"),
    "not yet valid": ((made("CN=S", ROOT, starts=1),), "not yet valid", "the clock here says"),
    "a key that encrypts": (
        (made("CN=S", ROOT, extensions=[usage(key_encipherment=True)]),),
        "wrong usage",
        "without digital signature",
    ),
    "a web server's": (
        (made("CN=S", ROOT, extensions=[WEB]),),
        "wrong usage",
        "the extended key usage serverAuth",
    ),
    "an unknown authority": (
        (made("CN=Radiology,O=Hospital", made("CN=Root,O=Hospital", authority=True)),),
        "unknown signer",
        "no list here has",
    ),
    "a publisher of the same name": ((STRANGER,), "unknown signer", "not in this site's list"),
    "a clerk who plays the authority": (
        (made("CN=Radiology,O=Hospital", CLERK), CLERK),
        "unknown signer",
        "basicConstraints.cA",
    ),
    "a longer chain": (chain(6), "unknown signer", ""),
    "RSA of 1024 bits": ((made("CN=S", ROOT, key=rsa_key(1024)),), "too weak", "1024 bits"),
    "SHA-1 on the certificate": (
        (weakly_signed("CN=S", RSA_ROOT, hashes.SHA1()),),  # noqa: S303
        "too weak",
        "a signature with sha1 on it",
    ),
    "MD5 on the certificate": (
        (weakly_signed("CN=S", RSA_ROOT, hashes.MD5()),),  # noqa: S303
        "too weak",
        "a signature with md5 on it",
    ),
}


@pytest.mark.parametrize("attack", SIGNERS)
def test_whoever_is_not_to_be_believed(
    attack: str, model: Path, site: Callable, iodeep: Command
) -> None:
    (who, *beside), verdict, words = SIGNERS[attack]
    signed_by(who, model / "card.dcm", *beside)
    never_run(iodeep, model, verdict, words)


@pytest.mark.parametrize("how", ["a list of its authority", "its number", "its SHA-256"])
def test_whoever_was_revoked(
    how: str, model: Path, site: Callable, iodeep: Command, tmp_path: Path
) -> None:
    """Not even where networks of nobody are run."""
    signed_by(OURS, model / "card.dcm")
    (tmp_path / "it.crl").write_bytes(revocation_list(ROOT, OURS))
    certificate = opened(OURS.der, "it")
    keys = {
        "a list of its authority": {"crls": ["it.crl"]},
        "its number": {"revoked": [certificate.serial]},
        "its SHA-256": {"revoked": [certificate.fingerprint]},
    }
    site(policy="warn", **keys[how])
    never_run(iodeep, model, "revoked", "revoked by")


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"models": ["liver-*"]}, "for the models liver-*, found brain"),
        ({"regions": ["LIVER"]}, "for LIVER, found Brain"),
        ({"publishers": ["Another"]}, "for Another, found"),
        ({"subjects": ["O=Elsewhere"]}, "is believed for O=Elsewhere, found CN=Radiology"),
    ],
)
def test_whoever_may_not_speak_for_it(
    said: dict, words: str, model: Path, site: Callable, iodeep: Command
) -> None:
    signed_by(OURS, model / "card.dcm")
    site(said)
    never_run(iodeep, model, "not allowed", words)


@pytest.mark.parametrize("option", ["+ms", "+mm", "+mr"])
def test_digests_that_can_be_forged(
    option: str, model: Path, site: Callable, iodeep: Command, tmp_path: Path
) -> None:
    who = made("CN=S", ROOT, key=rsa_key(2048))
    signed_by_dcmtk(model / "card.dcm", tmp_path / "keys", who, option)
    never_run(iodeep, model, "too weak", "signed over a digest of the kind")


def test_a_signature_over_less_than_all(
    model: Path, site: Callable, iodeep: Command, tmp_path: Path
) -> None:
    """By whom the site believes, but only over what tells which object it is."""
    site(policy="warn")
    few = ["-t", "0008,0016", "-t", "0008,0018", "-t", "0020,000d", "-t", "0020,000e"]
    signed_by_dcmtk(model / "card.dcm", tmp_path / "keys", OURS, *few)
    never_run(iodeep, model, "broken", "covers fewer elements than it has to")


PARTS = {
    "recipe": (Element.RECIPE, Element.RECIPE_DIGEST),
    "model card": (Element.MODEL_CARD, Element.MODEL_CARD_DIGEST),
    "manifest": (Element.MANIFEST, Element.MANIFEST_DIGEST),
    "architecture": (Element.ARCHITECTURE, Element.ARCHITECTURE_DIGEST),
}


@pytest.mark.parametrize("part", PARTS)
def test_a_byte_changed_with_all_its_digests(
    part: str, model: Path, site: Callable, iodeep: Command
) -> None:
    site(policy="warn")
    signed_by(OURS, model / "card.dcm")
    altered(model / "card.dcm", in_block(*PARTS[part]))
    never_run(iodeep, model, "broken", "the signature is broken")


def test_the_weights_of_another_version(
    model: Path, site: Callable, iodeep: Command, tmp_path: Path
) -> None:
    """Signed by the same publisher, and good in their own place."""
    other = publish(tmp_path / "other", version="1.1.0").card.path.parent
    for folder in (model, other):
        sign(sorted(folder.iterdir()), tmp_path / "keys", OURS)
    shutil.copy(other / "weights-1.dcm", model)
    answer = iodeep("run", IMAGES, "--models", model, "--out", tmp_path / "out")
    assert answer.status != 0 and not (tmp_path / "out").exists()
    assert "part 1 of 1" in answer.err


# --- what lies on the machine ---------------------------------------------------------------


@pytest.mark.parametrize("who", ["another user", "whoever runs it"])
def test_a_poisoned_cache_entry(
    who: str,
    orthanc: Orthanc,
    packed: Path,
    tmp_path: Path,
    site: Callable,
    iodeep: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody's network, of which the cache says that it bears our signature.

    What other users may have written there is not believed; and a run reads the card itself.
    """
    monkeypatch.setattr(FileMemo, "get", lambda self, path, read, *what: read())
    ours = publish(tmp_path / "mine", version="1.0.0").card.path.parent
    sign(sorted(ours.iterdir()), tmp_path / "keys", OURS)
    for folder in (ours, packed):
        assert iodeep("push", folder, orthanc.source).status == 0
    assert iodeep("list", orthanc.source).status == 0
    cached = {uid: cached_card(tmp_path, uid) for uid in map(uid_of, (ours, packed))}
    good, bad = (json.loads(path.read_bytes().partition(b"\n")[2]) for path in cached.values())
    bad["card"]["signatures"] = good["card"]["signatures"]
    content = json.dumps(bad).encode()
    poisoned = cached[uid_of(packed)]
    poisoned.write_bytes(f"{zlib.crc32(content):08x}".encode() + b"\n" + content)
    poisoned.chmod(0o666 if who == "another user" else 0o644)
    models = json.loads(iodeep("list", orthanc.source, "--json").out)["models"]
    verdicts = {one["version"]: one["trust"]["verdict"] for one in models}
    assert verdicts["1.0.0"] == "trusted"
    call = ("run", IMAGES, "--models", orthanc.source, "--out", tmp_path / "out")
    answer = iodeep(*call, "--model", "brain@1.2.0")
    if who == "another user":
        assert verdicts["1.2.0"] == "unsigned"
        refused(answer, 3, "publisher fails: required trusted, found unsigned")
    else:
        refused(answer, 4, "another card than the one of brain@1.2.0 that was listed")
    assert not (tmp_path / "out").exists()


def uid_of(folder: Path) -> str:
    return find_model(folder).card.sop_instance_uid


def cached_card(tmp_path: Path, uid: str) -> Path:
    (path,) = (tmp_path / "cache").rglob(f"{uid}.json")
    return path


@pytest.mark.parametrize("place", ["of one's own", "that others may write"])
@pytest.mark.parametrize("how", ["another file", "the same file"])
def test_weights_exchanged_between_verification_and_use(
    how: str,
    place: str,
    model: Path,
    found: bytes,
    tmp_path: Path,
    site: Callable,
    iodeep: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """And put back before the run ends, so that nothing shows behind it.

    Where others may write, what was verified is run; where nobody else may, the change is seen.
    """
    sign(sorted(model.iterdir()), tmp_path / "keys", OURS)
    weights = find_model(model).weights()[0]
    good = weights.path.read_bytes()
    bad = bytearray(good)
    middle, end = weights.payload.length // 2, weights.payload.offset + weights.payload.length
    bad[end - middle : end] = bytes(middle)
    if place == "that others may write":
        model.chmod(0o777)
    opens = pipeline.open_session

    def put(content: bytes) -> None:
        if how == "the same file":
            weights.path.write_bytes(content)
            return
        (model / "new").write_bytes(content)
        (model / "new").replace(weights.path)

    def exchanged(of: Model, *arguments: object, **keys: object) -> Session:
        put(bytes(bad))
        session = opens(of, *arguments, **keys)
        put(good)
        return session

    monkeypatch.setattr(pipeline, "open_session", exchanged)
    results: list[Segmentation] = []
    result = Result.write
    monkeypatch.setattr(
        Result, "write", lambda self, *rest: results.append(self.found) or result(self, *rest)
    )
    answer = iodeep("run", IMAGES, "--models", model, "--out", tmp_path / "out")
    if place == "of one's own":
        refused(answer, 4, "weights-1.dcm was changed while brain@1.2.0 was run")
        assert not (tmp_path / "out").exists()
    else:
        assert answer.status == 0, answer
        assert [one.array.tobytes() for one in results] == [found]


# --- what is made and run here --------------------------------------------------------------


@pytest.mark.parametrize("verb", ["demo", "shrink"])
def test_verbs_that_run_what_they_make(
    verb: str, model: Path, site: Callable, iodeep: Command, tmp_path: Path
) -> None:
    """Where trusted publishers are required, they sign it, or say at once that they have to."""
    sign(sorted(model.iterdir()), tmp_path / "keys", OURS)
    calls = {"demo": ("demo",), "shrink": ("shrink", model, IMAGES, "--to", "fp16")}
    call = (*calls[verb], "--out", tmp_path / "out")
    *_, said = (unsigned := iodeep(*call)).err.strip().splitlines()
    assert unsigned.status == 3 and "would be refused (unsigned)" in said and "add --sign" in said
    key, certificate = key_files(tmp_path / "theirs", STRANGER)
    theirs = iodeep(*call, "--sign", "--key", key, "--certificate", certificate)
    assert theirs.status == 3 and "who is not in this site's list" in theirs.err
    assert not (tmp_path / "out").exists()
    key, certificate = key_files(tmp_path / "keys", OURS)
    answer = iodeep(*call, "--sign", "--key", key, "--certificate", certificate)
    assert answer.status == 0, answer
    if verb == "shrink":
        (made_here,) = json.loads(iodeep("list", tmp_path / "out", "--json").out)["models"]
        assert made_here["trust"]["verdict"] == "trusted"
    else:
        assert verdicts(tmp_path / "out" / "segmentation.dcm") == ["intact"]
