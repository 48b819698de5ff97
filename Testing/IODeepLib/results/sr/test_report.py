"""What a report refers to, who made it, and that the same run gives the same bytes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from judges import standard_errors
from makers.reports import LABELS, reported
from makers.results import PROVENANCE, label
from makers.series import Stack
from pacs.servers import Dcmqrscp, Orthanc
from pydicom.dataset import Dataset
from pydicom.uid import ParametricMapStorage

from IODeepLib.errors import ImageError
from IODeepLib.inference.confidence import SegmentConfidence
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.measurements import measure
from IODeepLib.results import Edit, make_seg
from IODeepLib.results.dicom_object import DicomObject
from IODeepLib.results.sr import SrType, report_segments
from IODeepLib.results.sr.quantities import unit_of
from IODeepLib.series import Unit, find_series
from IODeepLib.sources.find import source_of


def test_the_same_gives_the_same_bytes_and_another_network_others(tmp_path: Path) -> None:
    made = reported(tmp_path / "images")
    for name in ("first", "again"):
        report = report_segments(made.measurements, made.series, PROVENANCE, made.seg)
        report.save(tmp_path / name)
    assert (tmp_path / "first").read_bytes() == (tmp_path / "again").read_bytes()
    other = replace(PROVENANCE, network_digest="ee" * 32)
    report = report_segments(made.measurements, made.series, other, made.seg)
    first = pydicom.dcmread(tmp_path / "first")
    assert report.sop_instance_uid != first.SOPInstanceUID
    assert report.dataset.SeriesInstanceUID != first.SeriesInstanceUID
    # Who compares results of two versions finds the same label by its UID.
    assert _tracking(report.dataset) == _tracking(first)
    assert len(set(_tracking(first))) == len(LABELS)
    values = [e.value for e in first.iterall() if e.VR == "UI"]
    assert "0.0" not in values


def _tracking(dataset: Dataset) -> list[str]:
    """Tracking Unique Identifiers, wherever they stand."""
    found = []
    for item in dataset.get("ContentSequence", ()):
        if item.ConceptNameCodeSequence[0].CodeValue == "112040":
            found.append(item.UID)
        found += _tracking(item)
    return found


def test_no_time_of_the_run_is_in_it(tmp_path: Path) -> None:
    ds = reported(tmp_path / "images", "PET").report.dataset
    assert f"{ds.ContentDate} {ds.SeriesDate}" == "19000101 19000101"
    clocks = [e.keyword for e in ds.iterall() if e.VR in ("DA", "TM", "DT") and e.value]
    assert set(clocks) <= {"ContentDate", "ContentTime", "SeriesDate", "SeriesTime"}


def test_whose_it_is_and_what_made_it(tmp_path: Path) -> None:
    made = reported(tmp_path / "images", "CT, names")
    ds, source = made.report.dataset, made.series.header
    for keyword in ("PatientID", "PatientName", "StudyInstanceUID"):
        assert ds[keyword].value == source[keyword].value
    assert (ds.SeriesNumber, ds.SeriesDescription) == (4007, "Organs of the abdomen 1.2.3 report")
    assert (ds.CompletionFlag, ds.VerificationFlag) == ("COMPLETE", "UNVERIFIED")
    assert ds.SpecificCharacterSet == "ISO_IR 192"
    equipment = {item.get("DeviceSerialNumber") for item in ds.ContributingEquipmentSequence}
    assert PROVENANCE.card_sop_instance_uid in equipment
    made.report.save(tmp_path / "report.dcm")
    content = hd.sr.srread(tmp_path / "report.dcm").content
    (observer,) = content.get_observer_contexts()
    assert observer.observer_type.meaning == "Device"
    attributes = observer.observer_identifying_attributes
    assert attributes.uid == PROVENANCE.card_sop_instance_uid
    assert attributes.manufacturer_name == PROVENANCE.publisher
    texts = [e.value for e in ds.iterall() if e.keyword == "TextValue"]
    parameters = [json.loads(text) for text in texts if text.startswith("{")]
    assert {p["network_sha256"] for p in parameters} == {PROVENANCE.network_digest}
    for said in ("Found: liver, left kidney, one voxel", "Looked for and not found: nowhere"):
        assert said in texts
    assert set(PROVENANCE.notes) <= set(texts)


def test_it_lists_the_images_the_segmentation_and_the_card(tmp_path: Path) -> None:
    other = Stack(common={"Modality": "PT"})
    (channel,) = find_series(other.write(tmp_path / "other"))
    made = reported(tmp_path / "images", others=[channel])
    ds = made.report.dataset
    (own,) = ds.CurrentRequestedProcedureEvidenceSequence
    assert own.StudyInstanceUID == ds.StudyInstanceUID
    images, seg = own.ReferencedSeriesSequence
    assert images.SeriesInstanceUID == made.series.series_instance_uid
    referred = [item.ReferencedSOPInstanceUID for item in images.ReferencedSOPSequence]
    assert tuple(referred) == made.series.sop_instance_uids
    assert seg.SeriesInstanceUID == made.seg.dataset.SeriesInstanceUID
    (instance,) = seg.ReferencedSOPSequence
    assert instance.ReferencedSOPInstanceUID == made.seg.sop_instance_uid
    studies = {s.StudyInstanceUID: s for s in ds.PertinentOtherEvidenceSequence}
    assert set(studies) == {other.study, PROVENANCE.card_study_instance_uid}
    (card,) = studies[PROVENANCE.card_study_instance_uid].ReferencedSeriesSequence
    (instance,) = card.ReferencedSOPSequence
    assert instance.ReferencedSOPInstanceUID == PROVENANCE.card_sop_instance_uid
    made.report.save(tmp_path / "report.dcm")
    assert standard_errors(tmp_path / "report.dcm") == []

    by_name = {item.ConceptNameCodeSequence[0].CodeMeaning: item for item in ds.ContentSequence}
    groups = by_name["Image Library"].ContentSequence
    assert len(groups) == 2
    for group, series in zip(groups, (made.series, channel), strict=True):
        found = [item for item in group.ContentSequence if item.ValueType == "IMAGE"]
        uids = [item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for item in found]
        assert tuple(uids) == series.sop_instance_uids
        said = {
            item.ConceptNameCodeSequence[0].CodeMeaning: item
            for item in group.ContentSequence
            if item.ValueType in ("NUM", "CODE")
        }
        assert said["Modality"].ConceptCodeSequence[0].CodeValue == series.modality
        (rows,) = said["Pixel Data Rows"].MeasuredValueSequence
        assert rows.NumericValue == series.frames[0].rows


def test_of_what_people_edited_nothing_is_the_networks_word(tmp_path: Path) -> None:
    labels = (label(1, "liver"), label(2, "spleen"), label(3, "cyst"))
    edit = Edit(edited=frozenset((2,)), added={3: ""}, removed=("kidney",))
    (series,) = find_series(Stack(common={"Modality": "CT"}).write(tmp_path / "s"))
    array = np.zeros(series.grid.shape, np.uint8)
    for value in range(1, 4):
        array[1:4, value, 1:5] = value
    segmentation = Segmentation(array, series.grid, labels)
    former = make_seg(segmentation, series, PROVENANCE)
    seg = make_seg(segmentation, series, PROVENANCE, edit=edit)
    found = measure(segmentation, series.volume(), series)
    report = report_segments(found, series, PROVENANCE, seg, edit=edit)
    report.save(tmp_path / "report.dcm")
    assert standard_errors(tmp_path / "report.dcm") == []
    ds = report.dataset
    assert (ds.SeriesNumber, ds.SeriesDescription) == (
        5007,
        "Organs of the abdomen 1.2.3 report, edited",
    )
    groups = hd.sr.srread(tmp_path / "report.dcm").content.get_volumetric_roi_measurement_groups()
    algorithms = [
        [
            item.TextValue
            for item in group[0].ContentSequence
            if item.ConceptNameCodeSequence[0].CodeMeaning == "Algorithm Name"
        ]
        for group in groups
    ]
    assert algorithms == [["Organs of the abdomen"], ["Organs of the abdomen, edited by hand"], []]
    texts = [e.value for e in ds.iterall() if e.keyword == "TextValue"]
    for said in ("edited by hand: spleen", "added by hand: cyst", "removed by hand: kidney"):
        assert said in texts
    referred = {uids[2] for uids in hd.sr.srread(tmp_path / "report.dcm").get_evidence()}
    assert seg.sop_instance_uid in referred and former.sop_instance_uid not in referred


def test_how_sure_the_network_is(tmp_path: Path) -> None:
    made = reported(tmp_path / "images")
    sure = {
        "liver": SegmentConfidence(0.913, 0.25, 0.5, 0.125),
        "left kidney": SegmentConfidence(1.0, None, 0.0, None),
    }
    map_ = DicomObject(Dataset())
    map_.dataset.SOPClassUID = ParametricMapStorage
    map_.dataset.SOPInstanceUID, map_.dataset.SeriesInstanceUID = "2.25.31", "2.25.32"
    report = report_segments(
        made.measurements,
        made.series,
        PROVENANCE,
        made.seg,
        confidence=sure,
        probabilities=map_,
    )
    report.save(tmp_path / "report.dcm")
    assert standard_errors(tmp_path / "report.dcm") == []
    read = hd.sr.srread(tmp_path / "report.dcm")
    groups = read.content.get_volumetric_roi_measurement_groups()
    assert map_.sop_instance_uid in {uids[2] for uids in read.get_evidence()}
    for group in groups:
        for one in group.get_measurements():
            source = [image.referenced_sop_instance_uid for image in one.referenced_images]
            assert source == ([map_.sop_instance_uid] if one.name.value == "122157" else [])
    said = [
        {
            one.name.value: (one.value, one.unit.value)
            for one in group.get_measurements()
            if one.name.scheme_designator == "99IODEEP" or one.name.value == "122157"
        }
        for group in groups
    ]
    for each in said:
        each.pop("SURFACE", None)
    assert said == [
        {
            "122157": (91.3, "%"),
            "ENTROPY_INSIDE": (0.25, "1"),
            "ENTROPY_BORDER": (0.5, "1"),
            "DISAGREEMENT": (12.5, "%"),
        },
        {"122157": (100.0, "%"), "ENTROPY_BORDER": (0.0, "1")},
        {},
    ]


def test_images_without_uids_make_none(tmp_path: Path) -> None:
    made = reported(tmp_path / "images")

    def change(_, ds: Dataset) -> None:
        del ds.StudyInstanceUID

    (series,) = find_series(Stack().write(tmp_path / "other", change))
    with pytest.raises(ImageError, match=r"lacks StudyInstanceUID"):
        report_segments(made.measurements, series, PROVENANCE, made.seg)


@pytest.mark.parametrize(
    ("name", "attribute", "code"),
    [
        ("HU", "RescaleType", "[hnsf'U]"),
        ("", "RescaleType", "1"),
        ("US", "RescaleType", "1"),
        ("Z_EFF", "RescaleType", "{Z_EFF}"),
        ("BQML", "Units", "Bq/ml"),
        ("mm2/s", "MeasurementUnitsCodeSequence", "mm2/s"),
        ("{SUVbw}g/ml", "MeasurementUnitsCodeSequence", "{SUVbw}g/ml"),
        ("a{b}c", "RescaleType", "1"),
        ("<script>alert(1)</script>", "RescaleType", "1"),
        ("x" * 100, "MeasurementUnitsCodeSequence", "1"),
        ("\x1b[31m\n", "MeasurementUnitsCodeSequence", "1"),
    ],
)
def test_units_of_images_as_codes(name: str, attribute: str, code: str) -> None:
    unit = unit_of(Unit(name, attribute))
    assert unit.value == code
    assert unit.scheme == "UCUM"


@pytest.mark.parametrize("sr_type", SrType)
def test_servers_take_it_over_dimse(
    sr_type: SrType, dcmqrscp: Dcmqrscp, orthanc: Orthanc, tmp_path: Path
) -> None:
    path = tmp_path / "report.dcm"
    reported(tmp_path / "images", sr_type=sr_type).report.save(path)
    over_dimse = f"dimse://{orthanc.aet}@127.0.0.1:{orthanc.dicom_port}"
    for server in (dcmqrscp.source, over_dimse):
        assert source_of(server).store([path]) == [path]
        assert source_of(server).store([path]) == []  # it is there
