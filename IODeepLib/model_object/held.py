"""A model whose weights stay those that were verified, for as long as they are used.

ONNX Runtime opens the files by their names, after they were verified, and reads on in them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from IODeepLib.disk.byte_ranges import ByteRange, chunks
from IODeepLib.disk.file_memo import file_state
from IODeepLib.disk.files import temporary_folder, writing
from IODeepLib.disk.reach import others_reach
from IODeepLib.errors import ModelError
from IODeepLib.machine.progress import Progress
from IODeepLib.model_object.model import Model
from IODeepLib.model_object.verification import check_payloads, verify


@contextmanager
def held(model: Model, progress: Progress | None = None) -> Iterator[Model]:
    """The model, verified, to be used within the block.

    Of one that is run because its publisher is trusted, weights that other users could exchange are
    copied first, to where they cannot: what is verified is what is used.

    Args:
        model: with all its files.
        progress: see `verify`.

    Raises:
        ModelError: it is altered or incomplete, or a file of it was changed during the block.
        OutputError: there is no room for the copies.
    """
    with ExitStack() as stack:
        paths = [part.path for part in model.weights()]
        paths += [] if model.card.path is None else [model.card.path]
        with suppress(OSError):  # verifying says it better
            for path in paths:  # the number of a file that is open is not given to another one
                stack.enter_context(path.open("rb"))
        before = [file_state(path) for path in paths]
        verify(model, progress)
        if model.trust is not None and model.trust.is_trusted and any(map(others_reach, paths)):
            yield _copied(model, stack.enter_context(temporary_folder()))
            return
        yield model
        verify(model)  # this takes no time if nothing changed
        for path, state in zip(paths, before, strict=True):
            if file_state(path) != state:  # be it that what was there is there again
                raise ModelError(
                    f"{path} was changed while {model.label} was run",
                    "files at rest",
                    "run it again",
                )


def _copied(model: Model, folder: Path) -> Model:
    """The same with payloads in a folder, each digested as it was written there."""
    parts, digests = [], []
    for number, part in enumerate(model.weights()):
        copy, digest = folder / f"{number}.safetensors", hashlib.sha256()
        with writing(folder), copy.open("wb") as file:
            for chunk in chunks([part.payload]):
                digest.update(chunk)
                file.write(chunk)
        digests.append(digest.hexdigest())
        parts.append(replace(part, path=copy, payload=ByteRange(copy, 0, part.payload.length)))
    check_payloads(model, digests)
    return replace(model, parts=tuple(parts))
