"""What an object names: the images that it was made from, and other objects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.uid import (
    KeyObjectSelectionDocumentStorage,
    ParametricMapStorage,
    RawDataStorage,
)

from IODeepLib.codes.sequences import code_sequence
from IODeepLib.headers import items, text
from IODeepLib.headers.sop_classes import holds_no_image
from IODeepLib.results.concepts import ILLUSTRATION
from IODeepLib.results.corrections import referred_to
from IODeepLib.results.edit import CORRECTED_PURPOSE
from IODeepLib.results.replaced import REPLACED_PURPOSE
from IODeepLib.text.foreign import is_uid


@dataclass(frozen=True, slots=True)
class Reference:
    """An instance that an object names."""

    study_uid: str
    series_uid: str
    sop_class: str
    sop_uid: str


@dataclass(frozen=True, slots=True)
class Named:
    """What an object names.

    Attributes:
        images: those that it was made from, by (study, series).
        objects: SOP Instance UIDs of other objects, such as the SEG that a report is of.
        corrects: the SEG that it corrects; "" for none.
        replaces: the object whose place it takes; "" for none.
        odd: how many references have no UID that is one; nothing is looked for by them.
    """

    images: dict[tuple[str, str], tuple[str, ...]]
    objects: tuple[str, ...]
    corrects: str
    replaces: str
    odd: int


def named_by(header: Dataset) -> Named:
    """What an object with this header names."""
    images: dict[tuple[str, str], dict[str, None]] = {}
    maps: dict[tuple[str, str], dict[str, None]] = {}
    objects: dict[str, None] = {}
    odd = 0
    # What a Key Object Selection names are results, and a picture of one is an image as well.
    illustrations = set(_illustrations(header))
    none_is_source = text(header, "SOPClassUID") == KeyObjectSelectionDocumentStorage
    for one in _references(header):
        if not all(map(is_uid, (one.study_uid, one.series_uid, one.sop_uid))):
            odd += 1
        elif one.sop_class == RawDataStorage:
            continue  # the card, see `Origin.card_uid`
        elif none_is_source or one.sop_uid in illustrations or holds_no_image(one.sop_class):
            objects[one.sop_uid] = None
        else:
            found = maps if one.sop_class == ParametricMapStorage else images
            found.setdefault((one.study_uid, one.series_uid), {})[one.sop_uid] = None
    # A map beside images was made of them, as that of the confidence; alone it is a source itself.
    if images:
        objects |= {uid: None for uids in maps.values() for uid in uids}
    else:
        images = maps
    return Named(
        {series: tuple(uids) for series, uids in images.items()},
        tuple(objects),
        referred_to(header, "SourceImageSequence", CORRECTED_PURPOSE),
        _predecessor(header) or referred_to(header, "ReferencedImageSequence", REPLACED_PURPOSE),
        odd,
    )


def _illustrations(header: Dataset) -> Iterator[str]:
    """The pictures that a report shows what was found by."""
    for item in items(header, "ContentSequence"):
        if ILLUSTRATION in code_sequence(item, "ConceptNameCodeSequence"):
            for one in items(item, "ReferencedSOPSequence"):
                yield text(one, "ReferencedSOPInstanceUID")


def _predecessor(header: Dataset) -> str:
    """The former version of an SR. (PS3.3 section C.17.2)"""
    for study in items(header, "PredecessorDocumentsSequence"):
        for one in _of_series("", study, "ReferencedSOPSequence"):
            return one.sop_uid
    return ""


def _references(header: Dataset) -> Iterator[Reference]:
    """Each one, as Common Instance Reference and the evidence of an SR have them.

    PS3.3 sections C.12.2 and C.17.2.
    """
    own = text(header, "StudyInstanceUID")
    yield from _of_series(own, header, "ReferencedInstanceSequence")
    for study in items(header, "StudiesContainingOtherReferencedInstancesSequence"):
        yield from _of_series(text(study, "StudyInstanceUID"), study, "ReferencedInstanceSequence")
    for keyword in ("CurrentRequestedProcedureEvidenceSequence", "PertinentOtherEvidenceSequence"):
        for study in items(header, keyword):
            yield from _of_series(text(study, "StudyInstanceUID"), study, "ReferencedSOPSequence")


def _of_series(study_uid: str, around: Dataset, instances: str) -> Iterator[Reference]:
    for series in items(around, "ReferencedSeriesSequence"):
        for item in items(series, instances):
            yield Reference(
                study_uid,
                text(series, "SeriesInstanceUID"),
                text(item, "ReferencedSOPClassUID"),
                text(item, "ReferencedSOPInstanceUID"),
            )
