"""The examples, as a reader starts them; that of Slicer's console is in IODeep/test_logic.py."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from makers.series import Stack
from pacs.servers import Orthanc

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
MODEL = "brain-tissue-t1-demo@1.1.0"


@pytest.fixture
def example(tmp_path: Path) -> Callable[..., str]:
    """Runs an example in an empty folder and gives what it prints."""

    def run(name: str, *arguments: object) -> str:
        (path,) = EXAMPLES.glob(f"{name}*.py")
        command = [sys.executable, str(path), *map(str, arguments)]
        scratch = tmp_path / name
        scratch.mkdir(exist_ok=True)
        answer = subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd=scratch,
            env=os.environ | {"TMPDIR": str(scratch)},
        )
        assert answer.returncode == 0, answer.stderr
        return answer.stdout

    return run


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_they_are_short_and_say_what_they_show(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 40
    assert ast.get_docstring(ast.parse(text))


def test_pack(example: Callable[..., str], tmp_path: Path) -> None:
    assert MODEL in example("01")
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [
        "card.dcm",
        "model.onnx",
        "recipe.json",
        "weights-1.dcm",
    ]


def test_select_with_reasons(example: Callable[..., str]) -> None:
    said = example("02")
    assert "1 of 2 fit" in said
    assert f"{MODEL} fits" in said
    assert "modality fails: required CT, found MR (Modality)" in said


def test_run_and_read_back(example: Callable[..., str]) -> None:
    said = example("03")
    (seg,) = re.findall(r"wrote (.*segmentation\.dcm)", said)
    ours = re.findall(r"^(.*): \d+ of \d+ voxels, ([\d.]+) mL$", said, re.MULTILINE)
    read = re.findall(r"^\d (.*?):.* ([\d.]+) mL of", example("06", seg), re.MULTILINE)
    assert ours == read
    assert len(ours) == 2


def test_read_back_what_comes_with_the_demonstration(example: Callable[..., str]) -> None:
    assert "White Matter" in example("06")


def test_a_cohort(example: Callable[..., str]) -> None:
    header, *rows = example("04").split()
    assert header == "series,network,label,milliliters,problem"
    assert len(rows) >= 2


def test_what_fails_in_a_cohort_costs_its_row(example: Callable[..., str], tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / "cohort" / name).mkdir(parents=True)
        Stack(np.zeros((3, 4, 5), np.int16), common={"Modality": "CT"}).write(
            tmp_path / "cohort" / name
        )
    _, *rows = example("04", tmp_path / "cohort").splitlines()
    assert len([row for row in rows if "; next: " in row]) == 2


def test_a_pacs(example: Callable[..., str], orthanc: Orthanc) -> None:
    said = example("05", orthanc.source)
    assert f"{MODEL} fits" in said
    assert "stored segmentation.dcm" in said
    assert b"SEG" in orthanc.get("/series?expand")


def test_a_folder_stands_in_for_a_pacs(example: Callable[..., str], tmp_path: Path) -> None:
    assert "stored segmentation.dcm" in example("05")
    stored = (tmp_path / "05").rglob("pacs/*/*.dcm")
    assert "SEG" in {pydicom.dcmread(path, stop_before_pixels=True).Modality for path in stored}
