"""What real image series show besides their voxels, which test_series_table has judged."""

from __future__ import annotations

from IODeepLib.series import find_series


def test_four_time_points_in_four_enhanced_files(shared_data):
    found = find_series(shared_data / "dicom/enhanced_mr_siemens_philips/siemens_vida_xa10")
    assert [s.split_by for s in found] == [f"time point {n} of 4" for n in (1, 2, 3, 4)]


def test_magnitude_and_field_map_in_one_enhanced_file(shared_data):
    path = shared_data / "dicom/enhanced_mr_siemens_philips/IM_0027_fMAP.dcm"
    kinds = {s.split_by.split(", ")[-1]: {f.number for f in s.frames} for s in find_series(path)}
    assert kinds == {
        "ORIGINAL\\PRIMARY\\T1\\M": set(range(1, 33)),
        "ORIGINAL\\PRIMARY\\T1\\FIELD_MAP": set(range(33, 65)),
    }


def test_uids_of_the_file_meta_information_stand_in(shared_data):
    (series,) = find_series(shared_data / "dicom/ct_abdomen_totalseg_raw")
    named = [path.name.removeprefix("CT.") for path in series.files]
    assert list(series.sop_instance_uids) == named
    assert series.missing_identifiers == ("StudyInstanceUID", "SeriesInstanceUID")
    assert series.problems[-2:] == (
        "its SOP Instance UIDs are those of the file meta information",
        "it lacks StudyInstanceUID, SeriesInstanceUID, which results refer to",
    )


def test_a_whole_file_set_of_many_series(shared_data):
    folder = shared_data / "dicom/pydicom_dicomdirtests"
    found = find_series(folder)
    # Every image of the two patients is in one volume, and in one only.
    images = [f for s in found for f in s.files]
    wanted = [p for d in ("77654033", "98892001", "98892003") for p in (folder / d).rglob("*")]
    assert sorted(images) == sorted(p for p in wanted if p.is_file())
    missing = [s for s in found if s.geometry_fault is not None]
    assert [s.description for s in missing] == ["Routine Brain"]  # 4 slices of 164
