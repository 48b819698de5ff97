"""What `show` says of the signatures of a network, and what is not signed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IODeepLib.trust.dicom_signature import DicomSignature
    from IODeepLib.trust.verdict import Trust

Signatures = Mapping[str, Sequence["DicomSignature"]]  # by what bears them


def as_json(found: Signatures) -> list[dict[str, Any]]:
    """All signatures as plain JSON values."""
    from IODeepLib.trust.signature_words import as_json

    return [as_json(one) | {"of": what} for what, signatures in found.items() for one in signatures]


def facts(found: Signatures, trust: Trust | None) -> Iterator[tuple[str, str]]:
    """The same for people, with what this site makes of it: each word and what is said to it."""
    from IODeepLib.trust.signature_words import words

    by_words: dict[str, list[str]] = {}
    for what, signatures in found.items():
        for one in signatures:
            by_words.setdefault(words(one), []).append(what)
    for said, of in by_words.items():
        yield "signed", f"{', '.join(of)}: {said}"
    unsigned = [what for what, signatures in found.items() if not signatures]
    if unsigned:
        yield "not signed", ", ".join(unsigned)
    if by_words and trust is not None:
        yield "trust", trust.found
        yield from (("trust", note) for note in trust.notes)


def broken(found: Signatures) -> str:
    """What is wrong with the first signature that is no good; "" if there is none."""
    return next(
        (f"{what}: {one.why}" for what, every in found.items() for one in every if one.fault), ""
    )
