"""From DICOM instances back to ONNX files and a recipe."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from IODeepLib.disk.byte_ranges import ByteRange, Piece, chunks, size_of
from IODeepLib.disk.files import whole_folder
from IODeepLib.machine.parallel import in_parallel
from IODeepLib.machine.progress import Advance, Advancing, Progress
from IODeepLib.model_object.architecture import payload_name, read_architecture
from IODeepLib.model_object.model import Model
from IODeepLib.model_object.verification import check_outline, check_payloads
from IODeepLib.recipe import recipe_to_json

ONNX_FILE_NAME, RECIPE_FILE_NAME = "model.onnx", "recipe.json"
# Protocol Buffers ends at 2 GiB; a model near to it keeps its weights in files beside it.
_MAX_MODEL_PROTO = 2**31 - 2**20


class _Target(NamedTuple):
    """Where a range of a payload goes: to `place` in the file `path`."""

    source: ByteRange
    path: Path
    place: int


def unpack(model: Model, out_dir: Path | str, progress: Progress | None = None) -> Path:
    """Write `model.onnx` and `recipe.json`, and return the path of the former.

    Of several networks it writes `network-NAME.onnx` each; then the path is that of the first one.

    The ModelProto equals the one that was packed. Where it would pass 2 GiB, its weights go beside
    it, as safetensors files that are its external data. Each payload is read once: its digest is
    made from the same bytes that are written.

    Args:
        model: a model with all its parts.
        out_dir: a new or empty folder; it appears whole or not at all.
        progress: called with the fraction done and a message; it may raise to stop.

    Raises:
        ModelError: a part is missing or was altered.
        OutputError: the folder cannot be written, or something else is there.
    """
    check_outline(model)
    payloads = [part.payload for part in model.weights()]
    advance = Advancing(progress, sum(p.length for p in payloads), f"unpacking {model.label}")
    with whole_folder(Path(out_dir)) as folder:
        targets: list[_Target] = []
        for network in model.card.networks:
            for name, pieces in _files(model, network.name, payloads).items():
                targets += _write_short_pieces(folder / name, pieces)
        jobs = [
            functools.partial(_copy, payload, [t for t in targets if t.source.path == payload.path])
            for payload in payloads
        ]
        check_payloads(model, in_parallel(jobs, advance))
        recipe = recipe_to_json(model.card.recipe)
        (folder / RECIPE_FILE_NAME).write_text(recipe, encoding="utf-8", newline="\n")
    return Path(out_dir) / onnx_file_name(model.card.networks[0].name)


def onnx_file_name(network: str) -> str:
    """The file that `unpack` writes for a network, the only one of a model or one of this name."""
    return f"network-{network}.onnx" if network else ONNX_FILE_NAME


def _files(model: Model, network: str, payloads: Sequence[ByteRange]) -> dict[str, Sequence[Piece]]:
    """What the ONNX file of a network holds, and those beside it."""
    onnx, part_of = read_architecture(model, network)
    values: dict[str, ByteRange] = {}
    for tensor in onnx.tensors:
        if tensor.external:
            payload = payloads[part_of[tensor.name]]
            offset = payload.offset + tensor.external.offset
            values[tensor.name] = ByteRange(payload.path, offset, tensor.external.length)
    parts = model.card.manifest.parts
    typed = {name for part in parts if part.network == network for name in part.typed}
    whole = onnx.rewritten(values, typed)
    if size_of(whole) <= _MAX_MODEL_PROTO:
        return {onnx_file_name(network): whole}
    beside: dict[str, Sequence[Piece]] = {
        payload_name(i): [payload]
        for i, (payload, part) in enumerate(zip(payloads, parts, strict=True), 1)
        if part.network == network
    }
    return {**beside, onnx_file_name(network): onnx.rewritten({})}


def _write_short_pieces(path: Path, pieces: Iterable[Piece]) -> list[_Target]:
    """Write a file in its full length, but leave out what comes from payloads."""
    targets = []
    with path.open("wb") as file:
        for piece in pieces:
            if isinstance(piece, ByteRange):
                targets.append(_Target(piece, path, file.tell()))
                file.seek(piece.length, os.SEEK_CUR)
            else:
                file.write(piece)
        file.truncate()
    return targets


def _copy(payload: ByteRange, targets: Iterable[_Target], advance: Advance) -> str:
    """Copy ranges of `payload` to where they belong, and return the SHA-256 of all of it."""
    digest = hashlib.sha256()
    waiting = sorted(targets, key=lambda target: target.source.offset, reverse=True)
    begun: list[_Target] = []
    start = payload.offset
    with ExitStack() as stack:
        paths = {target.path for target in waiting}
        files = {path: stack.enter_context(path.open("r+b")) for path in paths}
        for chunk in chunks([payload]):
            digest.update(chunk)
            end = start + len(chunk)
            while waiting and waiting[-1].source.offset < end:
                begun.append(waiting.pop())
            for source, path, place in begun:
                first = max(start, source.offset)
                files[path].seek(place + first - source.offset)
                files[path].write(chunk[first - start : source.offset + source.length - start])
            begun = [t for t in begun if t.source.offset + t.source.length > end]
            start = end
            advance(len(chunk))
    return digest.hexdigest()
