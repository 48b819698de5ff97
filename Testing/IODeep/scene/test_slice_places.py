"""Slices that lie unevenly or aslant, as Slicer shows them: run on, saved, and read by others."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
import slicer
import slicer_application
import vtk
from IODeepSlicer.scene import images, nodes, segments
from IODeepSlicer.scene.record import savingObstacle
from IODeepSlicer.scene.segments import Origin
from IODeepSlicer.text.fit_text import reasonsHtml
from IODeepSlicer.text.image_text import imageHtml
from IODeepSlicer.text.plain_text import html
from IODeepSlicer.work import saving
from IODeepSlicer.work.job import Job, readJob, writeJob
from IODeepSlicer.work.measuring import startMeasuring
from IODeepSlicer.work.waiting import wait
from judges import on_grid, read_by_dcmqi
from makers import phantom
from makers.series import Stack
from makers.summing_networks import model_of, sums
from makers.uneven import UNEVEN, uneven

from IODeepLib.geometry.slice_stack import SliceStack
from IODeepLib.model_object import Model
from IODeepLib.pipeline import Options, run
from IODeepLib.results.result import Result
from IODeepLib.selection import Candidate, select
from IODeepLib.series import ImageSeries, VolumeImage, find_series

pytestmark = pytest.mark.usefixtures("scene")

BOTH = pytest.mark.parametrize("downwards", [False, True], ids=["upwards", "downwards"])
KINDS = pytest.mark.parametrize("kind", UNEVEN)


@pytest.fixture(scope="module")
def bright(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Label 1 where the image is above 500."""
    return model_of(
        tmp_path_factory.mktemp("bright"),
        sums([[0], [1]], spatial=3),
        applies_to={"modalities": ["MR", "CT"]},
        input={"intensity": [{"step": "scale_offset", "offset": -500}]},
    )


def loaded(
    tmp_path: Path, kind: str, *, downwards: bool = False
) -> tuple[slicer.vtkMRMLScalarVolumeNode, ImageSeries]:
    (tmp_path / "mr").mkdir()
    series = uneven(tmp_path / "mr", UNEVEN[kind])
    node = slicer_application.load(tmp_path / "mr", downwards=downwards)
    slicer_application.regularize(node)
    return node, series


def in_segment(node: slicer.vtkMRMLSegmentationNode, segment_id: str) -> np.ndarray:
    """(n, 3) LPS mm of the voxels of a segment, where the views show them."""
    labelmap, to_world = slicer.vtkOrientedImageData(), vtk.vtkMatrix4x4()
    assert node.GetBinaryLabelmapRepresentation(segment_id, labelmap)
    assert node.GetParentTransformNode() is None
    labelmap.GetImageToWorldMatrix(to_world)
    first = labelmap.GetExtent()[::2]
    voxels = vtk.util.numpy_support.vtk_to_numpy(labelmap.GetPointData().GetScalars())
    kji = np.argwhere(voxels.reshape(labelmap.GetDimensions()[::-1]) == 1) + first[::-1]
    ras = slicer.util.arrayFromVTKMatrix(to_world) @ np.c_[kji[:, ::-1], np.ones(len(kji))].T
    return ras[:3].T * (-1, -1, 1)


def in_order(points: np.ndarray) -> np.ndarray:
    return points[np.lexsort(np.round(points, 2).T)]


def assert_panel_and_tooltip_agree(image: VolumeImage, candidate: Candidate) -> None:
    """What the panel says of the geometry is what each model's tooltip has, with yes or no."""
    said = html(image.geometry_fault or image.correction)
    assert f"<b>Geometry</b>&nbsp;&nbsp;</td><td>{said}</td>" in imageHtml(image)
    (row,) = (row for row in reasonsHtml(candidate).split("<tr>") if "<td>geometry</td>" in row)
    assert f"<td>{said}</td>" in row
    assert ("<b>yes</b>" in row) == candidate.fits


def found_on(node: slicer.vtkMRMLScalarVolumeNode, model: Model) -> Result:
    return run(images.imageOf(node), model)


def result_on(node: slicer.vtkMRMLScalarVolumeNode, model: Model) -> slicer.vtkMRMLSegmentationNode:
    found = found_on(node, model)
    return nodes.createSegmentationNode(node, model, found.segmentation, found.document())


@KINDS
@BOTH
def test_they_are_read_as_the_command_line_reads_them(
    tmp_path: Path, bright: Model, kind: str, downwards: bool
) -> None:
    node, series = loaded(tmp_path, kind, downwards=downwards)
    image = images.imageOf(node)
    assert image.geometry_fault is None and image.correction == series.correction != ""
    assert isinstance(image.slices, SliceStack) and image.slices.same_as(series.slices)
    assert image.grid.same_as(series.grid) and image.frame_of_reference is not None
    np.testing.assert_array_equal(image.volume().array, series.volume().array)
    (of_image,), (of_series,) = (select(i, [bright]).candidates for i in (image, series))
    assert of_image.fits and of_image.reasons == of_series.reasons
    assert image.problems == series.problems
    assert_panel_and_tooltip_agree(image, of_image)


@KINDS
def test_they_go_whole_to_the_process_that_computes(
    tmp_path: Path, bright: Model, kind: str
) -> None:
    node, series = loaded(tmp_path, kind)
    for _ in writeJob(tmp_path, Job(bright, Options(), [images.imageOf(node)])):
        pass
    (image,) = readJob(tmp_path).images
    assert image.slices.same_as(series.slices) and image.correction == series.correction
    np.testing.assert_array_equal(image.volume().array, series.volume().array)


@KINDS
@BOTH
def test_the_segments_lie_where_they_are_in_the_patient(
    tmp_path: Path, bright: Model, kind: str, downwards: bool
) -> None:
    node, series = loaded(tmp_path, kind, downwards=downwards)
    wanted = run(series, bright)
    result = result_on(node, bright)
    ((_, segment_id),) = nodes.segmentsByLabelValue(result)
    points = wanted.segmentation.grid.point(np.argwhere(wanted.segmentation.array))
    shown = in_segment(result, segment_id)
    np.testing.assert_allclose(in_order(shown), in_order(points), atol=1e-3)
    millilitres = len(shown) * series.grid.voxel_volume / 1000
    assert nodes.documentOf(result)["volumes_ml"] == wanted.document()["volumes_ml"]
    assert millilitres == pytest.approx(sum(wanted.segmentation.volumes().values()))


@KINDS
@BOTH
def test_what_is_saved_is_the_object_of_the_command_line(
    tmp_path: Path, bright: Model, kind: str, downwards: bool
) -> None:
    node, series = loaded(tmp_path, kind, downwards=downwards)
    result = result_on(node, bright)
    assert savingObstacle(result) == ""
    uid, _report = saving.saveToDatabase(result, [bright])
    wanted = run(series, bright)
    assert uid == wanted.seg.sop_instance_uid
    seen = read_by_dcmqi(Path(slicer.dicomDatabase.fileForInstance(uid)), tmp_path / "dcmqi")
    (image,) = seen.values()
    np.testing.assert_array_equal(on_grid(image, series.grid) != 0, wanted.segmentation.array != 0)


@pytest.mark.parametrize("kind", phantom.KINDS)
def test_a_ball_has_its_place_and_its_size(tmp_path: Path, bright: Model, kind: str) -> None:
    """In the views, in the table, and for a reader that is not ours."""
    phantom.write(tmp_path / "ct", kind)
    node = slicer_application.load(tmp_path / "ct")
    if kind != "even and upright":
        slicer_application.regularize(node)
    result = result_on(node, bright)
    ((_, segment_id),) = nodes.segmentsByLabelValue(result)
    shown, voxel = in_segment(result, segment_id), images.imageOf(node).grid.voxel_volume
    uid, _report = saving.saveToDatabase(result, [bright])
    path = Path(slicer.dicomDatabase.fileForInstance(uid))
    (seen,) = read_by_dcmqi(path, tmp_path / "dcmqi").values()
    read = [
        seen.TransformIndexToPhysicalPoint(index.tolist())
        for index in np.argwhere(SimpleITK.GetArrayFromImage(seen))[:, ::-1]
    ]
    (said,) = nodes.documentOf(result)["volumes_ml"].values()
    for points, size in (
        (shown, len(shown) * voxel / 1000),
        (read, len(read) * np.prod(seen.GetSpacing()) / 1000),
        (shown, said),
    ):
        np.testing.assert_allclose(np.mean(points, axis=0), phantom.CENTRE, atol=0.5)
        assert size == pytest.approx(phantom.MILLILITRES, rel=0.04)


TILTS = [kind for kind in phantom.KINDS if "tilted" in kind]
TILTS += [kind for kind in UNEVEN if kind.startswith("tilted") and "missing" not in kind]


@pytest.mark.parametrize("kind", TILTS)
@BOTH
def test_even_slices_that_lie_aslant_need_no_transform(
    tmp_path: Path, bright: Model, kind: str, downwards: bool
) -> None:
    """Slicer's reader gives the volume axes that do, and puts no transform over it."""
    (tmp_path / "ct").mkdir()
    if kind in UNEVEN:
        uneven(tmp_path / "ct", UNEVEN[kind])
    else:
        phantom.write(tmp_path / "ct", kind)
    (series,) = find_series(tmp_path / "ct")
    node = slicer_application.load(tmp_path / "ct", downwards=downwards)
    image = images.imageOf(node)
    assert image.geometry_fault is None and image.correction == series.correction != ""
    np.testing.assert_array_equal(image.volume().array, series.volume().array)
    uid, _report = saving.saveToDatabase(result_on(node, bright), [bright])
    assert uid == run(series, bright).seg.sop_instance_uid
    _moved(node)
    assert "not shown where they lie" in images.imageOf(node).geometry_fault


def test_a_tilted_head_is_run_on_as_on_the_command_line(
    shared_data: Path, tmp_path: Path, bright: Model
) -> None:
    """Tilted by 18.5 degrees, with three slice distances; nobody made it for a test."""
    folder = shared_data / "dicom" / "ct_head_ge_tilt_nonuniform"
    (series,) = find_series(folder)
    node = slicer_application.load(folder)
    slicer_application.regularize(node)
    wanted, result = run(series, bright), result_on(node, bright)
    assert nodes.documentOf(result)["volumes_ml"] == wanted.document()["volumes_ml"]
    uid, _report = saving.saveToDatabase(result, [bright])
    seen = read_by_dcmqi(Path(slicer.dicomDatabase.fileForInstance(uid)), tmp_path / "dcmqi")
    (image,) = seen.values()
    np.testing.assert_array_equal(on_grid(image, series.grid) != 0, wanted.segmentation.array != 0)


def test_the_result_comes_back_with_the_scene(tmp_path: Path, bright: Model) -> None:
    node, _ = loaded(tmp_path, "tilted and one missing")
    uid, _report = saving.saveToDatabase(result_on(node, bright), [bright])
    bundle = str(tmp_path / "scene.mrb")
    assert slicer.mrmlScene.WriteToMRB(bundle)
    slicer.mrmlScene.Clear(0)
    assert slicer.mrmlScene.ReadFromMRB(bundle)
    (result,) = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")
    assert saving.saveToDatabase(result, [bright])[0] == uid


def test_what_was_edited_or_moved_is_not_what_was_found(tmp_path: Path, bright: Model) -> None:
    node, _ = loaded(tmp_path, "tilted")
    result = result_on(node, bright)
    moved = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "moved")
    matrix = np.eye(4)
    matrix[2, 3] = 2.0
    moved.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
    assert [each.origin for each in segments.now(result)] == [Origin.FOUND]
    result.SetAndObserveTransformNodeID(moved.GetID())
    assert [each.origin for each in segments.now(result)] == [Origin.EDITED]
    result.SetAndObserveTransformNodeID(None)
    segmentation = result.GetSegmentation()
    labelmap = segmentation.GetNthSegment(0).GetRepresentation("Binary labelmap")
    voxels = vtk.util.numpy_support.vtk_to_numpy(labelmap.GetPointData().GetScalars())
    voxels[len(voxels) // 2] = 1 - voxels[len(voxels) // 2]
    assert [each.origin for each in segments.now(result)] == [Origin.EDITED]


def _nothing(node: slicer.vtkMRMLScalarVolumeNode) -> None:
    node.SetAndObserveTransformNodeID(None)


def _moved(node: slicer.vtkMRMLScalarVolumeNode) -> None:
    x, y, z = node.GetOrigin()
    node.SetOrigin(x, y, z + 0.1)


def _bent_elsewhere(node: slicer.vtkMRMLScalarVolumeNode) -> None:
    transform = node.GetParentTransformNode()
    slicer.util.arrayFromGridTransform(transform)[2, 1, 0, 1] += 0.5
    slicer.util.arrayFromGridTransformModified(transform)


def _moved_as_a_whole(node: slicer.vtkMRMLScalarVolumeNode) -> None:
    matrix = np.eye(4)
    matrix[1, 3] = 3.0
    above = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "above")
    above.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
    node.GetParentTransformNode().SetAndObserveTransformNodeID(above.GetID())


def _hardened(node: slicer.vtkMRMLScalarVolumeNode) -> None:
    node.HardenTransform()


def _cropped(node: slicer.vtkMRMLScalarVolumeNode) -> None:
    slicer.util.updateVolumeFromArray(node, slicer.util.arrayFromVolume(node)[1:].copy())


def _upright(node: slicer.vtkMRMLScalarVolumeNode) -> None:
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    ijk_to_ras = slicer.util.arrayFromVTKMatrix(matrix)
    ijk_to_ras[:2, 2] = 0
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(ijk_to_ras))
    node.SetAndObserveTransformNodeID(None)


CHANGES = [_nothing, _moved, _bent_elsewhere, _moved_as_a_whole, _hardened, _cropped, _upright]
DISPLACED = [  # even slices that lie aslant are in their places without a transform
    (kind, change)
    for kind in UNEVEN
    for change in CHANGES
    if kind not in TILTS or change not in (_nothing, _hardened)
]


@pytest.mark.parametrize(("kind", "change"), DISPLACED)
def test_slices_that_are_not_in_their_places_are_refused_with_what_helps(
    tmp_path: Path, bright: Model, kind: str, change
) -> None:
    node, series = loaded(tmp_path, kind)
    change(node)
    image = images.imageOf(node)
    assert series.geometry.irregularity in image.geometry_fault
    assert "'Acquisition geometry regularization'" in image.geometry_fault
    assert not any("corrected" in said for said in image.problems)
    (candidate,) = select(image, [bright]).candidates
    assert not candidate.fits
    assert_panel_and_tooltip_agree(image, candidate)


ROUNDED = {
    "positions with one decimal": lambda i, ds: setattr(
        ds, "ImagePositionPatient", [round(float(v), 1) for v in ds.ImagePositionPatient]
    ),
    "positions a hundredth off": lambda i, ds: setattr(
        ds, "ImagePositionPatient", [-10.0, 20.0 + 0.01 * (i % 2), 30.0 + 2.53 * i]
    ),
    "a tilt of less than half a pixel": lambda i, ds: setattr(
        ds, "ImagePositionPatient", [-10.0, 20.0 + 0.05 * i, 30.0 + 2.53 * i]
    ),
    "distances that differ a little": lambda i, ds: setattr(
        ds, "ImagePositionPatient", [-10.0, 20.0, 30.0 + 2.53 * i + 0.05 * (i % 2)]
    ),
    "cosines with four decimals": lambda i, ds: setattr(
        ds, "ImageOrientationPatient", [1.0, 0.0001 * (i % 2), 0, -0.0001 * (i % 2), 1.0, 0]
    ),
}


@pytest.mark.parametrize("name", ROUNDED)
def test_a_series_that_only_its_digits_make_uneven_is_run_on_and_saved(
    tmp_path: Path, bright: Model, name: str
) -> None:
    """Slicer bends an image from a thousandth of a millimeter on; that moves it nowhere."""
    (tmp_path / "mr").mkdir()
    voxels = np.random.default_rng(3).integers(0, 1000, (6, 8, 9)).astype(np.int16)
    Stack(voxels, (2.53, 0.8, 0.7)).write(tmp_path / "mr", ROUNDED[name])
    node = slicer_application.load(tmp_path / "mr")
    slicer_application.regularize(node)
    series, image = images.seriesOf(node), images.imageOf(node)
    assert not series.correction
    assert image.geometry_fault is None and image.grid.same_as(series.grid)
    assert not any("moves the image" in said for said in image.problems)
    result = result_on(node, bright)
    assert result.GetTransformNodeID() == node.GetTransformNodeID()
    wanted = run(series, bright)
    assert saving.saveToDatabase(result, [bright]) == [
        wanted.seg.sop_instance_uid,
        wanted.report.sop_instance_uid,
    ]
    assert (
        json.loads(result.GetAttribute(nodes.DOCUMENT))["volumes_ml"]
        == (wanted.document()["volumes_ml"])
    )


@KINDS
def test_what_is_measured_is_measured_on_the_corrected_voxels(
    tmp_path: Path, bright: Model, kind: str
) -> None:
    node, series = loaded(tmp_path, kind)
    wanted = run(series, bright)
    result = result_on(node, bright)
    (found,) = segments.now(result)
    values = series.volume().array[wanted.segmentation.array != 0]
    assert found.voxels == len(values)
    assert found.milliliters == pytest.approx(sum(wanted.segmentation.volumes().values()))
    measuring = startMeasuring(result)
    wait(measuring)
    (figures,) = measuring.outcome().figures.values()
    (of_command,) = wanted.measurements.segments
    assert figures == of_command.figures()
    assert figures["mean"] == pytest.approx(values.mean())
