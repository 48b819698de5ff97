"""Coded concepts as highdicom takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IODeepLib.codes import Code

if TYPE_CHECKING:
    from highdicom.sr import CodedConcept

ILLUSTRATION = Code("121080", "DCM", "Best illustration of finding")  # CID 7003


def concept(code: Code) -> CodedConcept:
    """A coded concept of highdicom, with the meaning that `code` has."""
    from highdicom.sr import CodedConcept

    return CodedConcept(code.value, code.scheme, code.meaning)
