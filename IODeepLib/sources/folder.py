"""Models in a folder, in whatever folders below it and under whatever file names."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from IODeepLib.errors import ModelError
from IODeepLib.model_object import Card, Model, NotAnInstanceError, Weights, join
from IODeepLib.model_object.card import card_of
from IODeepLib.model_object.instance import Instance, may_be_instance, read_head
from IODeepLib.model_object.progress import Progress
from IODeepLib.model_object.weights import weights_of
from IODeepLib.private_dictionary import Element
from IODeepLib.sources import Library, Problem


@dataclass(frozen=True)
class FolderSource:
    """A folder as a source of models."""

    folder: Path

    def models(self) -> Library:
        """See `find_models`."""
        return find_models(self.folder)

    def fetch(self, model: Model, progress: Progress | None = None) -> Model:
        """`model` itself: its files are here.

        Raises:
            ModelError: a part is missing.
        """
        model.weights()
        return model


def find_models(folder: Path | str) -> Library:
    """The models in `folder` and below it; files of other kinds are passed over.

    Raises:
        ModelError: there is no such folder.
    """
    return models_in_files(_files(Path(folder)))


def models_in_files(files: Iterable[Path]) -> Library:
    """The models in `files`, such as a database names; files of other kinds are passed over."""
    cards: dict[str, Card] = {}
    weights: dict[str, Weights] = {}
    problems: list[Problem] = []
    for path in files:
        try:
            if not may_be_instance(read_head(path)):
                continue
            instance = Instance.read(path)
            if Element.PART_NUMBER in instance:
                part = weights_of(instance)
                weights.setdefault(part.sop_instance_uid, part)
            else:
                card = card_of(instance)
                cards.setdefault(card.sop_instance_uid, card)
        except NotAnInstanceError:
            continue
        except ModelError as error:
            problems.append(Problem(path, error))
    models = [join(card, weights) for card in cards.values()]
    models.sort(key=lambda m: (m.card.name, m.card.version, m.card.sop_instance_uid))
    return Library(tuple(models), (*problems, *_orphans(models, weights)))


def find_model(folder: Path | str) -> Model:
    """The one model in `folder`.

    Raises:
        ModelError: there is none, more than one, or what is there is damaged.
    """
    library = find_models(folder)
    if len(library.models) == 1:
        return library.models[0]
    if not library.models and library.problems:
        raise library.problems[0].error
    labels = ", ".join(model.label for model in library.models) or "no model"
    raise ModelError(
        f"{folder} holds {labels}", "the instances of one model", "choose the model's own folder"
    )


def _files(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        raise ModelError(
            f"{folder} is no folder", "a folder with the instances of models", "check the path"
        )
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            path = Path(parent, name)
            if path.is_file():  # and no socket, pipe or broken link
                yield path


def _orphans(models: Iterable[Model], weights: Mapping[str, Weights]) -> Iterator[Problem]:
    claimed = {part.sop_instance_uid for model in models for part in model.card.manifest.parts}
    for uid, part in weights.items():
        if uid not in claimed:
            yield Problem(
                part.path,
                ModelError(
                    f"{part.path} is part {part.part_number} of {part.part_count} of "
                    f"{part.name}@{part.version}, whose card is not here",
                    "a card beside its weights",
                    "retrieve all instances of the model's study",
                ),
            )
