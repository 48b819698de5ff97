"""Structured reports as programs read them that are not ours: no error, and the same numbers."""

from __future__ import annotations

import os
from pathlib import Path

import highdicom as hd
import pytest
from judges import PIXELMED, pixelmed_errors, report_by_dcmqi, report_by_dcmtk, standard_errors
from makers.reports import LABELS, NAMES, SERIES, Reported, reported
from makers.results import PROVENANCE, label, real_series, three_labels

from IODeepLib.codes import Code
from IODeepLib.inference.classification import Classification
from IODeepLib.measurements import measure
from IODeepLib.recipe import Task
from IODeepLib.results import make_seg
from IODeepLib.results.sr import SrType, report_judgment, report_segments

# What `figures` calls each number that has a name and a derivation in a report.
SIZES = {"Volume": "volume_ml", "Long Axis": "long_axis_mm", "Short Axis": "short_axis_mm"}
SIZES |= {"Surface area": "surface_mm2"}
VALUES = {"Mean": "mean", "Standard Deviation": "stdev", "Minimum": "minimum"}
VALUES |= {"Median": "median", "Maximum": "maximum"}
UNITS = {"volume_ml": "ml", "long_axis_mm": "mm", "short_axis_mm": "mm", "surface_mm2": "mm2"}
OF_IMAGE = {
    "CT": ("Attenuation Coefficient", "[hnsf'U]"),
    "MR": ("MR signal intensity", "1"),
    "PET": ("Nuclear Medicine Tomographic Activity", "Bq/ml"),
    "PET in SUV": ("SUVbw", "{SUVbw}g/ml"),
    "X-ray": ("Value of the image", "1"),
}


@pytest.fixture(scope="module", params=SERIES)
def one(request, tmp_path_factory) -> tuple[str, Reported, Path]:
    folder = tmp_path_factory.mktemp("reports")
    made = reported(folder / "images", request.param)
    made.report.save(folder / "report.dcm")
    return request.param, made, folder / "report.dcm"


def expected(name: str, made: Reported) -> dict[int, dict[tuple[str, str], float]]:
    """By segment number: what was measured by name and unit, with its derivation for values."""
    quantity, unit = OF_IMAGE[name if name in OF_IMAGE else name.split(",")[0]]
    found: dict[int, dict[tuple[str, str], float]] = {}
    numbers = [x for x in made.measurements.segments if x.voxels]
    for number, segment in enumerate(numbers, 1):
        figures = segment.figures()
        known = {k: v for k, v in figures.items() if v is not None}
        sizes = {(said, UNITS[k]): known[k] for said, k in SIZES.items() if k in known}
        values = {
            (f"{quantity}, {said}", unit): known[k] for said, k in VALUES.items() if k in known
        }
        found[number] = sizes | values
    return found


def test_dciodvfy_finds_no_error(one) -> None:
    assert standard_errors(one[2]) == []


def test_highdicom_reads_the_same_numbers(one) -> None:
    name, made, path = one
    document = hd.sr.srread(path)
    assert isinstance(document, hd.sr.ComprehensiveSR)
    found = {}
    for group in document.content.get_volumetric_roi_measurement_groups():
        referenced = group.referenced_segment
        assert referenced.referenced_sop_instance_uid == made.seg.sop_instance_uid
        (number,) = referenced.referenced_segment_numbers
        found[number] = {}
        for measured in group.get_measurements():
            said = measured.name.meaning
            if measured.derivation is not None:
                said += f", {measured.derivation.meaning}"
            found[number][said, measured.unit.value] = measured.value
    assert found == expected(name, made)
    assert set(found) == {1, 2, 3}


def test_highdicom_reads_whose_and_which_labels(one) -> None:
    _, made, path = one
    content = hd.sr.srread(path).content
    first, second, third = content.get_volumetric_roi_measurement_groups()
    assert [g.tracking_identifier for g in (first, second, third)] == [
        "liver",
        "left kidney",
        "one voxel",
    ]
    assert first.finding_type.value == "10200004"
    assert first.finding_category.value == LABELS[0].category.value
    (site,) = first.finding_sites
    assert (site.value.value, site.laterality) == ("818981001", None)
    (site,) = second.finding_sites
    assert (site.value.meaning, site.laterality.meaning) == ("Kidney", "Left")
    assert third.finding_sites == []
    source = first.referenced_segment.source_series_for_segmentation
    assert source.value == made.series.series_instance_uid


def test_dcmqi_reads_the_same_numbers(one) -> None:
    name, made, path = one
    found = {}
    for group in report_by_dcmqi(path)["Measurements"]:
        found[group["ReferencedSegment"]] = numbers = {}
        assert group["segmentationSOPInstanceUID"] == made.seg.sop_instance_uid
        assert group["measurementAlgorithmIdentification"]["AlgorithmName"] == PROVENANCE.title
        for measured in group["measurementItems"]:
            said = measured["quantity"]["CodeMeaning"]
            if "derivationModifier" in measured:
                said += f", {measured['derivationModifier']['CodeMeaning']}"
            numbers[said, measured["units"]["CodeValue"]] = float(measured["value"])
    assert found == expected(name, made)


def test_dcmtk_prints_the_same_numbers(one) -> None:
    name, made, path = one
    said = report_by_dcmtk(path)
    for numbers in expected(name, made).values():
        for (what, unit), value in numbers.items():
            quantity, _, derivation = what.partition(", ")
            line = f'contains NUM:(,,"{quantity}")="{value}" ({unit},UCUM,'
            assert line in said
            assert not derivation or f',"{derivation}")>' in said
    assert '(,,"Summary")="Looked for and not found: nowhere"' in said
    assert '="modality fits: required CT, found CT (Modality)">' in said
    if name == "CT, names":
        assert NAMES["PatientName"] in said and NAMES["StudyDescription"] in said


def test_comprehensive_3d(tmp_path: Path) -> None:
    made = reported(tmp_path / "images", sr_type=SrType.COMPREHENSIVE_3D)
    made.report.save(tmp_path / "report.dcm")
    assert standard_errors(tmp_path / "report.dcm") == []
    document = hd.sr.srread(tmp_path / "report.dcm")
    assert isinstance(document, hd.sr.Comprehensive3DSR)
    assert len(document.content.get_volumetric_roi_measurement_groups()) == 3
    assert len(report_by_dcmqi(tmp_path / "report.dcm")["Measurements"]) == 3
    assert "Comprehensive 3D SR" in report_by_dcmtk(tmp_path / "report.dcm")


_VOLUME = hd.sr.CodedConcept("118565006", "SCT", "Volume")
_PRESENCE = hd.sr.CodedConcept("121052", "DCM", "Presence of property")
PNEUMONIA = Code("233604007", "SCT", "Pneumonia")
CLASSES = (label(1, "pneumonia", type=PNEUMONIA), label(2, "other"), label(3, "third"))


def judged(
    folder: Path, task: Task, *values: float, sr_type: SrType = SrType.COMPREHENSIVE
) -> Path:
    """A report of what a network says of an X-ray: of classes, or of an age and a number."""
    labels, chosen = CLASSES, CLASSES[:1]
    if task is Task.REGRESSION:
        year = Code("a", "UCUM", "year")
        labels = (label(1, "age", type=Code("397669002", "SCT", "Age"), unit=year), label(2))
        chosen = ()
    series = reported(folder / "images", "X-ray").series
    found = Classification(labels, values, chosen)
    report_judgment(found, task, series, PROVENANCE, sr_type=sr_type).save(folder / "report.dcm")
    return folder / "report.dcm"


def groups_of(path: Path) -> list:
    content = hd.sr.srread(path).content
    assert content.get_volumetric_roi_measurement_groups() == []
    return content.get_image_measurement_groups()


def test_classes_are_evaluated_with_their_probability(tmp_path: Path) -> None:
    path = judged(tmp_path, Task.CLASSIFICATION, 0.873, 0.1, 0.027)
    assert standard_errors(path) == []
    first, *others = groups_of(path)
    assert first.finding_type.value == "233604007"
    said = [
        [e.value.meaning for e in g.get_qualitative_evaluations(_PRESENCE)]
        for g in (first, *others)
    ]
    assert said == [["Present"], ["Absent"], ["Absent"]]
    (image,) = first.source_images
    assert image.referenced_sop_instance_uid in {
        uids[2] for uids in hd.sr.srread(path).get_evidence()
    }
    (certainty,) = first.get_measurements()
    assert (certainty.name.meaning, certainty.value) == ("Probability", 87.3)
    assert (certainty.unit.value, certainty.unit.scheme_designator) == ("%", "UCUM")
    text = report_by_dcmtk(path)
    assert '"Probability")="87.3" (%,UCUM' in text
    assert '"Summary")="The image has: pneumonia"' in text
    assert "Referenced Segment" not in text


def test_scores_are_no_probabilities(tmp_path: Path) -> None:
    path = judged(tmp_path, Task.CLASSIFICATION, 7.5, -2.0, 0.5)
    assert standard_errors(path) == []
    for group, value in zip(groups_of(path), (7.5, -2.0, 0.5), strict=True):
        (score,) = group.get_measurements()
        assert (score.name.meaning, score.value) == ("Score of the network", value)
        assert score.unit.value == "1"


def test_quantities_have_their_names_and_units(tmp_path: Path) -> None:
    path = judged(tmp_path, Task.REGRESSION, 54.25, -1e-7)
    assert standard_errors(path) == []
    (age, other) = (group.get_measurements()[0] for group in groups_of(path))
    assert (age.name.meaning, age.value, age.unit.value) == ("Age", 54.25, "a")
    assert (other.value, other.unit.meaning) == (-1e-7, "no units")
    assert '"Age")="54.25" (a,UCUM,"year")' in report_by_dcmtk(path)
    report_by_dcmqi(path)


def test_nothing_found_is_said_and_nothing_referred_to(tmp_path: Path) -> None:
    made = reported(tmp_path / "images", nothing=True)
    assert made.seg is None
    made.report.save(tmp_path / "report.dcm")
    assert standard_errors(tmp_path / "report.dcm") == []
    document = hd.sr.srread(tmp_path / "report.dcm")
    assert document.content.get_volumetric_roi_measurement_groups() == []
    said = report_by_dcmtk(tmp_path / "report.dcm")
    assert '"Summary")="Found: nothing"' in said
    assert said.count('=(NOT_FOUND,99IODEEP,"Looked for and not found")>') == len(LABELS)
    assert "contains NUM" not in said and "Referenced Segment" not in said
    images = made.series.sop_instance_uids
    referred = {uids[2] for uids in document.get_evidence()}
    assert referred == {*images, PROVENANCE.card_sop_instance_uid}


@pytest.mark.skipif(
    not PIXELMED.exists() and not os.environ.get("CI"),
    reason="no PixelMed; next: apt-get install libpixelmed-java default-jre-headless",
)
def test_pixelmed_finds_what_the_templates_ask_for(tmp_path: Path) -> None:
    """Seconds each: of segments, of classes, and of quantities in the other kind of SR."""
    reported(tmp_path / "found").report.save(tmp_path / "found.dcm")
    paths = [
        tmp_path / "found.dcm",
        judged(tmp_path / "classes", Task.CLASSIFICATION, 0.873, 0.1, 0.027),
        judged(tmp_path / "age", Task.REGRESSION, 54.25, -1e-7, sr_type=SrType.COMPREHENSIVE_3D),
    ]
    assert pixelmed_errors(paths) == {path: [] for path in paths}


@pytest.mark.parametrize(
    "name", ["CT abdomen", "sagittal MR", "enhanced MR, Siemens", "legacy converted CT"]
)
def test_reports_on_real_series(name: str, shared_data: Path, tmp_path: Path) -> None:
    series = real_series(shared_data, name, tmp_path / "images")
    volume = series.volume()
    segmentation = three_labels(volume.grid)
    seg = make_seg(segmentation, series, PROVENANCE)
    measurements = measure(segmentation, volume, series)
    path = tmp_path / "report.dcm"
    report_segments(measurements, series, PROVENANCE, seg).save(path)
    assert standard_errors(path) == []
    groups = hd.sr.srread(path).content.get_volumetric_roi_measurement_groups()
    read = [g.get_measurements(_VOLUME)[0].value for g in groups]
    by_dcmqi = [
        float(one["value"])
        for group in report_by_dcmqi(path)["Measurements"]
        for one in group["measurementItems"]
        if one["quantity"]["CodeMeaning"] == "Volume"
    ]
    wanted = [one.figures()["volume_ml"] for one in measurements.segments if one.voxels]
    assert read == by_dcmqi == wanted
    assert report_by_dcmtk(path)
