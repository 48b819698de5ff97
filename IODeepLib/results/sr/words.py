"""What a report says in words: what was found, why this network, and what to know of the run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from IODeepLib.codes import Code
from IODeepLib.results.concepts import concept
from IODeepLib.results.provenance import Provenance
from IODeepLib.results.sr.quantities import COMMENT, REASON, STEP, SUMMARY
from IODeepLib.text.foreign import plain

if TYPE_CHECKING:
    from highdicom.sr import CodeContentItem, ContainerContentItem

_CONTAINER = Code("C0034375", "UMLS", "Qualitative Evaluations")


def evaluations(
    summary: Iterable[str],
    codes: Iterable[CodeContentItem],
    reasons: Iterable[str],
    provenance: Provenance,
) -> ContainerContentItem:
    """The container of all that is said without numbers. (PS3.16 TID 1500, row 12)

    Args:
        summary: what was found, a sentence each.
        codes: the same as codes.
        reasons: why this network, a sentence each.
        provenance: what a person should know of images and run, its notes; and its steps.
    """
    from highdicom.sr import ContainerContentItem, ContentSequence, TextContentItem

    def said(name: Code, sentences: Iterable[str]) -> list[TextContentItem]:
        return [TextContentItem(concept(name), plain(one), "CONTAINS") for one in sentences]

    container = ContainerContentItem(concept(_CONTAINER), relationship_type="CONTAINS")
    container.ContentSequence = ContentSequence(
        [
            *said(SUMMARY, summary),
            *codes,
            *said(COMMENT, provenance.notes),
            *said(STEP, provenance.steps),
            *said(REASON, reasons),
        ]
    )
    return container
