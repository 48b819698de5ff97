"""The networks in a card: of the only one the elements stand in the card itself, of several each
has an item in a sequence. A reader that knows no sequence finds a format that it does not know.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from IODeepLib.disk.byte_ranges import ByteRange
from IODeepLib.errors import ModelError
from IODeepLib.model_object.instance import Elements, Instance
from IODeepLib.model_object.private_dictionary import Element
from IODeepLib.recipe.limits import NetworkName
from IODeepLib.text.json_text import StructureError
from IODeepLib.text.records import parse

ARCHITECTURE_FORMAT = "ONNX"
SEVERAL = "SEVERAL"  # in the place of the format, where each item has its own
# Cards are read to list models, and the architectures of one of them held whole.
MAX_ARCHITECTURE_BYTES = 64 * 2**20  # of all networks together
# Five folds of each of TotalSegmentator's parts are 25.
MOST_NETWORKS = 256


@dataclass(frozen=True)
class Network:
    """A network of a model, as the card describes it. The architecture stays in the file.

    Attributes:
        name: "" for the only network of a model.
        digest: SHA-256 of the architecture.
        architecture: where in the file it lies; itself, if the file is deflated; None if the card
            came without it.
    """

    name: str
    digest: str = field(repr=False)
    architecture: ByteRange | bytes | None = field(repr=False)


def networks_of(instance: Instance) -> tuple[Network, ...]:
    """The networks in a card, in their order.

    Raises:
        ModelError: they are in another format, damaged, or cannot be told apart.
    """
    if instance.text(Element.ARCHITECTURE_FORMAT) != SEVERAL:
        return (_network(instance, instance, "", 0),)
    found: list[Network] = []
    for item in instance.items(Element.NETWORKS, MOST_NETWORKS):
        name = _name(item)
        held = sum(_length(network.architecture) for network in found)
        found.append(_network(instance, item, name, held))
    if not found:
        raise instance.damaged(Element.NETWORKS, "nothing")
    names = [network.name.casefold() for network in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise instance.damaged(Element.NETWORKS, f"the network {twice!r} twice")
    return tuple(found)


def check_names(networks: Sequence[Network], wanted: Sequence[str], where: str) -> None:
    """Raise ModelError unless these are the networks that the recipe uses."""
    names = tuple(network.name for network in networks)
    if names != tuple(wanted):
        raise ModelError(
            f"{where} has {listed(names)}",
            f"{listed(wanted)}, which the recipe uses",
            "pack the model again",
        )


def listed(names: Sequence[str]) -> str:
    """Networks for people."""
    if tuple(names) == ("",):
        return "one network without a name"
    return "the networks " + ", ".join(names)


def _network(instance: Instance, elements: Elements, name: str, held: int) -> Network:
    """One network, beside others whose architectures have `held` bytes."""
    file_format = elements.text(Element.ARCHITECTURE_FORMAT)
    if file_format != ARCHITECTURE_FORMAT:
        raise ModelError(
            f"{instance.where} has an architecture in the format {file_format}",
            ARCHITECTURE_FORMAT,
            "update IODeep",
        )
    length = elements.number(Element.ARCHITECTURE_LENGTH)
    if held + length > MAX_ARCHITECTURE_BYTES:
        raise ModelError(
            f"{instance.where} has an architecture of {held + length} bytes",
            f"at most {MAX_ARCHITECTURE_BYTES} bytes",
            "pack the model again, with its weights as initializers",
        )
    there = instance.path is not None
    content = elements.content(Element.ARCHITECTURE, length) if there else None
    return Network(name, elements.text(Element.ARCHITECTURE_DIGEST), content)


def _name(item: Elements) -> str:
    kind: Any = NetworkName
    try:
        return str(parse(kind, item.text(Element.NETWORK_NAME)))
    except StructureError as error:
        raise ModelError(
            f"{item.where} has the network name {error.found}", error.wanted, "pack the model again"
        ) from None


def _length(architecture: ByteRange | bytes | None) -> int:
    if isinstance(architecture, ByteRange):
        return architecture.length
    return len(architecture or b"")
