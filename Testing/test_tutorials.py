"""What the tutorials tell a reader to type, done as it stands there."""

from __future__ import annotations

import re
import shlex
import shutil
import tempfile
from pathlib import Path

import pytest
from pacs.servers import Orthanc

from IODeepLib.cli.main import main

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "IODeepLib" / "demo_data"


def page(name: str) -> str:
    return (ROOT / "Docs" / "tutorials" / f"{name}.md").read_text(encoding="utf-8")


def commands(name: str, least: int = 4) -> list[list[str]]:
    """The lines that begin with `iodeep`, in code."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", page(name), re.DOTALL | re.MULTILINE)
    plain = "".join(text for language, text in blocks if not language)
    lines = [line for line in plain.splitlines() if line.startswith("iodeep ")]
    assert len(lines) >= least
    return [shlex.split(line)[1:] for line in lines]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the pages have copied; the current folder."""
    work = tmp_path / "work"
    work.mkdir()
    shutil.copytree(DEMO / "mr_t1", work / "study")
    shutil.copy(DEMO / "demo_network.onnx", work / "network.onnx")
    shutil.copy(DEMO / "recipe.json", work / "recipe.json")
    monkeypatch.chdir(work)
    return work


def test_a_first_result(folder: Path) -> None:
    for arguments in commands("first-result"):
        assert main(arguments) == 0, arguments
    for name in ("segmentation.dcm", "report.dcm", "overlay.png", "result.json"):
        assert (folder / "demo_output" / name).exists()
        assert (folder / "result" / name).exists()


def test_a_network_of_ones_own(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = page("own-network")
    (recipe,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    (answer,) = re.findall(r"```text\n(.*?)```", text, re.DOTALL)
    (folder / "recipe.json").write_text(recipe, encoding="utf-8")
    first, *others = commands("own-network")
    assert main(first) == 4
    assert " ".join(answer.split()) in " ".join(capsys.readouterr().err.split())
    assert recipe.count('"channels": 4') == 1
    corrected = recipe.replace('"channels": 4', '"channels": 3')
    (folder / "recipe.json").write_text(corrected, encoding="utf-8")
    for arguments in [first, *others]:
        assert main(arguments) == 0, arguments
    assert (folder / "result" / "segmentation.dcm").exists()


def test_with_a_pacs(folder: Path, orthanc: Orthanc, monkeypatch: pytest.MonkeyPatch) -> None:
    (settings,) = re.findall(r"```toml\n(.*?)```", page("pacs"), re.DOTALL)
    assert settings.count("dicomweb+http://localhost:8042/dicom-web") == 1
    own = settings.replace("dicomweb+http://localhost:8042/dicom-web", orthanc.source)
    (folder / "iodeep.toml").write_text(own, encoding="utf-8")
    monkeypatch.setenv("IODEEP_CONFIG", str(folder / "iodeep.toml"))
    for arguments in commands("pacs"):
        assert main(arguments) == 0, arguments
    assert (folder / "result" / "segmentation.dcm").exists()


def test_slicer_with_a_pacs(
    orthanc: Orthanc, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the command line does of it, from the folder of the repository; the rest is Slicer's."""
    text = page("slicer-pacs")
    assert re.search(r"```toml\n(.*?)```", text, re.DOTALL)[1] in page("pacs")
    models = tempfile.mkdtemp(dir=Path.cwd())
    monkeypatch.chdir(ROOT)
    for arguments in commands("slicer-pacs", least=3):
        own = [one.replace("models/tissue", f"{models}/tissue") for one in arguments]
        url = "dicomweb+http://localhost:8042/dicom-web"
        assert main([orthanc.source if one == url else one for one in own]) == 0, arguments
    assert main(["list", orthanc.source]) == 0
    assert "brain-tissue-t1-demo" in capsys.readouterr().out
    for patient in re.findall(r"patient ID `(\w+)`", text):
        assert main(["select", orthanc.source, "--patient", patient, "--models", models]) == 0
