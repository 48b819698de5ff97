"""Series that the DICOM browser lists beside a card."""

from __future__ import annotations

from pathlib import Path

import pytest
from IODeepSlicer.text.listed_series import ListedSeries, fitting

from IODeepLib.model_object import Card, write_model
from IODeepLib.recipe import read_recipe

DEMO = Path(__file__).resolve().parents[3] / "IODeepLib" / "demo_data"


@pytest.fixture(scope="module")
def card(tmp_path_factory: pytest.TempPathFactory) -> Card:
    folder = tmp_path_factory.mktemp("model") / "packed"
    return write_model(DEMO / "demo_network.onnx", read_recipe(DEMO / "recipe.json"), folder).card


@pytest.mark.parametrize(
    ("series", "fits"),
    [
        (ListedSeries("MR", "t1_mprage", "5", body_part="HEAD"), True),
        (ListedSeries("MR", "localizer"), True),  # it does not say what it shows
        (ListedSeries("MR", "Knee links"), False),
        (ListedSeries("MR", "t1", study_description="MRI brain"), True),
        (ListedSeries("CT", "brain", body_part="BRAIN"), False),
    ],
)
def test_modality_and_anatomy_decide(card: Card, series: ListedSeries, fits: bool) -> None:
    assert fitting(card, [series]) == ([series] if fits else [])
