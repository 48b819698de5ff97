"""What is no volume of the patient is told from Image Type, SOP class and geometry together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from makers.recipes import recipe
from makers.series import Stack, enhanced, image, save
from pydicom.dataset import Dataset
from pydicom.uid import CTImageStorage

from IODeepLib.errors import ImageError
from IODeepLib.recipe import recipe_parts, requirements_from_json
from IODeepLib.selection import criteria
from IODeepLib.selection.channels import channel_reason
from IODeepLib.selection.criteria import Reason, Verdict
from IODeepLib.selection.facts import Facts
from IODeepLib.series import ImageSeries, find_series

CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
SLICES_2D = {"axis_order": "NCYX"}


def failing(series: ImageSeries, **changes: Any) -> list[Reason]:
    """The criteria of a recipe that a series fails."""
    asked = requirements_from_json(recipe_parts(recipe(**changes))[0])
    facts = Facts(series)
    judged = criteria.reasons(asked, facts)
    filled = [channel_reason(facts, one, asked) for one in asked.channels]
    return [reason for reason in (*judged, *filled) if reason.verdict is Verdict.FAILS]


def refused(series: ImageSeries, words: str) -> None:
    """By selection and where it is read, for the same reason."""
    (reason,) = [r for r in failing(series) if r.criterion == "image"]
    assert words in reason.found and series.refusal == reason.found
    assert series.problems[0] == reason.found
    with pytest.raises(ImageError) as caught:
        series.volume()
    assert words in caught.value.found


def private(group: int, creator: str, element: int, value: Any, vr: str) -> Callable:
    def change(_: int, ds: Dataset) -> None:
        ds.private_block(group, creator, create=True).add_new(element, vr, value)

    return change


@pytest.mark.parametrize(
    ("image_type", "change"),
    [
        (["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"], None),
        (["ORIGINAL", "PRIMARY", "M", "NONE", "VFRAME"], None),
        (["ORIGINAL", "PRIMARY", "VFRAME"], None),
        (["DERIVED", "PRIMARY", "DIFFUSION", "TRACEW", "ND", "MOSAIC"], None),
        (["ORIGINAL", "PRIMARY", "OTHER"], private(0x19, "SIEMENS MR HEADER", 0x0A, 36, "US")),
        (["ORIGINAL", "PRIMARY", "M"], private(0x65, "Image Private Header", 0x50, "48", "DS")),
    ],
)
def test_mosaics(tmp_path: Path, image_type: list[str], change: Callable | None) -> None:
    stack = Stack(common={"ImageType": image_type})
    (series,) = find_series(stack.write(tmp_path, change))
    refused(series, "a mosaic: all slices side by side in one image (ImageType ")


@pytest.mark.parametrize(
    "image_type",
    [
        ["ORIGINAL", "PRIMARY", "LOCALIZER"],
        ["DERIVED", "SECONDARY", "REF_SURVIEW"],
        ["ORIGINAL", "PRIMARY", "SURVIEW"],
        ["DERIVED", "SECONDARY", "OTHER", "CSA", "TOPOGRAM"],
        ["ORIGINAL", "PRIMARY", "AXIAL", "SCOUT"],
        ["DERIVED", "PRIMARY", "LOCALIZER", "CT_SOM5 TOP"],
    ],
)
def test_scouts(tmp_path: Path, image_type: list[str]) -> None:
    (series,) = find_series(Stack(common={"ImageType": image_type}).write(tmp_path))
    assert series.is_localizer
    reasons = failing(series, input=SLICES_2D)
    assert [r.criterion for r in reasons] == ["dimensionality"]
    assert reasons[0].found == "a localizer: " + "\\".join(image_type)


@pytest.mark.parametrize("image_type", [["LOCALIZER", "PRIMARY", "AXIAL"], ["ORIGINAL", "SCOUT"]])
def test_the_first_two_values_name_no_scout(tmp_path: Path, image_type: list[str]) -> None:
    (series,) = find_series(Stack(common={"ImageType": image_type}).write(tmp_path))
    assert not series.is_localizer


@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
@pytest.mark.parametrize("sop_class", [CAPTURE, f"{CAPTURE}.2", f"{CAPTURE}.4"])
@pytest.mark.parametrize("slices", [1, 2])
def test_captures_of_slices(tmp_path: Path, modality: str, sop_class: str, slices: int) -> None:
    common = {"SOPClassUID": sop_class, "Modality": modality}
    stack = Stack(voxels=np.zeros((slices, 6, 7), np.int16), common=common)
    (series,) = find_series(stack.write(tmp_path))
    refused(series, f"a Secondary Capture of modality {modality}, {slices} image")


@pytest.mark.parametrize("modality", ["CT", "MR", "PT"])
def test_a_capture_without_position(tmp_path: Path, modality: str) -> None:
    ds = image(np.zeros((6, 7), np.uint8), SOPClassUID=CAPTURE, Modality=modality)
    save(ds, tmp_path / "one.dcm")
    (series,) = find_series(tmp_path)
    refused(series, "without position and pixel spacing (SOPClassUID 1.2.840.10008.5.1.4.1.1.7,")


def test_a_volume_of_captures_is_read_and_said(tmp_path: Path) -> None:
    stack = Stack(common={"SOPClassUID": CAPTURE})
    (series,) = find_series(stack.write(tmp_path))
    np.testing.assert_array_equal(series.volume().array, stack.voxels)
    assert series.problems == (
        "a Secondary Capture (SOPClassUID): made from other images, or elsewhere",
    )


@pytest.mark.parametrize("modality", ["OT", "US", "XC", "ES", "CR", "NM"])
def test_captures_of_what_are_no_slices(tmp_path: Path, modality: str) -> None:
    ds = image(np.zeros((6, 7), np.uint8), SOPClassUID=CAPTURE, Modality=modality)
    save(ds, tmp_path / "one.dcm")
    (series,) = find_series(tmp_path)
    assert series.refusal is None


@pytest.mark.parametrize("word", ["SCREEN SAVE", "SCREENSHOT", "SCREEN SHOT", "DOSE_INFO"])
def test_pictures_of_screens(tmp_path: Path, word: str) -> None:
    image_type = ["DERIVED", "SECONDARY", word]
    stack = Stack(common={"ImageType": image_type, "SOPClassUID": CTImageStorage})
    (series,) = find_series(stack.write(tmp_path))
    refused(series, "a picture of a screen or of a report (ImageType DERIVED")


PHASES: list[tuple[list[str], dict, Callable | None, str]] = [
    (["ORIGINAL", "PRIMARY", "P", "ND"], {}, None, "phase"),
    (["ORIGINAL", "PRIMARY", "PHASE MAP", "P", "FFE"], {}, None, "phase"),
    (["ORIGINAL", "PRIMARY", "T1", "R", "FFE"], {}, None, "real part"),
    (["ORIGINAL", "PRIMARY", "I"], {}, None, "imaginary part"),
    (["ORIGINAL", "PRIMARY", "VELOCITY MAP", "P", "PCA"], {}, None, "velocity"),
    (["ORIGINAL", "PRIMARY", "T1", "FIELD_MAP"], {}, None, "field map"),
    (["ORIGINAL", "PRIMARY", "FMRI"], {"ComplexImageComponent": "PHASE"}, None, "phase"),
    (["ORIGINAL", "PRIMARY", "OTHER"], {}, private(0x43, "GEMS_PARM_01", 0x2F, 1, "SS"), "phase"),
]


@pytest.mark.parametrize(("image_type", "more", "change", "what"), PHASES)
def test_what_is_no_magnitude(
    tmp_path: Path, image_type: list[str], more: dict, change: Callable | None, what: str
) -> None:
    common = {"ImageType": image_type, "SeriesDescription": "T1w", **more}
    (series,) = find_series(Stack(common=common).write(tmp_path, change))
    assert series.component[0] == what
    for words in ([], ["T1"]):
        channels = [{"name": "image", "words": words}]
        (reason,) = failing(series, input={"channels": channels})
        assert reason.required == "magnitude" and reason.found.startswith(f"{what} (ORIGINAL")
        assert reason.attribute in ("ImageType", "ComplexImageComponent")
    asked = {"keyword": "ImageType", "operator": "contains", "value": image_type[2]}
    channels = [{"name": "image", "attributes": [asked]}]
    assert failing(series, input={"channels": channels}) == []
    assert failing(series, applies_to={"attributes": [asked]}) == []


def test_a_recipe_that_names_phase(tmp_path: Path) -> None:
    common = {"ImageType": ["ORIGINAL", "PRIMARY", "P"], "SeriesDescription": "SWI_Pha_Images"}
    (series,) = find_series(Stack(common=common).write(tmp_path))
    channels = [{"name": "phase", "words": ["Pha"]}]
    assert failing(series, input={"channels": channels}) == []


@pytest.mark.parametrize("value", ["PHASE", "REAL", "IMAGINARY"])
def test_components_of_enhanced_images(tmp_path: Path, value: str) -> None:
    groups = {"MRImageFrameTypeSequence": lambda _: {"ComplexImageComponent": value}}
    save(enhanced(Stack(), range(5), **groups), tmp_path / "one.dcm")
    (series,) = find_series(tmp_path)
    (reason,) = failing(series)
    assert (reason.required, reason.attribute) == ("magnitude", "ComplexImageComponent")


@pytest.mark.parametrize(
    ("image_type", "modality"),
    [
        (["ORIGINAL", "PRIMARY", "M", "ND"], "MR"),
        (["ORIGINAL", "PRIMARY", "M_FFE", "M", "FFE"], "MR"),
        (["ORIGINAL", "PRIMARY", "OTHER"], "MR"),
        (["DERIVED", "PRIMARY", "MPR", "T1", "R"], "MR"),
        (["ORIGINAL", "PRIMARY", "P"], "CT"),
    ],
)
def test_magnitude_and_other_modalities(
    tmp_path: Path, image_type: list[str], modality: str
) -> None:
    common = {"ImageType": image_type, "Modality": modality}
    (series,) = find_series(Stack(common=common).write(tmp_path))
    assert (
        series.component[0] == "" and failing(series, applies_to={"modalities": [modality]}) == []
    )


CORONAL, SAGITTAL = np.array([[1, 0, 0], [0, 0, -1]]), np.array([[0, 1, 0], [0, 0, -1]])


@pytest.mark.parametrize(
    ("directions", "axis_order", "slices", "found"),
    [
        (CORONAL, "NCYX", 1, "AXIAL strips 1 pixel wide, across CORONAL slices"),
        (CORONAL, "NCYX", 2, "AXIAL strips 2 pixels wide, across CORONAL slices"),
        (SAGITTAL, "NCXY", 1, "AXIAL strips 1 pixel wide, across SAGITTAL slices"),
        (np.eye(3)[:2], "NCZX", 1, "CORONAL strips 1 pixel wide, across AXIAL slices"),
        (np.eye(3)[:2], "NCZY", 1, "SAGITTAL strips 1 pixel wide, across AXIAL slices"),
        (CORONAL, "NCZX", 1, ""),
        (np.eye(3)[:2], "NCYX", 1, ""),
        (SAGITTAL, "NCZY", 1, ""),
        (CORONAL, "NCYX", 5, ""),
    ],
)
def test_strips(
    tmp_path: Path, directions: np.ndarray, axis_order: str, slices: int, found: str
) -> None:
    stack = Stack(voxels=np.zeros((slices, 6, 7), np.int16), directions=directions)
    (series,) = find_series(stack.write(tmp_path))
    reasons = failing(series, input={"axis_order": axis_order})
    assert [r.found for r in reasons] == ([found] if found else [])
    assert all(r.attribute == "ImageOrientationPatient" for r in reasons)


@pytest.mark.parametrize("directions", [CORONAL, SAGITTAL, np.eye(3)[:2]])
def test_slices_as_they_were_acquired_are_no_strips(tmp_path: Path, directions: np.ndarray) -> None:
    stack = Stack(voxels=np.zeros((1, 6, 7), np.int16), directions=directions)
    (series,) = find_series(stack.write(tmp_path))
    assert failing(series, input={"axis_order": "NCYX", "orientation": "source"}) == []
