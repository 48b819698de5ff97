"""Keys match as PS3.4 section C.2.2.2 says, and no key takes for ever."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.dataset import Dataset

from IODeepLib.service.ups.matching import answer, matches


def dataset(**values: Any) -> Dataset:
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


STEP = dataset(
    PatientName="Müller^Anna",
    PatientID="0047 11",
    ProcedureStepLabel="CT [liver] 1*",
    ScheduledProcedureStepStartDateTime="20260512093000.000000+0200",
    PatientBirthDate="19700305",
    SOPInstanceUID="1.2.3",
    ScheduledWorkitemCodeSequence=[dataset(CodeValue="A"), dataset(CodeValue="B")],
    AdmissionID=None,
)


@pytest.mark.parametrize(
    ("keys", "fits"),
    [
        ({"PatientID": "0047 11"}, True),
        ({"PatientID": "4711"}, False),
        ({"PatientID": ""}, True),
        ({"PatientID": "00?7*"}, True),
        ({"PatientID": "*"}, True),
        ({"AdmissionID": "A*"}, False),
        ({"PatientName": "MÜLLER^*"}, True),
        ({"PatientName": "Muller*"}, False),
        ({"ProcedureStepLabel": "CT [liver] 1*"}, True),
        ({"ProcedureStepLabel": "CT [l] 1*"}, False),
        ({"ProcedureStepLabel": "ct*"}, False),
        ({"PatientBirthDate": "19700101-19701231"}, True),
        ({"PatientBirthDate": "-19691231"}, False),
        ({"PatientBirthDate": "19700305-"}, True),
        ({"PatientBirthDate": "19700305"}, True),
        ({"ScheduledProcedureStepStartDateTime": "20260512-20260512"}, True),
        ({"ScheduledProcedureStepStartDateTime": "20260513-"}, False),
        ({"SOPInstanceUID": ["1.2", "1.2.3"]}, True),
        ({"SOPInstanceUID": "1.2.*"}, False),
        ({"ScheduledWorkitemCodeSequence": [dataset(CodeValue="B")]}, True),
        ({"ScheduledWorkitemCodeSequence": [dataset(CodeValue="C")]}, False),
        ({"ScheduledWorkitemCodeSequence": []}, True),
        ({"ScheduledWorkitemCodeSequence": [Dataset()]}, True),
        ({"InputInformationSequence": [dataset(StudyInstanceUID="1")]}, False),
        ({"PatientID": "0047 11", "PatientName": "X"}, False),
        ({"SpecificCharacterSet": "ISO_IR 100"}, True),
    ],
)
def test_keys(keys: dict[str, Any], fits: bool) -> None:
    assert matches(STEP, dataset(**keys)) == fits


def test_a_pattern_of_many_stars_takes_no_time() -> None:
    """As a regular expression it would take longer than the age of the world."""
    long = dataset(ProcedureStepLabel="a" * 64)
    assert not matches(long, dataset(ProcedureStepLabel="*a" * 31 + "b"))
    assert matches(long, dataset(ProcedureStepLabel="*a" * 31 + "*"))


def test_only_what_is_asked_for_is_answered() -> None:
    keys = dataset(PatientID="*", WorklistLabel=None, InputInformationSequence=[])
    found = answer(STEP, keys)
    assert {one.keyword: one.value for one in found} == {
        "PatientID": "0047 11",
        "WorklistLabel": None,
        "InputInformationSequence": [],
    }
