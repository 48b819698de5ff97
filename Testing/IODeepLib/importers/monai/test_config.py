"""MONAI's configs: references, copies, what is disabled; circles and what grows without end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from IODeepLib.errors import ModelError
from IODeepLib.importers.monai.config import Config
from IODeepLib.importers.monai.expressions import Unread


def config(**values: Any) -> Config:
    return Config(values, "inference.json")


def found(config: Config, place: str) -> Any:
    node = config.find(place)
    assert node is not None
    return node.plain()


def test_references_lead_to_what_they_mean() -> None:
    made = config(
        image_key="image",
        sizes={"roi": [96, 96, "$-1"]},
        transforms=[{"_target_": "A", "keys": "@image_key"}, {"_target_": "B", "x": "@sizes#roi"}],
        second="@transforms::1",
        copied="%second::x",
        named="@second::_target_",
    )
    assert found(made, "second") == {"_target_": "B", "x": [96, 96, -1]}
    assert found(made, "copied") == [96, 96, -1]
    assert found(made, "named") == "B"
    assert found(made, "transforms")[0]["keys"] == "image"


def test_an_expression_matters_only_where_it_is_asked_for() -> None:
    made = config(network={"_target_": "UNet", "in_channels": "$run_me()"}, other="$import os")
    network = made.find("network")
    assert network is not None
    assert network.target == "UNet"
    assert made.find("other").raw == Unread("import os")  # type: ignore[union-attr]
    with pytest.raises(ModelError, match=r"network::in_channels: the Python expression \$run_me"):
        network.plain()


@pytest.mark.parametrize(
    ("value", "disabled"),
    [(True, True), ("true", True), ("$True", True), (False, False), ("$not x", False)],
)
def test_disabled_items_are_left_out(value: Any, disabled: bool) -> None:
    made = config(items=[{"_target_": "A", "_disabled_": value}])
    items = made.find("items")
    assert items is not None
    assert len(list(items.walk())) == 1 - disabled


@pytest.mark.parametrize(
    "values",
    [
        {"a": "@b", "b": "@a"},
        {"a": {"b": "@a"}},
        {"a": ["@a", "@a"]},
        {"a": "@b::c", "b": "@a"},
        {"a": "$@a + 'x'"},
        {f"x{i}": [f"@x{i + 1}"] * 2 for i in range(64)} | {"x64": 1, "a": "@x0"},
        {f"x{i}": f"$@x{i + 1} + @x{i + 1}" for i in range(64)} | {"x64": "", "a": "@x0"},
        {"a": "@nowhere"},
        {"a": "@b::5", "b": [1]},
        {"a": "%other.json::b"},
    ],
)
def test_what_leads_nowhere_or_never_ends_is_refused(values: dict[str, Any]) -> None:
    made = Config(values, "inference.json")
    with pytest.raises((ModelError, RecursionError)):
        found(made, "a")


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("inference.json", "{", "no JSON"),
        ("inference.json", '{"a": 1, "a": 2}', "twice"),
        ("inference.json", "[]", "no object"),
        ("inference.json", '{"a": NaN}', "NaN"),
    ],
)
def test_files_that_are_no_config(tmp_path: Path, name: str, text: str, words: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ModelError, match=words):
        Config.read(tmp_path / name)


def test_yaml_says_the_same_as_json(tmp_path: Path) -> None:
    pytest.importorskip("yaml")
    values = {"net": {"_target_": "UNet", "strides": [2, 2]}, "$x": True, "size": "$len([1])"}
    (tmp_path / "a.yaml").write_text(
        "# a comment\nnet:\n  _target_: UNet\n  strides: [2, 2]\n$x: true\nsize: $len([1])\n"
    )
    (tmp_path / "a.json").write_text(json.dumps(values))
    for name in values:
        one, other = (found(Config.read(tmp_path / f), name) for f in ("a.yaml", "a.json"))
        assert one == other


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: &x [1, 2]\nb: [*x, *x]", "aliases"),
        ("a: !!python/object/apply:os.system ['touch made']", "no YAML"),
        ("a: [", "no YAML"),
        ("- 1", "no object"),
    ],
)
def test_yaml_that_is_more_than_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, words: str
) -> None:
    pytest.importorskip("yaml")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(ModelError, match=words):
        Config.read(tmp_path / "a.yaml")
    assert not (tmp_path / "made").exists()
