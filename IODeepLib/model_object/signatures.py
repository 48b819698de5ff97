"""The signatures of a model: of its card, and of each part of its weights by itself."""

from __future__ import annotations

from IODeepLib.model_object.model import Model
from IODeepLib.trust.dicom_signature import DicomSignature
from IODeepLib.trust.signature_reading import read_signatures


def signatures_in(model: Model) -> dict[str, tuple[DicomSignature, ...]]:
    """What each instance bears, by what it is called: `card`, `part 1`.

    Args:
        model: with all its files.

    Raises:
        InputError: a file cannot be read.
    """
    found = {} if model.card.path is None else {"card": read_signatures(model.card.path)}
    for number, part in enumerate(model.weights(), 1):
        found[f"part {number}"] = read_signatures(part.path)
    return found
