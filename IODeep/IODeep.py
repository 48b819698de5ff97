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

from pathlib import Path
from typing import TYPE_CHECKING, Any

import slicer
import vtk
from IODeepSlicer.logic import IODeepLogic
from IODeepSlicer.scene.sample_data import registerSampleData
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLTransformableNode, vtkMRMLVolumeNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

if TYPE_CHECKING:
    from IODeepSlicer.panel.first_look import FirstLook
    from IODeepSlicer.panel.import_section import ImportSection
    from IODeepSlicer.panel.panel import Panel
    from IODeepSlicer.panel.publish_section import PublishSection

    from IODeepLib.model_object import Model

_GUIDE = "https://github.com/IODeep/SlicerIODeep/blob/main/Docs/user-guide.md"


class IODeep(ScriptedLoadableModule):
    """What Slicer knows of the module before it is opened."""

    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("IODeep")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Segmentation")]
        self.parent.dependencies = ["Segmentations", "SubjectHierarchy", "Terminologies"]
        self.parent.contributors = ["The IODeep developers (IODeep)"]
        self.parent.helpText = _(
            "Trained networks that live in the PACS, next to the images they read: for an image, "
            "the networks that fit are shown with the reasons, run, and their result is saved as "
            "DICOM segmentation in the same study. Research software: not a medical device. "
            "See more information in the {guide}."
        ).format(guide=f'<a href="{_GUIDE}">{_("user guide")}</a>')
        self.parent.acknowledgementText = _(
            "After Contino, Cruciata, Gambino and Pirrone, IODeep: an IOD for the introduction of "
            "deep learning in the DICOM standard, Comput. Methods Programs Biomed. 248 (2024) "
            "108113."
        )
        slicer.app.connect("startupCompleted()", registerSampleData)
        slicer.app.connect("urlReceived(QString)", self.onURLReceived)

    def setup(self) -> None:
        """Called once, when all modules are known."""
        folder = Path(__file__).resolve().parent / "SubjectHierarchyPlugins"
        plugin = slicer.qSlicerSubjectHierarchyScriptedPlugin(None)
        plugin.setPythonSource(str(folder / "IODeepSubjectHierarchyPlugin.py"))

    def onURLReceived(self, url: str) -> None:
        """Open a link such as slicer://iodeep/?studyUID=1.2.3&model=brain@1.0.0, after a question.

        Links of others, such as those of the module DICOM, are left to them.
        """
        from IODeepSlicer.sources.links import isOurs

        if isOurs(url):
            from IODeepSlicer.panel.link_opener import openLink

            openLink(url, _moduleWidget)


class IODeepWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    """The panel; what it shows and does is in `IODeepSlicer.panel.panel`."""

    _VOLUME_EVENTS = (
        vtkMRMLVolumeNode.ImageDataModifiedEvent,
        vtkMRMLTransformableNode.TransformModifiedEvent,
    )

    def __init__(self, parent: Any = None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        # Made when the module is opened for the first time.
        self.logic: IODeepLogic = None  # type: ignore[assignment]
        self.panel: Panel = None  # type: ignore[assignment]
        self.publishing: PublishSection = None  # type: ignore[assignment]
        self.importing: ImportSection = None  # type: ignore[assignment]
        self._parameterNode: Any = None  # an IODeepParameterNode, with what its wrapper adds
        self._guiTag: Any = None
        self._firstLook: FirstLook = None  # type: ignore[assignment]
        self._observedVolume: vtkMRMLScalarVolumeNode | None = None

    def setup(self) -> None:
        """Called once, when the module is opened for the first time."""
        import qt
        from IODeepSlicer.panel.first_look import FirstLook
        from IODeepSlicer.panel.import_section import ImportSection
        from IODeepSlicer.panel.panel import Panel
        from IODeepSlicer.panel.publish_section import PublishSection
        from IODeepSlicer.panel.widgets import tabInOrder

        ScriptedLoadableModuleWidget.setup(self)
        # Otherwise the longest text that was ever shown says how narrow the panel may be.
        self.parent.setSizePolicy(qt.QSizePolicy.Preferred, qt.QSizePolicy.Preferred)
        self.logic = IODeepLogic()
        self.panel = Panel(self.layout, self.logic, self.enter)
        self.publishing = PublishSection(self.chooseModel)
        self.importing = ImportSection(self.logic, self.chooseModel)
        for section in (self.publishing, self.importing):
            self.layout.addWidget(section.root)
        tabInOrder(self.layout)
        self.layout.addStretch(1)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self._onStartClose)
        for event in (slicer.mrmlScene.EndCloseEvent, slicer.mrmlScene.EndImportEvent):
            self.addObserver(slicer.mrmlScene, event, self._onOtherScene)
        self._firstLook = FirstLook(self._look)

    def enter(self) -> None:
        """Called whenever the module is opened."""
        self._firstLook.begin()

    def exit(self) -> None:
        """Called whenever another module is opened: the choices stay, the display rests."""
        self._firstLook.stop()
        self._setParameterNode(None)

    def cleanup(self) -> None:
        """Called when Slicer quits or the module is reloaded."""
        if self._firstLook is not None:
            self._firstLook.stop()
            self._setParameterNode(None)
        for part in (self.panel, self.publishing, self.importing, self.logic):
            if part is not None:  # if it never was opened, or could not be
                part.cleanup()
        self.removeObservers()

    def chooseModel(self, cardSOPInstanceUID: str) -> None:
        """Choose the model with this card, whether it fits the image or not."""
        self._setParameterNode(self.logic.getParameterNode())
        self.panel.chooseModel(cardSOPInstanceUID)

    def chooseImage(self, volumeNode: vtkMRMLScalarVolumeNode) -> None:
        """Choose this image."""
        self._setParameterNode(self.logic.getParameterNode())
        self._parameterNode.inputVolume = volumeNode

    def importModels(self, paths: list[Path]) -> None:
        """Bring the models in folders and ZIP files into the DICOM database; choose one of them."""
        from IODeepSlicer.panel.import_progress import importPaths

        importPaths(self.logic, paths, self._onImported)

    def _onImported(self, models: tuple[Model, ...]) -> None:
        if models:
            self.chooseModel(models[0].card.sop_instance_uid)

    def _look(self) -> None:
        self._setParameterNode(self.logic.getParameterNode())
        self.panel.refresh()
        self.publishing.refresh()

    def _onStartClose(self, caller: Any = None, event: Any = None) -> None:
        self._firstLook.stop()
        self.panel.cancel()
        self._setParameterNode(None)

    def _onOtherScene(self, caller: Any = None, event: Any = None) -> None:
        if self.parent.isEntered:
            self._firstLook.begin()

    def _setParameterNode(self, parameterNode: Any) -> None:
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

    def _onModified(self, caller: Any = None, event: Any = None) -> None:
        volume = self._parameterNode.inputVolume if self._parameterNode is not None else None
        if volume is not self._observedVolume:
            for event in self._VOLUME_EVENTS:
                if self._observedVolume is not None:
                    self.removeObserver(self._observedVolume, event, self._onVolumeModified)
                if volume is not None:
                    self.addObserver(volume, event, self._onVolumeModified)
            self._observedVolume = volume
        self.panel.update()

    def _onVolumeModified(self, caller: Any = None, event: Any = None) -> None:
        self.panel.imageChanged()


class IODeepFileDialog:
    """Folders and ZIP files with models, dropped onto Slicer's window.

    Slicer finds it by its name, see Base/QTGUI/qSlicerScriptedFileDialog.h.
    """

    def __init__(self, qSlicerFileDialog: Any) -> None:
        self.qSlicerFileDialog = qSlicerFileDialog
        qSlicerFileDialog.fileType = _("IODeep models")
        qSlicerFileDialog.description = _("IODeep models, into the DICOM database")
        qSlicerFileDialog.action = slicer.qSlicerFileDialog.Read
        self._paths: list[Path] = []

    def execDialog(self) -> None:
        """Nothing is asked."""

    def isMimeDataAccepted(self) -> None:
        """Whether there may be models in what is dropped."""
        from IODeepSlicer.sources.dropped import pathsWithModels

        data = self.qSlicerFileDialog.mimeData()
        urls = data.urls() if data.hasFormat("text/uri-list") else ()
        self._paths = pathsWithModels(url.toLocalFile() for url in urls)
        self.qSlicerFileDialog.acceptMimeData(bool(self._paths))

    def dropEvent(self) -> None:
        """Import them, once the application that they come from is let go."""
        from IODeepSlicer.panel.turns import later

        paths, self._paths = self._paths, []
        later(lambda: _moduleWidget().importModels(paths))


def _moduleWidget() -> IODeepWidget:
    slicer.util.selectModule("IODeep")
    return slicer.modules.iodeep.widgetRepresentation().self()


class IODeepTest(ScriptedLoadableModuleTest):
    """The whole story; see `IODeepSlicer.self_test`."""

    def runTest(self) -> None:
        """Run all tests; without the packages none, as nothing is installed for tests."""
        from IODeepSlicer.requirements import RequirementsError, checkRequirements
        from IODeepSlicer.self_test import SelfTest

        try:
            checkRequirements()
        except RequirementsError as error:
            self.skipTest(str(error))
        slicer.mrmlScene.Clear()
        SelfTest(self, IODeepLogic()).run()
