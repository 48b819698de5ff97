"""The version that a round tunes, as it lies in a source."""

from __future__ import annotations

from IODeepLib.errors import ModelError
from IODeepLib.federation.records import Round
from IODeepLib.machine.progress import Progress
from IODeepLib.model_object import Model, verify
from IODeepLib.sources import Source
from IODeepLib.trust.verdict import Standing


def parent_of(source: Source, said: Round, progress: Progress | None = None) -> Model:
    """The parent of a round with all its files, proved to be the one that the round means.

    Raises:
        ModelError: it is not there, another one, or may not be run here.
        SourceError: the PACS failed.
    """
    label = f"{said.model}@{said.parent}"
    there = [
        model for model in source.models().every if model.card.sop_instance_uid == said.parent_uid
    ]
    if not there:
        raise ModelError(
            f"{source.name} has no {label} with the card {said.parent_uid}",
            f"the parent of {said.label}",
            "have it pushed there",
        )
    card = there[0].card
    if (card.label, card.network_digest) != (label, said.parent_digest):
        raise ModelError(
            f"{source.name} has {card.label} with the network digest {card.network_digest}",
            f"{label} with {said.parent_digest}, the parent of {said.label}",
            "ask the round's coordinator",
        )
    if there[0].standing is Standing.REFUSED:
        found = there[0].trust.found if there[0].trust else "unsigned"
        raise ModelError(
            f"{label} is not run here ({found})", "a trusted publisher", "see 'iodeep trust'"
        )
    model = source.fetch(there[0], progress)
    verify(model, progress)
    return model
