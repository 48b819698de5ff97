"""The private elements of the IODeep instances, and the UID that they are recognized by.

Docs/conformance.md describes the same table for people; a test holds the two equal. The block is
always reached through its creator, for a PACS may give it another block number (PS3.5 7.8.1).
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from pydicom.datadict import add_private_dict_entries
from pydicom.dataset import Dataset, PrivateBlock

GROUP = 0x0017
CREATOR = "IODEEP 1"
CREATOR_PREFIX = "IODEEP "  # the format's major version follows

# Creator-Version UID (0008,9123) of format 1: made once, never to change.
CREATOR_VERSION_UID = "2.25.229902231591456853221944077387708791045"
# The same of what is said in federated rounds: who looks for models passes it over.
ROUND_VERSION_UID = "2.25.166607524291385021825308296172644576063"


class Element(IntEnum):
    """The lower byte of each private element."""

    MODEL_NAME = 0x01
    MODEL_VERSION = 0x02
    MODEL_UID = 0x03
    MODALITIES = 0x04
    CONDITIONS = 0x05
    TASK = 0x06
    RECIPE = 0x10
    MODEL_CARD = 0x11
    MANIFEST = 0x12
    RECIPE_DIGEST = 0x13
    MODEL_CARD_DIGEST = 0x14
    ARCHITECTURE_DIGEST = 0x15
    MANIFEST_DIGEST = 0x16
    ARCHITECTURE_FORMAT = 0x20
    ARCHITECTURE_LENGTH = 0x21
    ARCHITECTURE = 0x22
    NETWORKS = 0x25
    NETWORK_NAME = 0x26
    WEIGHTS_FORMAT = 0x30
    PART_NUMBER = 0x31
    PART_COUNT = 0x32
    PAYLOAD_LENGTH = 0x33
    PAYLOAD_DIGEST = 0x34
    PAYLOAD = 0x3F
    STATUS = 0x40
    REASON = 0x41
    REPLACEMENT = 0x42
    STATEMENT = 0x50


class Definition(NamedTuple):
    """One private element: VR, VM, name, and its type in each kind of instance.

    And in an item of Networks, which a card of several networks has (1C: instead of elements that
    are about one network alone).
    """

    vr: str
    vm: str
    card: str
    weights: str
    notice: str
    network: str
    name: str


DICTIONARY: dict[Element, Definition] = {
    Element.MODEL_NAME: Definition("LO", "1", "1", "1", "1", "", "Model Name"),
    Element.MODEL_VERSION: Definition("LO", "1", "1", "1", "1", "", "Model Version"),
    Element.MODEL_UID: Definition("UI", "1", "1", "1", "1", "", "Model UID"),
    Element.MODALITIES: Definition("CS", "1-n", "1", "", "", "", "Modalities"),
    Element.CONDITIONS: Definition("SQ", "1", "3", "", "", "", "Target Condition Code Sequence"),
    Element.TASK: Definition("CS", "1", "1", "", "", "", "Task"),
    Element.RECIPE: Definition("UT", "1", "1", "", "", "", "Recipe"),
    Element.MODEL_CARD: Definition("UT", "1", "1", "", "", "", "Model Card"),
    Element.MANIFEST: Definition("UT", "1", "1", "", "", "", "Manifest"),
    Element.RECIPE_DIGEST: Definition("LO", "1", "1", "", "", "", "Recipe SHA-256"),
    Element.MODEL_CARD_DIGEST: Definition("LO", "1", "1", "", "", "", "Model Card SHA-256"),
    Element.ARCHITECTURE_DIGEST: Definition("LO", "1", "1C", "", "", "1", "Architecture SHA-256"),
    Element.MANIFEST_DIGEST: Definition("LO", "1", "1", "", "", "", "Manifest SHA-256"),
    Element.ARCHITECTURE_FORMAT: Definition("CS", "1", "1", "", "", "1", "Architecture Format"),
    Element.ARCHITECTURE_LENGTH: Definition("UL", "1", "1C", "", "", "1", "Architecture Length"),
    Element.ARCHITECTURE: Definition("OB", "1", "1C", "", "", "1", "Architecture"),
    Element.NETWORKS: Definition("SQ", "1", "1C", "", "", "", "Networks"),
    Element.NETWORK_NAME: Definition("LO", "1", "", "", "", "1", "Network Name"),
    Element.WEIGHTS_FORMAT: Definition("CS", "1", "", "1", "", "", "Weights Format"),
    Element.PART_NUMBER: Definition("US", "1", "", "1", "", "", "Part Number"),
    Element.PART_COUNT: Definition("US", "1", "", "1", "", "", "Number of Parts"),
    Element.PAYLOAD_LENGTH: Definition("UL", "1", "", "1", "", "", "Payload Length"),
    Element.PAYLOAD_DIGEST: Definition("LO", "1", "", "1", "", "", "Payload SHA-256"),
    Element.PAYLOAD: Definition("OB", "1", "", "1", "", "", "Payload"),
    Element.STATUS: Definition("CS", "1", "", "", "1", "", "Status"),
    Element.REASON: Definition("LT", "1", "", "", "3", "", "Reason"),
    Element.REPLACEMENT: Definition("LO", "1", "", "", "3", "", "Replacement"),
    Element.STATEMENT: Definition("UT", "1", "", "", "", "", "Statement"),
}

# An object that came back as Implicit VR has no VRs: pydicom finds them here.
add_private_dict_entries(
    CREATOR,
    {
        (GROUP << 16) | 0x1000 | element: (definition.vr, definition.vm, definition.name, "")
        for element, definition in DICTIONARY.items()
    },
)


def block_of(dataset: Dataset, create: bool = False) -> PrivateBlock | None:
    """The block IODEEP 1 of `dataset`, or None where it is not reserved there."""
    try:
        return dataset.private_block(GROUP, CREATOR, create=create)
    except KeyError:
        return None
