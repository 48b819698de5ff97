"""The segments of a label map: what was found, with the color and the box of each."""

from __future__ import annotations

from dataclasses import dataclass

from IODeepLib.geometry.arrays import Box
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.recipe import Label
from IODeepLib.results.colors import RGB, display_color
from IODeepLib.voxels.boxes import label_boxes


@dataclass(frozen=True, slots=True)
class Segment:
    """A label that was found.

    Attributes:
        label: which.
        color: sRGB, 0 to 255.
        box: the smallest that holds all of its voxels.
    """

    label: Label
    color: RGB
    box: Box


def found_segments(segmentation: Segmentation) -> list[Segment]:
    """Every label that has a voxel, in the order of the labels."""
    labels = segmentation.labels
    if segmentation.overlapping:
        boxes = [label_boxes(mask).get(1) for mask in segmentation.array]
    else:
        by_value = label_boxes(segmentation.array)
        boxes = [by_value.get(label.value) for label in labels]
    return [
        Segment(label, display_color(label, i), box)
        for i, (label, box) in enumerate(zip(labels, boxes, strict=True))
        if box is not None
    ]
