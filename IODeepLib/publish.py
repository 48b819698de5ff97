"""A network becomes DICOM instances, but only if its recipe tells the truth about it."""

from __future__ import annotations

import logging
from pathlib import Path

from IODeepLib import agreement
from IODeepLib.model_object import Card, Model, pack
from IODeepLib.model_object.progress import Progress
from IODeepLib.recipe import Recipe
from IODeepLib.runtime import open_session

_log = logging.getLogger(__name__)

# Packing takes little memory, whatever the network has: larger ones are not run for it.
MAX_TRIED_BYTES = 2**30


def publish(
    onnx_path: Path | str,
    recipe: Recipe,
    out_dir: Path | str,
    *,
    parent: Card | None = None,
    progress: Progress | None = None,
) -> Model:
    """Pack a network as `pack` does, and hold the recipe against it before the folder appears.

    Args and errors: see `IODeepLib.model_object.pack`; besides

    Raises:
        RecipeError: recipe and network contradict each other.
    """

    def check(model: Model) -> None:
        size = sum(part.length for part in model.card.manifest.parts)
        trial = size <= MAX_TRIED_BYTES
        session = open_session(model, providers="cpu", to_run=trial)
        agreement.check(recipe, session)
        if not trial:
            _log.warning(
                "%s was not tried out: a run takes at least the memory of its %.1f GB of weights",
                model.label,
                size / 1e9,
            )
            return
        if progress is not None:
            progress(1.0, f"trying {model.label} out")
        agreement.try_out(recipe, session)

    return pack(onnx_path, recipe, out_dir, parent=parent, check=check, progress=progress)
