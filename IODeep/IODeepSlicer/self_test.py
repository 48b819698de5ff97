"""The whole story in Slicer, on the demonstration data of the library."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Any

import slicer

import IODeepLib
from IODeepSlicer.scene import images, nodes
from IODeepSlicer.scene.record import savingObstacle
from IODeepSlicer.work.runner import State

_DATA = Path(IODeepLib.__file__).parent / "demo_data"
_MOST_SECONDS = 300


class SelfTest:
    """Publish, load, select, run, compare, save, export, load back; and what may go wrong.

    Args:
        case: a unittest case, for its assertions and messages.
        logic: the module's logic.
    """

    def __init__(self, case: Any, logic: Any) -> None:
        self.case, self.logic = case, logic

    def run(self) -> None:
        """All of it, in a database of its own."""
        from DICOMLib import DICOMUtils

        with tempfile.TemporaryDirectory(prefix="IODeep-") as folder:
            database = str(Path(folder, "database"))
            with DICOMUtils.TemporaryDICOMDatabase(database):
                model = self._publish(Path(folder))
                volume = self._load()
                segmentation = self._selectAndRun(volume, model)
                self._measure(segmentation)
                self._leavesOut(volume, model)
                self._save(segmentation)
                self._export(segmentation, Path(folder))
                self._sceneComesBack(Path(folder))
                self._runsOnWhatIsSeen(model)
                self._cancels(model)
        self.case.delayDisplay("Test passed")

    def _publish(self, folder: Path) -> Any:
        from msgspec.structs import replace

        from IODeepLib.codes import region_by_term
        from IODeepLib.errors import ModelError
        from IODeepLib.recipe import read_recipe, recipe_to_json

        self.case.delayDisplay("Networks are published, once and for all")
        network, recipeFile = _DATA / "demo_network.onnx", _DATA / "recipe.json"
        recipe = read_recipe(recipeFile)
        applies = replace(recipe.applies_to, anatomic_regions=(region_by_term("KNEE").code,))
        knee = replace(recipe, name="knee", title="Knee on MR", applies_to=applies)
        other = replace(recipe, title="Something else")
        for one in (knee, other):
            (folder / f"{one.title}.json").write_text(recipe_to_json(one), encoding="utf-8")
        model = self.logic.publish(network, recipeFile)
        self.logic.publish(network, folder / "Knee on MR.json")
        again = self.logic.publish(network, recipeFile)
        self.case.assertEqual(again.card.sop_instance_uid, model.card.sop_instance_uid)
        with self.case.assertRaisesRegex(ModelError, "already in the DICOM database"):
            self.logic.publish(network, folder / "Something else.json")
        found = self.logic.findModels()
        self.case.assertEqual({m.card.title for m in found.models}, {recipe.title, knee.title})
        self.case.assertEqual(found.problems, ())
        return model

    def _load(self) -> slicer.vtkMRMLScalarVolumeNode:
        from IODeepLib.series import find_series

        self.case.delayDisplay("The image is loaded as the Sample Data module does")
        (source,) = slicer.modules.sampleDataSources["IODeep"]
        source.customDownloader(source)
        volume = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
        (series,) = find_series(_DATA / "mr_t1")
        self.case.assertEqual(
            images.seriesOf(volume).series_instance_uid, series.series_instance_uid
        )
        self.case.assertEqual(len(self.logic.findModels().models), 2)
        return volume

    def _selectAndRun(
        self, volume: slicer.vtkMRMLScalarVolumeNode, model: Any
    ) -> slicer.vtkMRMLSegmentationNode:
        import numpy as np

        from IODeepLib.pipeline import run

        self.case.delayDisplay("The fitting model is selected and run")
        selection = self.logic.select(volume)
        self.case.assertEqual(selection.best.model.label, model.label)
        self.case.assertEqual([c.fits for c in selection.candidates], [True, False])
        segmentation = self.logic.run(volume)
        expected = run(images.seriesOf(volume), model)
        labels = {label.name: label for label in expected.segmentation.labels}
        own = images.imageOf(volume).grid
        turn = own.axis_map(expected.volume.grid.orientation)
        for segmentId in segmentation.GetSegmentation().GetSegmentIDs():
            segment = segmentation.GetSegmentation().GetSegment(segmentId)
            mask = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segmentId, volume)
            label = labels.pop(segment.GetName())
            np.testing.assert_array_equal(turn.apply(mask) != 0, expected.segmentation.mask(label))
            entry = slicer.vtkSlicerTerminologyEntry()
            terminologies = slicer.modules.terminologies.logic()
            terminologies.DeserializeTerminologyEntry(nodes.terminologyEntry(label), entry)
            self.case.assertEqual(entry.GetTypeObject().GetCodeMeaning(), label.type.meaning)
            np.testing.assert_allclose(segment.GetColor(), np.array(label.color) / 255)
        self.case.assertEqual(labels, {})
        hierarchy = slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(slicer.mrmlScene)
        parent = hierarchy.GetItemParent(hierarchy.GetItemByDataNode(segmentation))
        self.case.assertEqual(hierarchy.GetItemDataNode(parent), volume)
        return segmentation

    def _measure(self, segmentation: slicer.vtkMRMLSegmentationNode) -> None:
        import numpy as np

        self.case.delayDisplay("The image is measured in each segment")
        volume = nodes.imageNodeOf(segmentation)
        voxels = slicer.util.arrayFromVolume(volume)
        found = self.logic.measure(segmentation).GetTable()
        columns = ["Volume cm3", "Voxel count", "Mean", "Standard deviation"]
        columns += ["Minimum", "Median", "Maximum"]
        for row, segmentId in enumerate(segmentation.GetSegmentation().GetSegmentIDs()):
            mask = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segmentId, volume) != 0
            inside = voxels[mask]
            expected = [inside.size * 0.008, inside.size, inside.mean(), inside.std(ddof=1)]
            expected += [inside.min(), np.median(inside), inside.max()]
            measured = [found.GetValueByName(row, name).ToDouble() for name in columns]
            # Slicer's median comes from a histogram.
            np.testing.assert_allclose(measured, expected, rtol=2e-3)

    def _leavesOut(self, volume: slicer.vtkMRMLScalarVolumeNode, model: Any) -> None:
        import pydicom

        from IODeepLib.errors import UsageError

        self.case.delayDisplay("Only the labels that are wanted")
        with self.case.assertRaisesRegex(UsageError, "no label 'Liver'"):
            self.logic.run(volume, model, labels=["Liver"])
        segmentation = self.logic.run(volume, model, labels=["White Matter"])
        self.case.assertEqual(list(segmentation.GetSegmentation().GetSegmentIDs()), ["IODeep_2"])
        uid, _report = self.logic.saveToDICOM(segmentation)
        seg = pydicom.dcmread(slicer.dicomDatabase.fileForInstance(uid))
        self.case.assertEqual([s.SegmentLabel for s in seg.SegmentSequence], ["White Matter"])
        slicer.mrmlScene.RemoveNode(segmentation)

    def _save(self, segmentation: slicer.vtkMRMLSegmentationNode) -> None:
        import pydicom

        self.case.delayDisplay("The result is saved as DICOM segmentation and report")
        uids = self.logic.saveToDICOM(segmentation)
        seg, report = (pydicom.dcmread(slicer.dicomDatabase.fileForInstance(uid)) for uid in uids)
        series = images.seriesOf(nodes.imageNodeOf(segmentation))
        self.case.assertEqual(seg.StudyInstanceUID, series.study_instance_uid)
        self.case.assertEqual(
            {str(item.SegmentAlgorithmType) for item in seg.SegmentSequence}, {"AUTOMATIC"}
        )
        self.case.assertEqual(report.StudyInstanceUID, series.study_instance_uid)
        self.case.assertIn(
            seg.SOPInstanceUID, str(report.CurrentRequestedProcedureEvidenceSequence)
        )
        self.case.assertEqual(self.logic.saveToDICOM(segmentation), uids)

    def _export(self, segmentation: slicer.vtkMRMLSegmentationNode, folder: Path) -> None:
        self.case.delayDisplay("The same objects are offered for DICOM export")
        plugin = slicer.modules.dicomPlugins["DICOMIODeepPlugin"]()
        hierarchy = slicer.mrmlScene.GetSubjectHierarchyNode()
        image = hierarchy.GetItemByDataNode(nodes.imageNodeOf(segmentation))
        self.case.assertEqual(plugin.examineForExport(image), [])
        exportables = plugin.examineForExport(hierarchy.GetItemByDataNode(segmentation))
        (exportable,) = exportables
        exportable.directory = str(folder / "exported")
        self.case.assertEqual(plugin.export(exportables), "")
        uids = self.logic.saveToDICOM(segmentation)
        exported = {file.stem: file.read_bytes() for file in (folder / "exported").iterdir()}
        saved = {uid: Path(slicer.dicomDatabase.fileForInstance(uid)).read_bytes() for uid in uids}
        self.case.assertEqual(exported, saved)

    def _sceneComesBack(self, folder: Path) -> None:
        import pydicom

        self.case.delayDisplay("The scene is saved and loaded; an edited result is not passed off")
        parameters = self.logic.getParameterNode()
        parameters.modelSource = "somewhere"
        path = str(folder / "scene.mrb")
        self.case.assertTrue(slicer.util.saveScene(path))
        slicer.mrmlScene.Clear()
        slicer.util.loadScene(path)
        self.case.assertEqual(self.logic.getParameterNode().modelSource, "somewhere")
        segmentation = slicer.util.getNodesByClass("vtkMRMLSegmentationNode")[0]
        self.case.assertEqual(savingObstacle(segmentation), "")
        untouched = self.logic.saveToDICOM(segmentation)
        segmentId = segmentation.GetSegmentation().GetNthSegmentID(0)
        volume = nodes.imageNodeOf(segmentation)
        mask = slicer.util.arrayFromSegmentBinaryLabelmap(segmentation, segmentId, volume)
        mask[0, 0, 0] = 1
        slicer.util.updateSegmentBinaryLabelmapFromArray(mask, segmentation, segmentId, volume)
        edited = self.logic.saveToDICOM(segmentation)
        self.case.assertNotEqual(edited, untouched)
        file = slicer.dicomDatabase.fileForInstance(edited[0])
        kinds = [item.SegmentAlgorithmType for item in pydicom.dcmread(file).SegmentSequence]
        self.case.assertEqual(kinds, ["SEMIAUTOMATIC", "AUTOMATIC"])

    def _runsOnWhatIsSeen(self, model: Any) -> None:
        import numpy as np

        from IODeepLib.errors import ImageError

        self.case.delayDisplay("Images that are not from DICOM, and moved ones")
        source = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
        volume = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "not from DICOM")
        volume.CopyOrientation(source)
        slicer.util.updateVolumeFromArray(volume, slicer.util.arrayFromVolume(source).copy())
        transform = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLLinearTransformNode", "moved")
        matrix = np.eye(4)
        matrix[:3, 3] = 10, 20, 30
        transform.SetMatrixTransformToParent(slicer.util.vtkMatrixFromArray(matrix))
        volume.SetAndObserveTransformNodeID(transform.GetID())
        (candidate,) = self.logic.select(volume, [model]).candidates
        unknown = {reason.criterion for reason in candidate.reasons if reason.verdict == "unknown"}
        self.case.assertIn("modality", unknown)
        volume.SetAttribute(images.SAID["Modality"], "MR")
        volume.SetAttribute(images.SAID["BodyPartExamined"], "BRAIN")
        (candidate,) = self.logic.select(volume, [model]).candidates
        unknown = {reason.criterion for reason in candidate.reasons if reason.verdict == "unknown"}
        self.case.assertEqual(unknown, {"channel T1"})
        segmentation = self.logic.run(volume, model)
        self.case.assertEqual(segmentation.GetTransformNodeID(), transform.GetID())
        with self.case.assertRaisesRegex(ImageError, "not from the DICOM database"):
            self.logic.saveToDICOM(segmentation)
        source.SetAndObserveTransformNodeID(transform.GetID())
        moved = self.logic.run(source, model)
        with self.case.assertRaisesRegex(ImageError, "moved"):
            self.logic.saveToDICOM(moved)
        source.SetAndObserveTransformNodeID(None)

    def _cancels(self, model: Any) -> None:
        from IODeepLib.pipeline import Stage

        self.case.delayDisplay("Canceling and closing the scene end the run at once")
        volume = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
        for stop in ("cancel", "close the scene"):
            run = self.logic.start(volume, model)
            until = time.monotonic() + _MOST_SECONDS
            while run.stage != Stage.INFER and time.monotonic() < until:
                self.case.assertEqual(run.poll(), State.RUNNING, run.log)
                slicer.app.processEvents()
            before = time.monotonic()
            run.cancel() if stop == "cancel" else slicer.mrmlScene.Clear()
            self.case.assertLess(time.monotonic() - before, 2)
            self.case.assertEqual(run.poll(), State.CANCELLED)
            if hasattr(os, "killpg"):
                with self.case.assertRaises(ProcessLookupError):
                    os.killpg(run.process_id, 0)
