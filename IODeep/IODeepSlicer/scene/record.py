"""What a result says of the run that made it, and whether it can refer to its images."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import slicer

from IODeepSlicer.requirements import checkReading
from IODeepSlicer.scene import images, nodes
from IODeepSlicer.text.messages import errorText

if TYPE_CHECKING:
    from IODeepLib.geometry import Grid
    from IODeepLib.inference.classification import Classification
    from IODeepLib.model_object import Card, Model
    from IODeepLib.results import Provenance
    from IODeepLib.series import ImageSeries, VolumeImage

# How far outside of the series a voxel may lie, in voxels of the series: rounding, no more.
_ROUNDING = 0.01


@dataclass(frozen=True)
class Record:
    """What a result says of the run that made it.

    Attributes:
        series_instance_uids: of the images, that on whose voxels the result lies first.
        provenance: a `Provenance`.
        missing: the names of the labels that the network did not find.
        left_out: the names of those that nobody asked for.
        values: by the name of its label, what a network says of the whole image.
        chosen: the names of the labels that such a network decided on.
        reasons: why the network fits, a sentence each.
        confidence: each `SegmentConfidence` by the name of its label, as far as it is known.
    """

    series_instance_uids: tuple[str, ...]
    provenance: Any
    missing: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    values: dict[str, float] = field(default_factory=dict)
    chosen: tuple[str, ...] = ()
    reasons: Any = ()
    confidence: Any = None


def recordOf(node: slicer.vtkMRMLNode) -> Record:
    """What the node of a result says.

    Raises:
        ImageError: it is not of IODeep, or says less.
    """
    checkReading()
    from msgspec import ValidationError, convert

    from IODeepLib.errors import ImageError
    from IODeepLib.inference.confidence import SegmentConfidence
    from IODeepLib.results import Provenance
    from IODeepLib.selection.criteria import Reason, Verdict

    document = nodes.documentOf(node)
    if node.GetAttribute(nodes.DOCUMENT) == nodes.NO_DOCUMENT:
        raise ImageError(
            "nothing was run on this frame of the sequence, or nothing came of it",
            "a frame on which one was run",
            "choose another frame, or run on this one",
        )
    if document is None:
        raise ImageError(
            f"{node.GetName()!r} was not made by IODeep",
            "a segmentation that a network found",
            "export it from the Data module",
        )
    try:
        said = convert(document, Record)
        confidence = convert(said.confidence or {}, dict[str, SegmentConfidence])
        figures = (n for one in confidence.values() for n in one.as_json().values())
        if not all(n is None or 0 <= n <= 1 for n in figures):
            raise ValidationError("no confidence")
        reasons = map(Reason.from_json, convert(said.reasons, list[dict[str, str]]))
        return replace(
            said,
            provenance=convert(said.provenance, Provenance),
            reasons=[str(one) for one in reasons if one.verdict is not Verdict.ANY],
            confidence=confidence,
        )
    except (ValidationError, KeyError, ValueError):
        raise _says_less(node) from None


def _says_less(node: slicer.vtkMRMLNode) -> Exception:
    from IODeepLib.errors import ImageError

    return ImageError(
        f"{node.GetName()!r} does not say all of what made it",
        "a result as IODeep made it",
        "run the network again",
    )


def judgmentOf(node: slicer.vtkMRMLNode, record: Record, card: Card) -> Classification:
    """What a network said of the whole image.

    Raises:
        ImageError: the record says less.
    """
    from IODeepLib.inference.classification import Classification

    labels = card.recipe.labels
    values = [record.values.get(label.name, math.nan) for label in labels]
    if not all(map(math.isfinite, values)):
        raise _says_less(node)
    chosen = tuple(label for label in labels if label.name in record.chosen)
    return Classification(labels, tuple(values), chosen)


def modelOf(provenance: Provenance, models: Iterable[Model]) -> Model:
    """The one of `models` that made a result.

    Raises:
        ModelError: it is not among them.
    """
    from IODeepLib.errors import ModelError

    for model in models:
        if model.card.sop_instance_uid == provenance.card_sop_instance_uid:
            return model
    raise ModelError(
        f"the model {provenance.label} is not at hand",
        "its card, which says what the segments are",
        "choose the folder with the model, or load it into the DICOM database",
    )


def savingObstacle(node: slicer.vtkMRMLNode) -> str:
    """Why it cannot be saved, as far as this is known at once; "" if nothing speaks against it."""
    from IODeepLib.errors import IODeepError

    try:
        imagesOf(node, recordOf(node))
    except IODeepError as error:
        return errorText(error)
    return ""


def imagesOf(
    node: slicer.vtkMRMLNode, record: Record
) -> tuple[VolumeImage, ImageSeries, list[ImageSeries]]:
    """The image as it is in the scene, its series, and the series of the other channels.

    Raises:
        ImageError: the image is not from DICOM, was moved, or is not in the scene any more.
    """
    from IODeepLib.errors import ImageError

    volumeNode = nodes.presentImageOf(node)
    series = images.seriesOf(volumeNode)
    if series is None:
        raise ImageError(
            f"the image {volumeNode.GetName()!r} is not from the DICOM database",
            "an image whose instances a DICOM object can refer to",
            "import the image as DICOM, load it from the database and run again",
        )
    image = images.imageOf(volumeNode)
    if image.frame_of_reference != series.frame_of_reference or not _within(
        image.grid, series.grid
    ):
        raise ImageError(
            f"the image {volumeNode.GetName()!r} was moved, turned or enlarged since it was loaded",
            "voxels where the DICOM images have them",
            "undo the transform, or load the image again, and run again",
        )
    bySeries = {}
    for other in slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"):
        found = images.seriesOf(other)
        if found is not None:
            bySeries[found.series_instance_uid] = found
    wanted = record.series_instance_uids[1:]
    if not all(uid in bySeries for uid in wanted):
        raise ImageError(
            "an image of a further channel is not in the scene any more",
            "all images that the network read",
            "load it and run again",
        )
    return image, series, [bySeries[uid] for uid in wanted]


def _within(grid: Grid, series: Grid) -> bool:
    """Whether `grid` has the axes of `series` and lies in it."""
    import numpy as np

    turned = grid.turned(grid.axis_map(series.orientation))
    if np.abs(turned.directions - series.directions).max() > 1e-4:
        return False
    last = np.array(turned.shape) - 1
    corners = series.index(turned.point(np.array([(0, 0, 0), last])))
    half = (
        np.array(turned.spacing) / np.array(series.spacing) / 2 - 0.5
    )  # of finer or coarser voxels
    return bool(
        (corners[0] - half >= -_ROUNDING).all()
        and (corners[1] + half <= np.array(series.shape) - 1 + _ROUNDING).all()
    )
