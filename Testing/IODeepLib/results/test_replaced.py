"""Results that take the place of stored ones name them, as other programs read it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import highdicom as hd
import pytest
from command import Answer
from judges import standard_errors
from makers.results import PROVENANCE, three_labels
from makers.series import Stack
from pydicom.uid import ComprehensiveSRStorage, SegmentationStorage

from IODeepLib.measurements import measure
from IODeepLib.results import Replaced, SegmentationType, StoredObject, make_seg
from IODeepLib.results.replaced import REPLACED_PURPOSE
from IODeepLib.results.sr import SrType, report_segments
from IODeepLib.series import ImageSeries, find_series

STUDY = "1.2.3"
FORMER_SEG = StoredObject(STUDY, "1.2.3.4", "1.2.3.4.5", SegmentationStorage)
FORMER_REPORT = StoredObject(STUDY, "1.2.3.6", "1.2.3.6.7", ComprehensiveSRStorage)


@pytest.fixture
def series(tmp_path: Path) -> ImageSeries:
    stack = Stack(common={"StudyInstanceUID": STUDY})
    return find_series(stack.write(tmp_path / "images"))[0]


@pytest.mark.parametrize("kind", [SegmentationType.BINARY, SegmentationType.LABELMAP])
def test_a_segmentation(series: ImageSeries, kind: SegmentationType, tmp_path: Path) -> None:
    found = three_labels(series.volume().grid)
    plain = make_seg(found, series, PROVENANCE, seg_type=kind)
    made = make_seg(found, series, PROVENANCE, seg_type=kind, replaces=FORMER_SEG)
    assert plain is not None
    assert made is not None
    assert made.sop_instance_uid != plain.sop_instance_uid
    made.save(tmp_path / "seg.dcm")
    assert standard_errors(tmp_path / "seg.dcm") == []
    read = hd.seg.segread(tmp_path / "seg.dcm")
    (former,) = read.ReferencedImageSequence
    assert former.ReferencedSOPInstanceUID == FORMER_SEG.sop_instance_uid
    (purpose,) = former.PurposeOfReferenceCodeSequence
    assert purpose.CodeMeaning == REPLACED_PURPOSE.meaning
    referred = {
        one.ReferencedSOPInstanceUID
        for group in read.ReferencedSeriesSequence
        for one in group.ReferencedInstanceSequence
    }
    assert FORMER_SEG.sop_instance_uid in referred  # PS3.3 C.12.2 wants all
    sources = {one.ReferencedSOPInstanceUID for one in read.SourceImageSequence}
    assert sources == set(series.sop_instance_uids)  # nothing of the former one is in it


@pytest.mark.parametrize("kind", SrType)
def test_a_report(series: ImageSeries, kind: SrType, tmp_path: Path) -> None:
    found = three_labels(series.volume().grid)
    measured = measure(found, series.volume(), series)
    made = report_segments(
        measured,
        series,
        PROVENANCE,
        make_seg(found, series, PROVENANCE),
        sr_type=kind,
        replaces=FORMER_REPORT,
    )
    made.save(tmp_path / "report.dcm")
    assert standard_errors(tmp_path / "report.dcm") == []
    (study,) = hd.sr.srread(tmp_path / "report.dcm").PredecessorDocumentsSequence
    (group,) = study.ReferencedSeriesSequence
    (former,) = group.ReferencedSOPSequence
    uids = study.StudyInstanceUID, group.SeriesInstanceUID, former.ReferencedSOPInstanceUID
    assert StoredObject(*uids, former.ReferencedSOPClassUID) == FORMER_REPORT


def test_people_are_told(
    series: ImageSeries, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    found = three_labels(series.volume().grid)
    seg = make_seg(found, series, PROVENANCE, replaces=FORMER_SEG)
    assert seg is not None
    seg.save(tmp_path / "result" / "seg.dcm")
    measured = measure(found, series.volume(), series)
    report = report_segments(measured, series, PROVENANCE, seg, replaces=FORMER_REPORT)
    report.save(tmp_path / "result" / "report.dcm")
    said = iodeep("show", tmp_path / "result").out
    for former in (FORMER_SEG, FORMER_REPORT):
        assert f"the object {former.sop_instance_uid}, which it replaces" in said
    note = Replaced(FORMER_SEG, FORMER_REPORT).note
    assert all(one.sop_instance_uid in note for one in (FORMER_SEG, FORMER_REPORT))
