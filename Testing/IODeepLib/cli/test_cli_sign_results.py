"""Results that are signed, and the other verbs that sign."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import keyring
import numpy as np
import pydicom
import pytest
from command import DEMO, Answer, refused
from keyrings.alt.file import PlaintextKeyring
from makers.packed_models import make_model
from makers.recipes import label
from makers.reencoded import by_dcmtk, by_pydicom
from makers.series import Stack
from makers.signed_objects import dcmtk_agrees, key_files, publisher, verdicts, write_key
from makers.summing_networks import model_of, sums

from IODeepLib.cli.main import main
from IODeepLib.model_object.packing import CARD_FILE_NAME

PHRASE = "pass phräse"
OUTPUT = {"channels": 3, "activation": "softmax", "labels": [label(1, "bright"), label(2, "dark")]}
Iodeep = Callable[..., Answer]


@pytest.fixture(scope="module")
def ran_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with images, a model and a signed result with every kind of object."""
    folder = tmp_path_factory.mktemp("ran")
    values = np.arange(5 * 24 * 28, dtype=np.int16).reshape(5, 24, 28)
    images = Stack(values).write(folder / "images")
    network = sums([[0], [1], [-1]], spatial=3, bias=[0.5, -2000, 900])
    model_of(folder, network, output=OUTPUT)
    key, certificate = key_files(folder / "keys", publisher("RSA"))
    where = ["run", images, "--models", folder / "model", "--out", folder / "out"]
    where += ["--also", "sc,rtstruct", "--confidence"]
    where += ["--sign", "--key", key, "--certificate", certificate]
    assert main([str(word) for word in where]) == 0
    return folder


@pytest.fixture
def ran(ran_once: Path, tmp_path: Path) -> Path:
    return shutil.copytree(ran_once, tmp_path / "ran")


def test_every_object_of_a_result_is_signed(ran: Path, iodeep: Iodeep) -> None:
    objects = sorted((ran / "out").glob("*.dcm"))
    assert len(objects) >= 5
    assert [verdicts(path) for path in objects] == [["intact"]] * len(objects)
    answer = iodeep("show", ran / "out", "--models", ran / "model", "--images", ran / "images")
    assert answer.status == 0, answer
    assert answer.out.count("signature of") == len(objects)
    assert "intact; by CN=Publisher RSA,O=Hospital" in answer.out


@pytest.mark.parametrize(
    "way",
    [by_dcmtk("+ti"), by_dcmtk("+tb"), by_dcmtk("+te", "-e"), by_pydicom],
    ids=["implicit", "big endian", "undefined lengths", "implicit by pydicom"],
)
def test_results_survive(way: Callable[[Path], None], ran: Path) -> None:
    for path in sorted((ran / "out").glob("*.dcm")):
        way(path)
        assert verdicts(path) == ["intact"], path


def test_dcmtk_agrees_as_long_as_sequences_are_short(ran: Path, tmp_path: Path) -> None:
    """It loses what lies beyond 16 KiB in sequences within sequences, as Docs/trust.md says."""
    agreed = {
        path.stem: dcmtk_agrees(path, tmp_path / "t", publisher("RSA"))
        for path in (ran / "out").glob("*.dcm")
    }
    assert not agreed["report"]  # the fault of DCMTK
    assert sum(agreed.values()) >= 3
    sizes = {path.stem: path.stat().st_size for path in (ran / "out").glob("*.dcm")}
    assert all(agreed[name] for name, size in sizes.items() if size < 16_000)


CHANGES: dict[str, Callable[[pydicom.Dataset], object]] = {
    "a pixel": lambda ds: setattr(ds, "PixelData", ds.PixelData[:-40] + bytes(39) + b"\1"),
    "a label": lambda ds: setattr(ds.SegmentSequence[0], "SegmentLabel", "something"),
    "an image": lambda ds: setattr(
        ds.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0],
        "ReferencedSOPInstanceUID",
        "1.2.3",
    ),
    "the network": lambda ds: setattr(ds.ContributingEquipmentSequence[0], "Manufacturer", "X"),
    "a position": lambda ds: setattr(
        ds.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0],
        "ImagePositionPatient",
        [1, 2, 3],
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_segmentation_is_changed(what: str, ran: Path, iodeep: Iodeep) -> None:
    path = ran / "out" / "segmentation.dcm"
    dataset = pydicom.dcmread(path)
    CHANGES[what](dataset)
    dataset.save_as(path)
    assert verdicts(path) == ["broken"]
    answer = iodeep("show", path)
    assert answer.status == 4
    assert "the signature is broken" in answer.out and "differs" in answer.err


def test_a_figure_of_a_report_is_changed(ran: Path) -> None:
    path = ran / "out" / "report.dcm"
    content = path.read_bytes()
    place = content.rindex(b"DS", 0, content.rindex(b"UCUM"))
    path.write_bytes(content[: place + 4] + b"9" + content[place + 5 :])
    assert verdicts(path) == ["broken"]


def test_results_without_signatures_say_nothing(ran: Path, iodeep: Iodeep) -> None:
    for path in (ran / "out").glob("*.dcm"):
        dataset = pydicom.dcmread(path)
        del dataset.DigitalSignaturesSequence, dataset.MACParametersSequence
        dataset.save_as(path)
    assert "signature" not in iodeep("show", ran / "out").out
    key, certificate = key_files(ran / "keys", publisher())
    answer = iodeep("sign", ran / "out", "--key", key, "--certificate", certificate)
    assert answer.status == 0 and "objects signed by" in answer.out
    assert {*map(tuple, map(verdicts, (ran / "out").glob("*.dcm")))} == {("intact",)}


def test_the_same_run_again_takes_the_place_of_a_signed_result(ran: Path, iodeep: Iodeep) -> None:
    call = ["run", ran / "images", "--models", ran / "model", "--out", ran / "out"]
    answer = iodeep(*call, "--also", "sc,rtstruct", "--confidence")
    assert answer.status == 0, answer
    assert verdicts(ran / "out" / "segmentation.dcm") == []


# --- other verbs -----------------------------------------------------------------------------


def test_packed_and_signed_in_one(tmp_path: Path, iodeep: Iodeep) -> None:
    key, certificate = key_files(tmp_path / "keys", publisher())
    call = ["pack", DEMO / "demo_network.onnx", "--recipe", DEMO / "recipe.json"]
    call += ["--out", tmp_path / "packed", "--sign", "--key", key, "--certificate", certificate]
    assert iodeep(*call).status == 0
    for path in (tmp_path / "packed").iterdir():
        assert verdicts(path) == ["intact"]
        assert dcmtk_agrees(path, tmp_path / "t", publisher())


def test_nothing_is_packed_where_nothing_can_be_signed(tmp_path: Path, iodeep: Iodeep) -> None:
    call = ["pack", DEMO / "demo_network.onnx", "--recipe", DEMO / "recipe.json"]
    call += ["--out", tmp_path / "packed"]
    refused(iodeep(*call, "--sign"), 2, "nothing to sign with", "iodeep.toml")
    refused(iodeep(*call, "--sign", "--key", tmp_path / "no.pem"), 4, "no.pem cannot be read")
    refused(iodeep(*call, "--key", tmp_path / "no.pem"), 2, "--sign as well")
    assert not (tmp_path / "packed").exists()


def test_a_signed_retirement(tmp_path: Path, iodeep: Iodeep) -> None:
    make_model(tmp_path)
    key, certificate = key_files(tmp_path / "keys", publisher())
    assert iodeep("sign", tmp_path / "packed", "--key", key, "--certificate", certificate)[0] == 0
    call = ["retire", "liver@1.2.0", tmp_path / "packed", "--reason", "wrong"]
    assert iodeep(*call, "--sign", "--key", key, "--certificate", certificate).status == 0
    [notice] = {*(tmp_path / "packed").rglob("*.dcm")} - {
        tmp_path / "packed" / CARD_FILE_NAME,
        tmp_path / "packed" / "weights-1.dcm",
    }
    dataset = pydicom.dcmread(notice)
    assert dataset.ContentLabel == "IODEEP_RETIRED"
    assert len(dataset.DigitalSignaturesSequence) == 1  # and not that of the card
    assert verdicts(notice) == ["intact"]
    assert dcmtk_agrees(notice, tmp_path / "t", publisher())
    dataset.private_block(0x0017, "IODEEP 1")[0x41].value = "right"
    dataset.save_as(notice)
    assert "was altered" in iodeep("list", tmp_path / "packed").err


# --- keys and settings -----------------------------------------------------------------------


@pytest.fixture
def encrypted(tmp_path: Path) -> list[object]:
    """The options for a key with a pass phrase."""
    make_model(tmp_path)
    key = write_key(publisher().key, tmp_path / "key.pem", PHRASE)
    return ["--key", key, "--certificate", publisher().write(tmp_path / "certificate.pem")]


def test_a_pass_phrase_in_the_environment(
    encrypted: list[object], tmp_path: Path, iodeep: Iodeep, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = ["sign", tmp_path / "packed", *encrypted, "--pass-phrase", "env:KEY_PHRASE"]
    refused(iodeep(*call), 2, "--pass-phrase: no environment variable KEY_PHRASE")
    monkeypatch.setenv("KEY_PHRASE", "wr0ng-one")
    answer = iodeep(*call)
    refused(answer, 4, "does not open with this pass phrase")
    assert "wr0ng" not in answer.err
    monkeypatch.setenv("KEY_PHRASE", PHRASE)
    assert iodeep(*call).status == 0
    assert verdicts(tmp_path / "packed" / "card.dcm") == ["intact"]


def test_a_pass_phrase_in_the_keyring(
    encrypted: list[object], tmp_path: Path, iodeep: Iodeep
) -> None:
    former, plain = keyring.get_keyring(), PlaintextKeyring()
    plain.file_path = str(tmp_path / "keyring")
    keyring.set_keyring(plain)
    try:
        call = ["sign", tmp_path / "packed", *encrypted, "--pass-phrase", "keyring:iodeep"]
        refused(iodeep(*call), 2, "keyring set iodeep")
        keyring.set_password("iodeep", str(tmp_path / "key.pem"), PHRASE)
        assert iodeep(*call).status == 0
    finally:
        keyring.set_keyring(former)


def test_a_pass_phrase_on_the_command_line_is_refused_and_not_repeated(
    encrypted: list[object], tmp_path: Path, iodeep: Iodeep
) -> None:
    answer = iodeep("sign", tmp_path / "packed", *encrypted, "--pass-phrase", "s3cret")
    refused(answer, 2, "'env:VARIABLE' or 'keyring:SERVICE'")
    assert "s3cret" not in answer.err


def test_nobody_is_there_to_be_asked(
    encrypted: list[object], tmp_path: Path, iodeep: Iodeep
) -> None:
    answer = iodeep("sign", tmp_path / "packed", *encrypted)
    refused(answer, 2, "nobody to ask for the pass phrase", "--pass-phrase env:")


def test_somebody_at_a_terminal_is_asked_and_nobody_sees_it(
    encrypted: list[object], tmp_path: Path
) -> None:
    ours, terminal = pty.openpty()
    call = [sys.executable, "-m", "IODeepLib.cli", "sign", tmp_path / "packed", *encrypted]
    said = b""
    with subprocess.Popen(
        list(map(str, call)),
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    ) as child:
        os.close(terminal)
        while b"pass phrase of" not in said:
            said += os.read(ours, 1024)
        os.write(ours, PHRASE.encode() + b"\n")
        with suppress(OSError):  # it has ended
            while more := os.read(ours, 1024):
                said += more
    os.close(ours)
    assert child.returncode == 0, said
    assert PHRASE.encode() not in said
    assert verdicts(tmp_path / "packed" / "card.dcm") == ["intact"]


def test_the_settings_name_the_key(
    encrypted: list[object], tmp_path: Path, iodeep: Iodeep, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "iodeep.toml"
    monkeypatch.setenv("IODEEP_CONFIG", str(settings))
    monkeypatch.setenv("KEY_PHRASE", PHRASE)
    _, key, _, certificate = encrypted
    table = f"[signing]\nkey = '{key}'\ncertificate = '{certificate}'\n"
    settings.write_text(f"{table}pass_phrase = 'env:KEY_PHRASE'\n")
    assert iodeep("sign", tmp_path / "packed").status == 0
    assert iodeep("list", tmp_path / "packed").status == 0  # other verbs bear the table
    settings.write_text(f"{table}pass_phrase = 'env:NONE'\n")
    refused(iodeep("sign", tmp_path / "packed"), 2, f"{settings}: signing.pass_phrase", "NONE")
    settings.write_text("[signing]\nkeys = 'x'\n")
    refused(iodeep("sign", tmp_path / "packed"), 2, f"{settings}: signing.keys")
