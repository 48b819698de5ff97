"""Whether the objects of a result are as they were signed."""

from __future__ import annotations

from collections.abc import Iterator

from IODeepLib.results.origin.checks import Check, Outcome
from IODeepLib.results.origin.run import Run
from IODeepLib.trust.dicom_signature import DicomSignature, Integrity
from IODeepLib.trust.signature_reading import read_signatures
from IODeepLib.trust.signature_words import words


def check_signatures(run: Run) -> Iterator[Check]:
    """The signatures of each object, and which objects have none where others do.

    Raises:
        InputError: an object cannot be read.
    """
    found = {one.name: read_signatures(one.path) for one in run.origins}
    if not any(found.values()):
        return
    for name, signatures in found.items():
        subject = f"signature of {name}"
        if not signatures:
            yield Check(subject, Outcome.UNCHECKED, "there is none")
        for one in signatures:
            yield Check(subject, _outcome(one), f"{words(one)}; trust is not judged")


def _outcome(one: DicomSignature) -> Outcome:
    if one.integrity is Integrity.INTACT:
        return Outcome.OK
    return Outcome.UNCHECKED if one.integrity is Integrity.WEAK else Outcome.DIFFERS
