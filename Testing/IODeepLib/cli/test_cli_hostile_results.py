"""A folder that claims to be a result may have been put together by anybody."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydicom
import pytest
from command import Answer
from makers.packed_models import altered, flip
from makers.results import PROVENANCE, three_labels
from makers.series import Stack

from IODeepLib.measurements import measure
from IODeepLib.results import make_seg
from IODeepLib.results.sr import report_segments
from IODeepLib.series import find_series


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SEG, its report, and a `result.json` that agrees with both."""
    folder = tmp_path_factory.mktemp("made")
    (series,) = find_series(Stack().write(folder / "images"))
    found, out = three_labels(series.volume().grid), folder / "out"
    out.mkdir()
    seg, measured = make_seg(found, series, PROVENANCE), measure(found, series.volume(), series)
    assert seg is not None
    report = report_segments(measured, series, PROVENANCE, seg)
    seg.save(out / "segmentation.dcm")
    report.save(out / "report.dcm")
    document = {
        "schema": "iodeep-result/1",
        "study_instance_uid": series.study_instance_uid,
        "series_instance_uids": [series.series_instance_uid],
        "series": series.label,
        "provenance": PROVENANCE.to_json(),
        "measurements": measured.as_json(),
        "sop_instance_uid": seg.sop_instance_uid,
        "sop_instance_uid_report": report.sop_instance_uid,
    }
    (out / "result.json").write_text(json.dumps(document), "utf-8")
    return out


@pytest.fixture
def out(made: Path, tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    return shutil.copytree(made, tmp_path / "out")


@pytest.fixture
def show(out: Path, iodeep: Callable[..., Answer]) -> Callable[..., str]:
    """What is said of it, in the form of lines; there is no network here, and no image."""

    def shown(status: int) -> str:
        answer = iodeep("show", out, "--models", out.parent / "none")
        assert answer.status == status, answer
        assert "Traceback" not in answer.err
        assert len(answer.err.splitlines()) <= 1
        return answer.out

    (out.parent / "none").mkdir()
    return shown


def test_as_it_is_all_agrees(show: Callable[..., str]) -> None:
    text = show(0)
    assert text.count("  OK  ") == 4 and "differs" not in text


def at(*keys: str | int, value: Any) -> Callable[[Path], None]:
    """Changes a value in `result.json`; a text that begins with `=` is JSON as it stands."""

    def change(out: Path) -> None:
        path = out / "result.json"
        document = json.loads(path.read_text("utf-8"))
        holder = document
        for key in keys[:-1]:
            holder = holder[key]
        raw = isinstance(value, str) and value.startswith("=")
        holder[keys[-1]] = "@" if raw else value
        text = json.dumps(document)
        path.write_text(text.replace('"@"', value[1:]) if raw else text, "utf-8")

    return change


FIRST = ("measurements", "segments", 0)
DOCUMENTS = {
    "a number that all are equal to": (at(*FIRST, "volume_ml", value="=1e400"), "too large"),
    "a number of 400 digits": (at(*FIRST, "volume_ml", value=10**400), "out of range"),
    "a number of 5000 digits": (at(*FIRST, "voxels", value="=" + "9" * 5000), "cannot be read"),
    "more voxels than there can be": (at(*FIRST, "voxels", value=2**60), "result.json: "),
    "fewer than none": (at(*FIRST, "voxels", value=-5), "result.json: "),
    "a truth for a number": (at(*FIRST, "voxels", value=True), "got `bool`"),
    "a list for an object": (at("provenance", value=[]), "got `array`"),
    "nested options": (at("provenance", "options", value={"a": [[[1]]]}), "got `array`"),
    "another study": (at("study_instance_uid", value="../../etc"), "the study is ../../etc"),
    "another series": (at("series_instance_uids", value=["1.2"]), "the series are 1.2, of"),
    "another network": (at("provenance", "name", value="../x"), "label is ../x@1.2.3"),
    "no measurements": (at("measurements", value=None), "in result.json None"),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_record_that_was_made_up_is_not_agreed_with(
    name: str, out: Path, show: Callable[..., str]
) -> None:
    change, words = DOCUMENTS[name]
    change(out)
    lines = [line for line in show(4).splitlines() if line.startswith("  differs ")]
    assert any(words in line for line in lines), lines
    assert max(map(len, lines)) < 500


def replaced(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def change(out: Path) -> None:
        (out / "result.json").unlink()
        make(out / "result.json")

    return change


def huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**40)


NO_FILES = {
    "a device": (replaced(lambda path: path.symlink_to("/dev/zero")), "a device, not a file"),
    "a pipe": (replaced(os.mkfifo), "a pipe, not a file"),
    "a folder": (replaced(Path.mkdir), "a folder, not a file"),
    "a link to something else": (replaced(lambda path: path.symlink_to("/etc/passwd")), "no JSON"),
    "a link to nowhere": (replaced(lambda path: path.symlink_to("/nowhere")), "cannot be read"),
    "a link to itself": (replaced(lambda path: path.symlink_to(path)), "cannot be read"),
    "a terabyte": (replaced(huge), "characters"),
}


@pytest.mark.parametrize("name", NO_FILES)
def test_a_record_that_is_no_file(name: str, out: Path, show: Callable[..., str]) -> None:
    change, words = NO_FILES[name]
    change(out)
    (line,) = [line for line in show(4).splitlines() if line.startswith("  differs ")]
    assert "result.json: " in line and words in line


@pytest.mark.parametrize(
    "make",
    [
        lambda path: path.symlink_to("/dev/zero"),
        lambda path: path.symlink_to("/etc/passwd"),
        lambda path: path.symlink_to(path),
        os.mkfifo,
        lambda path: path.write_bytes(b""),
        lambda path: path.parent.joinpath("sub").symlink_to(path.parent),
    ],
    ids=["device", "password", "itself", "pipe", "empty", "folder in itself"],
)
def test_what_else_lies_there_is_passed_over(
    make: Callable[[Path], object], out: Path, show: Callable[..., str]
) -> None:
    make(out / "other.dcm")
    assert show(0).count("  OK  ") == 4


@pytest.mark.parametrize("name", ["a\n  OK               model: is there.dcm", "\x1b[2J\u202e.dcm"])
def test_a_name_of_a_file_is_no_line(name: str, out: Path, show: Callable[..., str]) -> None:
    (out / "segmentation.dcm").rename(out / name)
    before, text = set(show(0).splitlines()), show(0)
    assert not any(line.startswith("  OK               model") for line in before)
    assert not [c for c in text if not c.isprintable() and c != "\n"]
    altered(out / name, lambda dataset: setattr(dataset, "Manufacturer", "Another"))
    text = show(0)
    assert sum(".dcm: Segmentation Storage by Another" in line for line in text.splitlines()) == 1
    assert not any(line.startswith("  OK               model") for line in text.splitlines())


def test_two_files_that_say_to_be_one_object(out: Path, show: Callable[..., str]) -> None:
    """Whichever is looked at, the other one may be what a PACS gets."""
    shutil.copy(out / "segmentation.dcm", out / "again.dcm")
    assert "note             segmentation.dcm: the same as again.dcm" in show(0)
    flip(out / "again.dcm", (out / "again.dcm").stat().st_size - 3)
    assert "differs          segmentation.dcm: it has the UID of again.dcm" in show(4)


@pytest.mark.parametrize("size", [1200, 2000])
def test_an_object_that_was_cut_off_is_not_somebody_elses(
    size: int, out: Path, show: Callable[..., str]
) -> None:
    os.truncate(out / "segmentation.dcm", size)
    text = show(4)
    assert "differs          segmentation.dcm: " in text and "cut off, or changed" in text
    assert "not of IODeep" not in text


def test_a_seg_that_claims_to_be_of_another_patient(out: Path, show: Callable[..., str]) -> None:
    def change(dataset: pydicom.Dataset) -> None:
        dataset.StudyInstanceUID = "1.2.3"

    altered(out / "segmentation.dcm", change)
    assert "of the objects 1.2.3" in show(4)
