"""What is measured of a result, fresh and edited, in Slicer's own core and a process beside it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import slicer
import vtk
from IODeepSlicer.scene import images, nodes, segments
from IODeepSlicer.scene.measured import Measured, measuredByRun
from IODeepSlicer.scene.segment_table import columnsOf, tableOf
from IODeepSlicer.work import measuring
from IODeepSlicer.work.waiting import wait
from makers.kidney_and_liver import found_in, image_node
from makers.label_maps import brute_diameters
from makers.packed_models import make_model

from IODeepLib.errors import ImageError, IODeepError
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.measurements import Measurements, measure
from IODeepLib.model_object import Model

if TYPE_CHECKING:
    from IODeep import IODeepLogic

pytestmark = pytest.mark.usefixtures("scene")

DIAMETERS = ("long_axis_mm", "short_axis_mm")

Result = slicer.vtkMRMLSegmentationNode


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return make_model(tmp_path_factory.mktemp("model"))


@pytest.fixture
def volume(scene: object) -> slicer.vtkMRMLScalarVolumeNode:
    return image_node()


@pytest.fixture(params=[False, True], ids=["exclusive", "overlapping"])
def result(
    request: pytest.FixtureRequest, volume: slicer.vtkMRMLScalarVolumeNode, model: Model
) -> Result:
    segmentation = found_in(volume, overlapping=request.param)
    document = {
        "missing": ["spleen"],
        "measurements": by_library(segmentation, volume).as_json(),
        "notes": [],
    }
    return nodes.createSegmentationNode(volume, model, segmentation, document)


def by_library(segmentation: Segmentation, volume: slicer.vtkMRMLScalarVolumeNode) -> Measurements:
    image = images.imageOf(volume)
    return measure(segmentation, image.volume(), image)


def mask_of(result: Result, name: str) -> np.ndarray:
    segment_id = result.GetSegmentation().GetSegmentIdBySegmentName(name)
    volume = nodes.imageNodeOf(result)
    return slicer.util.arrayFromSegmentBinaryLabelmap(result, segment_id, volume)


def edit(result: Result, name: str, where: Any, value: int = 1) -> None:
    segment_id = result.GetSegmentation().GetSegmentIdBySegmentName(name)
    mask = mask_of(result, name)
    mask[where] = value
    volume = nodes.imageNodeOf(result)
    slicer.util.updateSegmentBinaryLabelmapFromArray(mask, result, segment_id, volume)


def anew(result: Result) -> Measured:
    one = measuring.startMeasuring(result)
    wait(one)
    return one.outcome()


def test_a_fresh_result_is_as_its_run_measured_it(result: Result) -> None:
    found = segments.now(result)
    by_run = measuredByRun(result, found)
    assert by_run is not None
    document = nodes.documentOf(result)
    said = {one.pop("label"): one for one in document["measurements"]["segments"]}
    for each in found:
        assert by_run.figures[each.id] == said[each.name]
    assert anew(result) == by_run


def test_an_edited_one_is_measured_anew(logic: IODeepLogic, result: Result) -> None:
    before = logic.measure(result)
    assert before.GetTable().GetColumnByName("By hand") is None
    edit(result, "kidney", (0, 0, slice(0, 2)))
    assert measuredByRun(result, segments.now(result)) is None
    assert logic.measure(result) is before is tableOf(result)
    content, mask = before.GetTable(), mask_of(result, "kidney") != 0
    values = slicer.util.arrayFromVolume(nodes.imageNodeOf(result))[mask]
    long_axis, short_axis = brute_diameters(mask, (2.0, 0.5))
    for name, expected in {
        "Voxel count": 14,
        "Volume cm3": 14 * 3.0 / 1000,
        "Mean": values.mean(),
        "Standard deviation": values.std(ddof=1),
        "Minimum": 0,
        "Median": np.median(values),
        "Maximum": values.max(),
        "Longest axial diameter mm": long_axis,
        "Diameter across mm": short_axis,
    }.items():
        assert content.GetValueByName(0, name).ToDouble() == pytest.approx(expected), name
    assert content.GetValueByName(0, "By hand").ToString() == "edited"
    edit(result, "kidney", (0, 0, slice(0, 2)), 0)
    logic.measure(result)
    assert content.GetValueByName(0, "Voxel count").ToDouble() == 12


def test_an_added_and_an_empty_segment(result: Result) -> None:
    result.GetSegmentation().AddEmptySegment("", "cyst")
    edit(result, "cyst", (slice(0, 2), slice(0, 2), slice(0, 2)))
    edit(result, "liver", slice(None), 0)
    found, measured = segments.now(result), anew(result)
    by_name = {each.name: measured.figures[each.id] for each in found}
    assert {name: figures["voxels"] for name, figures in by_name.items()} == {
        "kidney": 12,
        "liver": 0,
        "cyst": 8,
    }
    assert by_name["liver"]["mean"] is None
    mean = next(each for each in columnsOf(found, measured) if each.name == "Mean")
    assert [value is None for value in mean.values] == [False, True, False]


def test_what_lies_beyond_the_image_is_not_measured(result: Result) -> None:
    inside = anew(result)
    for segment_id in result.GetSegmentation().GetSegmentIDs():
        segment = result.GetSegmentation().GetSegment(segment_id)
        labelmap = segment.GetRepresentation("Binary labelmap")
        geometry, larger = slicer.vtkOrientedImageData(), slicer.vtkOrientedImageData()
        geometry.DeepCopy(labelmap)
        geometry.SetExtent(*(e + (-1, 1)[n % 2] for n, e in enumerate(labelmap.GetExtent())))
        geometry.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
        slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(
            labelmap, geometry, larger
        )
        larger.SetScalarComponentFromDouble(-1, 0, 0, 0, segment.GetLabelValue())
        segment.AddRepresentation("Binary labelmap", larger)
    assert anew(result).figures == inside.figures


def test_without_its_image(result: Result, volume: slicer.vtkMRMLScalarVolumeNode) -> None:
    slicer.mrmlScene.RemoveNode(volume)
    assert measuredByRun(result, segments.now(result)) is not None, "the run measured it"
    with pytest.raises(ImageError, match="is not in the scene"):
        measuring.startMeasuring(result)


def test_segments_that_change_meanwhile(result: Result) -> None:
    one = measuring.startMeasuring(result)
    edit(result, "kidney", (0, 0, 0))
    wait(one)
    with pytest.raises(IODeepError, match="were changed while"):
        one.outcome()


@pytest.mark.parametrize(
    "said",
    [
        None,
        5,
        {"segments": 5},
        {"segments": [5, {"label": 3}]},
        {"unit": 5, "segments": [{"label": "kidney"}]},
    ],
)
def test_a_scene_from_anywhere_says_nothing(result: Result, said: object) -> None:
    document = nodes.documentOf(result)
    result.SetAttribute(nodes.DOCUMENT, json.dumps(document | {"measurements": said}))
    assert measuredByRun(result, segments.now(result)) is None


def test_numbers_of_a_foreign_scene_are_numbers(result: Result) -> None:
    said = [{"label": name, "mean": "<b>", "median": True} for name in ("kidney", "liver")]
    document = nodes.documentOf(result) | {"measurements": {"unit": "<b>x", "segments": said}}
    result.SetAttribute(nodes.DOCUMENT, json.dumps(document))
    measured = measuredByRun(result, segments.now(result))
    assert "<" not in measured.unit
    assert {value for one in measured.figures.values() for value in one.values()} == {None}
