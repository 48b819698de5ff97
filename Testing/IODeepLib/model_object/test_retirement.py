"""Models that are not to be used any more."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from judges import standard_errors
from makers.packed_models import make_model, make_network
from makers.recipes import liver_recipe

from IODeepLib.errors import ModelError
from IODeepLib.model_object import Model, write_model
from IODeepLib.model_object.private_dictionary import DICTIONARY, Element, block_of
from IODeepLib.model_object.retirement import write_retirement
from IODeepLib.sources.folder import find_models


@pytest.fixture
def models(tmp_path: Path) -> list[Model]:
    newer = liver_recipe(version="2.0.0")
    old = make_model(tmp_path)
    return [old, write_model(make_network(tmp_path), newer, tmp_path / "packed" / "2")]


@pytest.mark.parametrize("reason", ["", "Verfehlt kleine Läsionen \\ zu groß"])
@pytest.mark.parametrize("replaced", [False, True])
def test_a_retired_model_is_not_offered(models: list[Model], reason: str, replaced: bool) -> None:
    old, new = models
    assert old.card.path is not None
    folder = old.card.path.parent
    notice = folder / "notice.dcm"
    write_retirement(old.card, notice, reason=reason, replacement=new.card if replaced else None)
    catalog = find_models(folder)
    assert [model.label for model in catalog.models] == [new.label]
    [(model, retirement)] = catalog.retired
    assert not catalog.problems
    assert model.label == retirement.label == old.label
    assert (retirement.reason, retirement.replacement) == (reason, new.label if replaced else "")
    what = f"replaced by {new.label}" if replaced else "withdrawn"
    assert str(retirement) == (f"{what}: {reason}" if reason else what)


def test_a_notice_is_a_sound_instance_of_the_same_study(models: list[Model]) -> None:
    card = models[0].card
    assert card.path is not None
    notice = card.path.with_name("notice.dcm")
    write_retirement(card, notice, reason="wrong", replacement=models[1].card)
    assert standard_errors(notice) == []
    dataset, original = pydicom.dcmread(notice), pydicom.dcmread(card.path)
    block = block_of(dataset)
    assert block is not None
    assert {element for element in Element if element in block} == {
        element for element, definition in DICTIONARY.items() if definition.notice
    }
    for keyword in ("StudyInstanceUID", "PatientID", "StudyDate", "SeriesNumber"):
        assert dataset[keyword].value == original[keyword].value
    for keyword in ("SOPInstanceUID", "SeriesInstanceUID", "Modality", "ContentLabel"):
        assert dataset[keyword].value != original[keyword].value


def test_a_reason_of_a_thousand_words(models: list[Model], tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="a reason of 5000 characters"):
        write_retirement(
            models[0].card, tmp_path / "n.dcm", reason="word " * 1000, replacement=None
        )
    assert not (tmp_path / "n.dcm").exists()
