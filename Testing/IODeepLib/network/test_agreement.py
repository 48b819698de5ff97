"""Recipes that contradict their network are refused before anything is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from makers.recipes import label, recipe

import IODeepLib
from IODeepLib.errors import InputError, RecipeError
from IODeepLib.publish import pack

# (n, 1, z, y, x) to (n, 3, z, y, x), in steps of 8 voxels; all sizes but the channels are open.
NETWORK = Path(IODeepLib.__file__).parent / "demo_data" / "demo_network.onnx"
TRUE: dict[str, Any] = {
    "input": {"divisible_by": 8},
    "output": {"channels": 3, "labels": [label(1), label(2)]},
}


def test_a_true_recipe_is_accepted(tmp_path: Path) -> None:
    model = pack(NETWORK, recipe(**TRUE), tmp_path / "model")
    assert (tmp_path / "model" / "card.dcm").exists()
    assert model.card.recipe == recipe(**TRUE)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"input": {"name": "picture"}}, "$.input.name"),
        ({"output": {"name": "scores"}}, "$.output.name"),
        ({"input": {"axis_order": "NCYX"}}, "$.input.axis_order"),
        ({"input": {"axis_order": "NZYXC"}}, "$.input.patch_size"),
        ({"input": {"channels": [{"name": "T1"}, {"name": "T2"}]}}, "$.input.channels"),
        ({"output": {"channels": 4}}, "$.output.channels"),
        ({"output": {"channels": 2, "labels": [label(1)]}}, "$.output.channels"),
        ({"task": "CLASSIFICATION"}, "$.task"),
    ],
)
def test_a_false_one_is_refused(tmp_path: Path, changes: dict[str, Any], place: str) -> None:
    wrong = recipe(
        **{
            key: {**TRUE.get(key, {}), **value} if isinstance(value, dict) else value
            for key, value in {**TRUE, **changes}.items()
        }
    )
    with pytest.raises(RecipeError) as caught:
        pack(NETWORK, wrong, tmp_path / "model")
    assert place in caught.value.found
    assert list(tmp_path.iterdir()) == []


def test_a_patch_that_the_network_cannot_take(tmp_path: Path) -> None:
    wrong = recipe(input={"patch_size": [20, 20, 20]}, output=TRUE["output"])
    with pytest.raises(InputError):
        pack(NETWORK, wrong, tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_a_large_network_is_not_run_and_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A recipe that only a run can refute is accepted; what the network declares still counts."""
    unfit = recipe(input={"patch_size": [20, 20, 20]}, output=TRUE["output"])
    monkeypatch.setattr("IODeepLib.publish.MAX_TRIED_BYTES", 10_000)
    pack(NETWORK, unfit, tmp_path / "model")
    assert "was not tried out: a run takes at least the memory" in caplog.text
    with pytest.raises(RecipeError, match=r"\$\.output\.channels"):
        pack(NETWORK, recipe(), tmp_path / "other")
