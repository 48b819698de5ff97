"""What the panel says."""

from __future__ import annotations

from pathlib import Path

import pytest
from IODeepSlicer import card_text
from pydicom.dataset import Dataset

import IODeepLib
from IODeepLib.publish import publish
from IODeepLib.recipe import read_recipe
from IODeepLib.selection import Candidate, select
from IODeepLib.series import VolumeImage, find_series

DEMO = Path(IODeepLib.__file__).parent / "demo_data"


def image(**attributes: str) -> VolumeImage:
    (series,) = find_series(DEMO / "mr_t1")
    header = Dataset()
    for keyword, value in attributes.items():
        setattr(header, keyword, value)
    return VolumeImage(series.volume(), header, "<demo>")


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory):
    recipe = read_recipe(DEMO / "recipe.json")
    model = publish(DEMO / "demo_network.onnx", recipe, tmp_path_factory.mktemp("m") / "demo")

    def judged(**attributes: str) -> Candidate:
        return select(image(**attributes), [model]).candidates[0]

    return judged


@pytest.mark.parametrize(
    ("attributes", "badge"),
    [
        ({"Modality": "MR", "BodyPartExamined": "BRAIN", "SeriesDescription": "T1"}, "fits"),
        ({"Modality": "MR"}, "may fit"),
        ({"Modality": "CT"}, "no fit"),
    ],
)
def test_badges(judge, attributes: dict[str, str], badge: str) -> None:
    assert card_text.fitText(judge(**attributes))[0] == badge


def test_what_speaks_against_a_model_comes_first(judge) -> None:
    candidate = judge(Modality="CT")
    table = card_text.reasonsTable(candidate)
    assert table.index(">no<") < table.index(">not known<") < table.index(">yes<")
    assert "patient sex" not in table  # the model requires nothing there
    assert card_text.whyItDoesNotFit(candidate) == "needs modality MR; the image has CT"


@pytest.mark.parametrize(
    ("licence", "expected"),
    [
        ("MIT", False),
        ("Apache-2.0", False),
        ("CC BY 4.0", False),
        ("CC BY-NC 4.0", True),
        ("cc-by-nc-sa-4.0", True),
        ("For non-commercial use only", True),
        ("Research use only", True),
        ("BSD (NCSA)", False),
    ],
)
def test_licences_that_forbid_commerce_are_told(licence: str, expected: bool) -> None:
    assert card_text.isNonCommercial(licence) is expected


def test_the_model_card_has_what_a_person_should_know(judge) -> None:
    text = card_text.modelCard(judge().model)
    for words in ("Intended use", "Not for", "Licence", "Limitations", "Gray Matter", "0.945"):
        assert words in text


def test_images_say_what_is_not_known() -> None:
    text = card_text.imageText(
        image(Modality="MR", SeriesDescription="<T1>", SeriesInstanceUID="1.2")
    )
    assert "MR" in text and "not known" in text and "96 × 112 × 84" in text
    assert "&lt;T1&gt;" in text
    assert "not from the DICOM database" in card_text.imageText(image())


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (None, ""),
        (2, "a few seconds left"),
        (31, "about 30 s left"),
        (150, "about 2 min left"),
    ],
)
def test_time_left(seconds: float | None, expected: str) -> None:
    assert card_text.timeLeft(seconds) == expected
