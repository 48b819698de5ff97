"""Models by the names that a person tells them apart by, and what is said of their publishers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from IODeepLib.model_object.model import Model
from IODeepLib.text.lookalikes import skeleton
from IODeepLib.trust.verdict import Kind

_SHOWN = 11  # characters of a fingerprint that tell two publishers apart


def publisher_of(model: Model) -> str:
    """Who published a model: the trusted publisher, or why it is of nobody who is proved to be one.

    A text in its card alone proves nothing, and is said to be that.
    """
    trust = model.trust
    if trust is None or trust.publisher is None:
        return Kind.UNSIGNED.value if trust is None else trust.kind.value
    if trust.is_trusted:
        return trust.publisher.name
    return f"{trust.publisher.subject} ({trust.kind.value})"


def shown_names(models: Sequence[Model]) -> list[str]:
    """The name of each, see `told_apart`."""
    return told_apart([model.card.name for model in models], models)


def shown_titles(models: Sequence[Model]) -> list[str]:
    """The title of each, where there is little room; see `told_apart`."""
    titles = [model.card.title for model in models]
    return told_apart(titles, models, _in_short)


def told_apart(
    words: Sequence[str], models: Sequence[Model], whose: Callable[[Model], str] | None = None
) -> list[str]:
    """What each model is called; where that looks alike, and is of several, with its publisher."""
    whose = whose or _apart
    alike: dict[str, set[tuple[str, str]]] = {}
    forms = [skeleton(said) for said in words]
    for form, said, model in zip(forms, words, models, strict=True):
        alike.setdefault(form, set()).add((said, _who(model)))
    return [
        f"{said} ({whose(model)})" if len(alike[form]) > 1 else said
        for form, said, model in zip(forms, words, models, strict=True)
    ]


def said_apart(models: Iterable[Model]) -> list[str]:
    """Name, version, publisher and UID of each."""
    return [
        f"{model.label} by {_apart(model)}, UID {model.card.study_instance_uid}" for model in models
    ]


def _who(model: Model) -> str:
    publisher = model.trust.publisher if model.trust else None
    return publisher.key if publisher else model.card.recipe.card.publisher


def _in_short(model: Model) -> str:
    """The publisher, if it is trusted; otherwise why it is not."""
    trust = model.trust
    if trust is None or not trust.configured:
        return _apart(model)
    return trust.publisher.name if trust.is_trusted and trust.publisher else trust.kind.value


def _apart(model: Model) -> str:
    """The publisher, in words that nobody else's look like."""
    trust = model.trust
    if trust is None or trust.publisher is None:
        own = model.card.recipe.card.publisher
        return own if trust is None or not trust.configured else f"{own}, {trust.kind.value}"
    if trust.is_trusted:
        return trust.publisher.name
    return f"{publisher_of(model)}, SHA-256 {trust.publisher.fingerprint[:_SHOWN]}"
