"""What the application adds to slicer-core, for tests: a scene, logics, a DICOM database.

`slicer-core` is Slicer's MRML, segmentations, terminologies, subject hierarchy and `slicer.util`
without Qt. What Slicer does with Qt or CTK has a plain stand-in here; the scripts in
`Testing/application` test the same in Slicer itself.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pydicom
import slicer
import vtk


class Database:
    """Slicer's DICOM database, as far as IODeep asks it: copies of files, and their headers."""

    def __init__(self, folder: Path) -> None:
        self.databaseDirectory = str(folder)
        self.isOpen = True
        self._headers: dict[str, pydicom.Dataset] = {}

    def insert(self, path: str, *_: bool) -> None:
        header = pydicom.dcmread(path, stop_before_pixels=True)
        copy = Path(self.databaseDirectory, f"{header.SOPInstanceUID}.dcm")
        shutil.copyfile(path, copy)
        self._headers[str(copy)] = header

    def _files(self, **wanted: str) -> list[str]:
        return [
            path
            for path, header in self._headers.items()
            if all(header[keyword].value == value for keyword, value in wanted.items())
        ]

    def _values(self, keyword: str, **wanted: str) -> list[str]:
        found = (self._headers[path][keyword].value for path in self._files(**wanted))
        return list(dict.fromkeys(found))

    def patients(self) -> list[str]:
        return self._values("PatientID")

    def fieldForPatient(self, keyword: str, patient: str) -> str:
        return self._values(keyword, PatientID=patient)[0]

    def studiesForPatient(self, patient: str) -> list[str]:
        return self._values("StudyInstanceUID", PatientID=patient)

    def seriesForStudy(self, study: str) -> list[str]:
        return self._values("SeriesInstanceUID", StudyInstanceUID=study)

    def filesForSeries(self, series: str) -> list[str]:
        return self._files(SeriesInstanceUID=series)

    def fileValue(self, file: str, tag: str) -> str:
        element = self._headers[file].get(int(tag.replace(",", ""), 16))
        return "" if element is None else str(element.value)

    def seriesForFile(self, file: str) -> str:
        header = self._headers.get(file)
        return "" if header is None else str(header.SeriesInstanceUID)

    def removeSeries(self, series: str, *_: bool) -> bool:
        for path in self._files(SeriesInstanceUID=series):
            del self._headers[path]
            Path(path).unlink()
        return True

    def removeStudy(self, study: str, *_: bool) -> bool:
        return all(map(self.removeSeries, self.seriesForStudy(study)))

    def fileForInstance(self, uid: str) -> str:
        return next(iter(self._files(SOPInstanceUID=uid)), "")


def start(folder: Path) -> slicer.vtkMRMLScene:
    """Open an empty scene, and a DICOM database in `folder`."""
    scene = slicer.vtkMRMLScene()
    application = slicer.vtkSlicerApplicationLogic()
    application.SetMRMLScene(scene)
    application.GetColorLogic().SetMRMLScene(scene)
    application.GetColorLogic().AddDefaultColorNodes()
    bundles = slicer.vtkMRMLRemoteIOLogic()  # unpacks them
    bundles.SetMRMLScene(scene)
    bundles.GetCacheManager().SetRemoteCacheDirectory(str(folder))
    bundles.AddDataIOToScene()
    logics: dict[str, Any] = {
        "segmentations": slicer.vtkSlicerSegmentationsModuleLogic(),
        "volumes": slicer.vtkSlicerVolumesLogic(),
        "sequences": slicer.vtkSlicerSequencesLogic(),
    }
    for logic in logics.values():
        logic.SetMRMLScene(scene)
        logic.SetMRMLApplicationLogic(application)
    slicer.mrmlScene = scene
    slicer.modules = SimpleNamespace()
    for name, logic in logics.items():
        setattr(slicer.modules, name, SimpleNamespace(logic=lambda logic=logic: logic))
    slicer.dicomDatabase = Database(folder)
    kept = application, bundles
    slicer.app = SimpleNamespace(
        kept=kept,
        processEvents=lambda: None,
        startupEnvironment=lambda: SimpleNamespace(keys=os.environ.keys, value=os.environ.get),
    )
    scene.GetSubjectHierarchyNode()  # makes it
    scene.AddObserver(scene.NodeAddedEvent, _show)
    return scene


@vtk.calldata_type(vtk.VTK_OBJECT)
def _show(scene: slicer.vtkMRMLScene, event: str, node: slicer.vtkMRMLNode) -> None:
    # The application's plugins give these nodes a place in the subject hierarchy.
    if node.IsA("vtkMRMLVolumeNode") or node.IsA("vtkMRMLSegmentationNode"):
        hierarchy = scene.GetSubjectHierarchyNode()
        if not scene.IsImporting():
            hierarchy.CreateItem(hierarchy.GetSceneItemID(), node)


def labels_of(
    node: slicer.vtkMRMLSegmentationNode, volume: slicer.vtkMRMLScalarVolumeNode
) -> dict[int, np.ndarray]:
    """(k, j, i) on the voxels of `volume`, by label value: where each segment of a network is."""
    from IODeepSlicer.scene import nodes

    return {
        value: slicer.util.arrayFromSegmentBinaryLabelmap(node, segment_id, volume) != 0
        for value, segment_id in nodes.segmentsByLabelValue(node)
    }


def insert(folder: Path) -> None:
    """Import the files in `folder`, and below it, into the database."""
    for path in folder.rglob("*"):
        if path.is_file():
            slicer.dicomDatabase.insert(str(path))


def load(folder: Path, *, downwards: bool = False) -> slicer.vtkMRMLScalarVolumeNode:
    """Import the axial series in `folder` and load it, with Slicer's own reader."""
    insert(folder)
    return _loaded(folder.iterdir(), folder.name, downwards=downwards)


def _loaded(
    paths: Iterable[Path], name: str, *, downwards: bool = False
) -> slicer.vtkMRMLScalarVolumeNode:
    headers = {path: pydicom.dcmread(path, stop_before_pixels=True) for path in paths}
    order = sorted(headers, key=lambda path: headers[path].get("ImagePositionPatient", [0] * 3)[2])
    storage = slicer.vtkMRMLVolumeArchetypeStorageNode()
    for path in order:
        storage.AddFileName(str(path))
    storage.SetFileName(str(order[0]))
    storage.SetSingleFile(0)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    assert storage.ReadData(node)
    if downwards:
        _turn_over(node)
        order.reverse()
    uids = " ".join(str(headers[path].SOPInstanceUID) for path in order)
    node.SetAttribute("DICOM.instanceUIDs", uids)
    return node


def _turn_over(node: slicer.vtkMRMLScalarVolumeNode) -> None:
    """Count the slices from the other end; the voxels stay where they are."""
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    ijk_to_ras = slicer.util.arrayFromVTKMatrix(matrix)
    ijk_to_ras[:3, 3] += ijk_to_ras[:3, 2] * (node.GetImageData().GetDimensions()[2] - 1)
    ijk_to_ras[:3, 2] *= -1
    slicer.util.updateVolumeFromArray(node, slicer.util.arrayFromVolume(node)[::-1].copy())
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(ijk_to_ras))


def regularize(node: slicer.vtkMRMLScalarVolumeNode) -> slicer.vtkMRMLGridTransformNode:
    """Show each slice where its header has it, as Slicer's DICOM reader does."""
    uids = node.GetAttribute("DICOM.instanceUIDs").split()
    headers = [
        pydicom.dcmread(slicer.dicomDatabase.fileForInstance(uid), stop_before_pixels=True)
        for uid in uids
    ]
    columns, rows, slices = node.GetImageData().GetDimensions()
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    grid = vtk.vtkImageData()
    grid.SetOrigin(*node.GetOrigin())
    grid.SetDimensions(2, 2, slices)
    across, down, along = node.GetSpacing()
    grid.SetSpacing(across * columns, down * rows, along)
    grid.AllocateScalars(vtk.VTK_DOUBLE, 3)
    bend = slicer.vtkOrientedGridTransform()
    directions = vtk.vtkMatrix4x4()
    node.GetIJKToRASDirectionMatrix(directions)
    bend.SetGridDirectionMatrix(directions)
    bend.SetDisplacementGridData(grid)
    transform = slicer.mrmlScene.AddNewNodeByClass(
        "vtkMRMLGridTransformNode", f"{node.GetName()} acquisition transform"
    )
    transform.SetAndObserveTransformToParent(bend)
    displacements = slicer.util.arrayFromGridTransform(transform)
    for k, header in enumerate(headers):
        position, (row, column) = (
            np.array(header.ImagePositionPatient),
            np.array(header.ImageOrientationPatient).reshape(2, 3),
        )
        for j, i in np.ndindex(2, 2):
            corner = position + row * i * columns * header.PixelSpacing[1]
            corner = corner + column * j * rows * header.PixelSpacing[0]
            shown = matrix.MultiplyPoint((i * columns, j * rows, k, 1))[:3]
            displacements[k, j, i] = corner * (-1, -1, 1) - shown
    slicer.util.arrayFromGridTransformModified(transform)
    node.SetAndObserveTransformNodeID(transform.GetID())
    return transform


def _stand_in(name: str, **content: object) -> None:
    module = ModuleType(f"slicer.{name}")
    vars(module).update(content)
    sys.modules[module.__name__] = module
    setattr(slicer, name, module)


class _Base:
    """A base class of a scripted module; the real ones need Qt."""


_stand_in("i18n", tr=lambda text: text, translate=lambda context, text: text)
_stand_in("parameterNodeWrapper", parameterNodeWrapper=lambda kind: kind, WithinRange=range)
_stand_in(
    "ScriptedLoadableModule",
    ScriptedLoadableModule=_Base,
    ScriptedLoadableModuleWidget=_Base,
    ScriptedLoadableModuleLogic=_Base,
    ScriptedLoadableModuleTest=_Base,
)


def _load_series(uids: list[str]) -> list[str]:
    files = [map(Path, slicer.dicomDatabase.filesForSeries(uid)) for uid in uids]
    return [_loaded(paths, uid).GetID() for paths, uid in zip(files, uids, strict=True)]


class _Plugin:
    """What reads files for Slicer's DICOM browser; the real one asks Qt for its settings."""

    def __init__(self) -> None:
        self.tags = {"seriesDescription": "0008,103E", "seriesInstanceUID": "0020,000E"}


class _Loadable(SimpleNamespace):
    """What a plugin offers to load, with what the real one has from the beginning."""

    def __init__(self) -> None:
        super().__init__(files=[], name="Unknown", tooltip="", warning="", selected=False)
        self.confidence = 0.5


_dicom = ModuleType("DICOMLib")
_dicom.DICOMPlugin, _dicom.DICOMLoadable = _Plugin, _Loadable
_dicom.DICOMUtils = SimpleNamespace(
    importDicom=lambda folder, *_, **__: insert(Path(folder)), loadSeriesByUID=_load_series
)
sys.modules["DICOMLib"] = _dicom
