"""Proof that a model is whole and unaltered."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Collection, Sequence

from IODeepLib.disk.byte_ranges import ByteRange, chunks, joined
from IODeepLib.disk.file_memo import FileMemo
from IODeepLib.errors import ModelError
from IODeepLib.machine.parallel import in_parallel
from IODeepLib.machine.progress import Advance, Advancing, Progress
from IODeepLib.model_object.architecture import read_architecture
from IODeepLib.model_object.model import Model
from IODeepLib.model_object.safetensors_file import decode_header, header_size

# Digests of payloads that this process has read: a model that runs on many series is read once.
_known: FileMemo[str] = FileMemo(most=1000)


def verify(model: Model, progress: Progress | None = None, known: Collection[str] = ()) -> None:
    """Check every digest, length and reference of `model`.

    A payload that this process has read before, in a file that did not change since, is not read
    again.

    Args:
        model: with all its files.
        progress: called with the fraction done and a message; it may raise to stop.
        known: SHA-256 of payloads that were found to be right as they were written.

    Raises:
        ModelError: something is missing, altered, or does not belong together.
        RecipeError: the recipe is not valid.
    """
    check_outline(model)
    parts = model.weights()
    payloads = [part.payload for part in parts if part.sha256 not in known]
    advance = Advancing(progress, sum(p.length for p in payloads), f"verifying {model.label}")
    jobs = [functools.partial(_known_digest, payload) for payload in payloads]
    read = iter(in_parallel(jobs, advance))
    check_payloads(model, [p.sha256 if p.sha256 in known else next(read) for p in parts])


def check_outline(model: Model) -> None:
    """Check all but the payloads' digests, as `verify` does."""
    _ = model.card.recipe  # reading it checks it
    parts = model.weights()
    for network in model.card.networks:
        read_architecture(model, network.name)
    for number, (part, wanted) in enumerate(zip(parts, model.card.manifest.parts, strict=True), 1):
        where = _where(model, number)
        if _tensor_names(part.payload, where) != wanted.tensors:
            raise ModelError(
                f"{where} holds other tensors than the manifest says",
                ", ".join(wanted.tensors[:5]),
                "pack the model again",
            )


def check_payloads(model: Model, digests: Sequence[str]) -> None:
    """Raise ModelError unless the payloads, of which these are the SHA-256, are the right ones."""
    for number, (found, wanted) in enumerate(
        zip(digests, model.card.manifest.parts, strict=True), 1
    ):
        if found != wanted.sha256:
            raise ModelError(
                f"{_where(model, number)} was altered: its SHA-256 is {found}",
                wanted.sha256,
                "retrieve or copy it again",
            )


def _where(model: Model, number: int) -> str:
    path = model.weights()[number - 1].path
    return f"part {number} of {len(model.parts)} of {model.label} ({path})"


def _known_digest(payload: ByteRange, advance: Advance) -> str:
    return _known.get(payload.path, functools.partial(_digest, payload, advance), *payload[1:])


def _digest(payload: ByteRange, advance: Advance) -> str:
    digest = hashlib.sha256()
    for chunk in chunks([payload]):
        digest.update(chunk)
        advance(len(chunk))
    return digest.hexdigest()


def _tensor_names(payload: ByteRange, where: str) -> tuple[str, ...]:
    start = joined([payload._replace(length=min(8, payload.length))])
    size = header_size(start, payload.length, where)
    entries, _ = decode_header(joined([payload._replace(length=size)]), payload.length, where)
    return tuple(entry.name for entry in entries)
