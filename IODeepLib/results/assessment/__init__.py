"""What people say of a result as a DICOM SR: accepted, amended or rejected, who, when and why.

    made = make_assessment("seg.dcm", Verdict.REJECTED, by="Doe^Jane", when=now, reason="no liver")
    made.save("assessment.dcm")

Docs/results.md says what it holds.
"""

from IODeepLib.results.assessment.assessment import Assessment, Verdict, latest
from IODeepLib.results.assessment.document import AssessmentReport, make_assessment
from IODeepLib.results.assessment.reading import read_assessment
from IODeepLib.results.assessment.vocabulary import ASSESSMENT_TITLE

__all__ = [
    "ASSESSMENT_TITLE",
    "Assessment",
    "AssessmentReport",
    "Verdict",
    "latest",
    "make_assessment",
    "read_assessment",
]
