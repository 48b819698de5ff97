"""DICOM headers as real files have them: empty, garbled, repeated, missing, or without end."""

from IODeepLib.headers.silence import quiet
from IODeepLib.headers.values import (
    exact_texts,
    first_number,
    integer,
    items,
    number,
    numbers,
    private_number,
    stored,
    text,
    texts,
)

__all__ = [
    "exact_texts",
    "first_number",
    "integer",
    "items",
    "number",
    "numbers",
    "private_number",
    "quiet",
    "stored",
    "text",
    "texts",
]
