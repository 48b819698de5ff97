"""The IODeep module: choose an image, see which networks fit and why, run one, save what it found.

From the Python console:

    logic = slicer.util.getModuleLogic("IODeep")
    volume = slicer.util.getNode("MRHead")
    selection = logic.select(volume, logic.findModels("/path/to/models").models)
    segmentation = logic.run(volume, selection.best.model)
    logic.saveToDICOM(segmentation)

Docs/user-guide.md has more.
"""

from __future__ import annotations

import logging
from typing import Union

import slicer
import vtk
from IODeepSlicer.runner import Run, State
from IODeepSlicer.sample_data import registerSampleData
from IODeepSlicer.waiting import wait
from IODeepSlicer.worker_process import slicerPython
from slicer import (
    vtkMRMLScalarVolumeNode,
    vtkMRMLSegmentationNode,
    vtkMRMLTableNode,
    vtkMRMLTransformableNode,
    vtkMRMLVolumeNode,
)
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin


class IODeep(ScriptedLoadableModule):
    """What Slicer knows of the module before it is opened."""

    def __init__(self, parent) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = "IODeep"
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        self.parent.dependencies = ["Segmentations", "SubjectHierarchy", "Terminologies"]
        self.parent.contributors = ["The IODeep developers"]
        self.parent.helpText = _(
            "Trained networks that live in the PACS, next to the images they read: for an image, "
            "the networks that fit are shown with the reasons, run, and their result is saved as "
            "DICOM segmentation in the same study. Research software: not a medical device."
        )
        self.parent.acknowledgementText = _(
            "After Contino, Cruciata, Gambino and Pirrone, IODeep: an IOD for the introduction of "
            "deep learning in the DICOM standard, Comput. Methods Programs Biomed. 248 (2024) "
            "108113."
        )
        slicer.app.connect("startupCompleted()", registerSampleData)


@parameterNodeWrapper
class IODeepParameterNode:
    """The choices of the panel, kept in the scene.

    inputVolume - the image to look in.
    modelSource - where models are looked for beside the DICOM database: a folder or a server.
    cardSopInstanceUID - which model is chosen; empty for the best one.
    showUnfitting - whether models that do not fit are shown as well.
    processorOnly - whether a graphics card is left alone.
    threads - how many threads the network computes with; 0: as many as there are cores.
    leftOut - names of the labels that are not kept, for each card that they belong to.
    result - what was found: a segmentation, or a table of values.
    """

    inputVolume: vtkMRMLScalarVolumeNode
    modelSource: str
    cardSopInstanceUID: str
    showUnfitting: bool = False
    processorOnly: bool = False
    threads: int = 0
    leftOut: dict[str, list[str]]
    result: Union[vtkMRMLSegmentationNode, vtkMRMLTableNode, None]  # noqa: UP007  as Slicer reads it


class IODeepWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel; what it shows and does is in `IODeepSlicer.panel`."""

    _VOLUME_EVENTS = (
        vtkMRMLVolumeNode.ImageDataModifiedEvent,
        vtkMRMLTransformableNode.TransformModifiedEvent,
    )

    def __init__(self, parent=None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self.panel = None
        self.publishing = None
        self._parameterNode = None
        self._guiTag = None
        self._observedVolume = None

    def setup(self) -> None:
        """Called once, when the module is opened for the first time."""
        import qt
        from IODeepSlicer.panel import Panel
        from IODeepSlicer.publish_section import PublishSection

        ScriptedLoadableModuleWidget.setup(self)
        # Otherwise the longest text that was ever shown says how narrow the panel may be.
        self.parent.setSizePolicy(qt.QSizePolicy.Preferred, qt.QSizePolicy.Preferred)
        self.logic = IODeepLogic()
        self.panel = Panel(self.layout, self.logic)
        self.publishing = PublishSection(self.chooseModel)
        self.layout.addWidget(self.publishing.root)
        self.layout.addStretch(1)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self._onStartClose)
        for event in (slicer.mrmlScene.EndCloseEvent, slicer.mrmlScene.EndImportEvent):
            self.addObserver(slicer.mrmlScene, event, self._onOtherScene)
        self._setParameterNode(self.logic.getParameterNode())

    def enter(self) -> None:
        """Called whenever the module is opened."""
        self._setParameterNode(self.logic.getParameterNode())
        self.panel.enter()

    def exit(self) -> None:
        """Called whenever another module is opened: the choices stay, the display rests."""
        self._setParameterNode(None)

    def cleanup(self) -> None:
        """Called when Slicer quits or the module is reloaded."""
        if self.logic is not None:
            self._setParameterNode(None)
            self.panel.cleanup()
            self.publishing.cleanup()
            self.logic.cleanup()
        self.removeObservers()

    def chooseModel(self, cardSopInstanceUID: str) -> None:
        """Choose the model with this card, whether it fits the image or not."""
        self._setParameterNode(self.logic.getParameterNode())
        self.panel.chooseModel(cardSopInstanceUID)

    def _onStartClose(self, caller=None, event=None) -> None:
        self.panel.cancel()
        self._setParameterNode(None)

    def _onOtherScene(self, caller=None, event=None) -> None:
        if self.parent.isEntered:
            self._setParameterNode(self.logic.getParameterNode())
            self.panel.refresh()

    def _setParameterNode(self, parameterNode: IODeepParameterNode | None) -> None:
        if self._parameterNode is not None:
            self._parameterNode.disconnectGui(self._guiTag)
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self._onModified)
        self._parameterNode = parameterNode
        self.panel.parameters = parameterNode
        if parameterNode is not None:
            self._guiTag = parameterNode.connectGui(self.parent)
            self.addObserver(parameterNode, vtk.vtkCommand.ModifiedEvent, self._onModified)
            if parameterNode.inputVolume is None:
                parameterNode.inputVolume = slicer.mrmlScene.GetFirstNodeByClass(
                    "vtkMRMLScalarVolumeNode"
                )
        self._onModified()

    def _onModified(self, caller=None, event=None) -> None:
        volume = self._parameterNode.inputVolume if self._parameterNode is not None else None
        if volume is not self._observedVolume:
            for event in self._VOLUME_EVENTS:
                if self._observedVolume is not None:
                    self.removeObserver(self._observedVolume, event, self._onVolumeModified)
                if volume is not None:
                    self.addObserver(volume, event, self._onVolumeModified)
            self._observedVolume = volume
        self.panel.update()

    def _onVolumeModified(self, caller=None, event=None) -> None:
        self.panel.imageChanged()


class IODeepLogic(ScriptedLoadableModuleLogic, VTKObservationMixin):
    """Everything that the module does, for scripts as well: it raises, and opens no dialog."""

    def __init__(self) -> None:
        ScriptedLoadableModuleLogic.__init__(self)
        VTKObservationMixin.__init__(self)
        self._runs: list[Run] = []
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self._onStartClose)

    def getParameterNode(self) -> IODeepParameterNode:
        """The choices of the panel."""
        return IODeepParameterNode(super().getParameterNode())

    def findModels(self, source=None):
        """The models in the DICOM database and, if one is given, in one more source.

        :param source: a folder, with those below it; or a server, by its name in iodeep.toml or in
            Slicer's DICOM module or its address (see Docs/pacs.md), from which only cards are
            fetched.
        :return: an object with `models`, `sources`, `problems` and `retired`.
        """
        from IODeepSlicer.models import findModels
        from IODeepSlicer.servers import isServer

        if not source or not isServer(source):
            return findModels(source)
        listing = self.startListing(source)
        wait(listing)
        return findModels(cards=listing.outcome())

    def startListing(self, server: str):
        """Ask a server for its models in a process of its own, and return at once.

        Poll it until it is over; its outcome are the files of the cards, and of the notices that
        some are retired.
        """
        from IODeepSlicer.listing import Listing
        from IODeepSlicer.requirements import checkRequirements
        from IODeepSlicer.servers import addressOf, neededFor

        checkRequirements(neededFor(server))
        return Listing(slicerPython(), addressOf(server))

    def select(self, volumeNode: vtkMRMLScalarVolumeNode, models=None):
        """Rank models by how they fit the image, each with its reasons.

        :param models: those to choose from; None for those in the DICOM database.
        :return: IODeepLib.selection.Selection; its `best` raises where no model fits.
        """
        from IODeepSlicer import nodes

        from IODeepLib.selection import select

        models = self.findModels().models if models is None else models
        others = [nodes.imageOf(node) for node in nodes.otherVolumes(volumeNode)]
        return select(nodes.imageOf(volumeNode), models, others)

    def start(
        self,
        volumeNode: vtkMRMLScalarVolumeNode,
        model,
        device="auto",
        threads=None,
        labels=None,
        source=None,
    ) -> Run:
        """Start a model on the image in a process of its own, and return at once.

        Poll the run until it is over, then give its outcome to `createResult`. The first polls
        hand over the image, which must not change until then.

        :param device: "auto", or the name of an ONNX Runtime execution provider, such as "cpu".
        :param threads: how many threads the network computes with; None for one a core.
        :param labels: names of the labels to keep; None for all.
        :param source: the server from which weights are fetched that are not on this machine.
        """
        from IODeepSlicer.requirements import checkRequirements
        from IODeepSlicer.servers import neededFor
        from IODeepSlicer.starting import startRun

        from IODeepLib.pipeline import Options, labels_left_out

        checkRequirements(neededFor(source) if source else ())
        labels = None if labels is None else tuple(labels)
        labels_left_out(model, labels)  # raises at once, not in the process
        options = Options(provider=device, threads=threads, labels=labels)
        run = startRun(volumeNode, self.select(volumeNode, [model]), model, options, source)
        self._runs = [r for r in self._runs if r.poll() is State.RUNNING] + [run]
        return run

    def createResult(self, volumeNode: vtkMRMLScalarVolumeNode, model, outcome):
        """The node of an outcome, below the image in the hierarchy.

        :return: a segmentation node on the image's grid; a table node of values, if the network
            judges the image as a whole.
        """
        from IODeepSlicer import nodes
        from IODeepSlicer.value_table import createValueTable

        from IODeepLib.segmentation import Segmentation

        isSegmentation = isinstance(outcome.found, Segmentation)
        create = nodes.createSegmentationNode if isSegmentation else createValueTable
        return create(volumeNode, model, outcome.found, outcome.document)

    def run(
        self,
        volumeNode: vtkMRMLScalarVolumeNode,
        model=None,
        device="auto",
        threads=None,
        labels=None,
        source=None,
    ):
        """Run a model on the image and wait for its result, see `createResult`.

        :param model: None for the best one in the DICOM database.
        """
        model = self.select(volumeNode).best.model if model is None else model
        run = self.start(volumeNode, model, device, threads, labels, source)
        wait(run)
        return self.createResult(volumeNode, model, run.outcome())

    def measure(self, segmentationNode: vtkMRMLSegmentationNode):
        """Measure the image in each segment, as the module Segment Statistics does.

        :return: a table node below the segmentation: volume, number of voxels, mean, standard
            deviation, minimum, median and maximum of each segment.
        """
        from IODeepSlicer.segment_table import createSegmentTable

        return createSegmentTable(segmentationNode)

    def saveToDICOM(self, segmentationNode: vtkMRMLSegmentationNode, models=None) -> str:
        """Save a segmentation of IODeep as DICOM SEG into the DICOM database, in the same study.

        :param models: where the one that made it is looked for; None for the DICOM database.
        :return: its SOP Instance UID.
        """
        from IODeepSlicer.saving import saveToDatabase

        models = self.findModels().models if models is None else models
        return saveToDatabase(segmentationNode, models)

    def startSending(self, segmentationNode: vtkMRMLSegmentationNode, server):
        """Send what was saved of a segmentation to a server, and return at once.

        Poll it until it is over; its outcome are the files that the server did not have before.
        What could not be sent waits in the outbox, and goes with what is sent there next.
        """
        from IODeepSlicer.requirements import checkRequirements
        from IODeepSlicer.saving import filesToSend
        from IODeepSlicer.sending import Sending
        from IODeepSlicer.servers import addressOf, neededFor

        checkRequirements(neededFor(server))
        return Sending(slicerPython(), filesToSend(segmentationNode), addressOf(server))

    def send(self, segmentationNode: vtkMRMLSegmentationNode, server) -> bool:
        """Send what was saved of a segmentation to a server, and wait until it has it.

        :param server: its name in iodeep.toml or in Slicer's DICOM module, or its address.
        :return: whether the server did not have it before.
        """
        sending = self.startSending(segmentationNode, server)
        wait(sending)
        return bool(sending.outcome())

    def publish(self, onnxFile, recipeFile):
        """Write a network as card and weights into the DICOM database, once it is tried out.

        :return: the model; the one that is there already, if it is the very same.
        """
        from IODeepSlicer.publishing import finishPacking, startPacking

        packing = startPacking(onnxFile, recipeFile)
        wait(packing)
        return finishPacking(packing)

    def cancelAll(self) -> None:
        """End all runs at once."""
        for run in self._runs:
            run.cancel()
        self._runs = []

    def cleanup(self) -> None:
        """End all runs and let go of the scene."""
        self.cancelAll()
        self.removeObservers()

    def _onStartClose(self, caller=None, event=None) -> None:
        if self._runs:
            logging.info("The scene is closed: runs of networks are cancelled")
        self.cancelAll()


class IODeepTest(ScriptedLoadableModuleTest):
    """The whole story; see `IODeepSlicer.self_test`."""

    def runTest(self) -> None:
        """Run all tests."""
        from IODeepSlicer.self_test import SelfTest

        slicer.mrmlScene.Clear()
        SelfTest(self, IODeepLogic()).run()
