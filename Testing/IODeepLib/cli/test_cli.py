"""The command as a user calls it: results, exit statuses, one-line messages, nothing half done."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pydicom
import pytest
from command import DEMO, Answer, refused, without_times
from makers import networks
from makers.packed_models import flip
from makers.recipes import label, recipe_json
from makers.series import Stack

from IODeepLib.recipe import read_recipe, recipe_from_json

COMMAND = [sys.executable, "-m", "IODeepLib.cli"]


# --- what works -----------------------------------------------------------------------------


def test_from_network_to_segmentation(
    packed: Path, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    listed = json.loads(iodeep("list", packed.parent, "--json").out)
    assert [m["name"] for m in listed["models"]] == ["brain-tissue-t1-demo"]
    shown = json.loads(iodeep("show", packed, "--json").out)
    assert shown["verified"] is True
    assert recipe_from_json(json.dumps(shown["recipe"])) == read_recipe(DEMO / "recipe.json")
    (ranked,) = json.loads(iodeep("select", DEMO / "mr_t1", "--models", packed, "--json").out)
    assert ranked["candidates"][0]["fits"] is True
    answer = iodeep("run", DEMO / "mr_t1", "--models", packed, "--out", tmp_path / "r", "--json")
    assert answer.status == 0
    document = json.loads(answer.out)
    assert {Path(file).name for file in document["files"]} == {
        path.name for path in (tmp_path / "r").iterdir()
    }
    assert document["volumes_ml"]["Gray Matter"] == pytest.approx(1085, rel=0.1)  # the reference's
    segmentation = pydicom.dcmread(tmp_path / "r" / "segmentation.dcm")
    image = pydicom.dcmread(next((DEMO / "mr_t1").iterdir()))
    assert segmentation.StudyInstanceUID == image.StudyInstanceUID


def test_a_repeated_run_gives_the_same_bytes(
    packed: Path, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    outs = [tmp_path / "a", tmp_path / "b"]
    call = ["run", DEMO / "mr_t1", "--models", packed, "--out"]
    assert [iodeep(*call, out).status for out in outs] == [0, 0]
    time.sleep(1.1)  # DICOM times count seconds
    assert iodeep(*call, outs[0]).status == 0  # it takes the place of the first
    for name in ("segmentation.dcm", "report.dcm", "overlay.png", "result.json"):
        first, second = (without_times((out / name).read_bytes()) for out in outs)
        assert first == second


def test_text_is_for_people(packed: Path, iodeep: Callable[..., Answer]) -> None:
    assert "brain-tissue-t1-demo" in iodeep("list", packed).out
    shown = iodeep("show", packed).out
    assert "all digests verified" in shown
    assert "Not for patients" in shown
    selected = iodeep("select", DEMO / "mr_t1", "--models", packed).out
    assert "anatomy" in selected
    assert "BodyPartExamined" in selected or "AnatomicRegionSequence" in selected


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        (["--modality", "MR"], 1),
        (["--modality", "ct"], 0),
        (["--anatomy", "head"], 1),
        (["--anatomy", "KNEE"], 0),
        (["--condition", "glioma"], 0),
    ],
)
def test_lists_are_filtered(
    packed: Path, iodeep: Callable[..., Answer], filters: Sequence[str], count: int
) -> None:
    assert len(json.loads(iodeep("list", packed, "--json", *filters).out)["models"]) == count


def test_unpack_gives_back_the_network(
    packed: Path, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    assert iodeep("unpack", packed, "--out", tmp_path / "again").status == 0
    again = (tmp_path / "again" / "model.onnx").read_bytes()
    assert again == (DEMO / "demo_network.onnx").read_bytes()


def test_the_demonstration(tmp_path: Path, iodeep: Callable[..., Answer]) -> None:
    answer = iodeep("demo", "--out", tmp_path / "demo", "--json")
    document = json.loads(answer.out)
    assert document["dice"]["Gray Matter"] > 0.93
    assert document["dice"]["White Matter"] > 0.93
    assert "does not fit" in answer.err


def test_nothing_found_is_said(tmp_path: Path, iodeep: Callable[..., Answer]) -> None:
    images = blank(tmp_path)
    model = tmp_path / "model"
    pack_conv(iodeep, tmp_path, model, output={"decision": "threshold", "threshold": 1e30})
    answer = iodeep("run", images, "--models", model, "--out", tmp_path / "r", "--json")
    assert answer.status == 0
    document = json.loads(answer.out)
    assert document["empty"] is True
    assert document["missing"] == ["Label 1"]
    assert not (tmp_path / "r" / "segmentation.dcm").exists()
    (tmp_path / "there").mkdir()
    call = ["run", images, "--models", model, "--store", tmp_path / "there", "--out"]
    said = iodeep(*call, tmp_path / "q").out
    assert "found nothing" in said
    assert f"stored report.dcm in {tmp_path / 'there'}" in said
    document = json.loads(iodeep(*call, tmp_path / "q", "--json").out)
    (there,) = document["already_there"]
    assert document["stored"] == [] and Path(there).name == "report.dcm"


def blank(tmp_path: Path, slices: int = 6) -> Path:
    """A small MR series without any content."""
    stack = Stack(np.zeros((slices, 16, 16), np.int16))
    return stack.write(tmp_path / "images")


def pack_conv(
    iodeep: Callable[..., Answer], tmp_path: Path, out: Path, **changes: object
) -> Answer:
    """Packs a network of 16 output channels under the given recipe."""
    network = networks.save(networks.conv(3, layers=2), tmp_path / "network.onnx")
    whole = recipe_json(output={"channels": 16, "labels": [label(1)]})
    for key, value in changes.items():
        whole[key] = whole[key] | value if isinstance(value, dict) else value
    (tmp_path / "recipe.json").write_text(json.dumps(whole))
    return iodeep("pack", network, "--recipe", tmp_path / "recipe.json", "--out", out)


# --- bad input ------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"no DICOM at all", b"\0" * 128 + b"DICM"])
def test_files_that_are_no_images(
    packed: Path, tmp_path: Path, iodeep: Callable[..., Answer], content: bytes
) -> None:
    (tmp_path / "image.dcm").write_bytes(content)
    image = tmp_path / "image.dcm"
    refused(iodeep("run", image, "--models", packed, "--out", tmp_path / "r"), 4, "image.dcm")
    assert not (tmp_path / "r").exists()


def test_a_truncated_slice(packed: Path, tmp_path: Path, iodeep: Callable[..., Answer]) -> None:
    series = Path(shutil.copytree(DEMO / "mr_t1", tmp_path / "images"))
    broken = sorted(series.iterdir())[40]
    broken.write_bytes(broken.read_bytes()[:-5000])
    answer = iodeep("run", series, "--models", packed, "--out", tmp_path / "r")
    refused(answer, 4, broken.name)
    assert not (tmp_path / "r").exists()


def test_a_folder_that_is_not_there(packed: Path, iodeep: Callable[..., Answer]) -> None:
    refused(iodeep("select", "/no/such/folder", "--models", packed), 4)


def test_a_card_without_its_weights(
    packed: Path, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    (packed / "weights-1.dcm").unlink()
    refused(iodeep("show", packed), 4, "part 1 of 1", "missing")
    answer = iodeep("run", DEMO / "mr_t1", "--models", packed, "--out", tmp_path / "r")
    refused(answer, 4, "part 1 of 1", "missing")
    assert not (tmp_path / "r").exists()


def test_one_altered_byte(packed: Path, tmp_path: Path, iodeep: Callable[..., Answer]) -> None:
    flip(packed / "weights-1.dcm", -1000)
    refused(iodeep("show", packed), 4, "altered")
    refused(iodeep("unpack", packed, "--out", tmp_path / "again"), 4, "altered")
    answer = iodeep("run", DEMO / "mr_t1", "--models", packed, "--out", tmp_path / "r")
    refused(answer, 4, "altered")
    assert not (tmp_path / "r").exists()
    assert not (tmp_path / "again").exists()


def test_an_anonymised_model(packed: Path, iodeep: Callable[..., Answer]) -> None:
    for path in packed.iterdir():
        dataset = pydicom.dcmread(path)
        dataset.remove_private_tags()
        dataset.save_as(path)
    refused(iodeep("select", DEMO / "mr_t1", "--models", packed), 4, "anonymization")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"output": {"channels": 3}}, "$.output.channels"),
        ({"input": {"neighbors": 1}}, "$.input.neighbors"),
        ({"input": {"overlap": float("nan")}}, "NaN"),
        (
            {"input": {"grid": {"mode": "spacing", "spacing": [1, -1, 1]}}},
            "$.input.grid.spacing[1]",
        ),
    ],
)
def test_recipes_that_are_wrong(
    tmp_path: Path, iodeep: Callable[..., Answer], changes: dict, words: str
) -> None:
    refused(pack_conv(iodeep, tmp_path, tmp_path / "model", **changes), 4, words)
    assert not (tmp_path / "model").exists()


def test_networks_that_are_refused(tmp_path: Path, iodeep: Callable[..., Answer]) -> None:
    recipe = tmp_path / "recipe.json"
    recipe.write_text(json.dumps(recipe_json()))
    custom = networks.save(networks.custom(), tmp_path / "custom.onnx")
    for path, words in [
        (custom, "my.own"),
        (recipe, "cannot be read as an ONNX model"),
        (tmp_path / "none.onnx", "none.onnx"),
    ]:
        answer = iodeep("pack", path, "--recipe", recipe, "--out", tmp_path / "model")
        refused(answer, 4, words)
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("location", ["/etc/passwd", "../secret.bin"])
def test_external_data_elsewhere(
    tmp_path: Path, iodeep: Callable[..., Answer], location: str
) -> None:
    recipe = tmp_path / "recipe.json"
    recipe.write_text(json.dumps(recipe_json()))
    (tmp_path / "secret.bin").write_bytes(bytes(100_000))
    (tmp_path / "network").mkdir()
    network = networks.conv(3)
    for tensor in network.graph.initializer:
        tensor.ClearField("raw_data")
        tensor.data_location = 1
        entry = tensor.external_data.add()
        entry.key, entry.value = "location", location
    path = networks.save(network, tmp_path / "network" / "network.onnx")
    answer = iodeep("pack", path, "--recipe", recipe, "--out", tmp_path / "model")
    refused(answer, 4, location)


def test_one_slice_for_a_3d_network(tmp_path: Path, iodeep: Callable[..., Answer]) -> None:
    pack_conv(iodeep, tmp_path, tmp_path / "model")
    images = blank(tmp_path, slices=1)
    answer = iodeep("run", images, "--models", tmp_path / "model", "--out", tmp_path / "r")
    refused(answer, 3, "two slices or more", "1 slice")


def test_no_model_fits(packed: Path, tmp_path: Path, iodeep: Callable[..., Answer]) -> None:
    stack = Stack(np.zeros((6, 16, 16), np.int16), common={"BodyPartExamined": "KNEE"})
    images = stack.write(tmp_path / "images")
    answer = iodeep("run", images, "--models", packed, "--out", tmp_path / "r")
    refused(answer, 3, "anatomy fails: required Brain, found Knee")
    assert not (tmp_path / "r").exists()
    assert iodeep("select", images, "--models", packed, "--json").status == 3


def test_names_that_do_not_exist(
    packed: Path, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    call = ["run", DEMO / "mr_t1", "--models", packed, "--out", tmp_path / "r"]
    refused(iodeep(*call, "--model", "liver"), 2, "brain-tissue-t1-demo@1.1.0")
    refused(iodeep(*call, "--series", "1.2.3"), 2, "1.2.3")
    refused(iodeep(*call, "--provider", "abacus"), 2, "abacus")
    refused(iodeep(*call, "--threads", "0"), 2, "--threads")
    refused(iodeep(*call, "--labels", ""), 2, "Gray Matter")
    assert iodeep("run").status == 2
    assert not (tmp_path / "r").exists()


def test_several_series_that_fit(
    packed: Path, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    shutil.copytree(DEMO / "mr_t1", tmp_path / "study" / "a")
    shutil.copytree(DEMO / "mr_t1", tmp_path / "study" / "b")
    for path in (tmp_path / "study" / "b").iterdir():
        dataset = pydicom.dcmread(path)
        dataset.SeriesInstanceUID += ".1"
        dataset.StudyDate, dataset.AccessionNumber = "20240105", "A 2"
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = (
            dataset.SOPInstanceUID[:-2] + "99"
        )
        dataset.save_as(path)
    answer = iodeep("run", tmp_path / "study", "--models", packed, "--out", tmp_path / "r")
    first = pydicom.dcmread(next((DEMO / "mr_t1").iterdir()))
    descriptions = [
        f"(MR, 84 slices), study of {first.StudyDate}, UID {first.SeriesInstanceUID}",
        "(MR, 84 slices), study of 20240105, accession number A 2, UID "
        + dataset.SeriesInstanceUID,
    ]
    refused(answer, 2, "2 volumes", "--series", *descriptions)
    selected = iodeep("select", tmp_path / "study", "--models", packed).out
    assert all(words in selected for words in descriptions)


def test_one_of_several_volumes_of_a_series(
    packed: Path, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    stack = Stack(np.zeros((5, 16, 16), np.int16), common={"BodyPartExamined": "BRAIN"})
    for echo in (1, 2):
        stack.common |= {"EchoNumbers": echo, "EchoTime": 10 * echo}
        stack.write(tmp_path / "images" / str(echo))
    call = ["select", tmp_path / "images", "--models", packed, "--json"]
    assert len(json.loads(iodeep(*call).out)) == 2
    (one,) = json.loads(iodeep(*call, "--volume", "Echo 2").out)
    assert "echo 2 of 2" in one["series"]
    refused(iodeep(*call, "--volume", "echo 3"), 2, "echo 1 of 2")


def test_images_without_uids(
    packed: Path, tmp_path: Path, iodeep: Callable[..., Answer], shared_data: Path
) -> None:
    raw = shared_data / "dicom" / "ct_abdomen_totalseg_raw"
    pack_conv(iodeep, tmp_path, tmp_path / "model", applies_to={"modalities": ["CT"]})
    answer = iodeep("run", raw, "--models", tmp_path / "model", "--out", tmp_path / "r")
    assert answer.status == 0, answer.err
    assert {path.name for path in (tmp_path / "r").iterdir()} == {"overlay.png", "result.json"}
    (why,) = [line for line in answer.out.splitlines() if "no DICOM SEG" in line]
    assert "lacks StudyInstanceUID, SeriesInstanceUID;" in why and "dcmodify" in why


def test_no_permission_to_write(
    packed: Path, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    (tmp_path / "file").write_text("in the way")
    for out in (tmp_path / "file", tmp_path / "file" / "r"):
        refused(iodeep("run", DEMO / "mr_t1", "--models", packed, "--out", out), 4, str(out))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")
    answer = iodeep("run", DEMO / "mr_t1", "--models", packed, "--out", tmp_path / "mine")
    refused(answer, 4, "notes.txt")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    ("fault", "status"),
    [(MemoryError(), 4), (PermissionError(13, "", "x"), 4), (KeyError("a\nb"), 1)],
)
def test_faults_nobody_thought_of_are_one_line_too(
    iodeep: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch, fault: Exception, status: int
) -> None:
    def fail(_: object) -> None:
        raise fault

    monkeypatch.setattr("IODeepLib.cli.show.run", fail)
    refused(iodeep("show", "models"), status)


@pytest.mark.parametrize(
    ("option", "shown"), [([], ["ours"]), (["-v"], ["ours", "of pynetdicom", "of Python"])]
)
def test_what_other_packages_say_is_for_those_who_ask(option: list[str], shown: list[str]) -> None:
    code = """if True:
        import logging, warnings
        from IODeepLib.cli import cache, command
        def run(options):
            warnings.warn("of Python")
            logging.getLogger("pynetdicom.acse").error("of pynetdicom")
            logging.getLogger("IODeepLib.x").warning("ours")
        cache.run = run
        command.command()
    """
    call = [sys.executable, "-c", code, "cache", *option]
    answer = subprocess.run(call, capture_output=True, text=True, check=True)
    assert [
        words for words in ("ours", "of pynetdicom", "of Python") if words in answer.stderr
    ] == (shown)
    assert "of pynetdicom" in answer.stderr or len(answer.stderr.splitlines()) == 1


def test_output_on_systems_without_utf_8() -> None:
    code = """
import argparse
from IODeepLib.cli.console import emit
for json in (False, True):
    emit(argparse.Namespace(json=json), {"title": "Größe 肝"}, "Größe 肝")
"""
    env = os.environ | {"PYTHONIOENCODING": "cp1252"}
    call = [sys.executable, "-c", code]
    answer = subprocess.run(call, env=env, capture_output=True, check=True)
    text, _, document = answer.stdout.partition(b"\n")
    assert text.decode("cp1252") == "Größe \\u809d"
    assert json.loads(document.decode("utf-8")) == {"title": "Größe 肝"}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interruption_leaves_nothing(packed: Path, tmp_path: Path, number: signal.Signals) -> None:
    out = tmp_path / "results" / "r"
    call = [*COMMAND, "run", DEMO / "mr_t1", "--models", packed, "--out", out]
    process = subprocess.Popen(call, stderr=subprocess.PIPE, text=True)
    # The temporary folder beside the target is the sign that the run has begun.
    deadline = time.monotonic() + 60
    while not any(out.parent.glob(".r-*.part/new")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.strip() == "iodeep: canceled; nothing is left half written"
    assert list(out.parent.iterdir()) == []


def test_a_folder_of_somebody_else(
    tmp_path: Path, without_privileges: Callable[[], AbstractContextManager[None]]
) -> None:
    from IODeepLib.disk.files import whole_folder
    from IODeepLib.errors import OutputError

    folder = tmp_path / "theirs"
    folder.mkdir(mode=0o555)
    with (
        without_privileges(),
        pytest.raises(OutputError, match="cannot be written"),
        whole_folder(folder / "r"),
    ):
        pytest.fail("the block must not begin")
    assert list(folder.iterdir()) == []
