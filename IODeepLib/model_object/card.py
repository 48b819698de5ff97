"""The card: the small instance that says everything about a model but its weights."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset

from IODeepLib.codes import Code
from IODeepLib.disk.byte_ranges import ByteRange, joined
from IODeepLib.errors import ModelError
from IODeepLib.model_object.instance import Instance, reading
from IODeepLib.model_object.manifest import Manifest
from IODeepLib.model_object.private_dictionary import Element
from IODeepLib.recipe import Recipe, Requirements, Task, recipe_from_parts, requirements_from_json
from IODeepLib.recipe.limits import Name, Version
from IODeepLib.text.json_text import StructureError
from IODeepLib.text.records import parse

WEIGHTS_PURPOSE = Code("WEIGHTS", "99IODEEP", "Weights of this model version")
PARENT_PURPOSE = Code("PARENT", "99IODEEP", "Version that this one was made from")
ARCHITECTURE_FORMAT = "ONNX"
_NETWORK_SCHEMA = "iodeep-network/1"
# Cards are read to list models, and their architectures held whole.
MAX_ARCHITECTURE_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Card:
    """A model version, as its card describes it. The architecture stays in the file.

    Attributes:
        path: the file; None if the card came as metadata only.
        name: the model's name, the same for all its versions.
        version: the semantic version.
        model_uid: the same for all versions of one model, and only for them.
        sop_instance_uid, series_instance_uid, study_instance_uid: the card's own.
        parent_uid: SOP Instance UID of the card that this version was made from, if it says so.
        created: when the model was packed.
        recipe_json, model_card_json, manifest_json: see `recipe` and `manifest`.
        architecture_digest: SHA-256 of the architecture.
        architecture: where in the file the architecture lies; itself, if the file is deflated.
    """

    path: Path | None
    name: str
    version: str
    model_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    study_instance_uid: str
    parent_uid: str | None
    created: datetime | None
    recipe_json: str = field(repr=False)
    model_card_json: str = field(repr=False)
    manifest_json: str = field(repr=False)
    architecture_digest: str = field(repr=False)
    architecture: ByteRange | bytes | None = field(repr=False)

    @property
    def label(self) -> str:
        """Name and version, as the command line takes them."""
        return f"{self.name}@{self.version}"

    @cached_property
    def recipe(self) -> Recipe:
        """What the network needs and gives, with its model card.

        Raises:
            RecipeError: it is not valid.
            ModelError: it belongs to another model.
        """
        recipe = recipe_from_parts(self.recipe_json, self.model_card_json, self._where)
        if (recipe.name, recipe.version) != (self.name, self.version):
            raise ModelError(
                f"{self._where} holds the recipe of {recipe.name}@{recipe.version}",
                "a card and a recipe of one model",
                "pack the model again",
            )
        return recipe

    @cached_property
    def requirements(self) -> Requirements:
        """What it asks of a series."""
        return requirements_from_json(self.recipe_json, self._where)

    @cached_property
    def manifest(self) -> Manifest:
        """The weights that belong to it."""
        return Manifest.from_json(self.manifest_json, self._where)

    @cached_property
    def network_digest(self) -> str:
        """One SHA-256 over recipe, model card, architecture and weights: which network it is.

        Equal for the same network packed twice, and different as soon as anything in it is: it is
        over the content, not over UIDs and dates. Docs/conformance.md says how it is made.
        """
        lines = [
            _NETWORK_SCHEMA,
            f"recipe {sha256(self.recipe_json)}",
            f"model card {sha256(self.model_card_json)}",
            f"architecture {self.architecture_digest}",
            *(f"weights {part.sha256}" for part in self.manifest.parts),
        ]
        return sha256("".join(f"{line}\n" for line in lines))

    @property
    def title(self) -> str:
        """One line for people."""
        return self.recipe.title

    @property
    def task(self) -> Task:
        """What the network does."""
        return self.recipe.task

    @property
    def modalities(self) -> tuple[str, ...]:
        """The modalities that it reads."""
        return self.requirements.applies_to.modalities

    @property
    def regions(self) -> tuple[Code, ...]:
        """The anatomic regions that it is for; empty for any."""
        return self.requirements.applies_to.anatomic_regions

    @property
    def conditions(self) -> tuple[Code, ...]:
        """The diseases that it was made for."""
        return self.requirements.applies_to.conditions

    @property
    def _where(self) -> str:
        return f"{self.label} ({self.path or self.sop_instance_uid})"

    def read_architecture(self) -> bytes:
        """The ModelProto, whose large initializers are external.

        Raises:
            ModelError: it cannot be read, or was altered.
        """
        if self.architecture is None:
            raise ModelError(
                f"the card of {self.label} came without its architecture",
                "the whole card instance",
                "retrieve the card",
            )
        content = joined([self.architecture])
        check_digest(content, self.architecture_digest, f"the architecture in {self.path}")
        return content


def read_card(path: Path | str) -> Card:
    """The card in the file at `path`; its architecture is not read.

    Raises:
        ModelError: it is no card, or a damaged one.
    """
    return card_of(Instance.read(Path(path)))


def card_of(instance: Instance) -> Card:
    """The card in an instance that was read from a file or from metadata."""
    with reading(instance.where):
        return _card_of(instance)


def _card_of(instance: Instance) -> Card:
    file_format = instance.text(Element.ARCHITECTURE_FORMAT)
    if file_format != ARCHITECTURE_FORMAT:
        raise ModelError(
            f"{instance.where} has an architecture in the format {file_format}",
            ARCHITECTURE_FORMAT,
            "update IODeep",
        )
    filename = getattr(instance.dataset, "filename", None)
    length = instance.number(Element.ARCHITECTURE_LENGTH)
    if length > MAX_ARCHITECTURE_BYTES:
        raise ModelError(
            f"{instance.where} has an architecture of {length} bytes",
            f"at most {MAX_ARCHITECTURE_BYTES} bytes",
            "pack the model again, with its weights as initializers",
        )
    card = Card(
        path=Path(filename) if filename else None,
        name=_valid(instance, Element.MODEL_NAME, Name),
        version=_valid(instance, Element.MODEL_VERSION, Version),
        model_uid=instance.text(Element.MODEL_UID),
        sop_instance_uid=instance.standard("SOPInstanceUID"),
        series_instance_uid=instance.standard("SeriesInstanceUID"),
        study_instance_uid=instance.standard("StudyInstanceUID"),
        parent_uid=referenced(instance.dataset, PARENT_PURPOSE),
        created=_created(instance),
        recipe_json=_checked_text(instance, Element.RECIPE, Element.RECIPE_DIGEST),
        model_card_json=_checked_text(instance, Element.MODEL_CARD, Element.MODEL_CARD_DIGEST),
        manifest_json=_checked_text(instance, Element.MANIFEST, Element.MANIFEST_DIGEST),
        architecture_digest=instance.text(Element.ARCHITECTURE_DIGEST),
        architecture=instance.content(Element.ARCHITECTURE, length) if filename else None,
    )
    _ = card.manifest, card.requirements  # reading them checks them
    return card


def sha256(content: bytes | str) -> str:
    """The digest of bytes, or of text as UTF-8, as the elements hold it."""
    data = content.encode() if isinstance(content, str) else content
    return hashlib.sha256(data).hexdigest()


def check_digest(content: bytes | str, wanted: str, what: str) -> None:
    """Raise ModelError unless the SHA-256 of `content` is the `wanted` one."""
    found = sha256(content)
    if found != wanted:
        raise ModelError(
            f"{what} was altered: its SHA-256 is {found}",
            wanted,
            "retrieve or copy the model again",
        )


def same_content(one: Card, other: Card) -> bool:
    """Whether two cards say the same of the same tensors, whatever UIDs they carry.

    A version that was published never changes; what has its name and other content is another one.
    """
    return one.network_digest == other.network_digest


def _checked_text(instance: Instance, element: Element, digest: Element) -> str:
    text = instance.text(element)
    name = element.name.lower().replace("_", " ")
    check_digest(text, instance.text(digest), f"the {name} in {instance.where}")
    return text


def _valid(instance: Instance, element: Element, kind: Any) -> str:
    try:
        return str(parse(kind, instance.text(element)))
    except StructureError as error:
        name = element.name.lower().replace("_", " ")
        raise ModelError(
            f"{instance.where} has the {name} {error.found}", error.wanted, "pack the model again"
        ) from None


def referenced(dataset: Dataset, wanted: Code) -> str | None:
    """The SOP Instance UID of what `dataset` refers to for this purpose."""
    for item in dataset.get("ReferencedInstanceSequence") or ():
        for purpose in item.get("PurposeOfReferenceCodeSequence") or ():
            if purpose.get("CodeValue") == wanted.value:
                return str(item.get("ReferencedSOPInstanceUID", "")) or None
    return None


def _created(instance: Instance) -> datetime | None:
    date, time = instance.standard("ContentDate"), instance.standard("ContentTime")[:6]
    if not (len(date) == 8 and len(time) == 6 and f"{date}{time}".isdigit()):
        return None
    try:
        return datetime.fromisoformat(f"{date}T{time}")  # strptime takes milliseconds to be ready
    except ValueError:
        return None
