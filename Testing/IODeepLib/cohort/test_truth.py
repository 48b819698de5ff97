"""Segments lie exactly on the voxels of a series, or are refused with the reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from judges import read_by_dcmqi
from makers.cohorts import LABELS, images_of, organs, write_seg
from makers.recipes import recipe
from pydicom import dcmread
from pydicom.dataset import Dataset

from IODeepLib.cohort.objects import objects_in
from IODeepLib.cohort.segments import match
from IODeepLib.cohort.truth import Canvas, paint
from IODeepLib.recipe import Label
from IODeepLib.results import SegmentationType
from IODeepLib.series import ImageSeries, find_series

_C, _S = np.cos(0.3), np.sin(0.3)
OBLIQUE = np.array([[_C, _S, 0], [-_S * _C, _C * _C, _S]])
OWN: tuple[Label, ...] = recipe(output={"channels": 3, "labels": LABELS}).labels


@pytest.fixture(params=["upright", "oblique"])
def series(tmp_path: Path, request: pytest.FixtureRequest) -> ImageSeries:
    directions = {"directions": OBLIQUE} if request.param == "oblique" else {}
    images_of(organs(0), 0, **directions).write(tmp_path / "images")
    return find_series(tmp_path / "images")[0]


def painted(path: Path, series: ImageSeries, overlapping: bool = False) -> Canvas:
    found = objects_in([path])
    assert not found.left_out
    (seg,) = found.segs
    canvas = Canvas(OWN, series.grid, overlapping=overlapping)
    paint(path, seg.header, match(seg.segments, OWN).labels, canvas)
    return canvas


@pytest.mark.parametrize("kind", [SegmentationType.BINARY, SegmentationType.LABELMAP])
def test_what_was_written_is_read(
    series: ImageSeries, tmp_path: Path, kind: SegmentationType
) -> None:
    truth = organs(0)
    write_seg(tmp_path / "seg.dcm", series, truth, kind=kind)
    canvas = painted(tmp_path / "seg.dcm", series)
    np.testing.assert_array_equal(canvas.array, truth)
    assert canvas.voxels() == {1: (truth == 1).sum(), 2: (truth == 2).sum()}
    layers = painted(tmp_path / "seg.dcm", series, overlapping=True)
    np.testing.assert_array_equal(layers.array, [truth == 1, truth == 2])


def test_dcmqi_reads_the_same(series: ImageSeries, tmp_path: Path) -> None:
    import SimpleITK as sitk  # noqa: N813

    write_seg(tmp_path / "seg.dcm", series, organs(0))
    ours = painted(tmp_path / "seg.dcm", series).array
    images = read_by_dcmqi(tmp_path / "seg.dcm", tmp_path / "dcmqi")
    assert len(images) == 2
    for number, image in images.items():
        there = np.argwhere(sitk.GetArrayFromImage(image))[:, ::-1]
        points = [image.TransformIndexToPhysicalPoint([int(i) for i in one]) for one in there]
        index = np.rint(series.grid.index(np.array(points))).astype(int)
        wanted = np.zeros(ours.shape, bool)
        wanted[tuple(index.T)] = True
        np.testing.assert_array_equal(ours == int(number), wanted)


def turned(dataset: Dataset) -> None:
    """The same SEG with rows and columns exchanged, and those run the other way."""
    pixels = dataset.pixel_array[:, :, ::-1].transpose(0, 2, 1)
    shared = dataset.SharedFunctionalGroupsSequence[0]
    orientation = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float)
    row, column = orientation.reshape(2, 3)
    spacing = [float(v) for v in shared.PixelMeasuresSequence[0].PixelSpacing]
    last = row * spacing[1] * (dataset.Columns - 1)
    shared.PlaneOrientationSequence[0].ImageOrientationPatient = [
        f"{v:.10f}"[:16] for v in (*column, *-row)
    ]
    shared.PixelMeasuresSequence[0].PixelSpacing = spacing[::-1]
    for group in dataset.PerFrameFunctionalGroupsSequence:
        place = group.PlanePositionSequence[0]
        moved = np.array(place.ImagePositionPatient, float) + last
        place.ImagePositionPatient = [f"{v:.10f}"[:16] for v in moved]
    dataset.Rows, dataset.Columns = dataset.Columns, dataset.Rows
    dataset.PixelData = np.packbits(pixels.ravel(), bitorder="little").tobytes()


def cropped(dataset: Dataset) -> None:
    """The same SEG without its first two rows and last three columns, which are empty."""
    pixels = dataset.pixel_array[:, 2:, :-3]
    shared = dataset.SharedFunctionalGroupsSequence[0]
    orientation = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float)
    down = orientation[3:] * float(shared.PixelMeasuresSequence[0].PixelSpacing[0]) * 2
    for group in dataset.PerFrameFunctionalGroupsSequence:
        place = group.PlanePositionSequence[0]
        moved = np.array(place.ImagePositionPatient, float) + down
        place.ImagePositionPatient = [f"{v:.10f}"[:16] for v in moved]
    dataset.Rows, dataset.Columns = pixels.shape[1:]
    dataset.PixelData = np.packbits(pixels.ravel(), bitorder="little").tobytes() + b"\0"


@pytest.mark.parametrize("change", [turned, cropped])
def test_other_axes_and_fewer_voxels_are_exact(
    series: ImageSeries, tmp_path: Path, change: Callable[[Dataset], None]
) -> None:
    truth = organs(0)
    truth[:, :2], truth[:, :, -3:] = 0, 0
    write_seg(tmp_path / "seg.dcm", series, truth, change=change)
    np.testing.assert_array_equal(painted(tmp_path / "seg.dcm", series).array, truth)


def moved(millimeters: float) -> Callable[[Dataset], None]:
    def change(dataset: Dataset) -> None:
        for group in dataset.PerFrameFunctionalGroupsSequence:
            place = group.PlanePositionSequence[0]
            place.ImagePositionPatient = [
                float(v) + millimeters for v in place.ImagePositionPatient
            ]

    return change


def stretched(dataset: Dataset) -> None:
    shared = dataset.SharedFunctionalGroupsSequence[0]
    shared.PixelMeasuresSequence[0].PixelSpacing = [2.5, 2.0]


def elsewhere(dataset: Dataset) -> None:
    dataset.FrameOfReferenceUID = "1.2.3"


def unplaced(dataset: Dataset) -> None:
    del dataset.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence


def of_no_segment(dataset: Dataset) -> None:
    for group in dataset.PerFrameFunctionalGroupsSequence:
        del group.SegmentIdentificationSequence


def cut_off(dataset: Dataset) -> None:
    dataset.PixelData = dataset.PixelData[:40]


def a_giant(dataset: Dataset) -> None:
    dataset.NumberOfFrames = 2**31 - 1


def without_frames(dataset: Dataset) -> None:
    dataset.NumberOfFrames = 0
    dataset.PerFrameFunctionalGroupsSequence = []
    dataset.PixelData = b""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (moved(0.4), "mm beside"),
        (moved(400.0), "outside of the series|mm beside"),
        (stretched, "another size"),
        (elsewhere, "another frame of reference"),
        (unplaced, "where its frames lie"),
        (of_no_segment, "name a segment"),
        (cut_off, "end after"),
        (a_giant, "frames"),
        (without_frames, "frame|pixel"),
    ],
)
def test_what_does_not_lie_there_is_refused(
    series: ImageSeries, tmp_path: Path, change: Callable[[Dataset], None], words: str
) -> None:
    write_seg(tmp_path / "seg.dcm", series, organs(0), change=change)
    with pytest.raises(ValueError, match=words):
        painted(tmp_path / "seg.dcm", series)


def test_a_value_that_no_segment_has(series: ImageSeries, tmp_path: Path) -> None:
    def change(dataset: Dataset) -> None:
        del dataset.SegmentSequence[-1]

    path = tmp_path / "seg.dcm"
    write_seg(path, series, organs(0), kind=SegmentationType.LABELMAP, change=change)
    with pytest.raises(ValueError, match="segment 2, which it does not describe"):
        painted(path, series)


def test_slices_that_are_twice_as_thick(tmp_path: Path) -> None:
    truth = np.zeros((4, 24, 20), np.uint8)
    truth[:, 4:9, 4:9] = 1
    thick, thin = images_of(truth, 1), images_of(organs(0), 0)
    thick.spacing, thick.frame = (6.0, 1.25, 1.0), thin.frame
    thick.write(tmp_path / "thick")
    thin.write(tmp_path / "thin")
    write_seg(tmp_path / "seg.dcm", find_series(tmp_path / "thick")[0], truth)
    with pytest.raises(ValueError, match="every second slice"):
        painted(tmp_path / "seg.dcm", find_series(tmp_path / "thin")[0])


def test_labels_that_want_the_same_voxels_are_counted(tmp_path: Path, series: ImageSeries) -> None:
    canvas = Canvas(OWN, series.grid, overlapping=False)
    there = tuple(np.array([[1, 1, 2], [3, 4, 5], [6, 7, 8]]))
    canvas.add(1, there)
    canvas.add(2, tuple(part[1:] for part in there))
    canvas.add(2, tuple(part[1:] for part in there))
    assert canvas.clashes == {(1, 2): 2}


def test_real_segs_lie_on_their_images(shared_data: Path) -> None:
    """Of each segment as many voxels as its frames have, read by pydicom."""
    folder = shared_data / "dicom"
    (series,) = find_series(folder / "ct_abdomen_totalseg_repaired")
    path = folder / "ct_abdomen_totalseg_reference_seg.dcm"
    (seg,) = objects_in([path]).segs
    dataset = dcmread(path)
    several = [{**LABELS[0], "value": n, "name": one.name} for n, one in seg.segments.items()]
    labels = recipe(output={"channels": len(several) + 1, "labels": several}).labels
    canvas = Canvas(labels, series.grid, overlapping=True)
    paint(path, seg.header, {n: n for n in seg.segments}, canvas)
    wanted = dict.fromkeys(seg.segments, 0)
    for group, plane in zip(
        dataset.PerFrameFunctionalGroupsSequence, dataset.pixel_array, strict=True
    ):
        number = group.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        wanted[number] += int(plane.sum())
    assert canvas.voxels() == wanted
    assert sum(wanted.values()) > 10_000
