"""A link to a study and a model is opened: after a question, and nothing is run."""

from __future__ import annotations

import logging
from typing import Any

import slicer

from IODeepSlicer.panel.import_progress import ImportProgress
from IODeepSlicer.panel.questions import confirmed, warn
from IODeepSlicer.sources.links import Link, parseLink
from IODeepSlicer.sources.servers import addressOf, checkFor, serverNames
from IODeepSlicer.text.i18n import tr as _
from IODeepSlicer.text.messages import errorText
from IODeepSlicer.work.importing import finishImages, startGathering
from IODeepSlicer.work.job import Origin

# What a network can read; reports and segmentations of the study are not loaded.
_IMAGES = {"CT", "MR", "PT", "US", "NM", "DX", "CR", "MG", "XA"}


def openLink(url: str, widget: Any) -> None:
    """Open a link for IODeep, if a person agrees.

    Args:
        url: as it was received.
        widget: gives the widget of the module, which is opened.
    """
    try:
        link = parseLink(url)
        if _agreed(link):
            _open(link, widget)
    except Exception as error:
        logging.error("IODeep: %s", error, exc_info=error)
        warn(errorText(error))


def _agreed(link: Link) -> bool:
    from IODeepLib.errors import UsageError

    names, _problem = serverNames()
    if link.source and link.source not in names:
        raise UsageError(
            f"a link to the server {link.source!r}",
            "a server that this computer knows",
            "name the server in the DICOM module or in iodeep.toml first, if you trust it",
        )
    lines = [_("Study: {uid}").format(uid=link.studyUID)]
    if link.seriesUID:
        lines.append(_("Series: {uid}").format(uid=link.seriesUID))
    if _series(link):
        lines.append(_("It is loaded from the DICOM database."))
    elif link.source:
        lines.append(
            _("It is fetched from {server} into the DICOM database.").format(server=link.source)
        )
    else:
        raise UsageError(
            f"a link to the study {link.studyUID}, of which the DICOM database has no images",
            "a study that is here, or the server that has it",
            "import or retrieve the study first, in the DICOM module",
        )
    if link.model:
        lines.append(_("Model that is chosen: {model}").format(model=link.model))
    if link.source:
        lines.append(_("{server} is asked for its models.").format(server=link.source))
    lines.append(_("Nothing is run."))
    question = _("A link asks to open a study in IODeep. Shall it be opened?")
    return confirmed(question, "\n".join(lines), _("Open"))


def _open(link: Link, widget: Any) -> None:
    if _series(link):
        _load(link, widget())
        return
    checkFor(link.source)
    gathering = startGathering(Origin(server=addressOf(link.source), study=link.studyUID))
    text = _("Fetching a study from {server}").format(server=link.source)
    ImportProgress(gathering, text, finishImages, lambda _nothing: _load(link, widget()))


def _load(link: Link, widget: Any) -> None:
    from DICOMLib import DICOMUtils

    loaded = DICOMUtils.loadSeriesByUID(_series(link))
    nodes = [slicer.mrmlScene.GetNodeByID(identifier) for identifier in loaded]
    volumes = [node for node in nodes if node.IsA("vtkMRMLScalarVolumeNode")]
    if volumes:
        widget.chooseImage(volumes[0])
        slicer.util.setSliceViewerLayers(background=volumes[0], fit=True)
    else:
        warn(_("The study has no image that Slicer can load."))
    if link.model or link.source:
        widget.panel.models.chooseByLabel(link.model, link.source)


def _series(link: Link) -> list[str]:
    """The image series in the DICOM database that are meant."""
    database = slicer.dicomDatabase
    if database is None or not database.isOpen:
        return []
    return [
        uid
        for uid in database.seriesForStudy(link.studyUID)
        if link.seriesUID in ("", uid) and database.fieldForSeries("Modality", uid) in _IMAGES
    ]
