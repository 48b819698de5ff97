"""Whether and why a model fits, as people read it."""

from __future__ import annotations

import dataclasses

import pytest
from IODeepSlicer.text import fit_text
from makers.demo_image import DEMO, image

from IODeepLib.model_object import Model
from IODeepLib.publish import pack
from IODeepLib.recipe import read_recipe
from IODeepLib.selection import Candidate, select


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Model:
    recipe = read_recipe(DEMO / "recipe.json")
    return pack(DEMO / "demo_network.onnx", recipe, tmp_path_factory.mktemp("m") / "demo")


@pytest.fixture(scope="module")
def judge(demo: Model):
    def judged(**attributes: str) -> Candidate:
        return select(image(**attributes), [demo]).candidates[0]

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
    assert fit_text.firstFault(candidate) == (
        "This model does not fit the image: it needs modality MR; the image has CT."
    )


BRAIN = {"Modality": "MR", "BodyPartExamined": "BRAIN", "SeriesDescription": "T1"}


def twin(model: Model, number: int, **changes: object) -> Model:
    """Another model that asks for the same, but for what is changed."""
    uid = f"1.2.{number}"
    card = dataclasses.replace(
        model.card, name=f"twin-{number}", model_uid=uid, sop_instance_uid=uid, **changes
    )
    return dataclasses.replace(model, card=card)


@pytest.mark.parametrize("others", [0, 1, 2, 8])
def test_a_model_is_preselected_only_where_no_other_is_as_good(demo: Model, others: int) -> None:
    selection = select(image(**BRAIN), [demo, *(twin(demo, n) for n in range(others))])
    chosen = fit_text.preselected(selection)
    assert (chosen is None) == (others > 0)
    assert fit_text.tie(selection) == (
        f"{others + 1} models fit this image equally well: choose one of them." if others else ""
    )


def test_versions_of_a_model_are_no_tie(demo: Model) -> None:
    older = dataclasses.replace(
        demo, card=dataclasses.replace(demo.card, version="0.0.1", sop_instance_uid="1.2")
    )
    selection = select(image(**BRAIN), [older, demo])
    assert fit_text.preselected(selection).model is demo
    assert fit_text.tie(selection) == ""


def test_where_none_fits_none_is_preselected(demo: Model) -> None:
    selection = select(image(Modality="CT"), [demo, twin(demo, 1)])
    assert fit_text.preselected(selection) is None
    assert fit_text.tie(selection) == ""
