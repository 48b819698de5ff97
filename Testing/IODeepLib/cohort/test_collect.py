"""What becomes of images and segmentations: pairs, or a reason why not."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from makers.cohorts import (
    LABELS,
    images_of,
    organ_model,
    organs,
    write_result,
    write_seg,
    written_patient,
)
from makers.recipes import label
from pacs.servers import Orthanc
from pydicom import dcmread
from pydicom.dataset import Dataset

from IODeepLib.cohort import Case, Cohort, Split, collect, load
from IODeepLib.errors import ImageError, InputError, ModelError, UsageError
from IODeepLib.model_object import Model
from IODeepLib.results import StoredObject
from IODeepLib.series import find_series
from IODeepLib.sources.find import source_of


def reasons(cohort: Cohort) -> str:
    return "\n".join(f"{one.what}: {one.why}" for one in cohort.left_out)


def only_case(cohort: Cohort) -> Case:
    assert len(cohort.cases) == 1, reasons(cohort)
    return cohort.cases[0]


def test_pairs_are_found_and_loaded(model: Model, tmp_path: Path) -> None:
    series = written_patient(tmp_path / "a", 0)
    loaded = load(only_case(collect(tmp_path, model)), model)
    assert loaded.series.series_instance_uid == series.series_instance_uid
    assert loaded.others == ()
    np.testing.assert_array_equal(loaded.truth, organs(0))
    assert loaded.segmentation.lies_on(series.grid)
    assert (loaded.patient, loaded.unknown) == (1, ())


def test_no_patient_is_named_and_none_is_in_two_splits(model: Model, tmp_path: Path) -> None:
    for seed in range(6):
        written_patient(tmp_path / f"{seed}", seed, f"patient-{seed // 2}")
    cohort = collect(tmp_path, model, shares=(34, 33, 33))
    assert len(cohort.cases) == 6
    assert all(len(cohort.of(split)) == 2 for split in Split)
    assert len({(case.patient, case.split) for case in cohort.cases}) == 3
    assert "patient-" not in repr(cohort.cases)
    assert cohort == collect(tmp_path, model, shares=(34, 33, 33))


def test_issuers_tell_patients_of_one_number_apart(model: Model, tmp_path: Path) -> None:
    for seed, issuer in enumerate(["A", "B"]):
        truth = organs(seed)
        images_of(truth, seed, "1", common={"IssuerOfPatientID": issuer}).write(
            tmp_path / issuer / "images"
        )
        (series,) = find_series(tmp_path / issuer)
        write_seg(tmp_path / issuer / "seg.dcm", series, truth)
    assert {case.patient for case in collect(tmp_path, model).cases} == {1, 2}


def test_studies_without_a_patient_are_told_apart_and_said(model: Model, tmp_path: Path) -> None:
    for seed in range(2):
        truth = organs(seed)
        images_of(truth, seed, common={"PatientID": ""}).write(tmp_path / f"{seed}" / "images")
        (series,) = find_series(tmp_path / f"{seed}")
        write_seg(tmp_path / f"{seed}" / "seg.dcm", series, truth)
    cohort = collect(tmp_path, model)
    assert {case.patient for case in cohort.cases} == {1, 2}
    assert any("2 studies without a Patient ID" in note for note in cohort.notes)


def test_what_a_program_made_alone_counts_if_asked_for(model: Model, tmp_path: Path) -> None:
    written_patient(tmp_path, 0, by="AUTOMATIC")
    cohort = collect(tmp_path, model)
    assert not cohort.cases
    assert "AUTOMATIC" in reasons(cohort)
    assert collect(tmp_path, model, automatic=True).cases


def test_a_result_counts_once_it_is_corrected_and_the_last_correction_wins(
    model: Model, tmp_path: Path
) -> None:
    truth = organs(0)
    images_of(truth, 0).write(tmp_path / "images")
    (series,) = find_series(tmp_path / "images")
    first = write_result(tmp_path / "result.dcm", series, np.roll(truth, 3, axis=2))
    cohort = collect(tmp_path, model)
    assert not cohort.cases
    assert "nobody has accepted or corrected it" in reasons(cohort)
    second = write_result(tmp_path / "second.dcm", series, np.roll(truth, 1, axis=2), first)
    np.testing.assert_array_equal(
        load(only_case(collect(tmp_path, model)), model).truth, np.roll(truth, 1, axis=2)
    )
    third = write_result(tmp_path / "third.dcm", series, truth, second)
    cohort = collect(tmp_path, model, automatic=True)
    np.testing.assert_array_equal(load(only_case(cohort), model).truth, truth)
    assert f"second.dcm: {third.sop_instance_uid} corrects it" in reasons(cohort)


def test_of_two_the_newer_one_counts(model: Model, tmp_path: Path) -> None:
    truth = organs(0)
    images_of(truth, 0).write(tmp_path / "images")
    (series,) = find_series(tmp_path / "images")
    for day, moved in (("20240101", 2), ("20250101", 0)):

        def dated(dataset: Dataset, day: str = day) -> None:
            dataset.ContentDate = day

        write_seg(tmp_path / f"{day}.dcm", series, np.roll(truth, moved, axis=2), change=dated)
    cohort = collect(tmp_path, model)
    np.testing.assert_array_equal(load(only_case(cohort), model).truth, truth)
    assert "20250101.dcm is newer" in reasons(cohort)


def test_two_segs_make_up_one_truth(model: Model, tmp_path: Path) -> None:
    truth = organs(0)
    images_of(truth, 0).write(tmp_path / "images")
    (series,) = find_series(tmp_path / "images")
    for value in (1, 2):
        write_seg(tmp_path / f"{value}.dcm", series, np.where(truth == value, truth, 0))
    case = only_case(collect(tmp_path, model))
    assert len(case.truths) == 2
    np.testing.assert_array_equal(load(case, model).truth, truth)


def test_a_label_without_a_segment_is_unknown(model: Model, tmp_path: Path) -> None:
    written_patient(tmp_path, 0, spleen=False)
    case = only_case(collect(tmp_path, model))
    assert case.unknown == (2,)
    assert any("Spleen" in note for note in case.notes)
    cohort = collect(tmp_path, model, complete=True)
    assert not cohort.cases
    assert "Spleen" in reasons(cohort)


def copied(folder: Path) -> None:
    shutil.copyfile(folder / "seg.dcm", folder / "again.dcm")


def images_gone(folder: Path) -> None:
    shutil.rmtree(folder / "images")
    images_of(organs(5), 5).write(folder / "images")


def of_another_patient(folder: Path) -> None:
    dataset = dcmread(folder / "seg.dcm")
    dataset.PatientID = "another"
    dataset.save_as(folder / "seg.dcm")


def of_another_uid(folder: Path) -> None:
    dataset = dcmread(folder / "seg.dcm")
    dataset.SOPInstanceUID = "../../etc"
    dataset.save_as(folder / "seg.dcm")


def of_other_things(folder: Path) -> None:
    dataset = dcmread(folder / "seg.dcm")
    for item in dataset.SegmentSequence:
        item.SegmentedPropertyTypeCodeSequence[0].CodeValue = "64033007"
        item.SegmentLabel = "kidney"
    dataset.save_as(folder / "seg.dcm")


def of_a_ct(folder: Path) -> None:
    for path in (folder / "images").iterdir():
        dataset = dcmread(path)
        dataset.Modality = "CT"
        dataset.save_as(path)


@pytest.mark.parametrize(
    ("change", "words", "cases"),
    [
        (copied, "it is a copy of another file", 1),
        (images_gone, "which is not here", 0),
        (of_another_patient, "of another patient", 0),
        (of_another_uid, "no SOPInstanceUID", 0),
        (of_other_things, "no segment of it is a label of the model", 0),
        (of_a_ct, "the model does not fit", 0),
    ],
)
def test_what_is_left_out_and_why(
    model: Model, tmp_path: Path, change: Callable[[Path], None], words: str, cases: int
) -> None:
    written_patient(tmp_path, 0)
    change(tmp_path)
    cohort = collect(tmp_path, model)
    assert len(cohort.cases) == cases
    assert words in reasons(cohort)


def test_the_same_voxels_under_other_uids_are_there_once(model: Model, tmp_path: Path) -> None:
    """As after a pseudonymization: else one patient were in training and in test."""
    for name in ("a", "b"):
        truth = organs(0)
        images_of(truth, 0, name).write(tmp_path / name / "images")
        (series,) = find_series(tmp_path / name)
        write_seg(tmp_path / name / "seg.dcm", series, truth)
    cohort = collect(tmp_path, model)
    only_case(cohort)
    assert "the same voxels" in reasons(cohort)
    assert "another patient" in reasons(cohort)


def test_labels_that_overlap_are_left_out_where_the_model_keeps_them_apart(
    model: Model, tmp_path: Path
) -> None:
    truth = organs(0)
    images_of(truth, 0).write(tmp_path / "data" / "images")
    (series,) = find_series(tmp_path / "data")
    for value, mask in ((1, truth > 0), (2, truth == 2)):
        write_seg(tmp_path / "data" / f"{value}.dcm", series, (mask * value).astype(np.uint8))
    cohort = collect(tmp_path / "data", model)
    assert not cohort.cases
    assert "Liver and of Spleen" in reasons(cohort)
    output = {"channels": 2, "labels": LABELS, "decision": "threshold", "activation": "sigmoid"}
    both = organ_model(tmp_path / "overlapping", output={**output, "channels": 3})
    loaded = load(only_case(collect(tmp_path / "data", both)), both)
    np.testing.assert_array_equal(loaded.truth, [truth > 0, truth == 2])


def test_a_model_of_other_labels_loads_nothing(model: Model, tmp_path: Path) -> None:
    written_patient(tmp_path / "data", 0)
    case = only_case(collect(tmp_path / "data", model))
    other = organ_model(
        tmp_path / "other", output={"channels": 3, "labels": [label(7, "Liver", channel=1)]}
    )
    with pytest.raises(ModelError, match="without a label of the value"):
        load(case, other)


@pytest.mark.parametrize("what", ["image", "seg", "gone"])
def test_what_changed_since_is_noticed(model: Model, tmp_path: Path, what: str) -> None:
    written_patient(tmp_path, 0)
    case = only_case(collect(tmp_path, model))
    path = Path(case.truths[0].file if what == "seg" else case.images[0].files[0])
    if what == "gone":
        path.unlink()
    else:
        content = bytearray(path.read_bytes())
        content[-3] ^= 1
        path.write_bytes(content)
    with pytest.raises(ImageError, match="cohort was collected"):
        load(case, model)


def test_calls_that_are_wrong(model: Model, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="make 100"):
        collect(tmp_path, model, shares=(70, 20, 20))
    with pytest.raises(UsageError, match="dates with a PACS"):
        collect(tmp_path, model, study_date="20240101")
    with pytest.raises(InputError):
        collect(tmp_path / "nowhere", model)


def test_of_a_pacs_there_are_copies_which_are_fetched_once(
    model: Model, tmp_path: Path, orthanc: Orthanc
) -> None:
    written_patient(tmp_path / "site", 0)
    images_of(organs(1), 1).write(tmp_path / "site" / "without a seg")
    source = source_of(orthanc.source)
    source.store(sorted((tmp_path / "site").rglob("*.dcm")))
    with pytest.raises(UsageError, match="--copies"):
        collect(source, model, study_date="20250314")
    copies = tmp_path / "copies"
    with pytest.raises(UsageError, match="--date"):
        collect(source, model, copies=copies)
    cohort = collect(source, model, copies=copies, study_date="20250101-20251231")
    np.testing.assert_array_equal(load(only_case(cohort), model).truth, organs(0))
    assert cohort.root == str(copies)
    before = {path: path.stat().st_mtime_ns for path in copies.rglob("*.dcm")}
    assert collect(source, model, copies=copies, study_date="20250314") == cohort
    assert {path: path.stat().st_mtime_ns for path in copies.rglob("*.dcm")} == before
    (series,) = find_series(tmp_path / "site" / "images")
    stored = StoredObject(series.study_instance_uid, "1.2", cohort.cases[0].truths[0].sop_uid, "1")
    write_result(tmp_path / "corrected.dcm", series, np.roll(organs(0), 1, axis=2), stored)
    source.store([tmp_path / "corrected.dcm"])
    again = collect(source, model, copies=copies, study_date="20250314")
    corrected = load(only_case(again), model)
    np.testing.assert_array_equal(corrected.truth, np.roll(organs(0), 1, axis=2))
    with pytest.raises(ImageError, match="no segmentations"):
        collect(source, model, copies=copies, study_date="19990101")


def test_real_segs_of_other_programs(shared_data: Path, tmp_path: Path) -> None:
    """Livers in codes of SNOMED RT: BINARY and LABELMAP, as many voxels as pydicom reads."""
    output = {"channels": 3, "labels": LABELS}
    model = organ_model(tmp_path / "ct", applies_to={"modalities": ["CT"]}, output=output)
    cohort = collect(shared_data / "dicom" / "dcmqi_segmentations", model)
    loaded = [load(case, model) for case in cohort.cases]
    assert len(loaded) == 3
    for case, one in zip(cohort.cases, loaded, strict=True):
        pixels = dcmread(case.truths[0].file).pixel_array
        assert (one.truth == 1).sum() == np.count_nonzero(pixels) > 100
    assert {one.unknown for one in loaded} == {(2,)}
    assert "partial_overlaps.dcm: no segment of it is a label" in reasons(cohort)
    assert "and other contents" in reasons(cohort)
