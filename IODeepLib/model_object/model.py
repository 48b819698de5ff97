"""A model version with all its instances, wherever their files lie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from IODeepLib.errors import ModelError
from IODeepLib.model_object.card import Card
from IODeepLib.model_object.weights import Weights
from IODeepLib.trust.verdict import Standing, Trust


@dataclass(frozen=True)
class Model:
    """A card and the weights that its manifest names.

    Attributes:
        card: the card.
        parts: the weights in the order of the manifest; None for those that were not found.
        trust: what this site makes of its signatures; None if nobody has asked.
    """

    card: Card
    parts: tuple[Weights | None, ...]
    trust: Trust | None = None

    @cached_property
    def family(self) -> str:
        """Equal for the versions of one model: the same UID, and proved to be of one publisher.

        Anybody can write a UID. Those that nobody signed are of nobody, all of them.
        """
        publisher = self.trust.publisher if self.trust else None
        return f"{self.card.model_uid} {publisher.key if publisher else ''}"

    @cached_property
    def standing(self) -> Standing:
        """Whether it is run here, as far as its publisher goes."""
        return self.trust.standing if self.trust else Standing.IGNORED

    @property
    def label(self) -> str:
        """Name and version."""
        return self.card.label

    @property
    def missing_parts(self) -> tuple[int, ...]:
        """The numbers, from 1, of the parts that were not found."""
        return tuple(i for i, part in enumerate(self.parts, 1) if part is None)

    def weights(self) -> tuple[Weights, ...]:
        """All parts, in their order, each one the part that the manifest names.

        Raises:
            ModelError: a part is missing, or belongs to another model.
        """
        found = []
        count = len(self.parts)
        for number, (part, wanted) in enumerate(
            zip(self.parts, self.card.manifest.parts, strict=True), 1
        ):
            where = f"part {number} of {count} of {self.label}"
            if part is None:
                raise ModelError(
                    f"{where} is missing",
                    f"the instance {wanted.sop_instance_uid}",
                    "retrieve all instances of the model's study",
                )
            for what, has, should in (
                ("model", f"{part.name}@{part.version}", self.label),
                ("model UID", part.model_uid, self.card.model_uid),
                ("part number", f"{part.part_number} of {part.part_count}", f"{number} of {count}"),
                ("length", part.payload.length, wanted.length),
                ("SHA-256", part.sha256, wanted.sha256),
            ):
                if has != should:
                    raise ModelError(
                        f"{where} ({part.path}) has the {what} {has}",
                        str(should),
                        "retrieve the model again",
                    )
            found.append(part)
        return tuple(found)


def join(card: Card, weights: Mapping[str, Weights], trust: Trust | None = None) -> Model:
    """The model of `card`, with the `weights`, by SOP Instance UID, that its manifest names."""
    return Model(card, tuple(weights.get(p.sop_instance_uid) for p in card.manifest.parts), trust)
