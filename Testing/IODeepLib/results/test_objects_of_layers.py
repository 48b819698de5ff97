"""Segments as editors keep them, in layers on parts of the grid, as DICOM SEG and SR."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import highdicom as hd
import numpy as np
import pytest
from judges import standard_errors
from makers.results import PROVENANCE, label
from makers.series import Stack
from pydicom.dataset import Dataset

from IODeepLib.geometry import AxisMap
from IODeepLib.inference.confidence import SegmentConfidence
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.measurements import measure
from IODeepLib.results import Seg, make_seg
from IODeepLib.results.in_layers import Circumstances, Layer, LayeredSegment
from IODeepLib.results.objects_of_layers import objects_of_layers
from IODeepLib.results.sr import Report, report_segments
from IODeepLib.series import ImageSeries, VolumeImage, find_series

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


def objects(
    series: ImageSeries, layers: list[np.ndarray], segments: list[LayeredSegment], **known: object
) -> tuple[Seg | None, Report]:
    placed = [Layer(array, (0, 0, 0)) for array in layers]
    known_ = Circumstances(**known)
    return objects_of_layers(placed, segments, series, series, PROVENANCE, known_)


def seg(
    series: ImageSeries, layers: list[np.ndarray], segments: list[LayeredSegment], **known: object
) -> Seg:
    return objects(series, layers, segments, **known)[0]


def of_a_run(of: Segmentation, series: ImageSeries) -> tuple[Seg, Report]:
    """What a run writes that found this."""
    plain = make_seg(of, series, PROVENANCE)
    measured = measure(of, series.volume(), series)
    return plain, report_segments(measured, series, PROVENANCE, plain)


def assert_same(made: tuple[Seg | None, Report], wanted: tuple[Seg, Report]) -> None:
    assert [one.sop_instance_uid for one in made] == [one.sop_instance_uid for one in wanted]


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
    assert_same(objects(series, [of.array], segments(of)), of_a_run(of, series))


def test_parts_of_the_grid_with_other_values_are_the_same(series: ImageSeries) -> None:
    """Signed integers, as VTK has them, and each segment in a layer of its own."""
    of = found(series)
    liver = Layer((of.array == 1)[1:4, 1:3, 1:4].astype(np.int16) * 5, (1, 1, 1))
    spleen = Layer((of.array == 700)[2:5, 2:5, 2:6].astype(np.uint8), (2, 2, 2))
    marks = of.fingerprints()
    made = objects_of_layers(
        [liver, spleen],
        [
            LayeredSegment(0, 5, LIVER, marks["liver"]),
            LayeredSegment(1, 1, SPLEEN, marks["spleen"]),
        ],
        series,
        series,
        PROVENANCE,
        Circumstances(),
    )
    assert_same(made, of_a_run(of, series))


def test_axes_in_another_order_and_direction_are_turned(series: ImageSeries) -> None:
    of, turn = found(series), AxisMap((2, 0, 1), (True, False, True))
    array = turn.apply(of.array)
    turned = Segmentation(array, series.grid.turned(turn), of.labels)
    image = VolumeImage(series.volume().turned(turn), series.header, "turned")
    made = objects_of_layers(
        [Layer(array, (0, 0, 0))], segments(turned), image, series, PROVENANCE, Circumstances()
    )
    assert_same(made, of_a_run(of, series))


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
    none, report = objects(series, [np.zeros_like(array)], segments(of))
    assert none is None
    assert "removed by hand: liver, spleen" in words(report)
    assert report.dataset.SeriesDescription.endswith("report, edited")


def words(report: Report) -> list[str]:
    def texts(item: Dataset) -> Iterator[str]:
        if item.ValueType == "TEXT":
            yield item.TextValue
        for inner in item.get("ContentSequence", ()):
            yield from texts(inner)

    return [*texts(report.dataset)]


def numbers(report: Report, tmp_path: Path) -> list[tuple[str, dict[str, float]]]:
    """What highdicom's reader finds of each segment, by name (with its derivation)."""
    report.save(tmp_path / "report.dcm")
    assert standard_errors(tmp_path / "report.dcm") == []
    read = hd.sr.srread(tmp_path / "report.dcm")
    found = []
    for group in read.content.get_volumetric_roi_measurement_groups():
        measured = group.get_measurements()
        named = {
            " ".join(
                filter(None, (each.name.meaning, each.derivation and each.derivation.meaning))
            ): each.value
            for each in measured
        }
        found.append((group.tracking_identifier, named))
    return found


def test_what_was_edited_is_measured_anew(series: ImageSeries, tmp_path: Path) -> None:
    """By hand: more liver, a cyst that overlaps it, no spleen; and what was never found."""
    of = found(series)
    of_network = SegmentConfidence(0.875, None, None, None)
    marks = of.fingerprints()
    array = np.where(of.array == 1, of.array, 0)
    array[1:5, 1:4, 1:5] = 1
    cyst = np.zeros(of.array.shape, np.uint8)
    cyst[1:3, 1:3, 1:3] = 1
    made, report = objects(
        series,
        [array, cyst],
        [
            LayeredSegment(0, 1, LIVER, marks["liver"], confidence=of_network),
            LayeredSegment(0, 700, SPLEEN, marks["spleen"], confidence=of_network),
            LayeredSegment(1, 1, label(1, "cyst")),
        ],
        missing=(label(2, "kidney"),),
    )
    voxels, volume = series.volume().array, series.grid.voxel_volume / 1000
    read = dict(numbers(report, tmp_path))
    assert read.keys() == {"liver", "cyst"}
    for name, mask in {"liver": array == 1, "cyst": cyst == 1}.items():
        assert read[name]["Volume"] == pytest.approx(mask.sum() * volume, rel=1e-9)
        means = [value for key, value in read[name].items() if key.endswith(" Mean")]
        assert means == [pytest.approx(voxels[mask].mean(), rel=1e-9)]  # and no probability
    said = words(report)
    assert "Looked for and not found: kidney" in said
    assert {"edited by hand: liver", "added by hand: cyst", "removed by hand: spleen"} <= {*said}
    assert report.dataset.SeriesNumber == made.dataset.SeriesNumber + 2000
    kidney = 2
    assert kidney not in [x.value for _, x in made.segments]


def test_the_network_is_as_sure_as_it_was_of_what_is_as_it_was(
    series: ImageSeries, tmp_path: Path
) -> None:
    of = found(series)
    array = of.array.copy()
    array[0, 0, 0] = SPLEEN.value
    marks, sure = of.fingerprints(), SegmentConfidence(0.875, None, None, None)
    own = [LayeredSegment(0, x.value, x, marks[x.name], confidence=sure) for x in of.labels]
    _, report = objects(series, [array], own)
    read = dict(numbers(report, tmp_path))
    assert read["liver"]["Probability Mean"] == 87.5
    assert "Probability Mean" not in read["spleen"]
    _, report = objects(series, [of.array, array], [*own, LayeredSegment(1, 700, LIVER)])
    probable = [name for name, named in numbers(report, tmp_path) if "Probability Mean" in named]
    assert probable == ["spleen"]  # and not either of the livers, which a name does not tell apart
