"""Procedure steps as others schedule them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydicom.dataset import Dataset


def code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def step(
    study: str = "2.25.1",
    series: Sequence[str] = ("2.25.2",),
    model: str = "",
    station: str = "",
    **changes: Any,
) -> Dataset:
    """A step that is ready to be performed.

    Args:
        study, series: what is to be read.
        model: by which network; whichever fits best, by default.
        station: who is to perform it; whoever takes it, by default.
        changes: of its attributes; those that are None are left out.
    """
    made = Dataset()
    made.ProcedureStepState = "SCHEDULED"
    made.ScheduledProcedureStepPriority = "HIGH"
    made.ProcedureStepLabel = "Segment the brain"
    made.WorklistLabel = "AI"
    made.ScheduledProcedureStepStartDateTime = "20260101120000"
    made.InputReadinessState = "READY"
    made.PatientName, made.PatientID = "Süß^Käthe", "4711"
    made.SpecificCharacterSet = "ISO_IR 192"
    made.InputInformationSequence = []
    for uid in series or [""]:
        item = Dataset()
        item.TypeOfInstances, item.StudyInstanceUID = "DICOM", study
        if uid:
            item.SeriesInstanceUID = uid
        item.ReferencedSOPSequence = []
        made.InputInformationSequence.append(item)
    made.ScheduledStationNameCodeSequence = [code(station, "99SITE", "x")] if station else []
    made.ScheduledWorkitemCodeSequence = [code("110001", "DCM", "Image Processing")]
    if model:
        parameter = Dataset()
        parameter.ValueType, parameter.TextValue = "TEXT", model
        parameter.ConceptNameCodeSequence = [code("MODEL", "99IODEEP", "Model")]
        made.ScheduledProcessingParametersSequence = [parameter]
    for keyword, value in changes.items():
        if value is None:
            delattr(made, keyword)
        else:
            setattr(made, keyword, value)
    return made


def performed() -> Dataset:
    """What somebody says who has performed a step."""
    done = Dataset()
    done.PerformedStationNameCodeSequence = [code("WS1", "99SITE", "Workstation 1")]
    done.PerformedProcedureStepStartDateTime = "20260101120100"
    done.PerformedProcedureStepEndDateTime = "20260101120200"
    done.PerformedWorkitemCodeSequence = [code("110001", "DCM", "Image Processing")]
    done.OutputInformationSequence = []
    made = Dataset()
    made.UnifiedProcedureStepPerformedProcedureSequence = [done]
    return made
