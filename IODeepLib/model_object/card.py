"""The card: the small instance that says everything about a model but its weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from pydicom.dataset import Dataset

from IODeepLib import __version__
from IODeepLib.codes import Code
from IODeepLib.disk.byte_ranges import joined
from IODeepLib.errors import ModelError, RecipeError
from IODeepLib.model_object.characteristics import check_description, sha256
from IODeepLib.model_object.instance import Instance, reading
from IODeepLib.model_object.manifest import Manifest, Part
from IODeepLib.model_object.networks import Network, check_names, listed, networks_of
from IODeepLib.model_object.private_dictionary import Element
from IODeepLib.model_object.publishers import signatures_on
from IODeepLib.recipe import Recipe, Requirements, Task, recipe_from_parts, requirements_from_json
from IODeepLib.recipe.limits import Name, Version
from IODeepLib.text.foreign import plain
from IODeepLib.text.json_text import StructureError
from IODeepLib.text.records import parse
from IODeepLib.trust.dicom_signature import DicomSignature

WEIGHTS_PURPOSE = Code("WEIGHTS", "99IODEEP", "Weights of this model version")
PARENT_PURPOSE = Code("PARENT", "99IODEEP", "Version that this one was made from")
_LONGEST_SOFTWARE = 64  # characters of LO (PS3.5 section 6.2)
_NETWORK_SCHEMA = "iodeep-network/1"
_T = TypeVar("_T")


@dataclass(frozen=True)
class Card:
    """A model version, as its card describes it. The architectures stay in the file.

    Attributes:
        path: the file; None if the card came as metadata only.
        name: the model's name, the same for all its versions.
        version: the semantic version.
        model_uid: the same for all versions of one model, and only for them.
        sop_instance_uid, series_instance_uid, study_instance_uid: the card's own.
        parent_uid: SOP Instance UID of the card that this version was made from, if it says so.
        created: when the model was packed.
        software: what packed it, such as "IODeep 1.2.0"; "" if it does not say.
        recipe_json, model_card_json, manifest_json: see `recipe` and `manifest`.
        networks: its networks in their order; the only one of a model has no name.
        described: whether the standard element (0008,0300) has its digests, which is what can be
            signed; older cards lack it.
        signatures: those that the card bears.
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
    software: str
    recipe_json: str = field(repr=False)
    model_card_json: str = field(repr=False)
    manifest_json: str = field(repr=False)
    networks: tuple[Network, ...] = field(repr=False)
    described: bool
    signatures: tuple[DicomSignature, ...] = field(repr=False)

    @property
    def label(self) -> str:
        """Name and version, as the command line takes them."""
        return f"{self.name}@{self.version}"

    @cached_property
    def recipe(self) -> Recipe:
        """What the network needs and gives, with its model card.

        Raises:
            RecipeError: it is not valid; if another IODeep wrote it, the error says which.
            ModelError: it belongs to another model, or uses other networks.
        """
        recipe = self._read(
            lambda: recipe_from_parts(self.recipe_json, self.model_card_json, self._where)
        )
        if (recipe.name, recipe.version) != (self.name, self.version):
            raise ModelError(
                f"{self._where} holds the recipe of {recipe.name}@{recipe.version}",
                "a card and a recipe of one model",
                "pack the model again",
            )
        check_names(self.networks, recipe.network_names, self._where)
        return recipe

    @cached_property
    def requirements(self) -> Requirements:
        """What it asks of a series."""
        return self._read(lambda: requirements_from_json(self.recipe_json, self._where))

    @cached_property
    def manifest(self) -> Manifest:
        """The weights that belong to it."""
        manifest = Manifest.from_json(self.manifest_json, self._where)
        names = [network.name for network in self.networks]
        for number, part in enumerate(manifest.parts, 1):
            if part.network not in names:
                raise ModelError(
                    f"{self._where} has part {number} for the network {part.network!r}",
                    listed(names),
                    "pack the model again",
                )
        return manifest

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
        ]
        for network in self.networks:
            lines += [f"network {network.name}"] if network.name else []
            lines.append(f"architecture {network.digest}")
            lines += [f"weights {part.sha256}" for part in self.parts_of(network.name)]
        return sha256("".join(f"{line}\n" for line in lines))

    def parts_of(self, network: str) -> tuple[Part, ...]:
        """The weights of one of the networks."""
        return tuple(part for part in self.manifest.parts if part.network == network)

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

    def read_architecture(self, network: str = "") -> bytes:
        """The ModelProto of one of the networks, whose large initializers are external.

        Raises:
            ModelError: it cannot be read, or was altered.
        """
        known = next((one for one in self.networks if one.name == network), None)
        if known is None:
            names = ", ".join(one.name for one in self.networks)
            raise ModelError(
                f"{self.label} has no network {network!r}", f"one of: {names}", "name one of these"
            )
        if known.architecture is None:
            raise ModelError(
                f"the card of {self.label} came without its architecture",
                "the whole card instance",
                "retrieve the card",
            )
        content = joined([known.architecture])
        of = f" of the network {network}" if network else ""
        check_digest(content, known.digest, f"the architecture{of} in {self.path}")
        return content

    def _read(self, read: Callable[[], _T]) -> _T:
        """What `read` gives of the recipe; its error says whether another IODeep wrote it."""
        try:
            return read()
        except RecipeError as error:
            own = f"IODeep {__version__}"
            if self.software in ("", own):
                raise
            next_step = f"it was written by {self.software}, this is {own}: update IODeep"
            raise RecipeError(error.found, error.wanted, next_step) from None


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
    networks = networks_of(instance)
    several = [(network.name, network.digest) for network in networks if network.name]
    card = Card(
        path=instance.path,
        name=_valid(instance, Element.MODEL_NAME, Name),
        version=_valid(instance, Element.MODEL_VERSION, Version),
        model_uid=instance.text(Element.MODEL_UID),
        sop_instance_uid=instance.standard("SOPInstanceUID"),
        series_instance_uid=instance.standard("SeriesInstanceUID"),
        study_instance_uid=instance.standard("StudyInstanceUID"),
        parent_uid=referenced(instance.dataset, PARENT_PURPOSE),
        created=_created(instance),
        software=plain(instance.standard("SoftwareVersions"))[:_LONGEST_SOFTWARE],
        recipe_json=_checked_text(instance, Element.RECIPE, Element.RECIPE_DIGEST),
        model_card_json=_checked_text(instance, Element.MODEL_CARD, Element.MODEL_CARD_DIGEST),
        manifest_json=_checked_text(instance, Element.MANIFEST, Element.MANIFEST_DIGEST),
        networks=networks,
        described=check_description(instance, several),
        signatures=signatures_on(instance),
    )
    _ = card.manifest, card.requirements  # reading them checks them
    return card


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
