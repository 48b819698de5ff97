"""Proof that a model is whole and unaltered."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from IODeepLib.errors import ModelError
from IODeepLib.model_object.architecture import read_architecture
from IODeepLib.model_object.model import Model
from IODeepLib.model_object.progress import Progress, Reporter
from IODeepLib.pieces import Span, chunks, joined
from IODeepLib.safetensors_file import decode_header, header_size

# Digests of payloads that this process has read, by place, size and times of the file: a model
# that runs on many series is read once.
_known: dict[tuple[object, ...], str] = {}


def verify(model: Model, progress: Progress | None = None) -> None:
    """Check every digest, length and reference of `model`.

    A payload that this process has read before, in a file that did not change since, is not read
    again.

    Raises:
        ModelError: something is missing, altered, or does not belong together.
        RecipeError: the recipe is not valid.
    """
    _ = model.card.recipe  # reading it checks it
    parts = model.weights()
    read_architecture(model)
    report = Reporter(progress, sum(p.payload.length for p in parts), f"verifying {model.label}")
    for number, (part, wanted) in enumerate(zip(parts, model.card.manifest.parts, strict=True), 1):
        where = f"part {number} of {len(parts)} of {model.label} ({part.path})"
        found = _digest(part.payload, report)
        if found != wanted.sha256:
            raise ModelError(
                f"{where} was altered: its SHA-256 is {found}",
                wanted.sha256,
                "retrieve or copy it again",
            )
        if _tensor_names(part.payload, where) != wanted.tensors:
            raise ModelError(
                f"{where} holds other tensors than the manifest says",
                ", ".join(wanted.tensors[:5]),
                "pack the model again",
            )


def _digest(payload: Span, report: Callable[[int], None]) -> str:
    try:
        stat = payload.path.stat()
    except OSError as error:
        raise ModelError(
            f"{payload.path} cannot be read ({error})", "the file as before", "copy it again"
        ) from None
    key = (*payload, stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
    if key in _known:
        report(payload.length)
        return _known[key]
    digest = hashlib.sha256()
    for chunk in chunks([payload]):
        digest.update(chunk)
        report(len(chunk))
    _known[key] = digest.hexdigest()
    return _known[key]


def _tensor_names(payload: Span, where: str) -> tuple[str, ...]:
    start = joined([payload._replace(length=min(8, payload.length))])
    size = header_size(start, payload.length, where)
    entries, _ = decode_header(joined([payload._replace(length=size)]), payload.length, where)
    return tuple(entry.name for entry in entries)
