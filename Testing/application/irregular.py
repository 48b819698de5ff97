"""Slices that lie aslant or unevenly, in the real Slicer: from its DICOM database, run on with the
panel's buttons, shown, measured, saved, and read back by Slicer's own reader of DICOM SEG.

A ball of known place and size is looked for, on each kind of slices. Needed beside IODeep's own
packages: `onnx`, for the network. Docs/testing.md says how to run this.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import qt
import slicer
import vtk
from DICOMLib import DICOMUtils

_HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(_HERE), str(_HERE.parent)]
import panel  # noqa: E402
from makers import phantom  # noqa: E402
from makers.summing_networks import model_of, sums  # noqa: E402
from panel import contains, find, said  # noqa: E402
from steps import dialogs, finish, picture, step, wait  # noqa: E402

_REAL = _HERE.parents[2] / "shared" / "data" / "dicom" / "ct_head_ge_tilt_nonuniform"
_SETTING = "DICOM/ScalarVolume/AcquisitionGeometryRegularization"
_MILLIMETERS, _PART = 0.6, 0.04  # how far off a center and a volume may be: half a voxel, its rim
_UNEVEN = ("a missing slice", "two distances")  # Slicer shows these alone with a transform
_work = Path(tempfile.mkdtemp(prefix="iodeep-"))


def _load(folder: Path) -> slicer.vtkMRMLScalarVolumeNode:
    from IODeepLib import find_series

    slicer.mrmlScene.Clear()
    DICOMUtils.importDicom(str(folder), slicer.dicomDatabase, copyFiles=True)
    (series,) = find_series(folder)
    nodes = map(slicer.util.getNode, DICOMUtils.loadSeriesByUID([series.series_instance_uid]))
    (volume,) = (node for node in nodes if node.IsA("vtkMRMLScalarVolumeNode"))
    return volume  # the other node, where there is one, is the transform over it


def _run(volume: slicer.vtkMRMLScalarVolumeNode) -> slicer.vtkMRMLSegmentationNode:
    """With the panel: the image is chosen, so is the one model, and Apply is pressed."""
    panel.open_panel()
    find("inputSelector").setCurrentNode(volume)
    wait(0.5)
    contains(panel.apply_and_wait(), "Done")
    return panel.logic().getParameterNode().result


def _measured(node: slicer.vtkMRMLSegmentationNode) -> tuple[np.ndarray, float]:
    """Centre in LPS mm and volume in mL of the first segment, where the views show it."""
    labelmap, to_world = slicer.vtkOrientedImageData(), vtk.vtkMatrix4x4()
    node.GetBinaryLabelmapRepresentation(node.GetSegmentation().GetNthSegmentID(0), labelmap)
    assert node.GetParentTransformNode() is None
    labelmap.GetImageToWorldMatrix(to_world)
    matrix = slicer.util.arrayFromVTKMatrix(to_world)
    voxels = vtk.util.numpy_support.vtk_to_numpy(labelmap.GetPointData().GetScalars())
    kji = np.argwhere(voxels.reshape(labelmap.GetDimensions()[::-1]) != 0)
    first = np.array(labelmap.GetExtent()[::2])
    ras = (kji[:, ::-1] + first) @ matrix[:3, :3].T + matrix[:3, 3]
    volume = len(ras) * abs(np.linalg.det(matrix[:3, :3])) / 1000
    return ras.mean(axis=0) * (-1, -1, 1), volume


def _right(what: str, node: slicer.vtkMRMLSegmentationNode) -> str:
    center, milliliters = _measured(node)
    off = float(np.linalg.norm(center - phantom.CENTRE))
    assert off <= _MILLIMETERS, (what, center, phantom.CENTRE)
    assert abs(milliliters / phantom.MILLILITRES - 1) <= _PART, (what, milliliters)
    return f"{what}: {milliliters:.2f} mL, center {off:.2f} mm off"


def _ball(kind: str) -> str:
    volume = _load(phantom.write(_work / kind, kind))
    bent = volume.GetParentTransformNode()
    result = _run(volume)
    found = [_right("shown", result)]
    image = said("imageLabel")
    assert (bent is not None) == (kind in _UNEVEN)
    if kind != "even and upright":
        geometry = image.split("<b>Geometry</b>&nbsp;&nbsp;</td><td>")[1].split("</td>")[0]
        assert "corrected by resampling" in geometry, image
        tip = find("modelTable").item(0, 0).toolTip()
        assert "<td>geometry</td>" in tip and f"<td>{geometry}</td>" in tip, tip
    (shown,) = panel.figures().values()
    measured = float(shown["Volume [mL]"])
    assert abs(measured / phantom.MILLILITRES - 1) <= _PART, measured
    mean = float(shown["Mean [HU]"])
    assert mean > 0.8 * phantom.BRIGHT, mean
    slicer.util.setSliceViewerLayers(background=volume, fit=True)
    result.CreateClosedSurfaceRepresentation()
    for color in ("Red", "Yellow", "Green"):
        slicer.app.layoutManager().sliceWidget(color).sliceLogic().SetSliceOffset(
            float(np.dot(phantom.CENTRE * (-1, -1, 1), _normal(color)))
        )
    picture(f"irregular_{kind.replace(' ', '_')}")
    contains(panel.save(), "Saved into the image's study")
    found.append(_right("Slicer's reader of the DICOM SEG", _read_back(result)))
    return "; ".join(found)


def _normal(color: str) -> np.ndarray:
    matrix = slicer.app.layoutManager().sliceWidget(color).mrmlSliceNode().GetSliceToRAS()
    return np.array([matrix.GetElement(row, 2) for row in range(3)])


def _read_back(result: slicer.vtkMRMLSegmentationNode) -> slicer.vtkMRMLSegmentationNode:
    """What Slicer's own reader makes of the object that was saved."""
    from IODeepSlicer.scene import segments
    from IODeepSlicer.scene.saved import filesToSend

    file, _report = filesToSend(result, segments.now(result))
    series = slicer.dicomDatabase.seriesForFile(file)
    before = set(slicer.util.getNodesByClass("vtkMRMLSegmentationNode"))
    DICOMUtils.loadSeriesByUID([series])
    (node,) = set(slicer.util.getNodesByClass("vtkMRMLSegmentationNode")) - before
    return node


def _without_regularization(value: str) -> str:
    """Slices that are not shown where they lie are refused, and the panel says what helps."""
    settings = qt.QSettings()
    before = settings.value(_SETTING)
    settings.setValue(_SETTING, value)
    try:
        volume = _load(_work / "two distances")
    finally:
        settings.setValue(_SETTING, before) if before else settings.remove(_SETTING)
    assert volume.GetParentTransformNode() is None
    panel.open_panel()
    find("inputSelector").setCurrentNode(volume)
    wait(0.5)
    text = said("imageLabel")
    assert "'Acquisition geometry regularization'" in qt_plain(text), text
    assert not find("applyButton").enabled
    return contains(said("modelsLabel").splitlines()[0], "None of 1 models fits")


def qt_plain(html: str) -> str:
    """What a person reads of it."""
    document = qt.QTextDocument()
    document.setHtml(html)
    return document.toPlainText()


def _real() -> str:
    """A head, tilted by 18.5 degrees, with three slice distances: as on the command line."""
    from IODeepLib import find_series, run

    if not _REAL.is_dir():
        return "left out: there are no shared data"
    volume = _load(_REAL)
    result = _run(volume)
    (series,) = find_series(_REAL)
    (model,) = panel.logic().findModels().models
    wanted = run(series, model)
    center, milliliters = _measured(result)
    (expected,) = wanted.segmentation.volumes().values()
    points = wanted.segmentation.grid.point(np.argwhere(wanted.segmentation.array))
    assert abs(milliliters - expected) < 1e-3 * expected, (milliliters, expected)
    np.testing.assert_allclose(center, points.mean(axis=0), atol=0.01)
    slicer.util.setSliceViewerLayers(background=volume, fit=True)
    result.CreateClosedSurfaceRepresentation()
    picture("irregular_head")
    panel.save()
    back = _measured(_read_back(result))
    np.testing.assert_allclose(back[0], center, atol=0.05)
    assert abs(back[1] / milliliters - 1) < 1e-3, (back, milliliters)
    return f"{milliliters:.1f} mL, as on the command line and in Slicer's reader of DICOM SEG"


def _steps() -> None:
    actions: dict[str, Callable[[], str]] = {kind: partial(_ball, kind) for kind in phantom.KINDS}
    actions["Not regularized"] = partial(_without_regularization, "none")
    actions["Hardened"] = partial(_without_regularization, "hardenTransform")
    actions["A head"] = _real
    for name, action in actions.items():
        step(name, action)
    step("Dialogs", dialogs)


window = slicer.util.mainWindow()
window.showNormal()
window.resize(1500, 1000)
(_work / "model").mkdir()
model_of(
    _work / "model",
    sums([[0], [1]], spatial=3),
    applies_to={"modalities": ["CT"]},
    input={"intensity": [{"step": "scale_offset", "offset": -phantom.BRIGHT / 2}]},
)
with DICOMUtils.TemporaryDICOMDatabase(str(_work / "database")):
    DICOMUtils.importDicom(str(_work / "model" / "model"), slicer.dicomDatabase, copyFiles=True)
    _steps()
shutil.rmtree(_work, ignore_errors=True)
finish()
