"""From DICOM instances back to an ONNX file and a recipe."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from IODeepLib.files import whole_folder
from IODeepLib.model_object.architecture import payload_name, read_architecture
from IODeepLib.model_object.model import Model
from IODeepLib.model_object.progress import Progress, Reporter
from IODeepLib.model_object.verification import verify
from IODeepLib.pieces import Piece, Span, chunks, size_of
from IODeepLib.recipe import recipe_to_json

ONNX_FILE_NAME, RECIPE_FILE_NAME = "model.onnx", "recipe.json"
# Protocol Buffers ends at 2 GiB; a model near to it keeps its weights in files beside it.
_MAX_MODEL_PROTO = 2**31 - 2**20
_VERIFYING = 0.5  # of the whole work


def unpack(model: Model, out_dir: Path | str, progress: Progress | None = None) -> Path:
    """Write `model.onnx` and `recipe.json`, and return the path of the former.

    The ModelProto equals the one that was packed. Where it would pass 2 GiB, its weights go beside
    it, as safetensors files that are its external data.

    Args:
        model: a model with all its parts.
        out_dir: a new or empty folder; it appears whole or not at all.
        progress: called with the fraction done and a message; it may raise to stop.

    Raises:
        ModelError: a part is missing or was altered.
        OutputError: the folder cannot be written, or something else is there.
    """
    verify(model, progress and (lambda done, text: progress(done * _VERIFYING, text)))
    parts = model.weights()
    onnx, part_of = read_architecture(model)
    values: dict[str, Span] = {}
    for tensor in onnx.tensors:
        if tensor.external:
            payload = parts[part_of[tensor.name]].payload
            offset = payload.offset + tensor.external.offset
            values[tensor.name] = Span(payload.path, offset, tensor.external.length)
    typed = {name for part in model.card.manifest.parts for name in part.typed}
    whole = onnx.rewritten(values, typed)
    files: dict[str, Sequence[Piece]] = {ONNX_FILE_NAME: whole}
    if size_of(whole) > _MAX_MODEL_PROTO:
        files = {payload_name(i): [part.payload] for i, part in enumerate(parts, 1)}
        files[ONNX_FILE_NAME] = onnx.rewritten({})
    report = Reporter(
        progress and (lambda done, text: progress(_VERIFYING + done * (1 - _VERIFYING), text)),
        sum(size_of(pieces) for pieces in files.values()),
        f"unpacking {model.label}",
    )
    with whole_folder(Path(out_dir)) as folder:
        for name, pieces in files.items():
            with (folder / name).open("wb") as file:
                for chunk in chunks(pieces):
                    file.write(chunk)
                    report(len(chunk))
        recipe = recipe_to_json(model.card.recipe)
        (folder / RECIPE_FILE_NAME).write_text(recipe, encoding="utf-8")
    return Path(out_dir) / ONNX_FILE_NAME
