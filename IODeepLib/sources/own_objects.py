"""What IODeep made, among files: networks and results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from IODeepLib.model_object import verify
from IODeepLib.results.origin.origin import Origin, origins_in
from IODeepLib.sources.folder import models_in_files


def own_objects(files: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """The files with instances of networks, which are verified, and results; and other objects.

    Raises:
        ModelError: a network is damaged, or a part of it is not there.
        InputError: an object is damaged.
    """
    catalog = models_in_files(files)
    if catalog.problems:
        raise catalog.problems[0].error
    own: list[Path] = []
    for model in catalog.every:
        verify(model)
        own += [path for path in (model.card.path, *(p.path for p in model.weights())) if path]
    own += [notice.path for _, notice in catalog.retired]
    others: list[Path] = []
    known = set(own)
    for one in origins_in(path for path in files if path not in known):
        (own if isinstance(one, Origin) else others).append(one.path)
    return own, others
