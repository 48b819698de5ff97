"""What Algorithm Parameters (0066,0032) of an object say of the run, checked at the door."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct
from pydicom.dataset import Dataset

from IODeepLib.codes.sequences import code_sequence
from IODeepLib.errors import InputError
from IODeepLib.headers import exact_texts, items
from IODeepLib.text.foreign import LONGEST_UID, plain
from IODeepLib.text.json_text import StructureError, parse_json

_LONGEST_LT = 10_240  # PS3.5 section 6.2
_PARAMETERS = ("111002", "DCM")  # TID 4019
_MOST_TEXTS = 10_000  # one a segment

Word = Annotated[str, Meta(max_length=1024)]
Words = Annotated[list[Word], Meta(max_length=4096)]
Sentences = Annotated[list[Annotated[str, Meta(max_length=_LONGEST_LT)]], Meta(max_length=4096)]
Uid = Annotated[str, Meta(pattern=r"^[0-9]+(\.[0-9]+)*$(?!\n)", max_length=LONGEST_UID)]
Count = Annotated[int, Meta(ge=0, le=2**53)]  # what all that read JSON can hold
Digest = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)")]
# Flat: what is nested cannot be an option of a run.
Options = Annotated[dict[Word, str | bool | int | float | Words | None], Meta(max_length=1000)]


class Parameters(Struct):
    """As `Provenance.parameters` writes them."""

    card: Uid
    model_uid: Uid
    network_sha256: Digest
    weights_sha256: Digest
    software: Word = ""
    runtime: Word = ""
    provider: Word = ""
    options: Options = msgspec.field(default_factory=dict)
    steps: Sentences = msgspec.field(default_factory=list)


def parameters_of(header: Dataset) -> Parameters | None:
    """What the segments, regions or measurement groups of an object say; None if nothing.

    Raises:
        InputError: they are no such JSON, or do not all say the same.
    """
    found = list(dict.fromkeys(filter(None, _texts(header))))
    if not found:
        return None
    if len(found) > 1:
        raise InputError(
            f"Algorithm Parameters that say {len(found)} different things",
            "the same of everything that the network found",
            "trust none of them",
        )
    try:
        return read_plain(found[0], Parameters)
    except StructureError as error:
        raise InputError(
            f"Algorithm Parameters with {error.found} at {error.path}",
            error.wanted,
            "take the object as it was written",
        ) from None


def read_plain(text: str, kind: Any, longest: int = _LONGEST_LT) -> Any:
    """JSON as a struct of the type `kind`, all texts in it fit to be shown on a line.

    Raises:
        StructureError: it is too long, no JSON, or has wrong types or values.
    """
    if len(text) > longest:
        raise StructureError("$", f"{len(text)} characters", f"at most {longest}")
    try:
        value = parse_json(text)
        msgspec.convert(value, kind)  # what a limit refuses is not let in for being shown otherwise
        return msgspec.convert(_plain(value), kind)
    except msgspec.ValidationError as error:
        words, _, path = plain(str(error)).partition(" - at ")
        raise StructureError(path.strip("`") or "$", words, "what IODeep writes") from None
    except RecursionError:
        raise StructureError("$", "JSON that is nested too deeply", "plain JSON") from None


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, float) and not math.isfinite(value):  # 1e400, to which all is equal
        raise StructureError("$", "a number that is too large", "finite numbers")
    if isinstance(value, dict):
        return {plain(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _texts(header: Dataset) -> Iterator[str]:
    """Of each segment, region or group that has any."""
    places = {
        "SegmentSequence": "SegmentationAlgorithmIdentificationSequence",
        "StructureSetROISequence": "ROIDerivationAlgorithmIdentificationSequence",
    }
    for sequence, identification in places.items():
        for part in items(header, sequence)[:_MOST_TEXTS]:
            for algorithm in items(part, identification):
                yield from exact_texts(algorithm, "AlgorithmParameters")
    for group in measurement_groups(header):
        for item in group:
            if concept_of(item) == _PARAMETERS:
                yield from exact_texts(item, "TextValue")


def measurement_groups(header: Dataset) -> Iterable[tuple[Dataset, ...]]:
    """The content items of each measurement group of a report. (TID 1411 and 1501)"""
    for part in items(header, "ContentSequence"):
        if concept_of(part) == ("126010", "DCM"):  # Imaging Measurements
            for group in items(part, "ContentSequence")[:_MOST_TEXTS]:
                yield items(group, "ContentSequence")


def concept_of(item: Dataset, keyword: str = "ConceptNameCodeSequence") -> tuple[str, str]:
    """Value and scheme of the code that names a content item; empty if none does."""
    codes = code_sequence(item, keyword)
    return (codes[0].value, codes[0].scheme) if codes else ("", "")
