"""What the window of models says of each."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from IODeepSlicer.text import holding_text
from makers.packed_models import make_model

from IODeepLib.model_object import Model
from IODeepLib.model_object.model import join


@pytest.fixture
def model(tmp_path: Path) -> Model:
    return make_model(tmp_path, parts=3)


def test_what_is_here_and_what_is_not(model: Model) -> None:
    assert holding_text.state(model, None, None, onServer=False) == "complete"
    card = join(model.card, {})
    assert holding_text.state(card, None, None, onServer=False) == "weights missing"
    assert holding_text.state(card, None, None, onServer=True).startswith("on the server, 0.")
    assert (
        holding_text.size(0) == ""
        and holding_text.size(5000) == "< 0.1 MB"
        and holding_text.size(3 * 2**20) == "3.0 MB"
    )


def test_the_newest_version_of_the_same_model(model: Model) -> None:
    def version(number: str, uid: str = "") -> Model:
        card = replace(model.card, version=number, model_uid=uid or model.card.model_uid)
        return replace(model, card=card)

    others = [version(number) for number in ("1.2.0-rc.1", "1.10.0", "1.9.0")]
    newest = holding_text.newerThan(model, [model, *others, version("9.0.0", "1.2.3")])
    assert newest is others[1]
    assert holding_text.newerThan(newest, [model, *others]) is None
    assert "newer: 1.10.0" in holding_text.state(model, None, newest, onServer=False)
    assert "1.10.0" in holding_text.newerText(newest, missing=False)
    assert "Manage" in holding_text.newerText(newest, missing=True)
