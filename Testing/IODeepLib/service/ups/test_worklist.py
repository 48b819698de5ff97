"""What others may do with procedure steps, by the standard's table of states, and what not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from makers.procedure_steps import performed, step
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from IODeepLib.service import orders
from IODeepLib.service.database import Database
from IODeepLib.service.job import Job
from IODeepLib.service.jobs import Jobs, Output
from IODeepLib.service.ups.attributes import to_json
from IODeepLib.service.ups.refusals import Status, UpsError
from IODeepLib.service.ups.worklist import Worklist

UID, SECRET, OTHER = "2.25.100", "2.25.200", "2.25.201"
NOBODYS = "2.25.404"


def status(call: Callable[..., Status], *values: Any) -> int:
    try:
        return call(*values)
    except UpsError as refusal:
        return refusal.status


def state(worklist: Worklist, uid: str = UID) -> str:
    return str(worklist.step(uid).ProcedureStepState)


@pytest.fixture
def claimed(worklist: Worklist) -> Worklist:
    worklist.create(UID, step(station="WS1"))
    worklist.change_state(UID, "IN PROGRESS", SECRET)
    return worklist


@pytest.fixture
def completed(claimed: Worklist) -> Worklist:
    claimed.update(UID, performed(), SECRET)
    claimed.change_state(UID, "COMPLETED", SECRET)
    return claimed


@pytest.fixture
def canceled(claimed: Worklist) -> Worklist:
    claimed.change_state(UID, "CANCELED", SECRET)
    return claimed


@pytest.fixture
def scheduled(worklist: Worklist) -> Worklist:
    worklist.create(UID, step(station="WS1"))
    return worklist


# PS3.4 table CC.1.1-2: for each state that a step is in, the answer to each request.
@pytest.mark.parametrize(
    ("fixture", "to", "secret", "answer"),
    [
        ("scheduled", "IN PROGRESS", SECRET, 0x0000),
        ("scheduled", "IN PROGRESS", "", 0xC301),
        ("scheduled", "SCHEDULED", SECRET, 0xC303),
        ("scheduled", "COMPLETED", SECRET, 0xC310),
        ("scheduled", "CANCELED", SECRET, 0xC310),
        ("claimed", "IN PROGRESS", SECRET, 0xC302),
        ("claimed", "IN PROGRESS", OTHER, 0xC301),
        ("claimed", "SCHEDULED", SECRET, 0xC303),
        ("claimed", "COMPLETED", SECRET, 0xC304),  # it says nothing of what was performed
        ("claimed", "COMPLETED", OTHER, 0xC301),
        ("claimed", "COMPLETED", "", 0xC301),
        ("claimed", "CANCELED", SECRET, 0x0000),
        ("claimed", "CANCELED", OTHER, 0xC301),
        ("claimed", "BROKEN", SECRET, 0x0106),
        ("completed", "IN PROGRESS", SECRET, 0xC300),
        ("completed", "SCHEDULED", SECRET, 0xC303),
        ("completed", "COMPLETED", SECRET, 0xB306),
        ("completed", "CANCELED", SECRET, 0xC300),
        ("completed", "CANCELED", OTHER, 0xC301),
        ("canceled", "IN PROGRESS", SECRET, 0xC300),
        ("canceled", "COMPLETED", SECRET, 0xC300),
        ("canceled", "CANCELED", SECRET, 0xB304),
    ],
)
def test_states_change_as_the_standard_says(
    request: pytest.FixtureRequest, fixture: str, to: str, secret: str, answer: int
) -> None:
    worklist: Worklist = request.getfixturevalue(fixture)
    before = state(worklist)
    assert status(worklist.change_state, UID, to, secret) == answer
    assert state(worklist) == (to if answer == 0 else before)
    assert "TransactionUID" not in worklist.step(UID)


@pytest.mark.parametrize(
    ("fixture", "secret", "answer"),
    [
        ("scheduled", "", 0x0000),
        ("scheduled", SECRET, 0xC310),
        ("claimed", SECRET, 0x0000),
        ("claimed", OTHER, 0xC301),
        ("claimed", "", 0xC301),
        ("completed", SECRET, 0xC300),
        ("canceled", SECRET, 0xC300),
    ],
)
def test_who_may_change_what_is_said(
    request: pytest.FixtureRequest, fixture: str, secret: str, answer: int
) -> None:
    worklist: Worklist = request.getfixturevalue(fixture)
    change = Dataset()
    change.WorklistLabel = "changed"
    assert status(worklist.update, UID, change, secret) == answer
    assert (worklist.step(UID).WorklistLabel == "changed") == (answer == 0)


@pytest.mark.parametrize(
    ("fixture", "answer", "becomes"),
    [
        ("scheduled", 0x0000, "CANCELED"),
        ("claimed", 0x0000, "IN PROGRESS"),  # its performer is asked
        ("completed", 0xC311, "COMPLETED"),
        ("canceled", 0xB304, "CANCELED"),
    ],
)
def test_who_wants_a_step_to_end(
    request: pytest.FixtureRequest, fixture: str, answer: int, becomes: str
) -> None:
    worklist: Worklist = request.getfixturevalue(fixture)
    assert status(worklist.request_cancel, UID, "too late") == answer
    assert state(worklist) == becomes


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({}, 0x0000),
        ({"ProcedureStepState": "IN PROGRESS"}, 0xC309),
        ({"ProcedureStepState": None}, 0x0120),
        ({"ProcedureStepLabel": None}, 0x0120),
        ({"ProcedureStepLabel": ""}, 0x0121),
        ({"InputReadinessState": "MAYBE"}, 0x0106),
        ({"ScheduledProcedureStepPriority": "NOW"}, 0x0106),
        ({"TransactionUID": SECRET}, 0x0106),
        ({"ScheduledProcedureStepStartDateTime": "soon"}, 0x0106),
        ({"StudyInstanceUID": "../x"}, 0x0106),
        ({"CommentsOnTheScheduledProcedureStep": "x" * 2**21}, 0x0213),
        ({"EncapsulatedDocument": bytes(10)}, 0xB300),
    ],
)
def test_steps_that_are_made(worklist: Worklist, changes: dict[str, Any], answer: int) -> None:
    assert status(worklist.create, UID, step(**changes)) == answer
    if answer in (0, 0xB300):
        assert state(worklist) == "SCHEDULED"
        assert "EncapsulatedDocument" not in worklist.step(UID)
        assert status(worklist.create, UID, step()) == 0x0111
    else:
        assert status(worklist.step, UID) == 0xC307


def test_a_sequence_that_is_none(worklist: Worklist) -> None:
    made = step(InputInformationSequence=None)
    made.add(DataElement("InputInformationSequence", "LO", "2.25.1"))
    assert status(worklist.create, UID, made) == 0x0106
    keys = Dataset()
    keys.add(DataElement("PatientID", "SQ", [step()]))
    worklist.create(UID, step())
    assert [*worklist.search(keys)] == []


def test_what_is_nested_without_end(worklist: Worklist) -> None:
    made = step()
    for _ in range(200):
        outer = Dataset()
        outer.InputInformationSequence = [made]
        made = outer
    deep = step()
    deep.InputInformationSequence = [made]
    assert status(worklist.create, UID, deep) == 0x0106


def test_what_is_not_there(worklist: Worklist) -> None:
    assert status(worklist.step, NOBODYS) == 0xC307
    assert status(worklist.update, NOBODYS, Dataset(), "") == 0xC307
    assert status(worklist.change_state, NOBODYS, "IN PROGRESS", SECRET) == 0xC307
    assert status(worklist.request_cancel, NOBODYS, "") == 0xC307


def test_what_cannot_be_set(worklist: Worklist) -> None:
    worklist.create(UID, step())
    for keyword in ("ProcedureStepState", "SOPInstanceUID", "SOPClassUID"):
        change = Dataset()
        setattr(change, keyword, "CANCELED" if keyword[0] == "P" else "1.2")
        assert status(worklist.update, UID, change, "") == 0x0105
    assert (state(worklist), worklist.step(UID).SOPInstanceUID) == ("SCHEDULED", UID)


def test_a_job_is_a_step_that_only_the_service_performs(
    worklist: Worklist, database: Database, job: Job
) -> None:
    shown = worklist.step(job.uid)
    assert (shown.ProcedureStepState, shown.ProcedureStepLabel) == ("SCHEDULED", "liver@1.0.0")
    assert shown.InputInformationSequence[0].SeriesInstanceUID == "2.25.2"
    assert status(worklist.create, job.uid, step()) == 0x0111
    assert status(worklist.change_state, job.uid, "IN PROGRESS", SECRET) == 0x0124
    assert status(worklist.update, job.uid, Dataset(), "") == 0x0124
    jobs = Jobs(database, "test")
    taken = jobs.next_to_run()
    assert taken is not None
    jobs.report(taken, 0.25, "reading")
    shown = worklist.step(job.uid)
    progress = shown.ProcedureStepProgressInformationSequence[0]
    assert (shown.ProcedureStepState, progress.ProcedureStepProgress) == ("IN PROGRESS", 25)
    outputs = [Output("seg.dcm", "1.2.840.10008.5.1.4.1.1.66.4", "2.25.11", "2.25.12")]
    jobs.has_result(taken, outputs)
    storing = jobs.next_to_store()
    assert storing is not None
    jobs.is_stored(storing, outputs[0])
    jobs.done(storing)
    shown = worklist.step(job.uid)
    (done,) = shown.UnifiedProcedureStepPerformedProcedureSequence
    (output,) = done.OutputInformationSequence
    assert shown.ProcedureStepState == "COMPLETED"
    assert output.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == "2.25.12"
    url = "https://pacs.example.org/dicom-web/studies/2.25.1/series/2.25.11"
    assert output.WADORSRetrievalSequence[0].RetrieveURL == url
    assert done.PerformedProcedureStepEndDateTime >= done.PerformedProcedureStepStartDateTime
    assert status(worklist.request_cancel, job.uid, "") == 0xC311


def test_a_job_is_canceled_by_whoever_may_ask(
    worklist: Worklist, database: Database, job: Job
) -> None:
    assert status(worklist.request_cancel, job.uid, "not needed") == 0
    shown = worklist.step(job.uid)
    progress = shown.ProcedureStepProgressInformationSequence[0]
    assert (shown.ProcedureStepState, progress.ReasonForCancellation) == ("CANCELED", "not needed")
    assert status(worklist.request_cancel, job.uid, "") == 0xB304
    more = orders.again(database, job.uid)
    assert state(worklist, job.uid) == "CANCELED"  # for ever
    shown = worklist.step(more.uid)
    (former,) = shown.ReplacedProcedureStepSequence
    assert (shown.ProcedureStepState, former.ReferencedSOPInstanceUID) == ("SCHEDULED", job.uid)
    replaced, asked = Dataset(), Dataset()
    replaced.ReferencedSOPInstanceUID = job.uid
    asked.ReplacedProcedureStepSequence = [replaced]
    assert [one.whole().SOPInstanceUID for one in worklist.search(asked)] == [more.uid]


def test_what_is_searched_for_is_found_among_steps_and_jobs(
    worklist: Worklist, database: Database, job: Job
) -> None:
    worklist.create(UID, step())
    worklist.create("2.25.101", step(station="WS1", PatientID="0815"))
    worklist.change_state("2.25.101", "IN PROGRESS", SECRET)

    def found(**keys: Any) -> set[str]:
        asked = Dataset()
        for keyword, value in keys.items():
            setattr(asked, keyword, value)
        return {one.whole().SOPInstanceUID for one in worklist.search(asked)}

    assert found() == {UID, "2.25.101", job.uid}
    assert found(ProcedureStepState="SCHEDULED") == {UID, job.uid}
    assert found(ProcedureStepState="IN PROGRESS") == {"2.25.101"}
    assert found(PatientID="4711") == {UID}
    assert found(SOPInstanceUID=[UID, job.uid, "2.25.9"]) == {UID, job.uid}
    assert found(ProcedureStepLabel="liver*") == {job.uid}
    assert found(ProcedureStepLabel="liver@1.?.0") == {job.uid}
    assert found(ProcedureStepLabel="[l]iver*") == set()
    assert found(ScheduledProcedureStepPriority="LOW") == set()
    assert found(ScheduledProcedureStepPriority="HIGH") == {UID, "2.25.101", job.uid}
    assert found(WorklistLabel="IODeep") == {job.uid}
    assert found(ScheduledProcedureStepStartDateTime="20260101-20260101") == {UID, "2.25.101"}
    today = f"{datetime.now(UTC):%Y%m%d}"
    assert found(ScheduledProcedureStepStartDateTime=f"{today}-{today}") == {job.uid}
    assert found(ScheduledProcedureStepStartDateTime=f"-{today}2359") == {UID, "2.25.101", job.uid}
    assert found(ScheduledProcedureStepStartDateTime="2999-") == set()
    of_study = Dataset()
    of_study.StudyInstanceUID = "2.25.1"
    assert found(InputInformationSequence=[of_study]) == {UID, "2.25.101", job.uid}
    of_study.StudyInstanceUID = "2.25.9"
    assert found(InputInformationSequence=[of_study]) == set()


def test_what_is_found_says_all_that_the_step_does(
    worklist: Worklist, database: Database, job: Job
) -> None:
    """As a data set and in JSON, whatever has become of it."""
    worklist.create(UID, step())
    worklist.create(OTHER, step(station="WS1"))
    worklist.change_state(OTHER, "IN PROGRESS", SECRET)
    worklist.update(OTHER, performed(), SECRET)
    jobs = Jobs(database, "test")

    def check() -> None:
        found = {str(one.whole().SOPInstanceUID): one for one in worklist.search(Dataset())}
        assert {UID, OTHER, job.uid} <= found.keys()
        for uid, one in found.items():
            assert one.whole() == worklist.step(uid)
            assert one.as_json() == to_json(worklist.step(uid))
            assert [*one.as_json()] == sorted(one.as_json())

    check()
    taken = jobs.next_to_run()
    assert taken is not None
    jobs.report(taken, 0.5, "half")
    check()
    orders.cancel(database, job.uid, "why")
    orders.again(database, job.uid)
    check()


def test_a_long_queue_is_not_read_for_a_few_steps(worklist: Worklist, database: Database) -> None:
    """Only the rows that may be meant become steps; of others none is looked at."""
    studies = range(500)
    made = [Job(study=f"2.25.{n}", series="2.25.2", model="2.25.7", label="a@1") for n in studies]
    with database.transaction() as execute:
        Jobs(database).add(execute, made)
    rows: list[str] = []
    of_job = worklist._of_job
    worklist._of_job = lambda row: (rows.append(row["uid"]), of_job(row))[1]  # type: ignore
    for keyword, value in (
        ("SOPInstanceUID", made[7].uid),
        ("ProcedureStepState", "COMPLETED"),
        ("ProcedureStepLabel", "b*"),
        ("PatientID", "4711"),
        ("WorklistLabel", "AI"),
        ("ScheduledProcedureStepStartDateTime", "2999-"),
    ):
        asked = Dataset()
        setattr(asked, keyword, value)
        assert len([*worklist.search(asked)]) == (keyword == "SOPInstanceUID")
    of_study, asked = Dataset(), Dataset()
    of_study.StudyInstanceUID = "2.25.8"
    asked.InputInformationSequence = [of_study]
    assert [one.whole().SOPInstanceUID for one in worklist.search(asked)] == [made[8].uid]
    assert rows == [made[7].uid, made[8].uid]
