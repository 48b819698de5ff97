"""Which model fits which series, and what is said of it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from makers.recipes import BRAIN, LIVER, recipe
from makers.series import Stack
from pydicom.dataset import Dataset

import IODeepLib
from IODeepLib.errors import ImageError, NoModelFitsError
from IODeepLib.model_object import Model, write_model
from IODeepLib.recipe import Recipe, recipe_parts, requirements_from_json
from IODeepLib.selection import criteria, select
from IODeepLib.selection.criteria import Reason, Verdict
from IODeepLib.selection.facts import Facts
from IODeepLib.selection.ranking import version_precedence
from IODeepLib.series import ImageSeries, find_series

NETWORK = Path(IODeepLib.__file__).parent / "demo_data" / "demo_network.onnx"
LUMBAR = {"value": "122496007", "scheme": "SCT", "meaning": "Lumbar spine"}


@pytest.fixture
def series(tmp_path: Path) -> Callable[..., ImageSeries]:
    """Makes a series with the given attributes."""
    counter = itertools.count()

    def make(
        stack: Stack | None = None,
        change: Callable[[int, Dataset], None] | None = None,
        **attributes: Any,
    ) -> ImageSeries:
        folder = tmp_path / f"series{next(counter)}"
        folder.mkdir()
        stack = stack or Stack()
        stack.common = {"Modality": "MR", **attributes}
        stack.write(folder, change)
        return find_series(folder)[0]

    return make


@pytest.fixture
def model(tmp_path: Path) -> Callable[..., Model]:
    """Packs the demo network under a recipe."""
    counter = itertools.count()

    def make(**changes: Any) -> Model:
        return write_model(NETWORK, recipe(**changes), tmp_path / f"model{next(counter)}")

    return make


def reasons(recipe: Recipe, series: ImageSeries) -> tuple[Reason, ...]:
    return criteria.reasons(requirements_from_json(recipe_parts(recipe)[0]), Facts(series))


def verdict(series: ImageSeries, criterion: str, **applies_to: Any) -> Verdict:
    """What one criterion says."""
    (found,) = (
        reason.verdict
        for reason in reasons(recipe(applies_to=applies_to), series)
        if reason.criterion == criterion
    )
    return found


@pytest.mark.parametrize(
    ("attributes", "criterion", "applies_to", "wanted"),
    [
        ({}, "modality", {"modalities": ["MR", "CT"]}, "fits"),
        ({}, "modality", {"modalities": ["CT"]}, "fails"),
        ({"Modality": ""}, "modality", {"modalities": ["CT"]}, "unknown"),
        ({}, "anatomy", {}, "any"),
        ({}, "anatomy", {"anatomic_regions": [BRAIN]}, "unknown"),
        ({"BodyPartExamined": "BRAIN"}, "anatomy", {"anatomic_regions": [BRAIN]}, "fits"),
        ({"BodyPartExamined": "HEAD"}, "anatomy", {"anatomic_regions": [BRAIN]}, "fits"),
        ({"BodyPartExamined": "KNEE"}, "anatomy", {"anatomic_regions": [BRAIN]}, "fails"),
        ({"BodyPartExamined": "KNEE"}, "anatomy", {"anatomic_regions": [LIVER, BRAIN]}, "fails"),
        ({"ProtocolName": "T1 Schädel sag"}, "anatomy", {"anatomic_regions": [BRAIN]}, "fits"),
        ({"SeriesDescription": "fegato"}, "anatomy", {"anatomic_regions": [BRAIN]}, "fails"),
        ({"SeriesDescription": "fegato"}, "anatomy", {"anatomic_regions": [LIVER]}, "fits"),
        (
            {"StudyDescription": "RM rachis lombaire"},
            "anatomy",
            {"anatomic_regions": [LUMBAR]},
            "fits",
        ),
        (
            {"BodyPartExamined": "KNEE", "StudyDescription": "MRI brain"},
            "anatomy",
            {"anatomic_regions": [BRAIN]},
            "unknown",
        ),
        ({}, "laterality", {"laterality": "R"}, "unknown"),
        ({"Laterality": "R"}, "laterality", {"laterality": "R"}, "fits"),
        ({"Laterality": "L"}, "laterality", {"laterality": "R"}, "fails"),
        ({"SeriesDescription": "Knie links"}, "laterality", {"laterality": "R"}, "fails"),
        ({}, "condition", {"conditions": [BRAIN]}, "unknown"),
        ({}, "pixel spacing", {"pixel_spacing": {"max": 1}}, "fits"),
        ({}, "pixel spacing", {"pixel_spacing": {"max": 0.7}}, "fails"),
        ({}, "slice spacing", {"slice_spacing": {"min": 2, "max": 3}}, "fits"),
        ({}, "slice spacing", {"slice_spacing": {"max": 2}}, "fails"),
        ({}, "slices", {"slices": {"min": 10}}, "fails"),
        ({}, "plane", {"planes": ["AXIAL"]}, "fits"),
        ({}, "plane", {"planes": ["CORONAL", "SAGITTAL"]}, "fails"),
        ({"PatientAge": "018M"}, "patient age", {"patient_age": {"max": 2}}, "fits"),
        ({"PatientAge": "060Y"}, "patient age", {"patient_age": {"max": 18}}, "fails"),
        ({"PatientAge": "old"}, "patient age", {"patient_age": {"max": 18}}, "unknown"),
        ({"PatientSex": "F"}, "patient sex", {"patient_sex": "F"}, "fits"),
        ({"PatientSex": "M"}, "patient sex", {"patient_sex": "F"}, "fails"),
        ({"PatientSex": ""}, "patient sex", {"patient_sex": "F"}, "unknown"),
    ],
)
def test_each_criterion(
    series: Callable[..., ImageSeries],
    attributes: dict[str, Any],
    criterion: str,
    applies_to: dict[str, Any],
    wanted: str,
) -> None:
    assert verdict(series(**attributes), criterion, **applies_to) == wanted


@pytest.mark.parametrize(
    ("operator", "value", "wanted"),
    [
        ("==", 3, "fits"),
        ("==", 1.5, "fails"),
        ("!=", 1.5, "fits"),
        (">=", 3, "fits"),
        (">", 3, "fails"),
        ("<", 7, "fits"),
        ("<=", 1.5, "fails"),
        ("in", [1.5, 3], "fits"),
        ("not in", [1.5, 3], "fails"),
    ],
)
def test_numbers_are_compared_as_numbers(
    series: Callable[..., ImageSeries], operator: str, value: Any, wanted: str
) -> None:
    constraint = {"keyword": "MagneticFieldStrength", "operator": operator, "value": value}
    name = "attribute MagneticFieldStrength"
    assert verdict(series(MagneticFieldStrength="3.0"), name, attributes=[constraint]) == wanted
    assert verdict(series(), name, attributes=[constraint]) == "unknown"


def test_large_whole_numbers_differ_by_one(series: Callable[..., ImageSeries]) -> None:
    constraint = {"keyword": "SeriesNumber", "operator": "==", "value": 1234567}
    name = "attribute SeriesNumber"
    assert verdict(series(SeriesNumber=1234567), name, attributes=[constraint]) == "fits"
    assert verdict(series(SeriesNumber=1234568), name, attributes=[constraint]) == "fails"


def test_text_is_compared_without_case(series: Callable[..., ImageSeries]) -> None:
    image = series(ImageType=["ORIGINAL", "PRIMARY", "M"], SequenceName="*tfl3d1")
    for keyword, operator, value, wanted in [
        ("ImageType", "==", "primary", "fits"),
        ("ImageType", "==", "DERIVED", "fails"),
        ("ImageType", "!=", "DERIVED", "fits"),
        ("SequenceName", "contains", "TFL", "fits"),
        ("SequenceName", "contains", "tse", "fails"),
    ]:
        constraint = {"keyword": keyword, "operator": operator, "value": value}
        assert verdict(image, f"attribute {keyword}", attributes=[constraint]) == wanted


def test_one_slice_is_no_volume(series: Callable[..., ImageSeries]) -> None:
    one = series(Stack(np.zeros((1, 6, 7), np.int16)))
    flat = recipe(input={"axis_order": "NCYX"})
    found = {r.criterion: r.verdict for r in reasons(recipe(), one)}
    assert found["dimensionality"] == "fails"
    assert {r.criterion: r.verdict for r in reasons(flat, one)}["dimensionality"] == "fits"


def test_a_volume_needs_places_in_the_patient(series: Callable[..., ImageSeries]) -> None:
    def unplaced(_: int, dataset: Dataset) -> None:
        del dataset.ImagePositionPatient, dataset.ImageOrientationPatient

    film = series(change=unplaced)
    assert {r.criterion: r.verdict for r in reasons(recipe(), film)}["geometry"] == "fails"
    flat = recipe(input={"axis_order": "NCYX"})
    assert {r.criterion: r.verdict for r in reasons(flat, film)}["geometry"] == "fits"


def test_uneven_slices_fit_once_they_are_corrected(shared_data: Path) -> None:
    (tilted,) = find_series(shared_data / "dicom" / "ct_head_ge_tilt_nonuniform")
    found = {r.criterion: r for r in reasons(recipe(), tilted)}
    assert found["geometry"].verdict is Verdict.FITS
    assert "18.5 degrees" in found["geometry"].found
    assert "corrected by resampling" in found["geometry"].found
    assert found["slice spacing"].found == "4.002 mm"  # the series' own, not the grid's
    assert found["slices"].found == "28"


def test_too_uneven_slices_are_refused_with_the_figures(shared_data: Path) -> None:
    (few,) = find_series(shared_data / "dicom" / "pydicom_dicomdirtests" / "77654033" / "CT2")
    (reason,) = (r for r in reasons(recipe(), few) if r.criterion == "geometry")
    assert reason.verdict is Verdict.FAILS
    assert "1.25 to 202 mm apart" in reason.found


def test_every_reason_says_what_was_required_and_found_and_where(
    series: Callable[..., ImageSeries],
) -> None:
    for reason in reasons(recipe(), series()):
        assert reason.required
        assert reason.found
        assert reason.attribute


def test_the_order_of_models(
    series: Callable[..., ImageSeries], model: Callable[..., Model]
) -> None:
    image = series(BodyPartExamined="BRAIN", PatientAge="040Y")
    head = {"value": "69536005", "scheme": "SCT", "meaning": "Head"}
    models = [
        model(name="anything"),
        model(name="b-brain", applies_to={"anatomic_regions": [BRAIN]}),
        model(name="a-brain", applies_to={"anatomic_regions": [BRAIN]}),
        model(name="a-brain", version="1.10.0", applies_to={"anatomic_regions": [BRAIN]}),
        model(name="a-brain", version="1.9.0", applies_to={"anatomic_regions": [BRAIN]}),
        model(name="head", applies_to={"anatomic_regions": [head]}),
        model(
            name="adult",
            applies_to={"anatomic_regions": [BRAIN], "patient_age": {"min": 18}},
        ),
        model(name="unsure", applies_to={"anatomic_regions": [BRAIN], "patient_sex": "M"}),
        model(name="liver", applies_to={"anatomic_regions": [LIVER]}),
        model(name="ct-liver", applies_to={"modalities": ["CT"], "anatomic_regions": [LIVER]}),
    ]
    wanted = [
        "adult@1.0.0",
        "a-brain@1.10.0",
        "a-brain@1.9.0",
        "a-brain@1.0.0",
        "b-brain@1.0.0",
        "anything@1.0.0",
        "head@1.0.0",
        "unsure@1.0.0",
        "liver@1.0.0",
        "ct-liver@1.0.0",
    ]
    for order in (models, models[::-1], models[3:] + models[:3]):
        selection = select(image, order)
        assert [candidate.model.label for candidate in selection.candidates] == wanted
        assert [c.fits for c in selection.candidates] == [True] * 8 + [False] * 2
        assert selection.best.model.label == "adult@1.0.0"


def test_nothing_fits(series: Callable[..., ImageSeries], model: Callable[..., Model]) -> None:
    selection = select(series(BodyPartExamined="KNEE"), [model(applies_to={"modalities": ["CT"]})])
    assert selection.fitting == ()
    with pytest.raises(NoModelFitsError, match="modality fails: required CT, found MR"):
        _ = selection.best
    with pytest.raises(NoModelFitsError, match="no model to choose from"):
        _ = select(series(), []).best


@pytest.mark.parametrize(
    "fault",
    [
        {"ImageType": ["ORIGINAL", "PRIMARY", "MOSAIC"]},
        {"ImageType": ["DERIVED", "SECONDARY", "SCREEN SAVE"]},
        {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7", "PixelSpacing": None},
        {"TotalPixelMatrixColumns": 100},
        {"PixelData": b"short"},
    ],
    ids=str,
)
def test_a_series_that_cannot_be_read_is_bad_input(
    series: Callable[..., ImageSeries], model: Callable[..., Model], fault: dict[str, Any]
) -> None:
    """Whatever models there are: none could do anything about it."""

    def spoil(_: int, dataset: Dataset) -> None:
        for keyword, value in fault.items():
            setattr(dataset, keyword, value)

    selection = select(series(change=spoil), [model(), model(applies_to={"modalities": ["CT"]})])
    assert selection.fitting == ()
    with pytest.raises(ImageError) as error:
        _ = selection.best
    assert selection.series.refusal and selection.series.refusal in str(error.value)


def test_channels_are_filled_by_their_contrast(
    series: Callable[..., ImageSeries], model: Callable[..., Model]
) -> None:
    first = Stack()
    images = {}
    for name in ("t1_mprage", "t2_tse", "t2_flair", "dwi"):
        stack = Stack()
        stack.study, stack.frame = first.study, first.frame
        images[name] = series(stack, SeriesDescription=name)
    three = model(
        input={
            "channels": [
                {"name": "T1", "words": ["T1"]},
                {"name": "T2", "words": ["T2"]},
                {"name": "FLAIR", "words": ["FLAIR"]},
            ]
        }
    )
    others = list(images.values())
    (candidate,) = select(images["t1_mprage"], [three], others[::-1]).candidates
    assert candidate.fits
    assert [c.description for c in candidate.channels] == ["t1_mprage", "t2_tse", "t2_flair"]

    alone = series(Stack(), SeriesDescription="t1_mprage")
    (candidate,) = select(alone, [three], others).candidates
    assert not candidate.fits, "series of another study are no channels"
    assert candidate.channels == ()


@pytest.mark.parametrize(
    ("attributes", "fits"),
    [
        ({"PatientID": "2"}, False),
        ({"PatientID": ""}, False),
        ({"PatientName": "Roe^Richard"}, False),
        ({"PatientBirthDate": "19800101"}, False),
        ({"IssuerOfPatientID": "Elsewhere"}, False),
        ({"PatientName": "DOE^JANE^^"}, True),
        ({"PatientBirthDate": "1970.01.02"}, True),
        ({"PatientBirthDate": ""}, True),
    ],
)
def test_channels_are_series_of_one_patient(
    series: Callable[..., ImageSeries],
    model: Callable[..., Model],
    attributes: dict[str, str],
    fits: bool,
) -> None:
    common = {"PatientBirthDate": "19700102", "IssuerOfPatientID": "Here"}
    first, second = Stack(), Stack()
    second.study, second.frame = first.study, first.frame
    channels = [{"name": name, "words": [name]} for name in ("T1", "T2")]
    both = [
        series(first, SeriesDescription="T1", **common),
        series(second, SeriesDescription="T2", **common | attributes),
    ]
    (candidate,) = select(both[0], [model(input={"channels": channels})], both).candidates
    assert candidate.fits == fits


def test_versions_are_ordered_as_semver_says() -> None:
    # The example of semver.org, section 11.4
    ordered = [
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0",
        "1.0.1",
        "1.2.0",
        "1.10.0",
        "2.0.0",
    ]
    assert [version_precedence(v) for v in ordered] == sorted(map(version_precedence, ordered))
    assert len({version_precedence(v) for v in ordered}) == len(ordered)
