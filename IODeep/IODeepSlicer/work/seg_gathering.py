"""What the scene knows of a result that is saved, for the process that makes the DICOM SEG."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import slicer

from IODeepSlicer.scene import nodes, saved
from IODeepSlicer.scene.nodes import tagOf
from IODeepSlicer.scene.places import Layer, layersOf, placeOf
from IODeepSlicer.scene.record import imagesOf, modelOf, recordOf
from IODeepSlicer.scene.segments import ALGORITHM_NAME, colorOf
from IODeepSlicer.scene.terminology import labelFrom, terminologyEntry
from IODeepSlicer.text.plain_text import tame
from IODeepSlicer.work.seg_job import SegJob

if TYPE_CHECKING:
    from IODeepLib.model_object import Model
    from IODeepLib.recipe import Label
    from IODeepLib.results.in_layers import LayeredSegment
    from IODeepLib.series import ImageSeries

_LONGEST_NAME = 64  # of a label


def gather(
    segmentationNode: slicer.vtkMRMLSegmentationNode, models: Iterable[Model]
) -> tuple[SegJob, list[Layer]]:
    """The job, and the voxels that belong to it: the node's own memory.

    Raises:
        ImageError: the image is not from DICOM or was moved, or there is nothing that can be saved.
        ModelError: the model is not at hand.
    """
    import numpy as np

    from IODeepLib.errors import ImageError
    from IODeepLib.results.in_layers import Circumstances

    record = recordOf(segmentationNode)
    labels = modelOf(record.provenance, models).card.recipe.labels
    image, series, others = imagesOf(segmentationNode, record)
    volumeNode = nodes.imageNodeOf(segmentationNode)
    assert volumeNode is not None  # noqa: S101 - it has a series
    place = placeOf(volumeNode)
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
    segments = _segments(segmentationNode, labels, layers)
    there = {each.label.value for each in segments if each.fingerprint is not None}
    unfound = {*record.left_out, *record.missing}
    gone = [x.name for x in labels if x.name not in unfound and x.value not in there]
    job = SegJob(
        image.grid.affine.tolist(),
        image.grid.shape,
        image.grid.frame_of_reference,
        [layer.start for layer in layers],
        segments,
        Circumstances(tuple(gone), _user(), saved.lastSaved(segmentationNode)),
        record.provenance,
        *_files(series),
        [_files(other) for other in others],
    )
    return job, layers


def _segments(
    segmentationNode: slicer.vtkMRMLSegmentationNode, labels: Sequence[Label], layers: list[Layer]
) -> list[LayeredSegment]:
    from msgspec.structs import replace

    from IODeepLib.results.colors import display_color
    from IODeepLib.results.in_layers import LayeredSegment

    segmentation, run = segmentationNode.GetSegmentation(), segmentationNode.GetAttribute(nodes.RUN)
    shown = {label.value: display_color(label, index) for index, label in enumerate(labels)}
    byValue = {label.value: label for label in labels}
    found = []
    for segmentId in segmentation.GetSegmentIDs():
        segment = segmentation.GetSegment(segmentId)
        layer = next((n for n, one in enumerate(layers) if segmentId in one.values), None)
        value = 0 if layer is None else layers[layer].values[segmentId]
        entry = tagOf(segment, segment.GetTerminologyEntryTagName())
        now = labelFrom(entry, _nameOf(segment), colorOf(segment))
        label = byValue.get(nodes.labelValueOf(segment) or 0)
        if label is None or not run or tagOf(segment, nodes.RUN) != run:
            algorithm = tame(tagOf(segment, ALGORITHM_NAME)).replace("\\", "/").strip()
            found.append(LayeredSegment(layer, value, now, algorithm=algorithm))
            continue
        same = segment.GetName() == tame(label.name) and entry == terminologyEntry(label)
        renamed = not same or now.color != shown[label.value]
        if renamed:
            label = replace(now, value=label.value, algorithm_type=label.algorithm_type)
        mark = tagOf(segment, nodes.FINGERPRINT)
        found.append(LayeredSegment(layer, value, label, mark, renamed))
    return found


def _nameOf(segment: slicer.vtkSegment) -> str:
    name = tame(segment.GetName()).replace("\\", "/").strip()[:_LONGEST_NAME].strip()
    return name or "unnamed"


def _files(series: ImageSeries) -> tuple[list[Path], int]:
    return list(series.files), len(series.frames)


def _user() -> str:
    """The name that the user has given in Slicer's settings, as DICOM has it; "" for none."""
    logic = getattr(slicer.app, "applicationLogic", None)
    name = logic().GetUserInformation().GetName() or "" if logic is not None else ""
    *first, last = tame(name).split() or [""]
    return "^".join(filter(None, (last, " ".join(first))))
