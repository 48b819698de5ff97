"""What was measured of the segments of a result: by its run, or anew after an edit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import slicer

from IODeepSlicer.scene import nodes
from IODeepSlicer.scene.segments import Origin, SegmentNow
from IODeepSlicer.text.plain_text import tame

Figures = Mapping[str, float | None]


@dataclass(frozen=True)
class Measured:
    """What was measured of segments.

    Attributes:
        unit: what the values of the image count; "" where it does not say.
        figures: of each segment by its ID: the numbers of `SegmentMeasurements.figures`, by name;
            None of what is not known or has no meaning.
    """

    unit: str
    figures: Mapping[str, Figures]


def measuredByRun(
    segmentationNode: slicer.vtkMRMLSegmentationNode, found: Sequence[SegmentNow]
) -> Measured | None:
    """What the run measured, where all segments are still as it found them; otherwise None."""
    document = nodes.documentOf(segmentationNode) or {}
    said, names = document.get("measurements"), document.get("labels")
    if not isinstance(said, dict) or not isinstance(names, dict):
        return None
    listed = said.get("segments")
    byName = {
        one.pop("label"): one
        for one in (listed if isinstance(listed, list) else ())
        if isinstance(one, dict) and isinstance(one.get("label"), str)
    }
    figures = {}
    for each in found:
        own = byName.get(names.get(str(each.value)))
        if each.origin is not Origin.FOUND or own is None:
            return None
        figures[each.id] = {name: _number(value) for name, value in own.items()}
    return Measured(unitOf(document), figures)


def unitOf(document: dict[str, Any]) -> str:
    """What the values of the image count; "" where the run does not say."""
    said = document.get("measurements")
    unit = said.get("unit") if isinstance(said, dict) else None
    return tame(unit) if isinstance(unit, str) else ""


def _number(value: Any) -> float | None:
    """A scene comes from anywhere."""
    isNumber = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value if isNumber else None
