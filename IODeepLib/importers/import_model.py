"""From a draft to IODeep instances."""

from __future__ import annotations

from pathlib import Path

from IODeepLib.disk.files import temporary_folder
from IODeepLib.importers.draft import Draft
from IODeepLib.machine.progress import Progress
from IODeepLib.model_object import Model
from IODeepLib.publish import pack
from IODeepLib.recipe import Recipe


def import_model(
    draft: Draft, recipe: Recipe, out: Path, progress: Progress | None = None
) -> Model:
    """Write the network of a draft as IODeep instances, as `pack` does: whole or not at all.

    Args:
        draft: what the source says.
        recipe: the draft's, with all answers; see `answers.complete`.
        out: a new or empty folder.
        progress: called with the fraction done and a message; it may raise to stop.

    Raises:
        ModelError: what is wrong with the network.
        RecipeError: recipe and network contradict each other.
        OutputError: the folder cannot be written.
    """
    with temporary_folder() as folder:
        if progress is not None:
            progress(0.0, "converting")
        return pack(draft.write(folder), recipe, out, progress=progress)
