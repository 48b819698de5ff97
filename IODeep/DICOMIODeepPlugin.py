"""The DICOM browser's reader of IODeep networks.

A card, which describes a network, is offered as a model; loading it puts a node into the subject
hierarchy and opens the IODeep module. Its weights are claimed too, so that no other reader takes
them for images; loading them loads their card. Whether an instance is one of these is known from
tags in the database's cache; only a card's file is opened, and its network stays on the disk.

A segmentation that IODeep made is offered for export: as the DICOM SEG that the module saves.
"""

from __future__ import annotations

import contextlib
import functools
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import slicer
from DICOMLib import DICOMLoadable, DICOMPlugin
from IODeepSlicer.requirements import RequirementsError, checkReading
from IODeepSlicer.scene import nodes, segments
from IODeepSlicer.scene.record import savingObstacle
from IODeepSlicer.sources import first_generation, other_networks
from IODeepSlicer.sources.models import cachedCards, findModels
from IODeepSlicer.text import card_text
from IODeepSlicer.text.listed_series import ListedSeries
from IODeepSlicer.text.messages import errorText
from IODeepSlicer.text.plain_text import tame
from slicer.i18n import tr as _

if TYPE_CHECKING:
    from IODeepLib.model_object import Card

_RAW_DATA = "1.2.840.10008.5.1.4.1.1.66"
_CONTENT_LABELS = "IODEEP_"  # what the Content Label of all instances begins with
_WEIGHTS_LABEL = "IODEEP_WEIGHTS"
_RETIRED_LABEL = "IODEEP_RETIRED"
_WITHOUT_NODE = (_WEIGHTS_LABEL, _RETIRED_LABEL)
_CONFIDENCE, _UNLIKELY = 0.95, 0.1
# Core's exporter is quite sure of every segmentation, and Slicer's dialog chooses the first: of a
# result of ours, that is the object which says where it comes from and what it corrects.
_BEFORE_CORE = 1.000001
_UID_ATTRIBUTE = "IODeep.CardSOPInstanceUID"


class DICOMIODeepPluginClass(DICOMPlugin):
    """Recognizes and loads cards, and keeps weights from being offered as images."""

    def __init__(self) -> None:
        super().__init__()
        self.loadType = _("IODeep network")
        self.tags["sopClassUID"] = "0008,0016"  # before Slicer 5.10 the base class lacks it
        self.tags["creatorVersionUID"] = "0008,9123"
        self.tags["contentLabel"] = "0070,0080"
        self._unread = ""  # why no card can be read

    def examineForImport(self, fileLists: Sequence[Sequence[str]]) -> list[DICOMLoadable]:
        """The loadables of all IODeep instances in the lists of files, one list a series."""
        self._unread = _whyUnread()
        loadables: list[DICOMLoadable] = []
        images: list[Sequence[str]] = []
        for files in fileLists:
            if not files:
                continue
            sopClassUID = self._value(files[0], "sopClassUID")
            if sopClassUID == _RAW_DATA:
                loadables += self._examineRawData(files)
            elif first_generation.mayBe(sopClassUID):
                loadables += self._examineFirstGeneration(files)
            else:
                images.append(files)
        if any(loadable.card for loadable in loadables):
            listed = self._listedSeries(images)
            for loadable in loadables:
                if loadable.card:
                    loadable.tooltip = self._tooltip(loadable, listed)
        for loadable in loadables:  # the browser shows each of them as it is, also as a tooltip
            loadable.name, loadable.tooltip = tame(loadable.name), tame(loadable.tooltip or "")
            loadable.warning = tame(loadable.warning or "")
        return sorted(loadables, key=lambda loadable: loadable.card is None)

    def load(self, loadable: DICOMLoadable) -> slicer.vtkMRMLTextNode | bool | None:
        """Put the model into the scene, or find it there, and open the IODeep module with it.

        Returns:
            Its node; True for a notice, and for weights whose card is not in the database; None if
            it is damaged, or cannot be read yet.
        """
        self._unread = _whyUnread()
        if self._unread:
            logging.error(self._unread)
            return None
        cardFile = loadable.files[0]
        label = self._value(cardFile, "contentLabel")
        if label == _RETIRED_LABEL:
            return True
        if label == _WEIGHTS_LABEL:
            cardFile = self._cardOfWeights(cardFile)
            if not cardFile:
                logging.info("%s: their card is not in the DICOM database", loadable.name)
                return True
        card, error = _readCard(cardFile)
        if card is None:
            logging.error(error or loadable.warning)
            return None
        node = _findNode(card.sop_instance_uid)
        if node is None:
            node = self._createNode(card, cardFile)
        _openModuleLater(card.sop_instance_uid)
        return node

    def examineForExport(self, subjectHierarchyItemID: int) -> list[slicer.qSlicerDICOMExportable]:
        """What can be written of an item: the DICOM objects of a result that IODeep made."""
        node = slicer.mrmlScene.GetSubjectHierarchyNode().GetItemDataNode(subjectHierarchyItemID)
        isSegmentation = node is not None and node.IsA("vtkMRMLSegmentationNode")
        isTable = node is not None and node.IsA("vtkMRMLTableNode")
        if not (isSegmentation or isTable) or not nodes.documentOf(node):
            return []
        why = savingObstacle(node)
        exportable = slicer.qSlicerDICOMExportable()
        exportable.name = _("IODeep report (DICOM SR)")
        if isSegmentation:
            _tellCore(node)
            exportable.name = _("IODeep segmentation and report (DICOM SEG, SR)")
        exportable.tooltip = tame(why) or _(
            "In the study of its image, with what network made it, and what was edited by hand. "
            "The tags beside are not used."
        )
        exportable.subjectHierarchyItemID = subjectHierarchyItemID
        exportable.pluginClass = self.__module__
        exportable.confidence = _UNLIKELY if why else _BEFORE_CORE
        exportable.setTag("Modality", "SEG" if isSegmentation else "SR")
        return [exportable]

    def export(self, exportables: Sequence[slicer.qSlicerDICOMExportable]) -> str:
        """Write them into their folders; returns what went wrong, "" if nothing did."""
        from IODeepSlicer.work.saving import saveToFolder

        from IODeepLib.errors import IODeepError

        hierarchy = slicer.mrmlScene.GetSubjectHierarchyNode()
        logic = slicer.util.getModuleLogic("IODeep")
        try:
            source = logic.getParameterNode().modelSource
            folder = source if source and Path(source).is_dir() else None
            models = findModels(folder, cachedCards()).models  # without asking a server
            for exportable in exportables:
                node = hierarchy.GetItemDataNode(exportable.subjectHierarchyItemID)
                saveToFolder(node, models, Path(exportable.directory))
        except IODeepError as error:
            logging.error(error)
            return tame(errorText(error))
        return ""

    def _examineRawData(self, files: Sequence[str]) -> list[DICOMLoadable]:
        """One loadable a card, and one for all weights of a series."""
        loadables: list[DICOMLoadable] = []
        weights: list[str] = []
        others: list[str] = []
        for file in files:
            label = self._value(file, "contentLabel")
            if not self._isOurs(file, label):
                others.append(file)
                continue
            if label == _WEIGHTS_LABEL:
                weights.append(file)
                continue
            if label == _RETIRED_LABEL:
                loadables.append(self._noticeLoadable(file))
                continue
            card, error = (None, self._unread) if self._unread else _readCard(file)
            if card is not None or error:
                loadables.append(self._cardLoadable(file, card, error))
        if weights:
            name = self._value(weights[0], "seriesDescription")
            loadable = _loadable(weights, _("{model}: weights").format(model=name))
            loadable.tooltip = _("The weights of a network. Loading them loads its card.")
            loadables.append(loadable)
        return loadables + self._examineFirstGeneration(others) + self._examineKaapana(others)

    def _examineKaapana(self, files: Sequence[str]) -> list[DICOMLoadable]:
        loadables = []
        found = other_networks.kaapanaNetworks(files) if files and not self._unread else []
        for parts, name in found:
            loadable = _loadable(parts, other_networks.title(name))
            loadable.warning = other_networks.whatToDo()  # the tooltip ends with it
            loadable.tooltip = str(Path(parts[0]).parent)
            loadables.append(loadable)
        return loadables

    def _examineFirstGeneration(self, files: Sequence[str]) -> list[DICOMLoadable]:
        loadables = []
        for file in files:
            name = first_generation.nameIn(file)
            if name is not None:
                loadable = _loadable([file], first_generation.title(name))
                loadable.warning = first_generation.whatToDo()  # the tooltip ends with it
                loadable.tooltip = str(file)
                loadables.append(loadable)
        return loadables

    def _isOurs(self, file: str, label: str) -> bool:
        if label.startswith(_CONTENT_LABELS):  # of any version of the format
            return True
        creatorVersion = self._value(file, "creatorVersionUID")
        if not creatorVersion or self._unread:
            return False
        from IODeepLib.model_object.private_dictionary import CREATOR_VERSION_UID

        return creatorVersion == CREATOR_VERSION_UID

    def _cardLoadable(self, file: str, card: Card | None, error: str | None) -> DICOMLoadable:
        if card is not None:
            loadable = _loadable([file], card_text.nodeName(card))
            loadable.card = card
        else:
            loadable = _loadable([file], self._value(file, "seriesDescription"))
            loadable.warning, loadable.tooltip = error or "", str(file)
        return loadable

    def _noticeLoadable(self, file: str) -> DICOMLoadable:
        name = self._value(file, "seriesDescription")
        loadable = _loadable([file], _("{model}: retired").format(model=name))
        loadable.tooltip = _("Says that the network is not to be used any more.")
        return loadable

    def _tooltip(self, loadable: DICOMLoadable, listed: Sequence[ListedSeries]) -> str:
        parts = loadable.card.manifest.parts
        missing = [
            number
            for number, part in enumerate(parts, 1)
            if not _exists(slicer.dicomDatabase.fileForInstance(part.sop_instance_uid))
        ]
        size = Path(loadable.files[0]).stat().st_size
        return card_text.tooltip(loadable.card, size, missing, listed)

    def _listedSeries(self, images: Sequence[Sequence[str]]) -> list[ListedSeries]:
        """The image series that are loaded, and those that are examined together with the card."""
        database = slicer.dicomDatabase
        loaded = _loadedSeriesUIDs()
        examined = [database.seriesForFile(files[0]) for files in images]
        series = []
        for uid in dict.fromkeys((*loaded, *examined)):
            if not database.studyForSeries(uid):
                continue  # loaded from elsewhere
            study = database.studyForSeries(uid)
            series.append(
                ListedSeries(
                    modality=database.fieldForSeries("Modality", uid),
                    description=database.fieldForSeries("SeriesDescription", uid),
                    number=database.fieldForSeries("SeriesNumber", uid),
                    study_description=database.fieldForStudy("StudyDescription", study),
                    body_part=database.fieldForSeries("BodyPartExamined", uid),
                    loaded=uid in loaded,
                )
            )
        return series

    def _cardOfWeights(self, file: str) -> str:
        """The file of the card in the weights' study, or ""."""
        database = slicer.dicomDatabase
        study = database.studyForSeries(database.seriesForFile(file))
        for series in database.seriesForStudy(study):
            for candidate in database.filesForSeries(series):
                label = self._value(candidate, "contentLabel")
                if self._isOurs(candidate, label) and label not in _WITHOUT_NODE:
                    return candidate
        return ""

    def _createNode(self, card: Card, cardFile: str) -> slicer.vtkMRMLTextNode:
        # A text node is shown, saved and read back by every Slicer, with or without this extension.
        node = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLTextNode", card_text.nodeName(card))
        node.SetForceCreateStorageNode(slicer.vtkMRMLTextNode.CreateStorageNodeNever)
        node.SetText(card_text.description(card))
        for name, value in card_text.attributes(card).items():
            node.SetAttribute(name, value)
        node.SetAttribute("DICOM.instanceUIDs", card.sop_instance_uid)
        self.addSeriesInSubjectHierarchy(_loadable([cardFile], node.GetName()), node)
        return node

    def _value(self, file: str, tag: str) -> str:
        return slicer.dicomDatabase.fileValue(file, self.tags[tag])


def _tellCore(node: slicer.vtkMRMLSegmentationNode) -> None:
    """Core's exporter, which is asked as well, reads in tags who made a segment."""
    if _whyUnread():
        return
    from IODeepLib.errors import IODeepError

    with contextlib.suppress(IODeepError):
        segments.tellCore(node, segments.now(node))


def _loadable(files: Sequence[str], name: str) -> DICOMLoadable:
    loadable = DICOMLoadable()
    loadable.files = list(files)
    loadable.name = name
    loadable.selected = True
    loadable.confidence = _CONFIDENCE
    loadable.card = None
    return loadable


def _whyUnread() -> str:
    """Why no card can be read yet; "" if cards can."""
    try:
        checkReading()
    except RequirementsError as error:
        return str(error)
    return ""


def _readCard(file: str) -> tuple[Card | None, str | None]:
    """The card in a file and None, or None and what is wrong with it ("" if it is no card)."""
    try:
        stat = Path(file).stat()
    except OSError as error:
        return None, str(error)
    return _readCardCached(file, stat.st_mtime_ns, stat.st_size)


@functools.lru_cache(maxsize=1000)
def _readCardCached(file: str, _modified: int, _size: int) -> tuple[Card | None, str | None]:
    from IODeepLib.errors import IODeepError
    from IODeepLib.model_object import NotAnInstanceError, read_card

    try:
        card = read_card(file)
        card.recipe  # noqa: B018 - it is read when it is first asked for, and may be invalid
    except NotAnInstanceError:
        return None, ""
    except IODeepError as error:
        return None, str(error)
    return card, None


def _exists(file: str) -> bool:
    return bool(file) and Path(file).is_file()


def _findNode(cardUID: str) -> slicer.vtkMRMLTextNode | None:
    nodes = slicer.util.getNodesByClass("vtkMRMLTextNode")
    return next((node for node in nodes if node.GetAttribute(_UID_ATTRIBUTE) == cardUID), None)


def _loadedSeriesUIDs() -> list[str]:
    """Series Instance UIDs of the volumes in the scene."""
    hierarchy = slicer.mrmlScene.GetSubjectHierarchyNode()
    found = []
    for node in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"):
        item = hierarchy.GetItemByDataNode(node)
        uid = hierarchy.GetItemUID(item, "DICOM") if item else ""
        if uid:
            found.append(uid)
    return found


def _openModuleLater(cardUID: str) -> None:
    """Open the IODeep module when the DICOM browser has finished loading and closed itself."""
    if slicer.util.mainWindow() is not None and hasattr(slicer.modules, "iodeep"):
        from IODeepSlicer.panel.turns import later

        later(functools.partial(_openModule, cardUID))


def _openModule(cardUID: str) -> None:
    slicer.util.selectModule("IODeep")
    widget = slicer.modules.iodeep.widgetRepresentation().self()
    if hasattr(widget, "chooseModel"):
        widget.chooseModel(cardUID)


class DICOMIODeepPlugin:
    """The hook by which Slicer finds the plugin: a module without a panel."""

    def __init__(self, parent: Any) -> None:
        parent.title = "DICOM IODeep Plugin"
        parent.categories = ["Developer Tools.DICOM Plugins"]
        parent.contributors = ["The IODeep developers (IODeep)"]
        parent.helpText = "Offers trained networks in the DICOM browser. See the IODeep module."
        parent.hidden = True
        if not hasattr(slicer.modules, "dicomPlugins"):
            slicer.modules.dicomPlugins = {}
        slicer.modules.dicomPlugins["DICOMIODeepPlugin"] = DICOMIODeepPluginClass
