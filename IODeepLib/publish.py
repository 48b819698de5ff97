"""A network becomes DICOM instances, but only if its recipe tells the truth about it."""

from __future__ import annotations

import logging
from pathlib import Path

from IODeepLib.errors import RecipeError
from IODeepLib.machine.progress import Progress
from IODeepLib.model_object import Card, Model, write_model
from IODeepLib.network import agreement
from IODeepLib.network.runtime import open_session
from IODeepLib.recipe import Recipe
from IODeepLib.recipe.contradictions import refuse_contradictions
from IODeepLib.recipe.doubts import doubts

_log = logging.getLogger(__name__)

# Packing takes little memory, whatever the network has: larger ones are not run for it.
MAX_TRIED_BYTES = 2**30


def pack(
    onnx_path: Path | str,
    recipe: Recipe,
    out_dir: Path | str,
    *,
    parent: Card | None = None,
    progress: Progress | None = None,
) -> Model:
    """Write a network as DICOM instances, `card.dcm` and `weights-N.dcm`, if its recipe is true.

    The recipe is held against what the network declares and against a trial run. What is odd in it
    and may be meant is logged as warnings, see `doubts`. The folder appears whole or not at all.

    Args:
        onnx_path: the network; its weights inside, or beside it as external data.
        recipe: what it needs, gives and may be used on.
        out_dir: a new or empty folder.
        parent: the version that this one was made from, to which the card then refers.
        progress: called with the fraction done and a message; it may raise to stop.

    Raises:
        RecipeError: recipe and network contradict each other, or the recipe itself.
        ModelError: the network cannot be read, or cannot be run by ONNX Runtime alone.
        OutputError: the folder cannot be written, or something else is there.
    """
    refuse_contradictions(recipe)
    for doubt in doubts(recipe):
        _log.warning("%s", doubt)

    if recipe.network_names != ("",):
        raise RecipeError(
            "recipe: a model of several networks", "one network", "pack them one by one"
        )
    [stage] = recipe.all_stages

    def check(model: Model) -> None:
        size = sum(part.length for part in model.card.manifest.parts)
        trial = size <= MAX_TRIED_BYTES
        session = open_session(model, providers="cpu", to_run=trial)
        agreement.check(recipe, stage, session)
        if not trial:
            _log.warning(
                "%s was not tried out: a run takes at least the memory of its %.1f GB of weights",
                model.label,
                size / 1e9,
            )
            return
        if progress is not None:
            progress(1.0, f"trying {model.label} out")
        agreement.try_out(recipe, stage, session)

    return write_model(onnx_path, recipe, out_dir, parent=parent, check=check, progress=progress)
