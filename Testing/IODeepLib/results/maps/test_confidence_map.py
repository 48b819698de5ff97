"""The confidence as a DICOM Parametric Map, judged by dciodvfy, dcmqi and highdicom's reader."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import pydicom
import pytest
import SimpleITK
from judges import map_by_dcmqi, standard_errors
from makers.placed_blobs import LAYOUTS, write
from makers.series import Stack, put, save
from makers.summing_networks import model_of, sums

from IODeepLib.geometry import Grid
from IODeepLib.inference.segmentation import CERTAIN
from IODeepLib.pipeline import Options, run
from IODeepLib.results.result import CONFIDENCE_NAME, Result
from IODeepLib.series import find_series

WANTED = Options(confidence=True)
CASES = ["oblique", "tilted by 18.5 degrees", "two distances", "multi-frame", "sagittal"]
SHARED = """
PatientID StudyInstanceUID FrameOfReferenceUID SourceImageSequence SourceInstanceSequence
SoftwareVersions DeviceSerialNumber ContentDate
"""
SAME = 1e-6  # single precision


def model(folder: Path, spatial: int = 3, **changes: Any) -> Any:
    """Sure of what is bright: that a voxel of 0 is nothing to 0.73, that one of 100 is something
    to 0.95.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return model_of(
        folder,
        sums([[0.0], [0.04]], spatial, bias=[0.0, -1.0]),
        applies_to={"modalities": ["CT", "MR"]},
        input={"axis_order": "NCZYX" if spatial == 3 else "NCYX"},
        output={"channels": 2, "activation": "softmax"},
        **changes,
    )


@pytest.fixture(scope="module", params=CASES)
def written(request, tmp_path_factory) -> tuple[Result, Path]:
    folder = tmp_path_factory.mktemp("maps")
    write(LAYOUTS[request.param], folder / "images", SliceThickness="3.2")
    (series,) = find_series(folder / "images")
    result = run(series, model(folder / "model"), WANTED)
    result.save(folder / "out")
    return result, folder / "out" / CONFIDENCE_NAME


def confidence_of(result: Result) -> np.ndarray:
    assert result.segmentation is not None and result.segmentation.confidence is not None
    found = result.segmentation.confidence[0] / CERTAIN
    assert len(np.unique(found)) > 2
    return found


def assert_same(array: np.ndarray, affine: np.ndarray, result: Result) -> None:
    """Every number at its place in millimeters."""
    grid, wanted = result.segmentation.grid, confidence_of(result)
    assert isinstance(grid, Grid) and array.size == wanted.size
    own = Grid(array.shape, affine)
    where = np.argwhere(np.ones(array.shape, bool))
    index = grid.index(own.point(where))
    whole = np.rint(index).astype(int)
    assert np.abs(index - whole).max() < 0.01
    np.testing.assert_allclose(array.ravel(), wanted[tuple(whole.T)], atol=SAME)


def test_the_standard(written) -> None:
    assert standard_errors(written[1]) == []


@pytest.mark.skipif(
    highdicom.__version__.startswith("0.27"), reason="0.27 reads no map in single precision"
)
def test_highdicom_reads_it(written) -> None:
    result, path = written
    volume = highdicom.imread(path).get_volume(apply_real_world_transform=True)
    assert_same(volume.array, volume.affine, result)


def test_dcmqi_reads_it(written, tmp_path: Path) -> None:
    result, path = written
    image, said = map_by_dcmqi(path, tmp_path / "dcmqi")
    affine = np.eye(4)
    directions = np.array(image.GetDirection()).reshape(3, 3)
    affine[:3, :3] = (directions * image.GetSpacing())[:, ::-1]
    affine[:3, 3] = image.GetOrigin()
    assert_same(SimpleITK.GetArrayFromImage(image), affine, result)
    assert said["QuantityValueCode"]["CodeMeaning"] == "Probability"
    assert said["MeasurementUnitsCode"]["CodeValue"] == "1"


def test_it_lies_where_the_segmentation_does_and_says_the_same(written) -> None:
    result, path = written
    found = pydicom.dcmread(path)
    seg = result.seg.dataset
    seg.save_as(path.with_name("again.dcm"))
    seg = pydicom.dcmread(path.with_name("again.dcm"))
    for keyword in SHARED.split():
        assert found[keyword] == seg[keyword], keyword
    assert "Each voxel has the probability" in found.DerivationDescription
    assert found.SeriesNumber == 7007 and found.SeriesInstanceUID != seg.SeriesInstanceUID
    named = [
        item.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        for item in found.PerFrameFunctionalGroupsSequence
        if item.DerivationImageSequence
    ]
    lie_on = result.segmentation.lies_on(result.series.slices)
    assert len(named) == found.NumberOfFrames if lie_on else len(named) < found.NumberOfFrames
    document = result.document()
    assert document["sop_instance_uid_confidence"] == found.SOPInstanceUID


ALONE: dict[str, dict[str, Any]] = {
    "as it is": {},
    "low is bright": {"PhotometricInterpretation": "MONOCHROME1"},
    "one side": {"Laterality": "L", "BodyPartExamined": "KNEE"},
}


def run_on_one(folder: Path, attributes: dict[str, Any], missing: Sequence[str] = ()) -> Result:
    voxels = np.arange(-60, 132, dtype=np.int16).reshape(1, 16, 12)
    image = put(Stack(voxels).image(0), **attributes)
    for keyword in missing:
        delattr(image, keyword)
    save(image, folder / "images" / "one.dcm")
    (series,) = find_series(folder / "images")
    return run(series, model(folder / "model", 2), WANTED)


@pytest.mark.parametrize("missing", [["PixelSpacing"], ["ImagePositionPatient"]])
def test_images_that_lie_nowhere_have_numbers_and_no_map(missing, tmp_path: Path) -> None:
    result = run_on_one(tmp_path, {}, missing)
    files = [path.name for path in result.save(tmp_path / "out")]
    assert CONFIDENCE_NAME not in files and "segmentation.dcm" in files
    document = result.document()
    assert document["sop_instance_uid_confidence"] is None
    assert document["confidence"]["Label 1"]["mean_probability"] > 0.5
    said = [line for line in result.sentences() if "no DICOM map is written" in line]
    assert len(said) == 1 and "does not say where in the patient it lies" in said[0]


@pytest.mark.parametrize("attributes", ALONE.values(), ids=ALONE)
def test_a_single_image(attributes, tmp_path: Path) -> None:
    result = run_on_one(tmp_path, attributes)
    result.save(tmp_path / "out")
    path = tmp_path / "out" / CONFIDENCE_NAME
    assert standard_errors(path) == []
    np.testing.assert_allclose(pydicom.dcmread(path).pixel_array, confidence_of(result)[0])
    anatomy = pydicom.dcmread(path).SharedFunctionalGroupsSequence[0].FrameAnatomySequence[0]
    assert anatomy.FrameLaterality == ("L" if "Laterality" in attributes else "U")
    meaning = anatomy.AnatomicRegionSequence[0].CodeMeaning
    assert meaning == ("Knee" if "Laterality" in attributes else "Body structure")


def without_times(path: Path) -> bytes | dict[str, Any]:
    """The bytes of an object; of `result.json`, which alone says when it was made, the rest."""
    if path.suffix != ".json":
        return path.read_bytes()
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    assert document.pop("started") <= document.pop("ended")
    return document


def test_the_same_run_gives_the_same_bytes_and_none_without(tmp_path: Path) -> None:
    Stack(np.arange(-60, 60, dtype=np.int16).reshape(4, 6, 5)).write(tmp_path / "images")
    (series,) = find_series(tmp_path / "images")
    network = model(tmp_path / "model")
    with_it = [run(series, network, WANTED).save(tmp_path / name) for name in "ab"]
    without = run(series, network).save(tmp_path / "c")
    assert [path.name for path in with_it[0]] != [path.name for path in without]
    for one, other in zip(*with_it, strict=True):
        assert without_times(one) == without_times(other)
    assert not (tmp_path / "c" / CONFIDENCE_NAME).exists()
    seg = "segmentation.dcm"
    assert (tmp_path / "a" / seg).read_bytes() == (tmp_path / "c" / seg).read_bytes()
