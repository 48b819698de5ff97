"""What people say of results, judged by dciodvfy, DCMTK and highdicom's reader, and read back."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import highdicom as hd
import pydicom
import pytest
from judges import report_by_dcmtk, standard_errors
from makers.results import PROVENANCE, three_labels
from makers.series import Stack
from pydicom.dataset import Dataset

from IODeepLib.errors import InputError, UsageError
from IODeepLib.measurements import measure
from IODeepLib.results import Edit, SegmentationType, StoredObject, make_seg
from IODeepLib.results.assessment import (
    ASSESSMENT_TITLE,
    Assessment,
    Verdict,
    latest,
    make_assessment,
    read_assessment,
)
from IODeepLib.results.corrections import corrected_by
from IODeepLib.results.origin.origin import Origin, origin_of
from IODeepLib.results.sr import report_segments
from IODeepLib.series import find_series

WHEN = datetime(2026, 11, 28, 7, 30, 5, tzinfo=timezone(timedelta(hours=1)))
NAMES = {"PatientName": "Müller^Jörg", "PatientID": "4711", "StudyInstanceUID": "1.2.3"}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A SEG, its report, a SEG that corrects it, one of another study, and an image."""
    folder = tmp_path_factory.mktemp("results")
    found = {}
    for name, common in (("", NAMES), ("other ", NAMES | {"StudyInstanceUID": "1.2.4"})):
        images = Stack(common=common | {"SeriesNumber": 3}).write(folder / f"{name}images")
        (series,) = find_series(images)
        labels = three_labels(series.volume().grid)
        seg = make_seg(labels, series, PROVENANCE)
        assert seg is not None
        here = StoredObject(
            seg.dataset.StudyInstanceUID,
            seg.dataset.SeriesInstanceUID,
            seg.sop_instance_uid,
            seg.dataset.SOPClassUID,
        )
        edit = Edit(edited=frozenset((1,)), by="Doe^Jane", corrects=here)
        corrected = make_seg(labels, series, PROVENANCE, edit=edit)
        as_map = make_seg(labels, series, PROVENANCE, seg_type=SegmentationType.LABELMAP)
        assert corrected is not None and as_map is not None
        measured = measure(labels, series.volume(), series)
        report = report_segments(measured, series, PROVENANCE, seg)
        made = {"seg": seg, "corrected": corrected, "label map": as_map, "report": report}
        for what, one in made.items():
            found[f"{name}{what}"] = folder / f"{name}{what}.dcm"
            one.save(found[f"{name}{what}"])
        found[f"{name}image"] = next(iter(sorted(images.iterdir())))
    return found


def uid(path: Path) -> str:
    return pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID


CASES = [
    ("seg", Verdict.ACCEPTED, "", None),
    ("corrected", Verdict.ACCEPTED, "der Rand, größer", None),
    ("seg", Verdict.AMENDED, "the rim is too wide", "corrected"),
    ("seg", Verdict.AMENDED, "", None),
    ("seg", Verdict.REJECTED, "no liver", None),
    ("report", Verdict.REJECTED, "x" * 1000, None),
    ("label map", Verdict.ACCEPTED, "", None),
]


@pytest.mark.parametrize(("what", "verdict", "reason", "correction"), CASES)
def test_it_comes_back(
    results: dict[str, Path],
    tmp_path: Path,
    what: str,
    verdict: Verdict,
    reason: str,
    correction: str | None,
) -> None:
    right = None if correction is None else results[correction]
    made = make_assessment(
        results[what], verdict, by="Doe^Jane", when=WHEN, reason=reason, correction=right
    )
    made.save(path := tmp_path / "assessment.dcm")
    assert standard_errors(path) == []
    read = pydicom.dcmread(path)
    assert read_assessment(read) == Assessment(
        *(verdict, uid(results[what]), "Doe^Jane", WHEN, reason),
        "" if right is None else uid(right),
        made.sop_instance_uid,
    )
    assessed = pydicom.dcmread(results[what], stop_before_pixels=True)
    for keyword in ("PatientName", "PatientID", "StudyInstanceUID", "StudyDate"):
        assert read.get(keyword) == assessed.get(keyword)
    assert read.SeriesDescription == f"Organs of the abdomen 1.2.3 {verdict}"
    assert read.SeriesNumber == 11_000 + assessed.SeriesNumber
    if what != "label map":  # which DCMTK does not know yet
        text = report_by_dcmtk(path)
        assert "Doe^Jane" in text and f"AI result {verdict}" in text and reason in text
    (content,) = hd.sr.srread(path).content  # a MeasurementReport
    assert content.name == hd.sr.CodedConcept(*_parts(ASSESSMENT_TITLE))
    origin = origin_of(path)
    assert isinstance(origin, Origin) and origin.faults == () and origin.named.odd == 0
    named = {uid(results[one]) for one in (what, correction) if one is not None}
    assert set(origin.named.objects) == named
    assert (origin.card_uid, origin.network_sha256, origin.label) == (
        PROVENANCE.card_sop_instance_uid,
        PROVENANCE.network_digest,
        PROVENANCE.label,
    )


def _parts(code) -> tuple[str, str, str]:
    return code.value, code.scheme, code.meaning


def test_the_same_words_are_the_same_object(results: dict[str, Path]) -> None:
    how = {"by": "Doe^Jane", "when": WHEN}
    one, same, other = (
        make_assessment(results["seg"], verdict, **how)
        for verdict in (Verdict.ACCEPTED, Verdict.ACCEPTED, Verdict.AMENDED)
    )
    assert one.sop_instance_uid == same.sop_instance_uid != other.sop_instance_uid


@pytest.mark.parametrize(
    ("by", "written"),
    [
        ("Ada", "Ada"),
        ("  Doe^Jane^ ", "Doe^Jane"),
        ("a\\b=c\n\x1b[2Jd^e", "abc \ufffd[2Jd^e"),
        ("1^2^3^4^5^6", "1^2^3^4^5 6"),
        ("a" * 100, "a" * 63),
        ("<b>山田</b>^太郎", "<b>山田</b>^太郎"),
    ],
)
def test_names(results: dict[str, Path], tmp_path: Path, by: str, written: str) -> None:
    made = make_assessment(results["seg"], Verdict.ACCEPTED, by=by, when=WHEN)
    made.save(tmp_path / "a.dcm")
    assert standard_errors(tmp_path / "a.dcm") == []
    found = read_assessment(pydicom.dcmread(tmp_path / "a.dcm"))
    assert found is not None
    assert found.by.rstrip("^") == written


@pytest.mark.parametrize(
    ("what", "verdict", "changes", "error", "words"),
    [
        ("image", Verdict.ACCEPTED, {}, InputError, "a segmentation or a report"),
        ("seg", Verdict.REJECTED, {"reason": " \n "}, UsageError, "without a reason"),
        ("seg", Verdict.REJECTED, {"reason": "x" * 1001}, UsageError, "1001 characters"),
        ("seg", Verdict.ACCEPTED, {"by": " ^ "}, UsageError, "nobody"),
        ("seg", Verdict.ACCEPTED, {"when": WHEN.replace(tzinfo=None)}, UsageError, "no time"),
        ("seg", Verdict.ACCEPTED, {"correction": "corrected"}, UsageError, "of what is accepted"),
        ("seg", Verdict.AMENDED, {"correction": "seg"}, UsageError, "its own correction"),
        ("seg", Verdict.AMENDED, {"correction": "other corrected"}, UsageError, "another study"),
        ("seg", Verdict.AMENDED, {"correction": "image"}, InputError, "which is"),
    ],
)
def test_what_is_none_is_refused(
    results: dict[str, Path],
    what: str,
    verdict: Verdict,
    changes: dict,
    error: type[Exception],
    words: str,
) -> None:
    how = {"by": "Doe^Jane", "when": WHEN} | changes
    if "correction" in how:
        how["correction"] = results[how["correction"]]
    with pytest.raises(error, match=words):
        make_assessment(results[what], verdict, **how)


def test_the_last_word_counts() -> None:
    first = Assessment(Verdict.ACCEPTED, "1.2", "A^", WHEN, sop_instance_uid="2.25.9")
    later = datetime(2026, 11, 28, 7, 0, 5, tzinfo=UTC)  # half an hour
    last = replace(first, verdict=Verdict.REJECTED, when=later)
    other = replace(first, assessed="1.3")
    assert latest([last, first, other]) == {"1.2": last, "1.3": other}
    assert latest([]) == {}


def test_which_seg_corrects_which(results: dict[str, Path]) -> None:
    header = pydicom.dcmread(results["corrected"], specific_tags=["SourceImageSequence"])
    assert corrected_by(header) == uid(results["seg"])
    for what in ("seg", "report", "image"):
        assert corrected_by(pydicom.dcmread(results[what])) is None
    header.SourceImageSequence[-1].ReferencedSOPInstanceUID = "../x"
    assert corrected_by(header) is None
    assert corrected_by(Dataset()) is None


def without(header: Dataset, keyword: str) -> None:
    """Take an element out of the verdict, or of the root."""
    verdict = header.ContentSequence[-1].ContentSequence[0]
    for one in (verdict, header):
        if keyword in one:
            del one[keyword]
            return
    raise AssertionError(keyword)


@pytest.mark.parametrize(
    "keyword",
    [
        "ConceptNameCodeSequence",
        "ConceptCodeSequence",
        "ObservationDateTime",
        "ContentSequence",
        "SOPInstanceUID",
    ],
)
def test_what_says_less_is_no_assessment(results: dict[str, Path], keyword: str) -> None:
    made = make_assessment(results["seg"], Verdict.ACCEPTED, by="Doe^Jane", when=WHEN)
    assert read_assessment(made.dataset) is not None
    without(made.dataset, keyword)
    assert read_assessment(made.dataset) is None


@pytest.mark.parametrize("what", ["seg", "report", "image"])
def test_other_objects_are_none(results: dict[str, Path], what: str) -> None:
    assert read_assessment(pydicom.dcmread(results[what])) is None


def test_odd_values_are_no_assessment(results: dict[str, Path], tmp_path: Path) -> None:
    made = make_assessment(results["seg"], Verdict.ACCEPTED, by="Doe^Jane", when=WHEN)
    made.save(tmp_path / "a.dcm")
    for keyword, value in (
        ("ObservationDateTime", "20261399000000+0100"),
        ("ObservationDateTime", "20261128073005"),  # of which nobody knows the offset
        ("ConceptCodeSequence", [Dataset()]),
        ("ContentSequence", [Dataset()]),
    ):
        header = pydicom.dcmread(tmp_path / "a.dcm")
        assert read_assessment(header) is not None
        with pydicom.config.disable_value_validation():
            setattr(header.ContentSequence[-1].ContentSequence[0], keyword, value)
        assert read_assessment(header) is None, keyword
