"""The models that a person means by a name."""

from __future__ import annotations

from collections.abc import Sequence

from IODeepLib.errors import UsageError
from IODeepLib.model_object.card import same_content
from IODeepLib.model_object.model import Model
from IODeepLib.model_object.shown_names import said_apart
from IODeepLib.trust.verdict import Standing


def models_named(models: Sequence[Model], words: str) -> list[Model]:
    """The models that NAME, NAME@VERSION or a UID means: of a model, of its study, or of its card.

    Those with the same label are the same version, published more than once.

    Raises:
        UsageError: different models have this name.
    """
    found = [model for model in models if words in _names(model)]
    # Nobody becomes ambiguous because a stranger takes their name, or their UID.
    believed = [model for model in found if model.standing is Standing.BELIEVED]
    found = believed or found
    if all(same_content(model.card, found[0].card) for model in found):
        return found[:1] if len({model.family for model in found}) > 1 else found
    first = {model.label: model.card for model in reversed(found)}
    if any(
        model.family != found[0].family or not same_content(model.card, first[model.label])
        for model in found
    ):
        raise UsageError(
            f"{len(found)} different models called {words} ({'; '.join(said_apart(found))})",
            "one of them",
            "give its UID instead of the name",
        )
    return found


def _names(model: Model) -> tuple[str, ...]:
    card = model.card
    return card.name, card.label, card.study_instance_uid, card.sop_instance_uid, card.model_uid
