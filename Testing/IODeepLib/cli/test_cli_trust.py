"""`iodeep key` and `iodeep trust` as people and scripts call them."""

from __future__ import annotations

import json
import os
import pty
import stat
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from command import Answer, refused
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from makers.certificates import made, revocation_list, rsa_key, usage
from makers.trust_lists import in_a_folder

Command = Callable[..., Answer]
ONE = made("CN=Radiology,O=Hospital")
AUTHORITY = made("CN=Hospital CA,O=Hospital", authority=True)
COMMENTED = """# what the ward needs
[cache]
max_gb = 5  # small disk

[trust]
policy = "warn"
"""


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The file for all users, which is not there, and the user's own."""
    site, own = in_a_folder(tmp_path, monkeypatch)
    own.write_text(COMMENTED)
    return site, own


def fingerprint(one: x509.Certificate) -> str:
    return one.fingerprint(one.signature_hash_algorithm).hex(":").upper()


@pytest.fixture
def believe(tmp_path: Path, iodeep: Command) -> Callable[..., Answer]:
    """Adds a certificate, whose fingerprint somebody has told."""

    def add(one, *options: object) -> Answer:
        path = one.write(tmp_path / "cert.pem")
        return iodeep("trust", "add", path, "--fingerprint", fingerprint(one.x509), *options)

    return add


# --- keys -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["", "--rsa"])
def test_a_new_key(
    kind: str, tmp_path: Path, iodeep: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PHRASE", "some words")
    words = ("Radiology AI", "--organization", "Hospital", "--country", "DE", "--years", "2")
    where = ("--out", tmp_path / "new", "--pass-phrase", "env:PHRASE")
    answer = iodeep("key", "new", *words, *where, *filter(None, [kind]), "--json")
    said = json.loads(answer.out)
    path = Path(said["key"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    key = load_pem_private_key(path.read_bytes(), b"some words")
    assert isinstance(key, rsa.RSAPrivateKey if kind else ec.EllipticCurvePrivateKey)
    assert key.key_size == (3072 if kind else 256)
    made = x509.load_pem_x509_certificate(Path(said["certificate"]).read_bytes())
    assert made.public_key() == key.public_key()
    assert made.subject.rfc4514_string() == "CN=Radiology AI,O=Hospital,C=DE"
    made.verify_directly_issued_by(made)
    assert "some words" not in answer.out + answer.err
    refused(iodeep("key", "new", *words, *where), 4, "already holds")
    assert load_pem_private_key(path.read_bytes(), b"some words") is not None


def test_a_request_for_the_hospitals_authority(tmp_path: Path, iodeep: Command) -> None:
    where = ("--out", tmp_path / "new", "--no-pass-phrase")
    assert iodeep("key", "new", "Radiology AI", "--request", *where).status == 0
    call = [
        "openssl",
        "req",
        "-in",
        tmp_path / "new" / "request.pem",
        "-verify",
        "-noout",
        "-subject",
    ]
    done = subprocess.run(call, capture_output=True, text=True, check=True)
    assert "CN = Radiology AI" in done.stdout


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["A", "--pass-phrase", "env:NOWHERE"], "no environment variable NOWHERE"),
        (["A", "--pass-phrase", "some words"], "'env:VARIABLE' or 'keyring:SERVICE'"),
        (["A"], "nobody to ask for the pass phrase"),
        (["A" * 65, "--no-pass-phrase"], "1 to 64 characters"),
        (["", "--no-pass-phrase"], "1 to 64 characters"),
        (["A", "--country", "Germany", "--no-pass-phrase"], "two capital letters for a country"),
    ],
)
def test_calls_that_make_no_key(
    options: list[str], words: str, tmp_path: Path, iodeep: Command
) -> None:
    answer = iodeep("key", "new", *options, "--out", tmp_path / "new")
    refused(answer, 2, words)
    assert "some words" not in answer.err
    assert not (tmp_path / "new").exists()


def test_a_key_where_nobody_may_write(
    tmp_path: Path, iodeep: Command, without_privileges: Callable
) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    with without_privileges():
        answer = iodeep("key", "new", "A", "--no-pass-phrase", "--out", closed / "new")
    refused(answer, 4, "cannot be written (Permission denied)")


def terminal(answers: Sequence[str], *arguments: object, config: Path) -> tuple[int, str]:
    """The command at a terminal, where somebody answers each question; its status and words."""
    ours, theirs = pty.openpty()
    done = subprocess.Popen(
        [sys.executable, "-m", "IODeepLib.cli", *map(str, arguments)],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env={**os.environ, "IODEEP_CONFIG": str(config)},
    )
    os.close(theirs)
    said, left = b"", list(answers)
    try:
        while part := os.read(ours, 4096):
            said += part
            if said.endswith(b": ") and left:
                os.write(ours, left.pop(0).encode() + b"\n")
    except OSError:  # it has ended
        pass
    os.close(ours)
    return done.wait(), said.decode()


def test_somebody_is_asked(tmp_path: Path, files: tuple[Path, Path]) -> None:
    key = ("key", "new", "Radiology AI", "--out", tmp_path / "new")
    status, said = terminal(["some words", "some words"], *key, config=files[1])
    assert status == 0, said
    load_pem_private_key((tmp_path / "new" / "key.pem").read_bytes(), b"some words")
    add = ("trust", "add", tmp_path / "new" / "certificate.pem")
    status, said = terminal(["no"], *add, config=files[1])
    assert status == 2 and "nothing was changed" in said
    assert files[1].read_text() == COMMENTED
    status, said = terminal(["yes"], *add, config=files[1])
    assert status == 0, said
    assert "SHA-256" in said and "certificates" in tomllib.loads(files[1].read_text())["trust"]


def test_two_pass_phrases_that_differ(tmp_path: Path, files: tuple[Path, Path]) -> None:
    key = ("key", "new", "Radiology AI", "--out", tmp_path / "new")
    status, said = terminal(["one", "two"], *key, config=files[1])
    assert status == 2 and "two pass phrases" in said
    assert not (tmp_path / "new").exists()


# --- the list -------------------------------------------------------------------------------


def test_add_list_and_remove(
    files: tuple[Path, Path], believe: Callable[..., Answer], iodeep: Command
) -> None:
    narrow = ("--model", "liver-*", "--model", "spleen", "--region", "ABDOMEN")
    narrow += ("--publisher", "Hospital", "--since", "2026-01-01", "--until", "2027-12-31")
    assert believe(ONE, *narrow).out == f"Radiology is believed from now on ({files[1]})\n"
    assert believe(AUTHORITY, "--name", "our CA", "--subject", "O=Hospital").status == 0
    text = files[1].read_text()
    assert text.startswith(COMMENTED)
    assert f"# SHA-256 {fingerprint(ONE.x509)}" in text
    said = json.loads(iodeep("trust", "list", "--json").out)
    assert said["policy"] == "warn"
    assert [one["name"] for one in said["entries"]] == ["Radiology", "our CA"]
    assert said["entries"][0]["models"] == ["liver-*", "spleen"]
    assert said["entries"][0]["until"] == "2027-12-31"
    assert said["entries"][1]["certificates"][0]["authority"] is True
    shown = iodeep("trust", "list").out
    assert "models liver-*, spleen; publishers Hospital; regions ABDOMEN; from 2026-01-01" in shown
    assert "CN=Hospital CA,O=Hospital" in shown
    assert iodeep("trust", "remove", "Radiology").status == 0
    assert iodeep("trust", "remove", fingerprint(AUTHORITY.x509)[:20]).status == 0
    assert files[1].read_text().strip() == COMMENTED.strip()


def test_what_stands_around_an_entry_stays(
    files: tuple[Path, Path], believe: Callable[..., Answer], iodeep: Command
) -> None:
    believe(ONE)
    files[1].write_text(
        files[1].read_text() + "# the archive\n\n[servers.a]\nurl = 'dimse://A@h:1'\n"
    )
    believe(AUTHORITY)
    before = tomllib.loads(files[1].read_text())
    assert iodeep("trust", "remove", "Radiology").status == 0
    text = files[1].read_text()
    assert "# the archive" in text and "# small disk" in text
    assert tomllib.loads(text)["servers"] == before["servers"]
    assert [e["name"] for e in tomllib.loads(text)["trust"]["certificates"]] == ["Hospital CA"]


@pytest.mark.parametrize(
    "text",
    ["trust = {policy = 'warn'}\n", "trust.certificates = []\n", "[trust]\ncertificates = []\n"],
)
def test_a_file_that_is_written_in_another_way_is_not_changed(
    text: str, files: tuple[Path, Path], believe: Callable[..., Answer]
) -> None:
    files[1].write_text(text)
    refused(believe(ONE), 2, "change it by hand")
    assert files[1].read_text() == text


def test_texts_with_all_kinds_of_characters(
    files: tuple[Path, Path], believe: Callable[..., Answer], iodeep: Command
) -> None:
    name = """Universitätsklinikum "Süd" 'A' #1 [x]"""
    assert believe(ONE, "--name", name, "--model", 'a"]b').status == 0
    assert json.loads(iodeep("trust", "list", "--json").out)["entries"][0]["name"] == name
    assert iodeep("trust", "remove", name).status == 0
    assert files[1].read_text().strip() == COMMENTED.strip()


def test_modes_and_links_stay(
    files: tuple[Path, Path], tmp_path: Path, believe: Callable[..., Answer]
) -> None:
    real = tmp_path / "dotfiles.toml"
    files[1].rename(real)
    real.chmod(0o640)
    files[1].symlink_to(real)
    assert believe(ONE).status == 0
    assert files[1].is_symlink() and stat.S_IMODE(real.stat().st_mode) == 0o640
    assert "certificates" in real.read_text()


def test_a_file_that_is_not_there_is_made(
    files: tuple[Path, Path], believe: Callable[..., Answer]
) -> None:
    assert f"({files[0]}, a new file)" in believe(ONE, "--site").out
    assert stat.S_IMODE(files[0].stat().st_mode) == 0o644
    assert "certificates" not in files[1].read_text()


def test_the_file_that_the_environment_names_is_made(
    files: tuple[Path, Path],
    believe: Callable[..., Answer],
    iodeep: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    new = tmp_path / "of" / "mine" / "iodeep.toml"
    monkeypatch.setenv("IODEEP_CONFIG", str(new))
    refused(iodeep("trust", "list"), 2, f"no file {new}", "correct IODEEP_CONFIG")
    refused(believe(ONE, "--region", "NOWHERE"), 2, "NOWHERE")
    assert not new.exists()
    assert f"({new}, a new file)" in believe(ONE).out
    assert stat.S_IMODE(new.stat().st_mode) == 0o600
    assert "Radiology" in iodeep("trust", "list").out
    assert "a new file" not in believe(AUTHORITY).out


def test_an_authority_below_another(believe: Callable[..., Answer], iodeep: Command) -> None:
    """A signature has room for its signer's certificate alone: the way ends in the list."""
    below = made("CN=Issuing CA,O=Hospital", AUTHORITY, authority=True)
    words = "CN=Issuing CA,O=Hospital is an authority below CN=Hospital CA,O=Hospital"
    assert words in believe(below).out
    assert words not in believe(AUTHORITY).out
    said = json.loads(iodeep("trust", "list", "--json").out)["entries"]
    assert [one["name"] for one in said] == ["Issuing CA", "Hospital CA"]


def test_where_the_site_requires_nobody_else_adds(
    files: tuple[Path, Path], believe: Callable[..., Answer], iodeep: Command
) -> None:
    believe(AUTHORITY)
    files[0].write_text("[trust]\npolicy = 'require'\n")
    refused(believe(ONE), 2, "site.toml requires trusted publishers", "add --site")
    assert believe(ONE, "--site").status == 0
    shown = iodeep("trust", "list").out
    assert "policy: require" in shown and "alone says" in shown
    assert "Radiology" in shown and "Hospital CA" not in shown
    refused(iodeep("trust", "remove", "Nobody", "--site"), 2, "wanted: one of Radiology")


def test_a_name_is_not_taken_by_another(believe: Callable[..., Answer]) -> None:
    assert believe(ONE).status == 0
    again = made("CN=Radiology,O=Hospital")
    refused(believe(ONE), 2, "in the list as 'Radiology'", "remove it first")
    refused(believe(again), 2, "another certificate of 'Radiology'", "add --name 'Radiology' if it")
    assert believe(again, "--name", "Radiology").status == 0
    renewed = made("CN=Radiology,O=Hospital", key=ONE.key)
    assert believe(renewed).status == 0
    refused(believe(made("CN=X", key=ONE.key), "--name", "other"), 2, "one name for each key")


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (made("CN=A", key=rsa_key(1024)), "CN=A with an RSA key of 1024 bits"),
        (made("CN=A", ends=-1), "which was valid until"),
        (made("CN=A", starts=0.5), "while the clock here says"),
        (made("CN=A", extensions=[usage(key_encipherment=True)]), "without digital signature"),
    ],
    ids=["weak", "expired", "not yet valid", "wrong usage"],
)
def test_certificates_that_are_good_for_nothing(
    one, words: str, files: tuple[Path, Path], believe: Callable[..., Answer]
) -> None:
    refused(believe(one), 4, words)
    assert files[1].read_text() == COMMENTED


def test_calls_that_add_nothing(tmp_path: Path, files: tuple[Path, Path], iodeep: Command) -> None:
    path = ONE.write(tmp_path / "cert.pem")
    add = ("trust", "add", path)
    refused(iodeep(*add), 2, "nobody who has compared", fingerprint(ONE.x509), "--fingerprint")
    refused(iodeep(*add, "--fingerprint", "AB:CD"), 2, "wanted: AB:CD", "believe nothing before")
    good = ("--fingerprint", fingerprint(ONE.x509))
    refused(iodeep(*add, *good, "--region", "LIVERR"), 2, "regions: 'LIVERR'")
    refused(iodeep("trust", "add", tmp_path / "no.pem", *good), 4, "No such file")
    refused(iodeep("trust", "add", files[1], *good), 4, "no certificate that can be read")
    refused(iodeep("trust", "remove", "Nobody"), 2, "no entry 'Nobody'", "iodeep trust list")
    assert files[1].read_text() == COMMENTED
    files[1].write_text("[trust]\npolicy = 'never'\n")
    refused(iodeep("trust", "list"), 2, "own.toml: trust.policy")


def test_lists_that_are_out_of_date_are_said(
    files: tuple[Path, Path], tmp_path: Path, iodeep: Command
) -> None:
    (tmp_path / "a.crl").write_bytes(revocation_list(AUTHORITY, due=-1, made_on=-9))
    files[1].write_text("[trust]\ncrls = ['a.crl']\nrevoked = ['0A:0B']\n")
    assert "remembers a signature" not in iodeep("trust", "list").out
    with files[1].open("a") as file:
        file.write("believe_first_seen = true\n")
    shown = iodeep("trust", "list").out
    assert "revocation list of CN=Hospital CA,O=Hospital" in shown
    assert "out of date, fetch the next one" in shown and "no more: a0b" in shown
    assert "believed: since when this machine remembers a signature" in shown
