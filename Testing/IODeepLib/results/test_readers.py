"""DICOM SEG in millimeters and milliliters, as readers measure them that are not ours.

dcmqi (which 3D Slicer reads segmentations with), highdicom and OHIF read what runs of a network
wrote for series that lie as series do. They must find what the result says, and both what is there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
import pytest
from judges import (
    Measured,
    measured_by_dcmqi,
    measured_by_highdicom,
    measured_by_ohif,
    standard_errors,
)
from makers.placed_blobs import BLOBS, LAYOUTS, PIXEL, network, write
from makers.summing_networks import model_of, sums

from IODeepLib.geometry.slice_stack import SliceStack
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.pipeline import Options, run
from IODeepLib.results import SegmentationType
from IODeepLib.results.result import Result
from IODeepLib.series import ImageSeries, find_series

BINARY, LABELMAP, FRACTIONAL = SegmentationType
SEGS = ("segmentation", "segmentation_on_slices")
CORRECTED = [name for name in LAYOUTS if any(x in name for x in ("tilted", "missing", "two dist"))]
CASES = [(name, seg_type) for name in LAYOUTS for seg_type in (BINARY, LABELMAP)]
CASES += [(name, FRACTIONAL) for name in ("oblique", "tilted by -18 degrees", "two distances")]

# Counting pixels of 1.9 mm whose centers lie inside of blobs of 13 to 18 mm is wrong by 1 or 2 %;
# over a gap of 9.6 mm, two missing slices, nobody knows the shape of a blob: 4 % were seen.
VOLUME = 0.05
# Half a pixel, in any direction: nothing is moved.
CENTRE = min(PIXEL) / 2
# What readers differ by from what we say: numbers in files, and positions with one decimal.
SAME_VOLUME, SAME_PLACE = 1e-3, 0.1


@dataclass(frozen=True)
class Written:
    """A series, the result of a run on it, and its two files (one where it was not corrected)."""

    series: ImageSeries
    result: Result
    seg: Path
    on_slices: Path

    def segmentation_on_slices(self) -> Segmentation:
        """What lies on the images themselves."""
        segmentation = self.result.segmentation
        assert segmentation is not None
        slices = self.series.slices
        return segmentation.on_slices(slices) if isinstance(slices, SliceStack) else segmentation


@pytest.fixture(scope="module")
def written(
    tmp_path_factory: pytest.TempPathFactory,
) -> dict[tuple[str, SegmentationType], Written]:
    folder = tmp_path_factory.mktemp("readers")
    models = {spatial: network(folder / f"{spatial}d", spatial) for spatial in (2, 3)}
    found = {}
    for i, (name, seg_type) in enumerate(CASES):
        images = folder / name
        if not images.exists():
            write(LAYOUTS[name], images, SliceThickness="3.2")
        (series,) = find_series(images)
        model = models[2 if len(series.frames) == 1 else 3]
        result = run(series, model, Options(seg_type=seg_type, seg_on_slices=True))
        files = [path for path in result.save(folder / f"{i}") if path.stem in SEGS]
        assert len(files) == 1 + (name in CORRECTED)
        found[name, seg_type] = Written(series, result, files[0], files[-1])
    return found


@pytest.fixture(scope="module")
def by_ohif(written) -> dict[Path, dict[int, Measured] | str]:
    """What OHIF makes of every file."""
    jobs = {seg: one.series.files for one in written.values() for seg in {one.seg, one.on_slices}}
    return dict(zip(jobs, measured_by_ohif(list(jobs.items())), strict=True))


def centres(segmentation: Segmentation) -> dict[str, np.ndarray]:
    """LPS mm of the middle of each label, slice by slice."""
    grid, found = segmentation.grid, {}
    for label in segmentation.labels:
        there = np.argwhere(segmentation.mask(label))
        if isinstance(grid, SliceStack):
            points = np.array([grid.point((int(k), r, c)) for k, r, c in there])
            found[label.name] = np.average(points, axis=0, weights=grid.voxel_volumes[there[:, 0]])
        else:
            found[label.name] = grid.point(there).mean(axis=0)
    return found


def assert_measured(measured: dict[int, Measured], segmentation: Segmentation, name: str) -> None:
    """As the result says; and as the blobs are, but for a single slice of them."""
    volumes, middles = segmentation.volumes(), centres(segmentation)
    # Slices that lean by less than half a pixel count as upright: readers begin at one of them.
    near = CENTRE if "leaning" in name else SAME_PLACE
    assert sorted(measured) == [label.value for label in segmentation.labels]
    for label in segmentation.labels:
        one, blob = measured[label.value], BLOBS[label.name]
        assert one.millilitres == pytest.approx(volumes[label.name], rel=SAME_VOLUME)
        np.testing.assert_allclose(one.centre, middles[label.name], atol=near)
        if name != "single slice":
            assert one.millilitres == pytest.approx(blob.millilitres, rel=VOLUME)
            assert np.linalg.norm(one.centre - blob.centre) < CENTRE


@pytest.mark.parametrize(("name", "seg_type"), CASES)
@pytest.mark.parametrize("reader", ["dcmqi", "highdicom"])
def test_volumes_that_readers_make(written, name, seg_type, reader, tmp_path) -> None:
    one = written[name, seg_type]
    if reader == "dcmqi":
        measured = measured_by_dcmqi(one.seg, tmp_path / "dcmqi")
    else:
        # highdicom takes positions for even that differ by a hundredth of the distance.
        measured = measured_by_highdicom(one.seg, **({"atol": 0.1} if "one deci" in name else {}))
    assert one.result.segmentation is not None
    assert_measured(measured, one.result.segmentation, name)
    said = one.result.document()["volumes_ml"]
    for label in one.result.segmentation.labels:
        assert measured[label.value].millilitres == pytest.approx(said[label.name], rel=SAME_VOLUME)


@pytest.mark.parametrize(("name", "seg_type"), CASES)
def test_frames_upon_images_in_ohif(written, by_ohif, name, seg_type) -> None:
    """On the slices themselves: of a corrected series, what was asked for in addition."""
    one = written[name, seg_type]
    measured = by_ohif[one.on_slices]
    assert not isinstance(measured, str), measured
    assert_measured(measured, one.segmentation_on_slices(), name)


@pytest.mark.parametrize(("name", "seg_type"), [case for case in CASES if case[0] in CORRECTED])
def test_ohif_lays_nothing_of_an_even_grid_in_a_wrong_place(written, by_ohif, name, seg_type):
    """It refuses frames larger than the images; of others it shows those that lie on one."""
    one = written[name, seg_type]
    measured = by_ohif[one.seg]
    if "tilted" in name:
        assert isinstance(measured, str) and "different geometry dimensions" in measured
        return
    on_slices = one.segmentation_on_slices()
    for label in on_slices.labels:
        counts = np.count_nonzero(on_slices.mask(label), axis=(1, 2))
        shown = measured[label.value].pixels
        assert shown and all(counts[k] == count for k, count in shown.items())


@pytest.mark.parametrize(("name", "seg_type"), CASES)
def test_the_standard_is_kept(written, name, seg_type) -> None:
    one = written[name, seg_type]
    for path in {one.seg, one.on_slices}:
        assert standard_errors(path) == []


def _source_positions(series: ImageSeries) -> np.ndarray:
    """(n, 3), from the files."""
    found = []
    for path in series.files:
        ds = pydicom.dcmread(path)
        groups = ds.get("PerFrameFunctionalGroupsSequence")
        own = [g.PlanePositionSequence[0] for g in groups] if groups else [ds]
        found += [[float(v) for v in holder.ImagePositionPatient] for holder in own]
    return np.array(found)


def _frame_positions(ds: pydicom.Dataset) -> np.ndarray:
    groups = ds.PerFrameFunctionalGroupsSequence
    return np.array(
        [[float(v) for v in g.PlanePositionSequence[0].ImagePositionPatient] for g in groups]
    )


@pytest.mark.parametrize(("name", "seg_type"), CASES)
def test_what_is_said_of_the_geometry_is_measured(written, name, seg_type) -> None:
    """Every attribute of it, against the headers of the images and the layout that they had."""
    one, layout = written[name, seg_type], LAYOUTS[name]
    source = _source_positions(one.series)
    for path in {one.seg, one.on_slices}:
        ds = pydicom.dcmread(path)
        (shared,) = ds.SharedFunctionalGroupsSequence
        known = {"PlaneOrientationSequence", "PixelMeasuresSequence"}
        if seg_type is LABELMAP:
            known.add("PixelValueTransformationSequence")
        assert {element.keyword for element in shared} <= known
        cosines = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, float)
        stated = layout.directions.ravel()
        np.testing.assert_allclose(cosines, stated, atol=max(layout.turned, 1e-9))
        measures = {e.keyword: e.value for e in shared.PixelMeasuresSequence[0]}
        assert set(measures) <= {"PixelSpacing", "SliceThickness", "SpacingBetweenSlices"}
        np.testing.assert_allclose([float(v) for v in measures["PixelSpacing"]], PIXEL)

        positions = _frame_positions(ds)
        along = np.unique(np.round(positions @ layout.normal, 6))
        between = measures.get("SpacingBetweenSlices")
        if name == "single slice":
            assert float(between) == 3.2
        elif between is None:  # several distances: none is said
            assert path == one.on_slices and name == "two distances"
        else:  # every frame lies in a place of an even stack, as far as positions are rounded
            places = (along - along[0]) / float(between)
            assert np.abs(places - np.rint(places)).max() < 0.02 + 0.1**layout.decimals
        if path == one.on_slices:  # each frame has the very position of an image
            assert {tuple(p) for p in positions} <= {tuple(p) for p in source}
            assert float(measures["SliceThickness"]) == 3.2
            assert ds.Rows, ds.Columns == one.series.grid.shape[1:]
        else:
            assert float(measures["SliceThickness"]) == pytest.approx(float(between))
            np.testing.assert_allclose((one.series.grid.index(positions) + 0.5) % 1, 0.5, atol=1e-6)
        uids = {pydicom.dcmread(f, stop_before_pixels=True).FrameOfReferenceUID for f in
                one.series.files}  # fmt: skip
        assert {ds.FrameOfReferenceUID} == uids


@pytest.mark.parametrize("name", CORRECTED)
def test_frames_name_the_images_that_they_lie_on(written, name) -> None:
    """And no other: what lies between images names none."""
    one = written[name, BINARY]
    positions = {}
    for path in one.series.files:
        ds = pydicom.dcmread(path, stop_before_pixels=True)
        own = _frame_positions(ds) if "NumberOfFrames" in ds else [ds.ImagePositionPatient]
        for number, position in enumerate(own, 1):
            positions[ds.SOPInstanceUID, number] = [float(v) for v in position]
    for path in (one.seg, one.on_slices):
        ds = pydicom.dcmread(path)
        named = 0
        for frame, position in zip(
            ds.PerFrameFunctionalGroupsSequence, _frame_positions(ds), strict=True
        ):
            for derivation in frame.DerivationImageSequence:
                (image,) = derivation.SourceImageSequence
                source = image.ReferencedSOPInstanceUID, image.get("ReferencedFrameNumber", 1)
                np.testing.assert_array_equal(positions[source], position)
                named += 1
        if path == one.on_slices:
            assert named == ds.NumberOfFrames
        else:
            assert named < ds.NumberOfFrames
            assert bool(named) == ("tilted" not in name)


def test_two_series_are_told_apart(written) -> None:
    one = written["two distances", BINARY]
    first, second = (pydicom.dcmread(path) for path in (one.seg, one.on_slices))
    assert first.SeriesInstanceUID != second.SeriesInstanceUID
    assert first.SOPInstanceUID != second.SOPInstanceUID
    assert (first.SeriesNumber, second.SeriesNumber) == (1007, 2007)
    assert first.SeriesDescription == "Blobs 1.0.0 segmentation"
    assert second.SeriesDescription == "Blobs 1.0.0 segmentation on its slices"
    assert "on which the result lies" in first.DerivationDescription
    assert "The frames lie on the images themselves" in second.DerivationDescription
    document = one.result.document()
    assert document["sop_instance_uid"] == first.SOPInstanceUID
    assert document["sop_instance_uid_on_slices"] == second.SOPInstanceUID


@pytest.mark.parametrize("name", CORRECTED)
def test_the_same_bytes_with_and_without_the_second(written, name, tmp_path) -> None:
    one = written[name, BINARY]
    for wanted in (True, False):
        again = run(one.series, one.result.model, Options(seg_on_slices=wanted))
        again.save(tmp_path / str(wanted))
        folder = tmp_path / str(wanted)
        assert (folder / one.seg.name).read_bytes() == one.seg.read_bytes()
        if wanted:
            assert (folder / one.on_slices.name).read_bytes() == one.on_slices.read_bytes()
        else:
            assert not (folder / one.on_slices.name).exists()
            assert again.document()["sop_instance_uid_on_slices"] is None


@pytest.mark.parametrize("name", CORRECTED)
@pytest.mark.parametrize("kept", BLOBS)
def test_labels_to_keep(written, name, kept, tmp_path) -> None:
    """What is kept is measured as before; what is dropped is nowhere."""
    one = written[name, BINARY]
    result = run(one.series, one.result.model, Options(labels=(kept,), seg_on_slices=True))
    files = [path for path in result.save(tmp_path / "out") if path.stem in SEGS]
    assert len(files) == 2
    (measured,) = measured_by_dcmqi(files[0], tmp_path / "dcmqi").values()
    assert measured.millilitres == pytest.approx(
        one.result.segmentation.volumes()[kept], rel=SAME_VOLUME
    )
    for path in files:
        (segment,) = pydicom.dcmread(path).SegmentSequence
        assert segment.SegmentLabel == kept


def _empty(points: np.ndarray) -> np.ndarray:
    return np.zeros(points.shape[:-1], bool)


@pytest.mark.parametrize("name", CORRECTED)
def test_nothing_found_writes_no_series(written, name, tmp_path, monkeypatch) -> None:
    for blob in BLOBS:
        monkeypatch.setitem(BLOBS, blob, _Nowhere(BLOBS[blob].value))
    write(LAYOUTS[name], tmp_path / "images")
    (series,) = find_series(tmp_path / "images")
    result = run(series, written[name, BINARY].result.model, Options(seg_on_slices=True))
    assert result.empty and result.seg is None and result.seg_on_slices is None
    names = [path.name for path in result.save(tmp_path / "out")]
    assert names == ["report.dcm", "overlay.png", "result.json"]
    document = result.document()
    assert document["sop_instance_uid"] is document["sop_instance_uid_on_slices"] is None


@dataclass(frozen=True)
class _Nowhere:
    value: float
    inside: Callable[[np.ndarray], np.ndarray] = _empty


def test_why_there_is_no_second(written) -> None:
    said = list(written["oblique", BINARY].result.sentences())
    assert "no second DICOM SEG is written: the first one lies on the slices themselves" in said
    assert not any("second" in line for line in written[CORRECTED[0], BINARY].result.sentences())


def test_a_classification_has_neither(written, tmp_path) -> None:
    code = {"value": "12738006", "scheme": "SCT", "meaning": "Brain"}
    label = {"value": 1, "name": "bright", "category": code, "type": code}
    model = model_of(
        tmp_path,
        sums([[1]], 3, "pool"),
        applies_to={"modalities": ["CT"]},
        task="REGRESSION",
        output={"channels": 1, "labels": [label | {"channel": 0}]},
    )
    series = written[CORRECTED[0], BINARY].series
    result = run(series, model, Options(seg_on_slices=True))
    assert result.seg is None and result.seg_on_slices is None
    assert [path.name for path in result.save(tmp_path / "out")] == ["report.dcm", "result.json"]


def test_a_real_head_with_gantry_tilt(shared_data, tmp_path) -> None:
    """18.5 degrees and three slice distances: bone in milliliters, in all readers."""
    (series,) = find_series(shared_data / "dicom" / "ct_head_ge_tilt_nonuniform")
    model = model_of(
        tmp_path,
        sums([[0], [1]], spatial=3),
        applies_to={"modalities": ["CT"]},
        input={"intensity": [{"step": "scale_offset", "offset": -500}]},
    )
    result = run(series, model, Options(seg_on_slices=True))
    seg, on_slices, *_ = result.save(tmp_path / "out")
    assert standard_errors(seg) == standard_errors(on_slices) == []
    said = result.document()["volumes_ml"]["Label 1"]
    (middle,) = centres(result.segmentation).values()
    by_dcmqi = measured_by_dcmqi(seg, tmp_path / "dcmqi")[1]
    by_highdicom = measured_by_highdicom(seg)[1]
    (by_ohif,) = measured_by_ohif([(on_slices, series.files)])
    for measured in (by_dcmqi, by_highdicom):
        assert measured.millilitres == pytest.approx(said, rel=SAME_VOLUME)
        np.testing.assert_allclose(measured.centre, middle, atol=SAME_PLACE)
    # Half a pixel and half a distance between planes are lost on the way to the slices.
    assert by_ohif[1].millilitres == pytest.approx(said, rel=0.03)
    np.testing.assert_allclose(by_ohif[1].centre, middle, atol=1.0)
