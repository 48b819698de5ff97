"""The codes of an assessment.

PS3.16 has none for what people make of an AI result: these are our own. 99 begins a private scheme.
(PS3.16 section 8.2)
"""

from __future__ import annotations

from IODeepLib.codes import Code
from IODeepLib.results.assessment.assessment import Verdict
from IODeepLib.results.sr.quantities import COMMENT, PRIVATE_SCHEME

# The title of the document: CID 7021, which may be extended, has none for this.
ASSESSMENT_TITLE = Code("ASSESSMENT", PRIVATE_SCHEME, "Assessment of an AI result")
VERDICT = Code("VERDICT", PRIVATE_SCHEME, "Verdict on the AI result")
VERDICTS = {
    Verdict.ACCEPTED: Code("ACCEPTED", PRIVATE_SCHEME, "AI result accepted"),
    Verdict.AMENDED: Code("AMENDED", PRIVATE_SCHEME, "AI result amended"),
    Verdict.REJECTED: Code("REJECTED", PRIVATE_SCHEME, "AI result rejected"),
}
ASSESSED = Code("ASSESSED", PRIVATE_SCHEME, "AI result that was assessed")
CORRECTION = Code("CORRECTION", PRIVATE_SCHEME, "Result that is right instead")
WHY = COMMENT  # (121106, DCM)
PERSON_NAME = Code("121008", "DCM", "Person Observer Name")  # TID 1003
EVALUATIONS = Code("C0034375", "UMLS", "Qualitative Evaluations")  # TID 1500
