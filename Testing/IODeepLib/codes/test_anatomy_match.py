"""Codes of body parts, sides and diseases: equal ones first, then the table, and no guess."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command import Answer
from makers import networks
from makers.recipes import BRAIN, LIVER, label, recipe, recipe_json
from makers.series import Stack, enhanced, item, save
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items

from IODeepLib.codes import Code, region_by_code
from IODeepLib.codes.anatomy_match import match
from IODeepLib.recipe import recipe_parts, requirements_from_json
from IODeepLib.recipe.doubts import doubts
from IODeepLib.selection import criteria
from IODeepLib.selection.criteria import Reason
from IODeepLib.selection.facts import Facts
from IODeepLib.series import ImageSeries, find_series

KNEE = {"value": "72696002", "scheme": "SCT", "meaning": "Knee"}
# Codes that the table of body parts does not have.
LACKING = {
    "SNOMED CT": ("361352009", "SCT", "Basal ganglion of a kind"),
    "SNOMED RT": ("T-A9999", "SRT", "Some nucleus"),
    "FMA": ("61817", "FMA", "Hippocampal formation"),
    "RadLex": ("RID6538", "RADLEX", "Temporal pole"),
    "UMLS": ("C0019564", "UMLS", "Hippocampus"),
    "of one's own": ("4711", "99LOCAL", "Plexus"),
    "long": ("9" * 30, "99LOCAL", "Long"),
    "URN": ("urn:oid:1.2.3", "99LOCAL", "By URN"),
}


def code(value: str, scheme: str, meaning: str) -> dict[str, str]:
    """As in a recipe."""
    return {"value": value, "scheme": scheme, "meaning": meaning}


def coded(*codes: dict[str, str], side: dict[str, str] | None = None) -> Items:
    """An Anatomic Region Sequence."""
    regions = [Code(**values).to_dataset() for values in codes]
    if side is not None:
        for region in regions:
            region.AnatomicRegionModifierSequence = [Code(**side).to_dataset()]
    return Items(regions)


@pytest.fixture
def series(tmp_path: Path) -> Callable[..., ImageSeries]:
    """Makes a series with the given attributes."""
    counter = itertools.count()

    def make(**attributes: Any) -> ImageSeries:
        folder = tmp_path / str(next(counter))
        Stack(common={"Modality": "MR", "SeriesDescription": "", **attributes}).write(folder)
        return find_series(folder)[0]

    return make


def judged(criterion: str, series: ImageSeries, **applies_to: Any) -> Reason:
    """What one criterion says."""
    asked = requirements_from_json(recipe_parts(recipe(applies_to=applies_to))[0])
    return next(r for r in criteria.reasons(asked, Facts(series)) if r.criterion == criterion)


def anatomy(series: ImageSeries, *codes: dict[str, str]) -> Reason:
    """What is said of the anatomy."""
    return judged("anatomy", series, anatomic_regions=list(codes))


@pytest.mark.parametrize("values", LACKING.values(), ids=LACKING)
def test_a_code_that_the_table_lacks(
    series: Callable[..., ImageSeries], values: tuple[str, str, str]
) -> None:
    lacking = code(*values)
    assert region_by_code(Code(**lacking)) is None, "or this tests something else"
    same = series(AnatomicRegionSequence=coded(lacking))
    renamed = lacking | {"meaning": "Another name"}
    assert (anatomy(same, renamed).verdict, anatomy(same, renamed).steps) == ("fits", 0)
    assert anatomy(same, BRAIN, renamed).verdict == "fits"
    # Nobody knows where it lies.
    reason = anatomy(same, BRAIN)
    assert reason.verdict == "unknown"
    assert f"the table of body parts does not have {values[2]} ({values[0]}" in reason.found
    assert anatomy(series(BodyPartExamined="KNEE"), lacking).verdict == "unknown"
    assert anatomy(series(BodyPartExamined="KNEE"), lacking, BRAIN).verdict == "unknown"
    assert anatomy(series(AnatomicRegionSequence=coded(KNEE)), lacking).verdict == "unknown"
    # Others may agree with it, and never speak against it.
    brain = series(AnatomicRegionSequence=coded(lacking), BodyPartExamined="BRAIN")
    assert (anatomy(brain, BRAIN).verdict, anatomy(brain, BRAIN).attribute) == (
        "fits",
        "BodyPartExamined",
    )
    assert anatomy(brain, KNEE).verdict == "unknown"
    knee = series(AnatomicRegionSequence=coded(lacking), SeriesDescription="knee sag")
    assert anatomy(knee, BRAIN).verdict == "unknown"
    two = series(AnatomicRegionSequence=coded(KNEE, lacking))
    assert anatomy(two, BRAIN).verdict == "unknown"
    assert anatomy(two, KNEE).verdict == "fits"


@pytest.mark.parametrize(
    ("found", "asked", "verdict", "steps"),
    [
        (("T-A0100", "SRT", "Brain"), BRAIN, "fits", 0),
        (("T-A0100", "SNM3", "Brain"), BRAIN, "fits", 0),
        (("T-A0100", "99SDM", "Brain"), BRAIN, "fits", 0),
        (("T-62000", "SRT", "x"), LIVER, "fits", 0),
        (("12738006", "SCT", "Cerebrum"), BRAIN, "fits", 0),
        (("51185008", "SCT", "Chest"), code("43799004", "SCT", "Thorax"), "fits", 0),
        (("T-D1100", "SRT", "Head"), BRAIN, "fits", 1),
        (("T-62000", "SRT", "Liver"), BRAIN, "fails", 0),
        (("T-62000", "99OTHER", "Liver"), LIVER, "unknown", 0),
        (("12738006", "FMA", "Brain"), BRAIN, "unknown", 0),
    ],
)
def test_schemes(
    series: Callable[..., ImageSeries],
    found: tuple[str, str, str],
    asked: dict[str, str],
    verdict: str,
    steps: int,
) -> None:
    reason = anatomy(series(AnatomicRegionSequence=coded(code(*found))), asked)
    assert (reason.verdict, reason.steps) == (verdict, steps)


def test_match() -> None:
    brain, knee, own = Code(**BRAIN), Code(**KNEE), Code("4711", "99LOCAL", "Plexus")
    assert match([brain, knee], [brain]).strangers == (knee,)
    assert match([own], [own]) == match([own], [own, brain]).__class__(0, (own,), ())
    assert match([knee], [brain]).is_elsewhere
    assert not match([knee], [brain, own]).is_elsewhere
    assert not match([knee, own], [brain]).is_elsewhere
    assert not match([knee, brain], [brain]).is_elsewhere


# What several attributes say.
SAID = {
    "an exam of several parts": ({"StudyDescription": "MRI brain and knee"}, "unknown"),
    "a protocol of several parts": ({"ProtocolName": "BRAIN + C-SPINE"}, "unknown"),
    "a series of several parts": ({"SeriesDescription": "brain and c-spine"}, "fits"),
    "codes of several parts": ({"AnatomicRegionSequence": coded(BRAIN, KNEE)}, "fits"),
    "the series before the protocol": (
        {"SeriesDescription": "knee", "ProtocolName": "brain + knee"},
        "fails",
    ),
    "the series against the body part": (
        {"BodyPartExamined": "BRAIN", "SeriesDescription": "knee sag"},
        "unknown",
    ),
    "the exam beside the body part": (
        {"BodyPartExamined": "BRAIN", "StudyDescription": "knee"},
        "fits",
    ),
    "the body part against the exam": (
        {"BodyPartExamined": "KNEE", "StudyDescription": "MRI brain"},
        "unknown",
    ),
    "a part of it": ({"BodyPartExamined": "HEAD", "SeriesDescription": "brain t1"}, "fits"),
    "a word that is no body part": ({"BodyPartExamined": "DEFAULT"}, "unknown"),
}


@pytest.mark.parametrize(("attributes", "verdict"), SAID.values(), ids=SAID)
def test_what_several_attributes_say(
    series: Callable[..., ImageSeries], attributes: dict[str, Any], verdict: str
) -> None:
    reason = anatomy(series(**attributes), BRAIN)
    assert reason.verdict == verdict, str(reason)
    for keyword in ("BodyPartExamined", "SeriesDescription"):
        if verdict == "unknown" and len(attributes) == 2 and keyword in attributes:
            assert keyword in f"{reason.found} {reason.attribute}"


SIDES = {
    "SCT": (code("24028007", "SCT", "Right"), "R"),
    "SRT": (code("G-A100", "SRT", "Right"), "R"),
    "SNM3": (code("G-A101", "SNM3", "Left"), "L"),
    "bilateral": (code("51440002", "SCT", "Right and left"), "B"),
    "renamed": (code("7771000", "SCT", "links"), "L"),
}


@pytest.mark.parametrize(("side", "letter"), SIDES.values(), ids=SIDES)
def test_sides_by_code(
    series: Callable[..., ImageSeries], side: dict[str, str], letter: str
) -> None:
    image = series(AnatomicRegionSequence=coded(KNEE, side=side))
    for asked in "RLB":
        fits = letter in (asked, "B")
        assert judged("laterality", image, laterality=asked).verdict == (
            "fits" if fits else "fails"
        )
    unknown = series(AnatomicRegionSequence=coded(KNEE, side=code("255549009", "SCT", "Anterior")))
    assert judged("laterality", unknown, laterality="R").verdict == "unknown"


@pytest.mark.parametrize(
    ("attributes", "verdict"),
    [
        ({"Laterality": "L"}, "fails"),
        ({"Laterality": "L", "SeriesDescription": "right knee"}, "unknown"),
        ({"Laterality": "R", "SeriesDescription": "left knee"}, "unknown"),
        ({"Laterality": "R", "StudyDescription": "left knee"}, "fits"),
        ({"SeriesDescription": "both knees"}, "fits"),
        ({"StudyDescription": "both knees"}, "unknown"),
        ({"StudyDescription": "both knees", "SeriesDescription": "left knee"}, "fails"),
        ({"Laterality": "U", "SeriesDescription": "right knee"}, "fits"),
    ],
)
def test_what_several_attributes_say_of_the_side(
    series: Callable[..., ImageSeries], attributes: dict[str, Any], verdict: str
) -> None:
    assert judged("laterality", series(**attributes), laterality="R").verdict == verdict


@pytest.mark.parametrize("values", LACKING.values(), ids=LACKING)
def test_diseases_by_code(series: Callable[..., ImageSeries], values: tuple[str, str, str]) -> None:
    disease = code(*values)
    image = series(AdmittingDiagnosesCodeSequence=coded(disease))
    same = judged("condition", image, conditions=[disease | {"meaning": "renamed"}])
    assert same.verdict == "fits"
    assert judged("condition", image, conditions=[BRAIN]).verdict == "unknown"


@pytest.mark.parametrize("shared", [False, True])
def test_enhanced_images(tmp_path: Path, shared: bool) -> None:
    anatomy_of = {"FrameLaterality": "L", "AnatomicRegionSequence": coded(KNEE)}
    groups = {} if shared else {"FrameAnatomySequence": lambda number: anatomy_of}
    image = enhanced(Stack(), [0, 1, 2, 3, 4], **groups)
    image.SeriesDescription = ""
    if shared:
        first: Dataset = image.SharedFunctionalGroupsSequence[0]
        first.FrameAnatomySequence = [item(**anatomy_of)]
    save(image, tmp_path / "image.dcm")
    (series,) = find_series(tmp_path)
    assert anatomy(series, KNEE).verdict == "fits"
    assert anatomy(series, BRAIN).verdict == "fails"
    assert judged("laterality", series, laterality="L").verdict == "fits"


@pytest.mark.parametrize("values", LACKING.values(), ids=LACKING)
def test_packing_says_what_the_table_lacks(values: tuple[str, str, str]) -> None:
    lacking = code(*values)
    (said,) = doubts(recipe(applies_to={"anatomic_regions": [BRAIN, lacking]}))
    assert said.startswith("$.applies_to.anatomic_regions[1]: the table of body parts does not")
    assert not doubts(recipe(applies_to={"anatomic_regions": [BRAIN, LIVER, KNEE]}))


def test_on_the_command_line(tmp_path: Path, iodeep: Callable[..., Answer]) -> None:
    lacking = code(*LACKING["of one's own"])
    network = networks.save(networks.conv(3, layers=2), tmp_path / "network.onnx")
    applies_to = {"modalities": ["MR"], "anatomic_regions": [lacking]}
    output = {"channels": 16, "labels": [label(1)]}
    whole = recipe_json(applies_to=applies_to, output=output)
    (tmp_path / "recipe.json").write_text(json.dumps(whole))
    models = tmp_path / "models"
    call = ["pack", network, "--recipe", tmp_path / "recipe.json", "--out", models, "--json"]
    packed = iodeep(*call)
    assert packed.status == 0
    (warning,) = json.loads(packed.out)["warnings"]
    assert "the table of body parts does not have Plexus (4711, 99LOCAL)" in warning
    common = {"AnatomicRegionSequence": coded(lacking)}
    images = Stack(common=common).write(tmp_path / "images")
    (document,) = json.loads(iodeep("select", images, "--models", models, "--json").out)
    (reason,) = (r for r in document["candidates"][0]["reasons"] if r["criterion"] == "anatomy")
    assert (reason["verdict"], reason["attribute"]) == ("fits", "AnatomicRegionSequence")
    assert len(json.loads(iodeep("list", models, "--anatomy", "KNEE", "--json").out)["models"]) == 1
