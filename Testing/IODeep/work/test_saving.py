"""From a segmentation node to a DICOM SEG in the database, in Slicer's own core."""

from __future__ import annotations

import json
from pathlib import Path

import highdicom
import numpy as np
import pytest
import slicer
import slicer_application
import vtk
from IODeepSlicer.scene import images, nodes
from IODeepSlicer.scene.record import savingObstacle
from IODeepSlicer.work import saving

from IODeepLib.errors import ImageError, ModelError
from IODeepLib.model_object import Model
from IODeepLib.pipeline import run
from IODeepLib.series import find_series

pytestmark = pytest.mark.usefixtures("scene")


def result_on(
    volume: slicer.vtkMRMLScalarVolumeNode, network: Model
) -> slicer.vtkMRMLSegmentationNode:
    found = run(images.imageOf(volume), network)
    return nodes.createSegmentationNode(volume, network, found.segmentation, found.document())


def masks_in_database(uid: str, study: Path) -> dict[str, np.ndarray]:
    """What highdicom's reader finds on the images that Slicer loaded, by label."""
    seg = highdicom.seg.segread(slicer.dicomDatabase.fileForInstance(uid))
    (series,) = find_series(study)
    assert seg.StudyInstanceUID == series.study_instance_uid
    pixels = seg.get_pixels_by_source_instance(
        list(series.sop_instance_uids), assert_missing_frames_are_empty=True
    )
    return {
        seg.get_segment_description(n).segment_label: pixels[..., i] != 0
        for i, n in enumerate(seg.segment_numbers)
    }


def test_what_is_saved_is_what_is_seen(study: Path, network: Model) -> None:
    volume = slicer_application.load(study)
    segmentation = result_on(volume, network)
    uid, _report = saving.saveToDatabase(segmentation, [network])
    saved = masks_in_database(uid, study)
    (series,) = find_series(study)
    grid = images.imageOf(volume).grid
    turn = grid.axis_map(series.grid.orientation)
    seen = {}
    for _, segment_id in nodes.segmentsByLabelValue(segmentation):
        name = segmentation.GetSegmentation().GetSegment(segment_id).GetName()
        mask = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segment_id, volume)
        seen[name] = turn.apply(mask) != 0
    assert saved.keys() == seen.keys() == {"grey", "white"}
    for name, mask in saved.items():
        np.testing.assert_array_equal(mask, seen[name])
    assert saving.saveToDatabase(segmentation, [network])[0] == uid


def test_a_part_of_the_image_is_saved_where_it_lies(study: Path, network: Model) -> None:
    volume = slicer_application.load(study)
    crop(volume, first=(2, 3, 1), last=(11, 9, 7))
    segmentation = result_on(volume, network)
    uid, _report = saving.saveToDatabase(segmentation, [network])
    seg = highdicom.seg.segread(slicer.dicomDatabase.fileForInstance(uid))
    saved = seg.get_volume(combine_segments=True)
    grid = images.imageOf(volume).grid
    for number, (_, segment_id) in enumerate(nodes.segmentsByLabelValue(segmentation), 1):
        mask = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segment_id, volume)
        seen = grid.point(np.argwhere(mask))
        points = saved.map_indices_to_reference(np.argwhere(saved.array == number))
        assert len(points) == len(seen) > 0
        np.testing.assert_allclose(in_order(points), in_order(seen), atol=1e-3)


def in_order(points: np.ndarray) -> np.ndarray:
    return points[np.lexsort(np.round(points, 2).T)]


def crop(volume: slicer.vtkMRMLScalarVolumeNode, first: tuple, last: tuple) -> None:
    """Keep the voxels from `first` to `last` (i, j, k), in place, as Crop Volume does."""
    i, j, k = (slice(a, b + 1) for a, b in zip(first, last, strict=True))
    voxels = slicer.util.arrayFromVolume(volume)[k, j, i].copy()
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    origin = matrix.MultiplyPoint((*first, 1))[:3]
    slicer.util.updateVolumeFromArray(volume, voxels)
    volume.SetOrigin(*origin)


@pytest.mark.parametrize("step", [1, 0.004], ids=["a millimeter", "a hundredth of a voxel"])
def test_only_what_lies_on_the_images_is_saved(study: Path, network: Model, step: float) -> None:
    volume = slicer_application.load(study)
    origin = np.array(volume.GetOrigin())
    volume.SetOrigin(*(origin + np.array([step, 0, 0])))
    segmentation = result_on(volume, network)
    if step < 0.01:
        assert savingObstacle(segmentation) == ""
        assert saving.saveToDatabase(segmentation, [network])
        return
    with pytest.raises(ImageError, match="was moved, turned or enlarged"):
        saving.saveToDatabase(segmentation, [network])
    assert "Undo the transform" in savingObstacle(segmentation)


def test_what_cannot_be_saved_says_why(study: Path, network: Model) -> None:
    volume = slicer_application.load(study)
    segmentation = result_on(volume, network)
    files = set(Path(slicer.dicomDatabase.databaseDirectory).iterdir())
    with pytest.raises(ModelError, match="is not at hand"):
        saving.saveToDatabase(segmentation, [])
    slicer.dicomDatabase.isOpen = False
    assert "is not from the DICOM database" in savingObstacle(segmentation)
    slicer.dicomDatabase.isOpen = True
    slicer.mrmlScene.RemoveNode(volume)
    assert "image of the result is not in the scene" in savingObstacle(segmentation)
    said = nodes.documentOf(segmentation)
    for key, value in (("left_out", 5), ("provenance", {"name": "x"}), ("missing", None)):
        segmentation.SetAttribute(nodes.DOCUMENT, json.dumps(said | {key: value}))
        assert "does not say all of what made it" in savingObstacle(segmentation)
    foreign = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "by hand")
    assert "was not made by IODeep" in savingObstacle(foreign)
    assert set(Path(slicer.dicomDatabase.databaseDirectory).iterdir()) == files
