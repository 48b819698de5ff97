"""A segmentation of the DICOM database that IODeep made elsewhere is a result here, too.

Slicer's own reader loads it; nothing of it says more than its file does. So what the service, a
batch or a former session has found can be reviewed and corrected, and the correction names it.
"""

from __future__ import annotations

import functools
import json
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import slicer

from IODeepSlicer.scene import images, nodes, saved, segments
from IODeepSlicer.text.plain_text import tame

if TYPE_CHECKING:
    from IODeepLib.model_object import Model
    from IODeepLib.recipe import Label
    from IODeepLib.results.origin.origin import Origin

_INSTANCE = "DICOM.instanceUIDs"  # core keeps there which instance a node was loaded from
_NOT_FOUND = "edited"  # in the place of a fingerprint: voxels that no network found
_SAME_COLOR = 8  # of 255: DICOM has colors in CIELab, in whole numbers


def adoptAll(models: Iterable[Model]) -> None:
    """Make results of all segmentations in the scene that are some, and whose model is at hand."""
    models = tuple(models)
    for node in slicer.util.getNodesByClass("vtkMRMLSegmentationNode"):
        if node.GetAttribute(_INSTANCE) and not node.GetAttribute(nodes.DOCUMENT):
            adopt(node, models)


def adopt(node: slicer.vtkMRMLSegmentationNode, models: Iterable[Model]) -> bool:
    """Make a result of a segmentation that was loaded from the database; whether it is one now.

    It has to be whole: on its image, which is in the scene, and with the network that found it.
    """
    uid = node.GetAttribute(_INSTANCE) or ""
    path = saved.fileOf(uid)
    origin = None if path is None else _originOf(str(path))
    volumeNode = node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole())
    if origin is None or volumeNode is None or not volumeNode.IsA("vtkMRMLScalarVolumeNode"):
        return False
    series = images.seriesOf(volumeNode)
    named = [uid for _, uid in origin.named.images]
    model = next((m for m in models if m.card.sop_instance_uid == origin.card_uid), None)
    if model is None or series is None or series.series_instance_uid not in named:
        return False
    if model.card.network_digest != origin.network_sha256:
        return False
    own = series.series_instance_uid
    _take(node, volumeNode, origin, model, [own, *(one for one in named if one != own)])
    return True


@functools.lru_cache(maxsize=64)
def _originOf(path: str) -> Origin | None:
    """What a SEG of IODeep says; None of any other file."""
    from IODeepLib.errors import IODeepError
    from IODeepLib.results.origin.origin import Origin, origin_of

    try:
        found = origin_of(Path(path))
    except IODeepError:
        return None
    if not isinstance(found, Origin) or found.faults or found.parameters is None:
        return None
    return found if "SegmentSequence" in found.header else None


def _take(
    node: slicer.vtkMRMLSegmentationNode,
    volumeNode: slicer.vtkMRMLScalarVolumeNode,
    origin: Origin,
    model: Model,
    series: list[str],
) -> None:
    labels = {tame(label.name): label for label in model.card.recipe.labels}
    run = uuid.uuid4().hex
    node.SetNodeReferenceID(nodes.IMAGE_ROLE, volumeNode.GetID())
    for each in segments.now(node):
        segment = node.GetSegmentation().GetSegment(each.id)
        label, kind = labels.get(each.name), nodes.tagOf(segment, segments.ALGORITHM_TYPE)
        if label is not None and kind != "MANUAL":
            isFound = kind == label.algorithm_type.value
            _tag(segment, label, model, run, each.fingerprint if isFound else _NOT_FOUND)
    node.SetAttribute(nodes.RUN, run)
    node.SetAttribute(nodes.DOCUMENT, json.dumps(_document(node, origin, model, series)))
    saved.remember(node, [origin.sop_uid], segments.now(node))


def _tag(
    segment: slicer.vtkSegment, label: Label, model: Model, run: str, fingerprint: str
) -> None:
    from IODeepLib.results.colors import display_color

    nodes.tagFound(segment, label, model, run, fingerprint)
    color = display_color(label, model.card.recipe.labels.index(label))
    now = segments.colorOf(segment)
    if all(abs(a - b) <= _SAME_COLOR for a, b in zip(now, color, strict=True)):
        segment.SetColor(*(part / 255 for part in color))


def _document(
    node: slicer.vtkMRMLSegmentationNode, origin: Origin, model: Model, series: list[str]
) -> dict[str, Any]:
    """What `result.json` would say, as far as the SEG says it."""
    from IODeepLib.results.run_record import provenance_of

    said = origin.parameters
    assert said is not None  # noqa: S101 - see `_originOf`
    there = {label for label, _ in nodes.segmentsByLabelValue(node)}
    leftOut = nodes.textsOf(dict(said.options), "left_out")
    kept = [label for label in model.card.recipe.labels if label.name not in leftOut]
    provenance = provenance_of(
        *(model, dict(said.options), said.provider, (), tuple(said.steps)), runtime=said.runtime
    )
    return {
        "series_instance_uids": series,
        "provenance": provenance.to_json(),
        "labels": {str(label.value): label.name for label in kept},
        "missing": [label.name for label in kept if label.value not in there],
        "left_out": leftOut,
        "reasons": [],
        "notes": [],
    }
