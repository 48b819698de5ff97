"""A model in Kaapana's objects becomes the same network as its folder does."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("dynamic_network_architectures")

from command import Answer
from makers import kaapana
from makers.nnunet_models import model_folder
from pacs.servers import Orthanc

from IODeepLib.sources.find import source_of

ANSWERS = [
    *("--set", "input.orientation=LPS", "--set", "applies_to.anatomic_regions=Abdomen"),
    *("--set", "card.publisher=Nobody", "--set", "card.intended_use=Tests"),
    *("--set", "card.licence=MIT", "--json"),
]


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A trained folder in two parts, as Kaapana stores it; the folder itself lies beside."""
    folder = model_folder(tmp_path)
    results = f"Dataset042_Abdomen/{folder.name}"
    files = {
        f"{results}/{path.relative_to(folder)}": path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }
    content = kaapana.zipped(files)
    kaapana.write(tmp_path / "stored", content, len(content) // 2 // 2 * 2 + 2)
    assert len(list((tmp_path / "stored").iterdir())) == 2
    return tmp_path / "stored"


def test_it_is_the_same_as_from_its_folder(
    iodeep: Callable[..., Answer], tmp_path: Path, stored: Path
) -> None:
    found = iodeep("import", "kaapana", stored, "--out", tmp_path / "out", *ANSWERS)
    assert found.status == 0, found.err
    trained = next(tmp_path.rglob("plans.json")).parent
    wanted = iodeep("import", "nnunet", trained, "--out", tmp_path / "same", *ANSWERS)
    assert json.loads(found.out)["recipe"] == json.loads(wanted.out)["recipe"]
    shown = [json.loads(iodeep("show", tmp_path / name, "--json").out) for name in ("out", "same")]
    digests = [[part["sha256"] for part in document["parts"]] for document in shown]
    assert digests[0] == digests[1]


def test_out_of_a_pacs(
    iodeep: Callable[..., Answer], tmp_path: Path, stored: Path, orthanc: Orthanc
) -> None:
    source_of(orthanc.source).store(sorted(stored.iterdir()))
    found = iodeep("import", "kaapana", orthanc.source, "--out", tmp_path / "out", *ANSWERS)
    assert found.status == 0, found.err
    assert (tmp_path / "out" / "card.dcm").is_file()


def test_what_is_missing_is_asked_for(iodeep: Callable[..., Answer], stored: Path) -> None:
    asked = iodeep("import", "kaapana", stored, "--draft", "--json")
    assert asked.status == 0, asked.err
    document = json.loads(asked.out)
    assert document["source"] == f"{kaapana.NAME}, of Kaapana"
    assert "input.orientation" in {missing["path"] for missing in document["missing"]}
