"""The standard description of the private block, and what is altered against it."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from command import Answer
from makers.packed_models import altered, files, make_model, make_network
from makers.recipes import liver_recipe
from makers.several_networks import NAMES, make_several

from IODeepLib.errors import ModelError
from IODeepLib.model_object import read_card, read_weights, verify, write_model
from IODeepLib.model_object.card import Card
from IODeepLib.model_object.characteristics import CONTENTS, TAG, sha256
from IODeepLib.model_object.instance import Instance
from IODeepLib.model_object.private_dictionary import (
    CREATOR,
    DICTIONARY,
    GROUP,
    Element,
    block_of,
)
from IODeepLib.model_object.retirement import retirement_of, write_retirement
from IODeepLib.sources.folder import find_model

KINDS = ("card", "weights", "notice")


def read(path: Path) -> object:
    """What an instance says, by its kind."""
    if path.name == "notice.dcm":
        return retirement_of(Instance.read(path))
    return read_weights(path) if path.name.startswith("weights") else read_card(path)


@pytest.fixture
def instances(tmp_path: Path) -> dict[str, Path]:
    """One instance of every kind."""
    model = make_model(tmp_path)
    notice = tmp_path / "notice.dcm"
    write_retirement(model.card, notice, reason="wrong", replacement=None)
    return dict(zip(KINDS, (*files(model), notice), strict=True))


def definitions(path: Path) -> dict[int, pydicom.Dataset]:
    """What the only description says of each element."""
    [about] = pydicom.dcmread(path).PrivateDataElementCharacteristicsSequence
    assert (about.PrivateGroupReference, about.PrivateCreatorReference) == (GROUP, CREATOR)
    assert about.BlockIdentifyingInformationStatus == "SAFE"
    return {item.PrivateDataElement: item for item in about.PrivateDataElementDefinitionSequence}


def unchanged_description(path: Path, change: Callable[[pydicom.Dataset], object]) -> None:
    """Apply `change` as whoever does not know the description."""
    dataset = pydicom.dcmread(path)
    change(dataset)
    dataset.save_as(path)


@pytest.mark.parametrize("kind", KINDS)
def test_every_private_element_is_described(instances: dict[str, Path], kind: str) -> None:
    block = block_of(pydicom.dcmread(instances[kind]))
    assert block is not None
    described = definitions(instances[kind])
    assert set(described) == {element for element in Element if element in block}
    for element, item in described.items():
        definition = DICTIONARY[Element(element)]
        assert item.PrivateDataElementValueRepresentation == definition.vr
        assert item.PrivateDataElementName == definition.name
        assert item.PrivateDataElementKeyword.isalnum()
        assert item.PrivateDataElementDescription.startswith(CONTENTS[Element(element)])


def test_the_digests_are_those_of_the_contents(instances: dict[str, Path]) -> None:
    for kind, element, length in (
        ("card", Element.ARCHITECTURE, Element.ARCHITECTURE_LENGTH),
        ("weights", Element.PAYLOAD, Element.PAYLOAD_LENGTH),
        *(("card", e, None) for e in (Element.RECIPE, Element.MODEL_UID, Element.MANIFEST)),
        ("notice", Element.REASON, None),
    ):
        block = block_of(pydicom.dcmread(instances[kind]))
        assert block is not None
        value = block[element].value
        content = value.encode() if isinstance(value, str) else value[: block[length].value]
        said = definitions(instances[kind])[element].PrivateDataElementDescription
        assert said == f"{CONTENTS[element]}; SHA-256 {hashlib.sha256(content).hexdigest()}"
    [modalities] = [definitions(instances["card"])[Element.MODALITIES]]
    assert list(modalities.PrivateDataElementValueMultiplicity) == [1, 0]
    digest = hashlib.sha256(b"CT\\MR").hexdigest()
    assert modalities.PrivateDataElementDescription.endswith(f"SHA-256 {digest}")


def test_several_networks_have_one_digest(tmp_path: Path) -> None:
    model = make_several(tmp_path)
    lines = "".join(
        f"network {network.name}\narchitecture {network.digest}\n"
        for network in model.card.networks
    )
    described = definitions(files(model)[0])
    digest = hashlib.sha256(lines.encode()).hexdigest()
    assert described[Element.NETWORKS].PrivateDataElementDescription.endswith(digest)
    assert list(described[Element.NETWORKS].PrivateDataElementNumberOfItems) == [1, 256]
    inside = {e for e, definition in DICTIONARY.items() if definition.network}
    assert inside <= described.keys()
    assert len(NAMES) == len(model.card.networks)


def test_dcmtk_shows_the_digests(instances: dict[str, Path]) -> None:
    for kind, element in (("card", Element.RECIPE), ("weights", Element.PAYLOAD)):
        done = subprocess.run(["dcmdump", "+L", instances[kind]], capture_output=True, check=True)
        said = definitions(instances[kind])[element].PrivateDataElementDescription
        assert f"(0008,030e) UT [{said}" in done.stdout.decode()


TEXTS = {
    Element.RECIPE: Element.RECIPE_DIGEST,
    Element.MODEL_CARD: Element.MODEL_CARD_DIGEST,
    Element.MANIFEST: Element.MANIFEST_DIGEST,
}
LARGE = {
    Element.ARCHITECTURE: Element.ARCHITECTURE_DIGEST,
    Element.PAYLOAD: Element.PAYLOAD_DIGEST,
}


@pytest.mark.parametrize(
    ("kind", "element"),
    [
        *(("card", e) for e in (*TEXTS, Element.ARCHITECTURE)),
        *(("card", e) for e in (Element.MODEL_UID, Element.MODEL_NAME, Element.MODALITIES)),
        *(("weights", e) for e in (Element.PAYLOAD, Element.MODEL_UID)),
        *(("notice", e) for e in (Element.REASON, Element.MODEL_VERSION)),
    ],
)
def test_what_is_altered_with_its_own_digest_is_found(
    instances: dict[str, Path], kind: str, element: Element
) -> None:
    def change(dataset: pydicom.Dataset) -> None:
        block = block_of(dataset)
        assert block is not None
        if element in LARGE:
            block[LARGE[element]].value = "1" * 64
        elif element in TEXTS:
            block[element].value += "\n"
            block[TEXTS[element]].value = sha256(block[element].value)
        elif element is Element.MODALITIES:
            block[element].value = ["CT"]
        else:
            block[element].value += "1"

    read(instances[kind])
    unchanged_description(instances[kind], change)
    name = DICTIONARY[element].name
    with pytest.raises(ModelError, match=rf"altered: the SHA-256 of {name}.*\(0008,0300\) says"):
        read(instances[kind])


def test_an_element_that_is_added_or_taken_away_is_found(instances: dict[str, Path]) -> None:
    def add(dataset: pydicom.Dataset) -> None:
        block = block_of(dataset)
        assert block is not None
        block.add_new(Element.REPLACEMENT, "LO", "liver@9.9.9")

    def take(dataset: pydicom.Dataset) -> None:
        block = block_of(dataset)
        assert block is not None
        del block[Element.REPLACEMENT]
        del block[Element.REASON]

    for change, name in ((add, "Replacement"), (take, "Reason")):
        unchanged_description(instances["notice"], change)
        with pytest.raises(ModelError, match=f"the SHA-256 of {name} is"):
            read(instances["notice"])


def test_two_descriptions_are_none(instances: dict[str, Path]) -> None:
    def twice(dataset: pydicom.Dataset) -> None:
        about = dataset.PrivateDataElementCharacteristicsSequence
        about.append(about[0])

    unchanged_description(instances["card"], twice)
    with pytest.raises(ModelError, match="has 2 descriptions of IODEEP 1"):
        read(instances["card"])


def test_an_element_that_is_described_twice(instances: dict[str, Path]) -> None:
    def twice(dataset: pydicom.Dataset) -> None:
        [about] = dataset.PrivateDataElementCharacteristicsSequence
        about.PrivateDataElementDefinitionSequence.append(
            about.PrivateDataElementDefinitionSequence[0]
        )

    unchanged_description(instances["card"], twice)
    with pytest.raises(ModelError, match="two descriptions of xx01"):
        read(instances["card"])


def test_a_description_without_end_is_not_read(instances: dict[str, Path]) -> None:
    def long(dataset: pydicom.Dataset) -> None:
        [about] = dataset.PrivateDataElementCharacteristicsSequence
        about.PrivateDataElementDefinitionSequence[0].PrivateDataElementEncoding = "x" * 10**6

    unchanged_description(instances["card"], long)
    with pytest.raises(ModelError, match=r"has 1\d{6} bytes in Private Data Element Charact"):
        read(instances["card"])


def test_descriptions_of_others_are_passed_over(instances: dict[str, Path]) -> None:
    def others(dataset: pydicom.Dataset) -> None:
        about = pydicom.Dataset()
        about.PrivateGroupReference, about.PrivateCreatorReference = GROUP, "ACME 1.1"
        dataset.PrivateDataElementCharacteristicsSequence.insert(0, about)

    unchanged_description(instances["card"], others)
    card = read(instances["card"])
    assert isinstance(card, Card)
    assert card.described


def test_old_instances_are_read_and_said_to_be_so(
    instances: dict[str, Path], iodeep: Callable[..., Answer]
) -> None:
    for path in instances.values():
        unchanged_description(path, lambda dataset: dataset.pop(TAG))
        read(path)
    model = find_model(instances["card"].parent)
    verify(model)
    assert not model.card.described
    answer = iodeep("show", instances["card"].parent)
    assert "without digests in (0008,0300), as older versions of IODeep" in answer.out
    assert json.loads(iodeep("show", instances["card"].parent, "--json").out)["described"] is False


def test_zeros_in_texts_are_no_place_for_a_digest(tmp_path: Path) -> None:
    zeros = "0" * 64
    card = {"publisher": zeros, "intended_use": zeros, "licence": "MIT"}
    model = write_model(make_network(tmp_path), liver_recipe(card=card), tmp_path / "packed")
    verify(model)
    assert model.card.recipe.card.publisher == zeros
    assert pydicom.dcmread(files(model)[0]).Manufacturer == zeros


def test_a_notice_describes_itself_and_not_its_card(instances: dict[str, Path]) -> None:
    assert Element.RECIPE in definitions(instances["card"])
    assert Element.RECIPE not in definitions(instances["notice"])
    assert Element.STATUS in definitions(instances["notice"])


def test_makers_describe_what_they_alter(instances: dict[str, Path]) -> None:
    """Or else tests of what lies behind it would all end there."""

    def rename(dataset: pydicom.Dataset) -> None:
        block = block_of(dataset)
        assert block is not None
        block[Element.REASON].value = "another one"

    altered(instances["notice"], rename)
    read(instances["notice"])
