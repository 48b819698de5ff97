"""Results: a DICOM SEG, an RT Structure Set and an SR of many segments, and measurements."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import SimpleITK
from harness import Bench, Row, alternate, duration, fresh, seconds, speedup
from made import (
    LIVER,
    SPACING,
    STRUCTURE,
    ct_series,
    labels_of,
    network_of,
    organ_segmentation,
    organs,
    recipe,
)

if TYPE_CHECKING:
    from IODeepLib.results import Provenance

REPORTED = 100  # segments of the SR


def rows(bench: Bench) -> Iterator[Row]:
    """Both read the images and the label map from files and write the SEG, as whole processes."""
    shape, segments = bench.sizes.volume, bench.sizes.segments
    images = ct_series(bench.folder / "images", shape)
    labels, metadata = bench.folder / "labels.nrrd", bench.folder / "metadata.json"
    image = SimpleITK.GetImageFromArray(organs(shape, segments))
    image.SetSpacing(SPACING[::-1])
    image.SetOrigin((-200, -200, 0))
    SimpleITK.WriteImage(image, str(labels))
    metadata.write_text(json.dumps(_metadata(segments)))
    paths = [bench.folder / "ours.dcm", bench.folder / "peer.dcm"]

    def ours() -> float:
        arguments = (str(images), str(labels), segments, str(paths[0]))
        return seconds(lambda: fresh("bench_results:write", *arguments))

    def peer() -> float:
        tool = Path(sys.executable).with_name("itkimage2segimage")
        command = [tool, "--inputDICOMDirectory", images, "--inputImageList", labels]
        command += ["--inputMetadata", metadata, "--outputDICOM", paths[1]]
        return seconds(lambda: subprocess.run(command, check=True, capture_output=True))

    times = alternate(ours, peer, bench.sizes.pairs)
    _check(*paths)
    size = "x".join(map(str, shape[::-1]))
    note = "whole processes, from files to file"
    what = f"SEG of {size} with {segments} segments"
    yield speedup(what, "dcmqi itkimage2segimage", times, 1.5, note=note)
    if importlib.util.find_spec("rt_utils"):
        yield _structures(bench, images, labels, note)
    yield _measuring(images, shape, segments, bench.sizes.pairs)
    yield _showing(bench, images)
    yield _reporting(images, bench.folder / "report.dcm", bench.sizes.pairs)


def _structures(bench: Bench, images: Path, labels: Path, note: str) -> Row:
    """The same as contours. The peer runs along the centers of voxels, and has fewer points."""
    segments = bench.sizes.segments
    paths = [bench.folder / "structures.dcm", bench.folder / "peer_structures.dcm"]
    arguments = [(str(images), str(labels), segments, str(path)) for path in paths]
    times = alternate(
        lambda: seconds(lambda: fresh("bench_results:write_structures", *arguments[0])),
        lambda: seconds(lambda: fresh("bench_results:write_by_rt_utils", *arguments[1])),
        bench.sizes.pairs,
    )
    _check_structures(*paths)
    size = "x".join(map(str, bench.sizes.volume[::-1]))
    what = f"RT Structure Set of {size} with {segments} segments"
    return speedup(what, "rt-utils", times, 3, note=note)


def _measuring(images: Path, shape: tuple[int, int, int], segments: int, pairs: int) -> Row:
    """From arrays to numbers; SimpleITK's filter gives all of ours but the two diameters."""
    from IODeepLib.measurements import measure
    from IODeepLib.series import find_series

    series = find_series(images)[0]
    volume, segmentation = series.volume(), organ_segmentation(series.grid, segments)

    def peer() -> None:
        filter_ = SimpleITK.LabelIntensityStatisticsImageFilter()
        filter_.SetNumberOfBins(2**12)
        arrays = segmentation.array, volume.array
        label_image, image = map(SimpleITK.GetImageFromArray, arrays)
        for one in (label_image, image):
            one.SetSpacing(series.grid.spacing[::-1])
        filter_.Execute(label_image, image)

    times = alternate(
        lambda: seconds(lambda: measure(segmentation, volume, series)),
        lambda: seconds(peer),
        pairs,
    )
    what = f"measuring {segments} segments in {'x'.join(map(str, shape[::-1]))}"
    note = "its filter measures no diameters in planes"
    return speedup(what, "SimpleITK LabelIntensityStatistics", times, 1, note=note)


def _showing(bench: Bench, images: Path) -> Row:
    """From arrays to both files; what was measured of the segments is known by then."""
    from IODeepLib.publish import pack
    from IODeepLib.results import SegmentationType
    from IODeepLib.results.page.report import report
    from IODeepLib.results.pictures.sheet import contact_sheet
    from IODeepLib.results.result import Result
    from IODeepLib.series import find_series

    series, segments = find_series(images)[0], bench.sizes.segments
    network = network_of(bench.folder / "shown.onnx", 10**6, 16)
    result = Result(
        channels=(series,),
        model=pack(network, recipe("shown", 16), bench.folder / "shown"),
        reasons=(),
        found=organ_segmentation(series.grid, segments),
        volume=series.volume(),
        provider="CPUExecutionProvider",
        seg_type=SegmentationType.BINARY,
        notes=(),
    )
    result.document()

    def show() -> None:
        contact_sheet(result)
        report(result)

    times = [seconds(show) for _ in range(bench.sizes.pairs)]
    size = "x".join(map(str, bench.sizes.volume[::-1]))
    what = f"contact sheet and HTML page of {segments} segments in {size}"
    return duration(what, times, 3.0, note="what was measured is known")


def _reporting(images: Path, out: Path, pairs: int) -> Row:
    """From numbers to a file; how large the segments are makes no difference."""
    from IODeepLib.inference.segmentation import Segmentation
    from IODeepLib.measurements import Measurements, SegmentMeasurements
    from IODeepLib.results import make_seg
    from IODeepLib.results.sr import report_segments
    from IODeepLib.series import find_series
    from IODeepLib.voxels.label_tally import Measured

    series, labels = find_series(images)[0], labels_of(REPORTED)
    values = np.arange(np.prod(series.grid.shape[1:]), dtype=np.int64) % (REPORTED + 1)
    array = np.zeros(series.grid.shape, np.uint8)
    array[0] = values.reshape(series.grid.shape[1:])
    seg = make_seg(Segmentation(array, series.grid, labels), series, _provenance())
    figures = Measured(12.34567891, 3.456789012, -123.0, 12.0, 345.0, voxels=54321)
    segments = tuple(
        SegmentMeasurements(
            label, 54321, 1234.567891, figures, 123.4567891, 45.67890123, 9876.54321
        )
        for label in labels
    )
    measured = Measurements(series.units[0], segments)

    def report() -> None:
        report_segments(measured, series, _provenance(), seg).save(out)

    times = [seconds(report) for _ in range(pairs + 1)][1:]  # highdicom is imported by then
    what = f"SR of {REPORTED} segments on {len(series.frames)} images"
    return duration(what, times, 2.0, note="from numbers to file")


def write(images: str, labels: str, segments: int, out: str) -> None:
    """The SEG as the library makes it."""
    from IODeepLib.results import make_seg

    seg = make_seg(*_found(images, labels, segments))
    assert seg is not None
    seg.save(out)


def write_structures(images: str, labels: str, segments: int, out: str) -> None:
    """The RT Structure Set as the library makes it."""
    from IODeepLib.results.formats.rtstruct import make_rtstruct, write_rtstruct

    dataset = make_rtstruct(*_found(images, labels, segments))
    folder = Path(out).with_suffix("")
    folder.mkdir(exist_ok=True)
    (name,) = write_rtstruct(dataset, folder)
    (folder / name).replace(out)


def write_by_rt_utils(images: str, labels: str, segments: int, out: str) -> None:
    """The same by rt-utils, which wants a mask (row, column, slice) for each."""
    from rt_utils import RTStructBuilder

    array = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(labels)).transpose(1, 2, 0)
    structures = RTStructBuilder.create_new(dicom_series_path=images)
    for i in range(1, segments + 1):
        structures.add_roi(mask=array == i, name=f"Label {i}")
    structures.save(out)


def _found(images: str, labels: str, segments: int) -> tuple[Any, Any, Any]:
    """The label map on the series, the series, and what made the map."""
    from IODeepLib.inference.segmentation import Segmentation
    from IODeepLib.series import find_series

    series = find_series(images)[0]
    image = SimpleITK.ReadImage(labels)
    array = SimpleITK.GetArrayFromImage(image)
    return Segmentation(array, series.grid, labels_of(segments)), series, _provenance()


def _provenance() -> Provenance:
    from IODeepLib.results import Provenance

    return Provenance(
        title="Benchmark",
        name="bench",
        version="1.0.0",
        publisher="IODeep",
        model_uid="2.25.10",
        card_sop_instance_uid="2.25.11",
        card_series_instance_uid="2.25.12",
        card_study_instance_uid="2.25.13",
        network_digest="cd" * 32,
        weights_digest="ab" * 32,
        runtime="onnxruntime",
        provider="CPUExecutionProvider",
    )


def _metadata(segments: int) -> dict:
    def code(value: dict[str, str]) -> dict[str, str]:
        return {
            "CodeValue": value["value"],
            "CodingSchemeDesignator": value["scheme"],
            "CodeMeaning": value["meaning"],
        }

    attributes = [
        {
            "labelID": i,
            "SegmentLabel": f"Label {i}",
            "SegmentDescription": f"Label {i}",
            "SegmentAlgorithmType": "AUTOMATIC",
            "SegmentAlgorithmName": "bench",
            "SegmentedPropertyCategoryCodeSequence": code(STRUCTURE),
            "SegmentedPropertyTypeCodeSequence": code(LIVER),
            "recommendedDisplayRGBValue": [255, 0, 0],
        }
        for i in range(1, segments + 1)
    ]
    return {
        "ContentCreatorName": "bench",
        "SeriesDescription": "Segmentation",
        "SeriesNumber": "300",
        "InstanceNumber": "1",
        "BodyPartExamined": "ABDOMEN",
        "segmentAttributes": [attributes],
    }


def _check(ours: Path, peer: Path) -> None:
    """Both wrote the same: as many frames and segments, as many voxels set."""
    import pydicom

    def content(path: Path) -> tuple:
        ds = pydicom.dcmread(path)
        bits = np.frombuffer(ds.PixelData, np.uint8)
        voxels = int(np.bitwise_count(bits).sum())
        return ds.SegmentationType, ds.NumberOfFrames, len(ds.SegmentSequence), voxels

    if content(ours) != content(peer):
        raise RuntimeError(f"ours holds {content(ours)}, the peer's {content(peer)}")


def _check_structures(ours: Path, peer: Path) -> None:
    """Both have contours of as many regions, in as many slices."""
    import pydicom

    def content(path: Path) -> tuple:
        regions = pydicom.dcmread(path).ROIContourSequence
        planes = {float(c.ContourData[2]) for one in regions for c in one.ContourSequence}
        return len(regions), len(planes)

    if content(ours) != content(peer):
        raise RuntimeError(f"ours holds {content(ours)}, the peer's {content(peer)}")
