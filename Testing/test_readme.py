"""What the README tells a stranger to do, done as it stands there."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import IODeepLib
from IODeepLib.cli.main import main

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DEMO = Path(IODeepLib.__file__).parent / "demo_data"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the README speaks of; the current one."""
    shutil.copytree(DEMO / "mr_t1", tmp_path / "study")
    shutil.copy(DEMO / "demo_network.onnx", tmp_path / "model.onnx")
    shutil.copy(DEMO / "recipe.json", tmp_path / "recipe.json")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def commands() -> list[list[str]]:
    lines = re.findall(r"^iodeep (.*)$", README, re.MULTILINE)
    assert len(lines) >= 6
    return [shlex.split(line, comments=True) for line in lines]


def test_the_commands(folder: Path) -> None:
    for arguments in commands():
        assert main(arguments) == 0, arguments
    table = re.findall(r"^\| `([\w.]+)` \|", README, re.MULTILINE)
    assert sorted(path.name for path in (folder / "result").iterdir()) == sorted(table)


def test_the_script(folder: Path) -> None:
    (pack,) = (arguments for arguments in commands() if arguments[0] == "pack")
    assert main(pack) == 0
    (script,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    answer = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=folder
    )
    assert "brain-tissue-t1-demo@1.1.0" in answer.stdout
    assert (folder / "result" / "segmentation.dcm").exists()


def test_every_file_that_is_linked_is_there() -> None:
    for document in [*ROOT.glob("*.md"), *(ROOT / "Docs").rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
            assert (document.parent / target).exists(), f"{document}: {target}"


def test_every_test_that_stops_an_attack_is_there() -> None:
    page = (ROOT / "Docs" / "attacks.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:[.\w]+/)*test_\w+\.py)(?:::(test_\w+))?`", page)
    assert len(named) > 80
    for file, test in named:
        path = ROOT / "Testing" / "IODeepLib" / file
        assert path.is_file(), file
        assert not test or f"def {test}(" in path.read_text(encoding="utf-8"), f"{file}: {test}"


def test_every_file_that_stops_an_attack_is_there() -> None:
    page = (ROOT / "Docs" / "attacks.md").read_text(encoding="utf-8")
    named = [f for f in re.findall(r"`([./\w]+\.py)", page) if "test_" not in f]
    assert named
    for file in named:
        assert any((folder / file).is_file() for folder in (ROOT, ROOT / "IODeepLib")), file
