"""Which studies there are, in a folder and in a PACS, and whether they have changed."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from makers.series import save
from makers.small_studies import small_model, small_study, written_study
from pacs.servers import Orthanc

from IODeepLib.batch import index
from IODeepLib.batch.reader import Reader
from IODeepLib.batch.studies import Cohort, check_cohort, cohort_of
from IODeepLib.batch.terms import Asked, Outcome
from IODeepLib.errors import ImageError, UsageError
from IODeepLib.sources.find import source_of


def silent(fraction: float, message: str) -> None:
    pass


@pytest.fixture
def found(asked: Callable[..., Asked], tmp_path: Path) -> Callable[[], dict[str, str]]:
    """Looks at the folder `studies`: the content of each study."""
    (tmp_path / "out").mkdir()

    def look() -> dict[str, str]:
        with cohort_of(source_of(tmp_path / "studies"), asked()) as cohort:
            return dict(cohort.studies(silent))

    return look


def test_a_study_that_changes(
    found: Callable[[], dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studies = [written_study(tmp_path / "studies", seed) for seed in range(3)]
    before = found()
    assert sorted(before) == sorted(studies)
    read: list[Path] = []
    monkeypatch.setattr(
        index, "_study_of", lambda path, real=index._study_of: read.append(path) or real(path)
    )
    assert found() == before
    assert not read
    changed = tmp_path / "studies" / "1" / "000.dcm"
    dataset = pydicom.dcmread(changed)
    dataset.PixelData = bytes(len(dataset.PixelData))
    dataset.save_as(changed)
    os.utime(changed, ns=(1, 1))
    (tmp_path / "studies" / "2" / "000.dcm").unlink()
    after = found()
    assert read == [changed]
    assert after[studies[0]] == before[studies[0]]
    assert all(after[one] != before[one] for one in studies[1:])
    shutil.rmtree(tmp_path / "studies" / "0")
    assert sorted(found()) == sorted(studies[1:])


def test_what_is_no_image_changes_nothing(
    found: Callable[[], dict[str, str]], asked: Callable[..., Asked], tmp_path: Path
) -> None:
    """Results of others, networks, files of other kinds; files that name no study are counted."""
    study = written_study(tmp_path / "studies", 0)
    before = found()
    report = pydicom.dcmread(tmp_path / "studies" / "0" / "000.dcm")
    report.SOPClassUID = pydicom.uid.ComprehensiveSRStorage
    del report.PixelData
    save(report, tmp_path / "studies" / "report.dcm")
    small_model(tmp_path / "studies")
    (tmp_path / "studies" / "readme.txt").write_text("0020000D")
    (tmp_path / "studies" / ".hidden.dcm").write_bytes(b"\0" * 128 + b"DICM")
    report.StudyInstanceUID = "../../etc"
    save(report, tmp_path / "studies" / "hostile.dcm")
    (tmp_path / "studies" / "broken.dcm").write_bytes(b"\0" * 128 + b"DICM\1\2\3")
    os.mkfifo(tmp_path / "studies" / "pipe")
    assert found() == before
    with cohort_of(source_of(tmp_path / "studies"), asked()) as cohort:
        (one,) = cohort.studies(silent)
        assert cohort.nobodys == 2
        names = {Path(file).name for file in cohort.task(one).files}
    assert one.uid == study
    assert names == {*(f"{i:03}.dcm" for i in range(6)), "report.dcm"}


def test_results_within_the_folder_are_no_part_of_it(
    asked: Callable[..., Asked], tmp_path: Path
) -> None:
    written_study(tmp_path / "studies", 0)
    out = tmp_path / "studies" / "out"
    small_study(1).write(out / "studies" / "9")
    with cohort_of(source_of(tmp_path / "studies"), asked(out=str(out))) as cohort:
        assert len(list(cohort.studies(silent))) == 1


def test_names_that_are_no_text(asked: Callable[..., Asked], tmp_path: Path) -> None:
    study = small_study(0)
    study.write(tmp_path / "studies")
    name = os.fsdecode(b"studies/\xff\n.dcm")
    (tmp_path / "studies" / "000.dcm").rename(tmp_path / name)
    (tmp_path / "out").mkdir()
    with cohort_of(source_of(tmp_path / "studies"), asked()) as cohort:
        (one,) = cohort.studies(silent)
        assert str(tmp_path / name) in cohort.task(one).files
        assert Reader(asked()).read(cohort.task(one)).outcome is Outcome.DONE


def test_no_folder(found: Callable[[], dict[str, str]], asked: Callable[..., Asked]) -> None:
    (Path(asked().source)).mkdir()
    source = source_of(asked().source)
    Path(asked().source).rmdir()
    with cohort_of(source, asked()) as cohort, pytest.raises(ImageError, match="is no folder"):
        list(cohort.studies(silent))


def pacs_cohort(pacs: Orthanc, asked: Callable[..., Asked], dates: str | None):
    return cohort_of(source_of(pacs.source), asked(source=pacs.source, study_date=dates))


@pytest.mark.parametrize("dates", [None, "-20200101", "20201301", "yesterday"])
def test_a_pacs_needs_days(
    dates: str | None, asked: Callable[..., Asked], orthanc: Orthanc
) -> None:
    words = "the first day|days that there are|YYYYMMDD"
    with pytest.raises(UsageError, match=words):
        check_cohort(source_of(orthanc.source), asked(study_date=dates))


def test_a_pacs_is_searched_day_by_day(
    asked: Callable[..., Asked], orthanc: Orthanc, tmp_path: Path
) -> None:
    orthanc.clear()
    source = source_of(orthanc.source)
    days = ("20200101", "20200107", "20200108", "20200220", "20210101")
    uids = []
    for seed, day in enumerate(days):
        study = small_study(seed, StudyDate=day)
        source.store(sorted(study.write(tmp_path / f"{seed}").iterdir()))
        uids.append(study.study)
    said: list[str] = []

    def studies(cohort: Cohort) -> dict[str, str]:
        return dict(cohort.studies(lambda _, message: said.append(message)))

    with pacs_cohort(orthanc, asked, "20200101-20200301") as cohort:
        found = studies(cohort)
        (task,) = (cohort.task(one) for one in cohort.studies(silent) if one.uid == uids[2])
    assert sorted(found) == sorted(uids[:4])
    assert len(said) == 61  # days
    assert re.match("searching 2020-01-01: 0 studies", said[0])
    with pacs_cohort(orthanc, asked, "20200108") as cohort:
        assert [*studies(cohort)] == [uids[2]]
    record = Reader(asked(source=orthanc.source, store=orthanc.source)).read(task)
    assert record.outcome is Outcome.DONE
    with pacs_cohort(orthanc, asked, "20200101-20200301") as cohort:
        assert studies(cohort) == found  # its results change nothing
    extra = pydicom.dcmread(tmp_path / "0" / "000.dcm")
    extra.SOPInstanceUID, extra.InstanceNumber = "1.2.3.4.5", 99
    source.store([save(extra, tmp_path / "more.dcm")])
    with pacs_cohort(orthanc, asked, "20200101-20200301") as cohort:
        changed = studies(cohort)
    assert {uid for uid in found if found[uid] != changed[uid]} == {uids[0]}
