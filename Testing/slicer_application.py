"""What the application adds to slicer-core, for tests: a scene, logics, a DICOM database.

`slicer-core` is Slicer's MRML, segmentations, terminologies, subject hierarchy and `slicer.util`
without Qt. What Slicer does with Qt or CTK has a plain stand-in here; the scripts in
`Testing/application` test the same in Slicer itself.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

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
    slicer.app = SimpleNamespace(kept=kept, processEvents=lambda: None)
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


def insert(folder: Path) -> None:
    """Import the files in `folder` into the database."""
    for path in folder.iterdir():
        slicer.dicomDatabase.insert(str(path))


def load(folder: Path) -> slicer.vtkMRMLScalarVolumeNode:
    """Import the axial series in `folder` and load it, with Slicer's own reader."""
    headers = {path: pydicom.dcmread(path, stop_before_pixels=True) for path in folder.iterdir()}
    order = sorted(headers, key=lambda path: headers[path].ImagePositionPatient[2])
    storage = slicer.vtkMRMLVolumeArchetypeStorageNode()
    insert(folder)
    for path in order:
        storage.AddFileName(str(path))
    storage.SetFileName(str(order[0]))
    storage.SetSingleFile(0)
    node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", folder.name)
    assert storage.ReadData(node)
    uids = " ".join(str(headers[path].SOPInstanceUID) for path in order)
    node.SetAttribute("DICOM.instanceUIDs", uids)
    return node


def _stand_in(name: str, **content: object) -> None:
    module = ModuleType(f"slicer.{name}")
    vars(module).update(content)
    sys.modules[module.__name__] = module
    setattr(slicer, name, module)


class _Base:
    """A base class of a scripted module; the real ones need Qt."""


_stand_in("i18n", tr=lambda text: text, translate=lambda context, text: text)
_stand_in("parameterNodeWrapper", parameterNodeWrapper=lambda kind: kind)
_stand_in(
    "ScriptedLoadableModule",
    ScriptedLoadableModule=_Base,
    ScriptedLoadableModuleWidget=_Base,
    ScriptedLoadableModuleLogic=_Base,
    ScriptedLoadableModuleTest=_Base,
)

_dicom = ModuleType("DICOMLib")
_dicom.DICOMUtils = SimpleNamespace(importDicom=lambda folder, *_, **__: insert(Path(folder)))
sys.modules["DICOMLib"] = _dicom
