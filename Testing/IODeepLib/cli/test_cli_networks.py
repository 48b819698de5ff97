"""The command line with models of several networks."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from command import Answer, refused
from makers.several_networks import NAMES, ensemble_recipe, make_networks

from IODeepLib.recipe import recipe_to_json


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "recipe.json"
    whole = json.loads(recipe_to_json(ensemble_recipe()))
    whole["output"]["channels"] = 16
    path.write_text(json.dumps(whole), encoding="utf-8")
    return path


def test_each_network_is_named_with_its_file(
    iodeep: Callable[..., Answer], recipe: Path, tmp_path: Path
) -> None:
    given = [f"--network={name}={path}" for name, path in make_networks(tmp_path).items()]
    out = tmp_path / "packed"
    answer = iodeep("pack", *given, "--recipe", recipe, "--out", out, "--json")
    assert answer.status == 0, answer.err
    shown = json.loads(iodeep("show", out, "--json").out)
    assert [network["name"] for network in shown["networks"]] == list(NAMES)
    assert {part["network"] for part in shown["parts"]} == set(NAMES)
    assert "fold-0, fold-1, fold-2" in iodeep("show", out).out
    back = tmp_path / "back"
    files = json.loads(iodeep("unpack", out, "--out", back, "--json").out)["files"]
    assert files == sorted(
        str(back / name) for name in (*(f"network-{name}.onnx" for name in NAMES), "recipe.json")
    )


def test_networks_that_are_not_named_right(
    iodeep: Callable[..., Answer], recipe: Path, tmp_path: Path
) -> None:
    first, second, third = (f"{name}={path}" for name, path in make_networks(tmp_path).items())
    out = tmp_path / "packed"
    end = ("--recipe", recipe, "--out", out)
    path = tmp_path / "fold-0.onnx"
    refused(iodeep("pack", *end), 2, "no network")
    refused(iodeep("pack", path, "--network", first, *end), 2, "MODEL.onnx and --network")
    refused(iodeep("pack", "--network", "fold-0", *end), 2, "NAME=FILE")
    refused(iodeep("pack", "--network", "=x", *end), 2, "NAME=FILE")
    refused(iodeep("pack", "--network", first, "--network", first, *end), 2, "its name before")
    refused(iodeep("pack", "--network", first, "--network", second, *end), 4, "fold-2")
    refused(iodeep("pack", path, *end), 4, "one network without a name")
    lost = third.replace(".onnx", ".none")
    some = ("--network", first, "--network", second, "--network", lost)
    refused(iodeep("pack", *some, *end), 4, "fold-2.none")
    assert not out.exists()
