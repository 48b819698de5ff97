"""The private block in standard words: Private Data Element Characteristics Sequence (0008,0300).

It tells others what stands in the block (PS3.3 section C.12.1.1.7) and, in Private Data Element
Description, carries the SHA-256 of its texts, architectures and payload. Servers that do not know
private elements turn them into VR UN, and leave this sequence as it is: a digital signature over it
is one over all that a model says, and holds. Docs/conformance.md has the same words; a test holds
the two equal.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from IODeepLib.errors import ModelError
from IODeepLib.headers import integer, items, stored, text
from IODeepLib.model_object.instance import Elements, Instance
from IODeepLib.model_object.private_dictionary import (
    CREATOR,
    DICTIONARY,
    GROUP,
    Element,
    block_of,
)

TAG = 0x00080300
# In the place of a digest until the content went by.
NO_DIGEST = "0" * 64
_DIGEST = re.compile(rb"SHA-256 ([0-9a-f]{64})[ \0]*\Z")
_KNOWN = set(Element)
_LONGEST = 64 * 2**10  # bytes; IODeep's have five thousand
# Digests of what is read, and checked against them, where it is used.
_LARGE = {
    Element.ARCHITECTURE: Element.ARCHITECTURE_DIGEST,
    Element.PAYLOAD: Element.PAYLOAD_DIGEST,
}
_DIGESTS = {
    *_LARGE.values(),
    Element.RECIPE_DIGEST,
    Element.MODEL_CARD_DIGEST,
    Element.MANIFEST_DIGEST,
}
_TEXTS = {
    element
    for element, definition in DICTIONARY.items()
    if definition.vr in ("CS", "LO", "LT", "UI", "UT") and element not in _DIGESTS
} - {Element.NETWORK_NAME}  # which stands in items, and in the digest of those
# The fewest and the most items of a sequence; 0: without end.
_ITEMS = {Element.CONDITIONS: (1, 0), Element.NETWORKS: (1, 256)}
_MULTIPLICITY = {"1": 1, "1-n": [1, 0]}

CONTENTS = {
    Element.MODEL_NAME: "the same for all versions of a model",
    Element.MODEL_VERSION: "semantic version",
    Element.MODEL_UID: "the same for all versions of a model",
    Element.MODALITIES: "all modalities that the model reads",
    Element.CONDITIONS: "diseases that it was made for; code items",
    Element.TASK: "SEGMENTATION, CLASSIFICATION or REGRESSION",
    Element.RECIPE: "the recipe without its model card, JSON",
    Element.MODEL_CARD: "the recipe's card, JSON",
    Element.MANIFEST: "the parts of the weights, JSON",
    Element.RECIPE_DIGEST: "of xx10",
    Element.MODEL_CARD_DIGEST: "of xx11",
    Element.ARCHITECTURE_DIGEST: "of xx22",
    Element.MANIFEST_DIGEST: "of xx12",
    Element.ARCHITECTURE_FORMAT: "ONNX; in the card, SEVERAL where there are several networks",
    Element.ARCHITECTURE_LENGTH: "bytes of xx22, without padding",
    Element.ARCHITECTURE: "an ONNX ModelProto without its large tensors",
    Element.NETWORKS: "one item a network, of several networks",
    Element.NETWORK_NAME: "as the recipe calls it",
    Element.WEIGHTS_FORMAT: "SAFETENSORS",
    Element.PART_NUMBER: "counted from 1, in the manifest's order",
    Element.PART_COUNT: "how many weights instances the model has",
    Element.PAYLOAD_LENGTH: "bytes of xx3F, without padding",
    Element.PAYLOAD_DIGEST: "of xx3F",
    Element.PAYLOAD: "a complete safetensors file",
    Element.STATUS: "WITHDRAWN or REPLACED",
    Element.REASON: "why, for people",
    Element.REPLACEMENT: "name, @ and version of what is to be used instead",
    Element.STATEMENT: "what is said in a federated round, JSON; no model has it",
}


def sha256(content: bytes | str) -> str:
    """The digest of bytes, or of text as UTF-8, as the elements hold it."""
    data = content.encode() if isinstance(content, str) else content
    return hashlib.sha256(data).hexdigest()


def describe(dataset: Dataset) -> None:
    """Describe all private elements of an instance that is about to be written.

    Architecture and payload may not be there yet; their digests are.
    """
    block = block_of(dataset)
    if block is None:
        raise ValueError("the data set has no private block")
    networks = block[Element.NETWORKS].value if Element.NETWORKS in block else ()
    inside = [one for item in networks if (one := block_of(item)) is not None]
    named = [
        (str(one[Element.NETWORK_NAME].value), str(one[Element.ARCHITECTURE_DIGEST].value))
        for one in inside
    ]
    found = digests_of(Elements(dataset, block, "", None), named)
    there = {element for element in Element for one in (block, *inside) if element in one}
    about = Dataset()
    about.PrivateGroupReference = GROUP
    about.PrivateCreatorReference = CREATOR
    about.PrivateDataElementDefinitionSequence = [
        _definition(element, found.get(element)) for element in sorted(there | found.keys())
    ]
    about.BlockIdentifyingInformationStatus = "SAFE"
    dataset.PrivateDataElementCharacteristicsSequence = [about]


def digests_of(elements: Elements, networks: Sequence[tuple[str, str]]) -> dict[Element, str]:
    """The digests by what they are of: texts, whose values have backslashes between them, and more.

    Args:
        elements: of an instance.
        networks: name and architecture's digest of each of several networks, which have one digest
            together.
    """
    found = {
        element: sha256(_joined(elements.get(element))) for element in _TEXTS if element in elements
    }
    for large, digest in _LARGE.items():
        if digest in elements:
            found[large] = elements.text(digest)
    if networks:
        lines = [f"network {name}\narchitecture {sha}\n" for name, sha in networks]
        found[Element.NETWORKS] = sha256("".join(lines))
    return found


def check_description(instance: Instance, networks: Sequence[tuple[str, str]] = ()) -> bool:
    """Hold what is in the block against its description; False if there is none, as in old cards.

    Args:
        instance: as it was read.
        networks: see `digests_of`.

    Raises:
        ModelError: they differ.
    """
    described = _described(instance)
    if described is None:
        return False
    found = digests_of(instance, networks)
    for element in sorted(found.keys() | described.keys()):
        if found.get(element) != described.get(element):
            raise ModelError(
                f"{instance.where} was altered: the SHA-256 of {DICTIONARY[element].name} is "
                f"{found.get(element, 'missing')}",
                f"{described.get(element, 'none')}, which (0008,0300) says",
                "retrieve or copy it again",
            )
    return True


def _described(instance: Instance) -> dict[Element, str] | None:
    """The digests that the description has, by the elements that this version knows."""
    raw = instance.dataset.get_item(TAG, keep_deferred=True)
    if isinstance(raw, RawDataElement) and raw.length > _LONGEST:
        raise _damaged(instance, f"{raw.length} bytes")
    ours = [
        item
        for item in items(instance.dataset, "PrivateDataElementCharacteristicsSequence")
        if integer(item, "PrivateGroupReference") == GROUP
        and text(item, "PrivateCreatorReference") == CREATOR
    ]
    if not ours:
        return None
    if len(ours) > 1:
        raise _damaged(instance, f"{len(ours)} descriptions of {CREATOR}")
    found: dict[Element, str] = {}
    for item in items(ours[0], "PrivateDataElementDefinitionSequence"):
        number = integer(item, "PrivateDataElement")
        said = stored(item, "PrivateDataElementDescription")  # as bytes: many are read
        digest = _DIGEST.search(said if isinstance(said, bytes) else str(said).encode())
        if digest is None or number not in _KNOWN:
            continue
        if number in found:
            raise _damaged(instance, f"two descriptions of xx{number:02X}")
        found[Element(number)] = digest[1].decode()
    return found


def _definition(element: Element, digest: str | None) -> Dataset:
    vr, vm, *_, name = DICTIONARY[element]
    item = Dataset()
    item.PrivateDataElement = int(element)
    item.PrivateDataElementValueMultiplicity = _MULTIPLICITY[vm]
    item.PrivateDataElementValueRepresentation = vr
    if element in _ITEMS:
        item.PrivateDataElementNumberOfItems = list(_ITEMS[element])
    item.PrivateDataElementName = name
    words = re.findall(r"\w+", name)
    item.PrivateDataElementKeyword = "".join(word[0].upper() + word[1:] for word in words)
    said = f"; SHA-256 {digest}" if digest else ""
    item.PrivateDataElementDescription = f"{CONTENTS[element]}{said}"
    return item


def _joined(value: object) -> str:
    values = value if isinstance(value, (list, MultiValue)) else [value or ""]
    return "\\".join(map(str, values)).rstrip(" \0")


def _damaged(instance: Instance, found: str) -> ModelError:
    return ModelError(
        f"{instance.where} has {found} in Private Data Element Characteristics Sequence "
        "(0008,0300)",
        "one description of the private block",
        "retrieve or copy it again",
    )
