"""The command that makes networks smaller, on real ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from command import DEMO, Answer, refused
from pacs.servers import Orthanc

RECIPES = Path(__file__).resolve().parents[2] / "recipes"


@pytest.mark.parametrize(("to", "dice", "share"), [("fp16", 0.999, 0.6), ("int8", 0.98, 0.42)])
def test_the_demo_network(
    iodeep: Callable[..., Answer], packed: Path, tmp_path: Path, to: str, dice: float, share: float
) -> None:
    out = tmp_path / "smaller"
    end = ("--to", to, "--out", out)
    answer = iodeep("shrink", packed, DEMO / "mr_t1", *end, "--json")
    assert answer.status == 0, answer.err
    said = json.loads(answer.out)
    measured = said["measured"]
    assert said["model"] == "brain-tissue-t1-demo@1.2.0"
    assert measured["dataset"] == "1 MR series, 84 slices"
    assert set(measured["dice"]) == {"Gray Matter", "White Matter"}
    assert all(value >= dice for value in measured["dice"].values())
    assert measured["megabytes"]["after"] < share * measured["megabytes"]["before"]
    assert measured["seconds"].keys() == {"before", "after"}
    shown, parent = (json.loads(iodeep("show", one, "--json").out) for one in (out, packed))
    assert shown["parent_sop_instance_uid"] == parent["card_sop_instance_uid"]
    assert shown["model_uid"] == parent["model_uid"]
    # Two versions lie in one folder from now on: the newest goes first.
    ranked = iodeep("select", DEMO / "mr_t1", "--models", tmp_path).out
    assert 0 <= ranked.index("@1.2.0") < ranked.index("@1.1.0")
    again = iodeep("shrink", tmp_path, DEMO / "mr_t1", "--to", to, "--out", tmp_path / "again")
    refused(again, 2, "@1.1.0", "@1.2.0", "--model")


def test_a_version_that_is_there_is_not_made_twice(
    iodeep: Callable[..., Answer], packed: Path, tmp_path: Path
) -> None:
    recipe = (DEMO / "recipe.json").read_text(encoding="utf-8").replace("1.1.0", "1.2.0")
    (tmp_path / "recipe.json").write_text(recipe, encoding="utf-8")
    other = ("--recipe", tmp_path / "recipe.json", "--parent", packed)
    out = packed.parent / "newer"
    assert iodeep("pack", DEMO / "demo_network.onnx", *other, "--out", out).status == 0
    end = ("--model", "brain-tissue-t1-demo@1.1.0", "--to", "fp16", "--out", tmp_path / "smaller")
    answer = iodeep("shrink", packed.parent, DEMO / "mr_t1", *end)
    assert answer.status == 0, answer.err
    assert "brain-tissue-t1-demo@1.3.0" in answer.out
    assert "against brain-tissue-t1-demo@1.1.0 on 1 MR series, 84 slices:" in answer.out
    assert "MB before, " in answer.out


def test_a_network_that_finds_something_else_then(
    iodeep: Callable[..., Answer], shared_data: Path, tmp_path: Path
) -> None:
    """A real one, whose spleen is found in few voxels."""
    network, recipe = (
        shared_data / "models" / "ct_abdomen_5class.onnx",
        RECIPES / "ct_abdomen_5class.json",
    )
    model, out = tmp_path / "model", tmp_path / "smaller"
    assert iodeep("pack", network, "--recipe", recipe, "--out", model).status == 0
    series = shared_data / "dicom" / "ct_abdomen_totalseg_repaired"
    answer = iodeep("shrink", model, series, "--to", "int8", "--out", out)
    refused(answer, 4, "(Dice Spleen 0.", "0.95 or more", "--least-dice 0.")
    assert not out.exists()


def test_calls_that_are_wrong(iodeep: Callable[..., Answer], packed: Path, tmp_path: Path) -> None:
    series, out = DEMO / "mr_t1", tmp_path / "smaller"
    end = ("--to", "fp16", "--out", out)
    twice = iodeep("shrink", packed, series, series, *end)
    refused(twice, 2, "2 SERIES, of which some are the same")
    refused(iodeep("shrink", packed, series, *end, "--least-dice", "95"), 2, "0 to 1")
    refused(iodeep("shrink", packed, series, *end, "--threads", "0"), 2, "--threads 0")
    refused(iodeep("shrink", packed, series, *end, "--model", "liver"), 2, "'liver'")
    refused(iodeep("shrink", packed, series, *end, "--version", "2"), 2, "--version")
    refused(iodeep("shrink", packed, tmp_path / "none", *end), 4, "none")
    assert iodeep("shrink", packed, series, "--to", "int4", "--out", out).status == 2
    assert not out.exists()


def test_all_of_it_in_a_pacs(
    orthanc: Orthanc,
    iodeep: Callable[..., Answer],
    packed: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("IODEEP_CACHE", str(tmp_path / "cache"))
    pacs, out = orthanc.source, tmp_path / "smaller"
    for folder in (packed, DEMO / "mr_t1"):
        assert iodeep("push", folder, pacs).status == 0
    uid = pydicom.dcmread(next((DEMO / "mr_t1").iterdir())).SeriesInstanceUID
    answer = iodeep("shrink", pacs, pacs, "--series", uid, "--to", "fp16", "--out", out)
    assert answer.status == 0, answer.err
    assert iodeep("push", out, pacs).status == 0
    models = json.loads(iodeep("list", pacs, "--json").out)["models"]
    assert {model["version"] for model in models} == {"1.1.0", "1.2.0"}
