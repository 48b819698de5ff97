"""Segments as editors keep them, in layers on parts of the grid, as DICOM SEG."""

from __future__ import annotations

from pathlib import Path

import highdicom as hd
import numpy as np
import pytest
from judges import standard_errors
from makers.results import PROVENANCE, label
from makers.series import Stack

from IODeepLib.errors import ImageError
from IODeepLib.geometry import AxisMap
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.results import Seg, make_seg
from IODeepLib.results.in_layers import Circumstances, Layer, LayeredSegment, seg_of_layers
from IODeepLib.series import ImageSeries, find_series

LIVER, SPLEEN = label(1, "liver"), label(700, "spleen")


@pytest.fixture
def series(tmp_path: Path) -> ImageSeries:
    return find_series(Stack(common={"Modality": "CT"}).write(tmp_path / "s"))[0]


def found(series: ImageSeries) -> Segmentation:
    array = np.zeros(series.grid.shape, np.uint16)
    array[1:4, 1:3, 1:4], array[2:5, 3:5, 2:6] = LIVER.value, SPLEEN.value
    return Segmentation(array, series.grid, (LIVER, SPLEEN))


def segments(of: Segmentation, **edits: LayeredSegment) -> list[LayeredSegment]:
    marks = of.fingerprints()
    plain = {x.name: LayeredSegment(0, x.value, x, marks[x.name]) for x in of.labels}
    return [*(plain | edits).values()]


def seg(
    series: ImageSeries, layers: list[np.ndarray], segments: list[LayeredSegment], **known: object
) -> Seg:
    placed = [Layer(array, (0, 0, 0)) for array in layers]
    grid = series.grid
    return seg_of_layers(placed, segments, grid, series, PROVENANCE, Circumstances(**known))


def masks(seg: Seg, series: ImageSeries, tmp_path: Path) -> dict[str, np.ndarray]:
    """What highdicom's reader finds, by name."""
    seg.save(tmp_path / "seg.dcm")
    assert standard_errors(tmp_path / "seg.dcm") == []
    read = hd.seg.segread(tmp_path / "seg.dcm")
    pixels = read.get_pixels_by_source_instance(
        list(series.sop_instance_uids), assert_missing_frames_are_empty=True
    )
    return {
        read.get_segment_description(n).segment_label: pixels[..., i] != 0
        for i, n in enumerate(read.segment_numbers)
    }


def test_without_an_edit_it_is_the_object_of_the_run(series: ImageSeries) -> None:
    of = found(series)
    plain = make_seg(of, series, PROVENANCE)
    assert seg(series, [of.array], segments(of)).sop_instance_uid == plain.sop_instance_uid


def test_parts_of_the_grid_with_other_values_are_the_same(series: ImageSeries) -> None:
    """Signed integers, as VTK has them, and each segment in a layer of its own."""
    of = found(series)
    liver = Layer((of.array == 1)[1:4, 1:3, 1:4].astype(np.int16) * 5, (1, 1, 1))
    spleen = Layer((of.array == 700)[2:5, 2:5, 2:6].astype(np.uint8), (2, 2, 2))
    marks = of.fingerprints()
    made = seg_of_layers(
        [liver, spleen],
        [
            LayeredSegment(0, 5, LIVER, marks["liver"]),
            LayeredSegment(1, 1, SPLEEN, marks["spleen"]),
        ],
        series.grid,
        series,
        PROVENANCE,
        Circumstances(),
    )
    assert made.sop_instance_uid == make_seg(of, series, PROVENANCE).sop_instance_uid


def test_axes_in_another_order_and_direction_are_turned(series: ImageSeries) -> None:
    of, turn = found(series), AxisMap((2, 0, 1), (True, False, True))
    array = turn.apply(of.array)
    turned = Segmentation(array, series.grid.turned(turn), of.labels)
    made = seg_of_layers(
        [Layer(array, (0, 0, 0))],
        segments(turned),
        turned.grid,
        series,
        PROVENANCE,
        Circumstances(),
    )
    assert made.sop_instance_uid == make_seg(of, series, PROVENANCE).sop_instance_uid


def test_segments_that_overlap_keep_all_their_voxels(series: ImageSeries, tmp_path: Path) -> None:
    of = found(series)
    extra = np.zeros(of.array.shape, np.uint8)
    extra[0:3] = 1
    cyst = LayeredSegment(1, 1, label(1, "cyst"))
    made = seg(series, [of.array, extra], segments(of, cyst=cyst))
    assert made.dataset.SegmentsOverlap == "YES"
    read = masks(made, series, tmp_path)
    np.testing.assert_array_equal(read["cyst"], extra != 0)
    np.testing.assert_array_equal(read["liver"], of.array == 1)
    np.testing.assert_array_equal(read["spleen"], of.array == 700)
    kinds = [item.SegmentAlgorithmType for item in made.dataset.SegmentSequence]
    assert kinds == ["AUTOMATIC", "AUTOMATIC", "MANUAL"]


def test_a_copy_of_a_segment_is_the_networks_too(series: ImageSeries, tmp_path: Path) -> None:
    of = found(series)
    copy = LayeredSegment(1, 1, LIVER, of.fingerprints()["liver"])
    made = seg(series, [of.array, (of.array == 1).astype(np.uint8)], segments(of, copy=copy))
    kinds = [item.SegmentAlgorithmType for item in made.dataset.SegmentSequence]
    assert kinds == ["AUTOMATIC"] * 3
    assert len({x.value for _, x in made.segments}) == 3


def test_what_is_empty_is_said_to_be_removed(series: ImageSeries) -> None:
    of = found(series)
    array = np.where(of.array == 1, of.array, 0)
    made = seg(series, [array], segments(of), gone=("kidney",))
    assert [x.name for _, x in made.segments] == ["liver"]
    assert "Removed by hand: kidney, spleen" in made.dataset.DerivationDescription
    with pytest.raises(ImageError, match="all segments are empty"):
        seg(series, [np.zeros_like(array)], segments(of))
