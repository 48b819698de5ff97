"""What the scene knows of a result, for the processes that measure it and make DICOM objects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import slicer

from IODeepSlicer.scene import images, nodes, saved
from IODeepSlicer.scene.assessments import Pending
from IODeepSlicer.scene.nodes import tagOf
from IODeepSlicer.scene.places import Layer, layersOf, placeOf
from IODeepSlicer.scene.record import Record, imagesOf, judgmentOf, modelOf, recordOf
from IODeepSlicer.scene.segments import ALGORITHM_NAME, colorOf
from IODeepSlicer.scene.terminology import labelFrom, terminologyEntry
from IODeepSlicer.text.person_text import dicomName
from IODeepSlicer.text.plain_text import tame
from IODeepSlicer.work.save_job import AssessmentJob, SaveJob
from IODeepSlicer.work.segments_job import SegmentsJob

if TYPE_CHECKING:
    from IODeepLib.model_object import Model
    from IODeepLib.recipe import Label
    from IODeepLib.results.in_layers import LayeredSegment
    from IODeepLib.series import ImageSeries

_LONGEST_NAME = 64  # of a label


def gather(
    node: slicer.vtkMRMLNode, models: Iterable[Model]
) -> tuple[SaveJob, SegmentsJob | None, list[Layer]]:
    """What is to be saved of a result; of one with segments these, and their voxels.

    The voxels are the node's own memory.

    Raises:
        ImageError: the image is not from DICOM or was moved, or the result cannot be saved.
        ModelError: the model is not at hand.
    """
    record = recordOf(node)
    model = modelOf(record.provenance, models)
    image, series, others = imagesOf(node, record)
    files, slices = _files(series)
    save = SaveJob(
        provenance=record.provenance,
        reasons=record.reasons,
        files=files,
        slices=slices,
        others=[_files(other) for other in others],
    )
    if not isinstance(node, slicer.vtkMRMLSegmentationNode):
        judgment, task = judgmentOf(node, record, model.card), model.card.task.value
        return replace(save, judgment=judgment, task=task), None, []
    layers = _inside(node)
    kept = [x for x in model.card.recipe.labels if x.name not in record.left_out]
    segments = _segments(node, kept, layers, record)
    job = SegmentsJob(image, [layer.start for layer in layers], segments)
    known = _circumstances(node, record, kept, segments)
    return replace(save, known=known), job, layers


def gatherAssessments(
    pending: Iterable[Pending],
) -> tuple[list[Pending], list[AssessmentJob]]:
    """What was said of a result, and the same as it is to be written; what is gone is left out."""
    kept, jobs = [], []
    for each in pending:
        review, file = each.review, saved.fileOf(each.assessed)
        if file is None and each.assessed:
            continue
        name = dicomName(review.by)
        verdict = review.verdict.value
        kept.append(each)
        jobs.append(AssessmentJob(verdict, name, review.when, review.reason, file))
    return kept, jobs


def gatherSegments(
    segmentationNode: slicer.vtkMRMLSegmentationNode,
) -> tuple[SegmentsJob, list[Layer]]:
    """All segments as they are, whoever made them, as far as they lie on the image.

    Raises:
        ImageError: the image is not in the scene, or the segments are no voxels.
    """
    from IODeepLib.results.in_layers import LayeredSegment

    volumeNode = nodes.presentImageOf(segmentationNode)
    place = placeOf(volumeNode)
    layers = [layer.within(place) for layer in layersOf(segmentationNode, place)]
    found = []
    for segmentId in segmentationNode.GetSegmentation().GetSegmentIDs():
        segment = segmentationNode.GetSegmentation().GetSegment(segmentId)
        found.append(LayeredSegment(*_voxels(segmentId, layers), _labelNow(segment)))
    starts = [layer.start for layer in layers]
    return SegmentsJob(images.imageOf(volumeNode), starts, found), layers


def _inside(segmentationNode: slicer.vtkMRMLSegmentationNode) -> list[Layer]:
    """Its voxels, all of which lie on the image."""
    import numpy as np

    from IODeepLib.errors import ImageError

    place = placeOf(nodes.presentImageOf(segmentationNode))
    layers = []
    for layer in layersOf(segmentationNode, place):
        inside = layer.within(place)
        if inside is not layer and np.any(layer.array):
            beyond = np.count_nonzero(layer.array) - np.count_nonzero(inside.array)
            if beyond:
                raise ImageError(
                    f"{beyond} voxels of {segmentationNode.GetName()!r} beyond the image",
                    "segments inside of the image that a DICOM SEG refers to",
                    "erase what lies outside of it, and save again",
                )
        layers.append(inside)
    return layers


def _circumstances(
    segmentationNode: slicer.vtkMRMLSegmentationNode,
    record: Record,
    labels: Sequence[Label],
    segments: Sequence[LayeredSegment],
) -> Any:
    from IODeepLib.results.in_layers import Circumstances

    there = {each.label.value for each in segments if each.fingerprint is not None}
    found = [label for label in labels if label.name not in record.missing]
    return Circumstances(
        tuple(label.name for label in found if label.value not in there),
        _user(),
        saved.lastSaved(segmentationNode),
        tuple(label for label in labels if label.name in record.missing),
    )


def _segments(
    segmentationNode: slicer.vtkMRMLSegmentationNode,
    labels: Sequence[Label],
    layers: list[Layer],
    record: Record,
) -> list[LayeredSegment]:
    """All segments; `labels` are those that the result was asked for."""
    from msgspec import structs

    from IODeepLib.results.colors import display_color
    from IODeepLib.results.in_layers import LayeredSegment

    segmentation, run = segmentationNode.GetSegmentation(), segmentationNode.GetAttribute(nodes.RUN)
    byValue = {
        label.value: structs.replace(label, color=display_color(label, index))
        for index, label in enumerate(labels)
    }
    found = []
    for segmentId in segmentation.GetSegmentIDs():
        segment = segmentation.GetSegment(segmentId)
        voxels, now = _voxels(segmentId, layers), _labelNow(segment)
        label = byValue.get(nodes.labelValueOf(segment) or 0)
        if label is None or not run or tagOf(segment, nodes.RUN) != run:
            algorithm = tame(tagOf(segment, ALGORITHM_NAME)).replace("\\", "/").strip()
            found.append(LayeredSegment(*voxels, now, algorithm=algorithm))
            continue
        entry, name = terminologyEntry(label), tame(label.name)
        same = segment.GetName() == name and _entryOf(segment) == entry
        renamed = not same or now.color != label.color
        confidence = record.confidence.get(label.name)
        if renamed:
            label = structs.replace(now, value=label.value, algorithm_type=label.algorithm_type)
        mark = tagOf(segment, nodes.FINGERPRINT)
        found.append(LayeredSegment(*voxels, label, mark, renamed, confidence=confidence))
    return found


def _voxels(segmentId: str, layers: Sequence[Layer]) -> tuple[int | None, int]:
    """The layer that has a segment, and its value there."""
    layer = next((n for n, one in enumerate(layers) if segmentId in one.values), None)
    return layer, 0 if layer is None else layers[layer].values[segmentId]


def _labelNow(segment: slicer.vtkSegment) -> Label:
    return labelFrom(_entryOf(segment), _nameOf(segment), colorOf(segment))


def _entryOf(segment: slicer.vtkSegment) -> str:
    return tagOf(segment, segment.GetTerminologyEntryTagName())


def _nameOf(segment: slicer.vtkSegment) -> str:
    name = tame(segment.GetName()).replace("\\", "/").strip()[:_LONGEST_NAME].strip()
    return name or "unnamed"


def _files(series: ImageSeries) -> tuple[list[Path], int]:
    return list(series.files), len(series.frames)


def _user() -> str:
    """The name that the user has given in Slicer's settings, as DICOM has it; "" for none."""
    logic = getattr(slicer.app, "applicationLogic", None)
    return dicomName(logic().GetUserInformation().GetName() or "" if logic is not None else "")
