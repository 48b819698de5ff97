"""Surfaces that a process of its own makes, against those of Slicer's core."""

from __future__ import annotations

import os
import sys
import time
from typing import Any

import numpy as np
import pytest
import slicer
import vtk
from IODeepSlicer.scene import surfaces
from IODeepSlicer.work import surfaces as work
from IODeepSlicer.work.runner import State
from vtk.util.numpy_support import vtk_to_numpy

from IODeepLib.errors import CancelledError

pytestmark = pytest.mark.usefixtures("scene")

MATRIX = np.array([[0, 0.8, 0, 5], [0.7, 0, 0, -3], [0, 0, -2.5, 7], [0, 0, 0, 1.0]])


@pytest.fixture(autouse=True)
def python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work, "slicerPython", lambda: sys.executable)


@pytest.fixture(params=[True, False], ids=["shared", "apart"])
def node(request: pytest.FixtureRequest, scene: object) -> slicer.vtkMRMLSegmentationNode:
    """Three segments, one at the rim, one inside another's hole, one with no voxel."""
    array = np.zeros((9, 20, 24), np.uint8)
    array[:, :6, :5] = 1
    array[2:7, 8:18, 8:20] = 2
    array[4:6, 11:14, 11:15] = 1
    volume = slicer.util.addVolumeFromArray(array, MATRIX)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLSegmentationNode", "result")
    node.CreateDefaultDisplayNodes()
    image = slicer.vtkOrientedImageData()
    image.DeepCopy(volume.GetImageData())
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    image.SetGeometryFromImageToWorldMatrix(matrix)
    for value, name in enumerate(("rim", "shell", "nothing"), 1):
        segment = slicer.vtkSegment()
        segment.SetName(name)
        own = image
        if not request.param:
            own = slicer.vtkOrientedImageData()
            own.DeepCopy(image)
        segment.AddRepresentation("Binary labelmap", own)
        segment.SetLabelValue(value)
        node.GetSegmentation().AddSegment(segment, name)
    node.GetSegmentation().SetConversionParameter("Smoothing factor", "0.3")
    return node


def waited(process: Any) -> Any:
    while process.poll() is State.RUNNING:
        time.sleep(0.02)
    return process.outcome()


def points(surface: vtk.vtkPolyData) -> np.ndarray:
    if surface.GetPoints() is None or surface.GetNumberOfPoints() == 0:
        return np.zeros((0, 3))
    found = vtk_to_numpy(surface.GetPoints().GetData())
    return found[np.lexsort(found.round(3).T)]


def names(surface: vtk.vtkPolyData) -> list[str]:
    data = surface.GetPointData()
    return [data.GetArrayName(i) for i in range(data.GetNumberOfArrays())]


def test_they_are_those_of_the_core(node: slicer.vtkMRMLSegmentationNode) -> None:
    events: list[str] = []
    node.AddObserver(
        slicer.vtkSegmentation.ContainedRepresentationNamesModified,
        lambda caller, event: events.append(event),
    )
    assert not surfaces.hasSurfaces(node)
    stamp = surfaces.voxelStamp(node)
    found = waited(work.startSurfaces(node))
    surfaces.takeSurfaces(node, found)
    assert surfaces.hasSurfaces(node) and events
    assert surfaces.voxelStamp(node) == stamp
    ours = {}
    for segment_id in ("rim", "shell", "nothing"):
        ours[segment_id] = vtk.vtkPolyData()
        ours[segment_id].DeepCopy(
            node.GetSegmentation().GetSegment(segment_id).GetRepresentation("Closed surface")
        )
    assert node.GetDisplayNode().GetPreferredDisplayRepresentationName3D() == "Closed surface"
    node.RemoveClosedSurfaceRepresentation()
    assert node.CreateClosedSurfaceRepresentation()
    for segment_id, surface in ours.items():
        core = node.GetSegmentation().GetSegment(segment_id).GetRepresentation("Closed surface")
        assert surface.GetNumberOfCells() == core.GetNumberOfCells()
        np.testing.assert_allclose(points(surface), points(core), atol=1e-3)
        assert names(surface) == names(core)
    assert points(ours["shell"]).shape[0] > 100 and not len(points(ours["nothing"]))


def test_other_voxels_have_another_stamp(node: slicer.vtkMRMLSegmentationNode) -> None:
    before = surfaces.voxelStamp(node)
    node.GetSegmentation().GetSegment("rim").GetRepresentation("Binary labelmap").Modified()
    assert surfaces.voxelStamp(node) != before


def test_one_that_is_cancelled_changes_nothing(node: slicer.vtkMRMLSegmentationNode) -> None:
    process = work.startSurfaces(node)
    process.cancel()
    with pytest.raises(CancelledError):
        process.outcome()
    assert not surfaces.hasSurfaces(node)


def test_one_that_is_stopped_ends_while_it_is_polled(node: slicer.vtkMRMLSegmentationNode) -> None:
    started, never = work.startSurfaces(node), work.startSurfaces(node)
    started.poll()
    os.killpg(started.process_id, 0)
    for process in (started, never):
        process.stop()
        with pytest.raises(CancelledError):
            waited(process)
        assert not process._folder.exists()
        process.stop()  # and then without effect
    with pytest.raises(ProcessLookupError):
        os.killpg(started.process_id, 0)
    assert never.process_id is None
