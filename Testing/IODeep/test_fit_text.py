"""Whether and why a model fits, as people read it."""

from __future__ import annotations

import pytest
from IODeepSlicer import fit_text
from makers.demo_image import DEMO, image

from IODeepLib.publish import publish
from IODeepLib.recipe import read_recipe
from IODeepLib.selection import Candidate, select


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
    assert fit_text.badge(judge(**attributes))[0] == badge


def test_what_speaks_against_a_model_comes_first(judge) -> None:
    candidate = judge(Modality="CT")
    table = fit_text.reasonsHtml(candidate)
    assert table.index(">no<") < table.index(">not known<") < table.index(">yes<")
    assert "patient sex" not in table  # the model requires nothing there
    assert fit_text.whyNot(candidate) == (
        "This model does not fit the image: it needs modality MR; the image has CT."
    )
