"""How a network is trained, and which can be."""

from __future__ import annotations

import json
from typing import Any

import pytest
from makers.recipes import BASE, label, recipe

from IODeepLib.errors import UsageError
from IODeepLib.recipe import recipe_from_json
from IODeepLib.training.settings import Settings, rate_at
from IODeepLib.training.trainable import trained_stage


def test_the_rate_rises_and_falls() -> None:
    settings = Settings(steps=100, warm_up=10, rate=1e-3)
    rates = [rate_at(step, settings) for step in range(100)]
    top = rates.index(max(rates))
    assert top in (8, 9) and rates[:top] == sorted(rates[:top])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0 < rates[-1] < 2e-5 and max(rates) <= 1e-3
    assert rate_at(0, Settings(warm_up=0)) == Settings().rate


def stage(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "input": BASE["input"], "output": BASE["output"], **more}


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"task": "CLASSIFICATION"}, "whose task is CLASSIFICATION"),
        ({"output": {"decision": "labels", "channels": 1}}, "label values"),
        ({"networks": ["a", "b"], "schema": "iodeep-recipe/2"}, "2 networks in 1 stages"),
    ],
)
def test_which_models_are_not_trained(changes: dict[str, Any], found: str) -> None:
    with pytest.raises(UsageError, match=found):
        trained_stage(recipe(**changes))


def test_models_of_stages_are_not_trained() -> None:
    whole = {k: v for k, v in BASE.items() if k not in ("input", "output")}
    second = {"value": 2, **{k: v for k, v in label(2).items() if k != "value"}}
    other = {"channels": 2, "labels": [second | {"channel": 1}]}
    stages = [stage("one"), stage("two", output=other)]
    asked = recipe_from_json(json.dumps(whole | {"schema": "iodeep-recipe/2", "stages": stages}))
    with pytest.raises(UsageError, match="2 networks in 2 stages"):
        trained_stage(asked)
    assert trained_stage(recipe()).name == ""
