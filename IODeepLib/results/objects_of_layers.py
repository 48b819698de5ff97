"""The DICOM objects of segments as editors keep them: what a network found, and people edited."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from IODeepLib.geometry import Grid
from IODeepLib.inference.confidence import SegmentConfidence
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.measurements import Measurements, SegmentMeasurements
from IODeepLib.results.in_layers import (
    Circumstances,
    Layer,
    LayeredSegment,
    NumberedSegment,
    measure_layers,
    numbered,
    segmentation_of,
)
from IODeepLib.results.provenance import Provenance
from IODeepLib.results.seg import Seg, make_seg
from IODeepLib.results.sr import Report, report_segments
from IODeepLib.series import Image, ImageSeries


def objects_of_layers(
    layers: Sequence[Layer],
    segments: Sequence[LayeredSegment],
    image: Image,
    series: ImageSeries,
    provenance: Provenance,
    known: Circumstances,
    others: Sequence[ImageSeries] = (),
    reasons: Iterable[str] = (),
) -> tuple[Seg | None, Report]:
    """The SEG (BINARY) and the report of the segments as they are, measured anew.

    Args:
        layers: all voxels, on the grid of `image`.
        segments: all segments, in the order of the file.
        image: in which they are measured.
        series: the images that the objects refer to.
        provenance, others, reasons: as `make_seg` and `report_segments` have them.
        known: what else is known of the edits.

    Returns:
        No SEG where no segment has a voxel: the report says so.

    Raises:
        ImageError: the images lack what the objects refer to, or cannot be measured.
    """
    found, edit = numbered(layers, segments, image.grid, known)
    seg = None
    if found:
        segmentation = _turned(segmentation_of(layers, found, image.grid), series.grid)
        seg = make_seg(segmentation, series, provenance, others=others, edit=edit)
    measured = measure_layers(layers, found, image.volume(), image)
    report = report_segments(
        _with_missing(measured, known),
        series,
        provenance,
        seg,
        others=others,
        reasons=reasons,
        confidence=_confidence(found),
        edit=edit,
    )
    return seg, report


def _with_missing(measured: Measurements, known: Circumstances) -> Measurements:
    """And what was not found, which has no figures."""
    missing = (SegmentMeasurements(label, 0) for label in known.missing)
    return replace(measured, segments=(*measured.segments, *missing))


def _confidence(found: Sequence[NumberedSegment]) -> dict[str, SegmentConfidence]:
    """By name, of segments whose name no other one has."""
    names = Counter(each.label.name for each in found)
    return {
        each.label.name: each.confidence
        for each in found
        if each.confidence is not None and names[each.label.name] == 1
    }


def _turned(segmentation: Segmentation, grid: Grid) -> Segmentation:
    """The labels with axes as those of the series; on its very grid where it is the same."""
    own = segmentation.grid
    assert isinstance(own, Grid)  # noqa: S101 - layers lie evenly
    axis_map = own.axis_map(grid.orientation)
    turned = own.turned(axis_map)
    return Segmentation(
        axis_map.apply(segmentation.array),
        grid if turned.same_as(grid) else turned,
        segmentation.labels,
    )
