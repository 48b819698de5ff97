"""A network becomes DICOM instances, but only if its recipe tells the truth about it."""

from __future__ import annotations

import logging
from pathlib import Path

from IODeepLib.machine.progress import Progress
from IODeepLib.model_object import Card, Model, OnnxPaths, write_model
from IODeepLib.network import agreement
from IODeepLib.network.runtime import open_session
from IODeepLib.recipe import Recipe, Stage
from IODeepLib.recipe.contradictions import refuse_contradictions
from IODeepLib.recipe.doubts import doubts
from IODeepLib.trust.signer import Signer
from IODeepLib.trust.signing import sign_files

_log = logging.getLogger(__name__)

# Packing takes little memory, whatever the network has: larger ones are not run for it.
MAX_TRIED_BYTES = 2**30


def pack(
    onnx_path: OnnxPaths,
    recipe: Recipe,
    out_dir: Path | str,
    *,
    parent: Card | None = None,
    signer: Signer | None = None,
    progress: Progress | None = None,
) -> Model:
    """Write a network as DICOM instances, `card.dcm` and `weights-N.dcm`, if its recipe is true.

    The recipe is held against what the network declares and against a trial run. What is odd in it
    and may be meant is logged as warnings, see `doubts`. The folder appears whole or not at all.

    Args:
        onnx_path: the network; its weights inside, or beside it as external data. For a recipe
            that names its networks, the path of each by its name.
        recipe: what it needs, gives and may be used on.
        out_dir: a new or empty folder.
        parent: the version that this one was made from, to which the card then refers.
        signer: a key and its certificate, with which the instances are signed.
        progress: called with the fraction done and a message; it may raise to stop.

    Raises:
        RecipeError: recipe and network contradict each other, or the recipe itself.
        ModelError: the network cannot be read, or cannot be run by ONNX Runtime alone.
        OutputError: the folder cannot be written, or something else is there.
    """
    refuse_contradictions(recipe)
    for doubt in doubts(recipe):
        _log.warning("%s", doubt)

    def check(model: Model) -> None:
        for stage in recipe.all_stages:
            for network in stage.network_names:
                check_network(model, stage, network)
        if signer is not None:
            paths = [model.card.path, *(part.path for part in model.weights())]
            sign_files([path for path in paths if path is not None], signer)

    def check_network(model: Model, stage: Stage, network: str) -> None:
        size = sum(part.length for part in model.card.parts_of(network))
        trial = size <= MAX_TRIED_BYTES
        session = open_session(model, network, providers="cpu", to_run=trial)
        agreement.check(recipe, stage, session)
        if not trial:
            _log.warning(
                "%s was not tried out: a run takes at least the memory of its %.1f GB of weights",
                session.label,
                size / 1e9,
            )
            return
        if progress is not None:
            progress(1.0, f"trying {session.label} out")
        agreement.try_out(recipe, stage, session)

    return write_model(onnx_path, recipe, out_dir, parent=parent, check=check, progress=progress)
