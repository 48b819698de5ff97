"""Cards of several networks: written, read, verified, unpacked; damaged and made to deceive."""

from __future__ import annotations

import dataclasses
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from command import DEMO
from judges import standard_errors
from makers.packed_models import altered, files, make_model, with_recipe
from makers.recipes import liver_recipe
from makers.several_networks import (
    NAMES,
    ensemble_recipe,
    make_networks,
    make_several,
    read_again,
    with_items,
    with_manifest,
)
from pydicom.dataset import Dataset

from IODeepLib import __version__
from IODeepLib.errors import ModelError, RecipeError
from IODeepLib.model_object import Model, packing, read_card, unpack, verify, write_model
from IODeepLib.model_object.networks import MAX_ARCHITECTURE_BYTES
from IODeepLib.model_object.private_dictionary import DICTIONARY, GROUP, Element, block_of
from IODeepLib.network.runtime import open_session
from IODeepLib.publish import pack
from IODeepLib.recipe import read_recipe


@pytest.fixture
def model(tmp_path: Path) -> Model:
    """Three networks."""
    return make_several(tmp_path)


def test_each_network_comes_back(model: Model, tmp_path: Path) -> None:
    assert [network.name for network in model.card.networks] == list(NAMES)
    verify(model)
    first = unpack(model, tmp_path / "back")
    assert first == tmp_path / "back" / "network-fold-0.onnx"
    for name in NAMES:
        back = (tmp_path / "back" / f"network-{name}.onnx").read_bytes()
        assert back == (tmp_path / f"{name}.onnx").read_bytes()
    assert len(list((tmp_path / "back").iterdir())) == 4  # and the recipe


def test_each_network_runs_on_its_own_weights(model: Model, tmp_path: Path) -> None:
    import onnxruntime

    image = np.ones((1, 1, 8, 8, 8), np.float32)
    found = []
    for name in NAMES:
        session = open_session(model, name, providers="cpu")
        assert session.label == f"liver@1.2.0, network {name}"
        found.append(session.run({"image": image})[0])
        alone = onnxruntime.InferenceSession(tmp_path / f"{name}.onnx")
        np.testing.assert_array_equal(found[-1], alone.run(None, {"image": image})[0])
    assert not np.array_equal(found[0], found[1])


def test_parts_belong_to_a_network_and_are_counted_over_all(model: Model) -> None:
    parts = model.card.manifest.parts
    assert [part.network for part in parts] == [name for name in NAMES for _ in range(3)]
    assert [part.part_number for part in model.weights()] == list(range(1, 10))
    locations = model.card.read_architecture("fold-2")
    assert b"weights-7.safetensors" in locations and b"weights-6.safetensors" not in locations


def test_the_elements_are_those_of_the_statement(model: Model) -> None:
    dataset = pydicom.dcmread(files(model)[0])
    block = block_of(dataset)
    assert block is not None
    there = {element for element in Element if element in block}
    of_one = {Element.ARCHITECTURE, Element.ARCHITECTURE_LENGTH, Element.ARCHITECTURE_DIGEST}
    wanted = {e for e, definition in DICTIONARY.items() if definition.card in ("1", "1C")} - of_one
    assert there == wanted
    # What a reader of before asks for first; it wants "ONNX".
    assert block[Element.ARCHITECTURE_FORMAT].value == "SEVERAL"
    for item in block[Element.NETWORKS].value:
        inner = block_of(item)
        assert inner is not None and item[GROUP, 0x10].value == "IODEEP 1"
        wanted = {e for e, definition in DICTIONARY.items() if definition.network == "1"}
        assert {element for element in Element if element in inner} == wanted


def test_the_instances_conform_to_the_standard(model: Model) -> None:
    for path in files(model)[:2]:
        assert standard_errors(path) == []


def test_one_network_is_stored_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The digest is the one that was made before there could be several.

    And before small tensors that are trained were external.
    """
    monkeypatch.setattr(packing, "trained_tensors", lambda graph: {})
    recipe = read_recipe(DEMO / "recipe.json")
    model = pack(DEMO / "demo_network.onnx", recipe, tmp_path / "packed")
    assert model.card.network_digest == (
        "71ddeea44abfa8107b333df8027b1407a9c7fdc4b307a9b4b81cc3516e4ef2dc"
    )
    assert "network" not in model.card.manifest_json
    block = block_of(pydicom.dcmread(files(model)[0]))
    assert block is not None and Element.NETWORKS not in block


def test_names_and_order_are_part_of_the_digest(tmp_path: Path) -> None:
    digests = set()
    paths = list(make_networks(tmp_path).values())
    for i, names in enumerate((("a", "b", "c"), ("b", "a", "c"), ("a", "b", "d"))):
        recipe = ensemble_recipe(names)
        given = dict(zip(names, paths, strict=True))
        card = write_model(given, recipe, tmp_path / f"packed-{i}").card
        # Of the recipe nothing: it has the names, too.
        digests.add(dataclasses.replace(card, recipe_json="").network_digest)
        again = write_model(given, recipe, tmp_path / f"again-{i}").card
        assert again.network_digest == card.network_digest
    assert len(digests) == 3


@pytest.mark.parametrize(
    "names", [("fold-0", "fold-1"), (*NAMES, "fold-3"), ("fold-0", "fold-1", "FOLD-2")]
)
def test_each_network_of_the_recipe_is_given(tmp_path: Path, names: tuple[str, ...]) -> None:
    paths = make_networks(tmp_path)
    with pytest.raises(RecipeError, match=r"it uses the networks .*; given: the networks fold-0"):
        write_model(paths, ensemble_recipe(names), tmp_path / "packed")
    with pytest.raises(RecipeError, match="given: one network without a name"):
        write_model(paths["fold-0"], ensemble_recipe(names), tmp_path / "packed")
    with pytest.raises(RecipeError, match="it uses one network without a name; given: the netw"):
        write_model(paths, liver_recipe(), tmp_path / "packed")
    assert not (tmp_path / "packed").exists()


def test_all_architectures_together_have_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = make_networks(tmp_path)
    one = len(make_several(tmp_path).card.read_architecture("fold-0"))
    monkeypatch.setattr("IODeepLib.model_object.packing.MAX_ARCHITECTURE_BYTES", 1.5 * one)
    write_model(paths["fold-0"], liver_recipe(), tmp_path / "one")
    with pytest.raises(ModelError, match=r"fold-0.onnx, .*fold-2.onnx has"):
        write_model(paths, ensemble_recipe(), tmp_path / "more")


# Cards that were made to deceive, or damaged.


def value(element: Element, new: object, which: int = 1) -> Callable[[list[Dataset]], None]:
    def change(items: list[Dataset]) -> None:
        block = block_of(items[which])
        assert block is not None
        block[element].value = new

    return change


def many(items: list[Dataset]) -> None:
    items.extend(items[0] for _ in range(5000))


HOSTILE: dict[str, tuple[Callable[[list[Dataset]], object], str]] = {
    "a name twice": (value(Element.NETWORK_NAME, "fold-0"), "has the network 'fold-0' twice"),
    "a name in capitals": (value(Element.NETWORK_NAME, "FOLD-0"), "the network 'fold-0' twice"),
    "a path for a name": (value(Element.NETWORK_NAME, "../up"), "has the network name"),
    "no name": (value(Element.NETWORK_NAME, ""), "has nothing in NETWORK_NAME"),
    "another name": (value(Element.NETWORK_NAME, "fold-9"), "for the network 'fold-1'"),
    "no items": (lambda items: items.clear(), "has nothing in Networks"),
    "5000 items": (many, "more than 256 items in Networks"),
    "no creator": (lambda items: items[1].pop((GROUP, 0x10)), "an item without the private block"),
    "an empty item": (lambda items: items[1].clear(), "an item without the private block"),
    "another format": (
        value(Element.ARCHITECTURE_FORMAT, "SEVERAL"),
        "has an architecture in the format SEVERAL; wanted: ONNX",
    ),
    "a length beyond it": (value(Element.ARCHITECTURE_LENGTH, 10**6), "of 1000000 bytes"),
    "a length beyond all": (
        value(Element.ARCHITECTURE_LENGTH, MAX_ARCHITECTURE_BYTES + 1),
        r"has an architecture of \d+ bytes; wanted: at most 67108864",
    ),
    "no length": (
        lambda items: items[1].pop((GROUP, 0x1000 + Element.ARCHITECTURE_LENGTH)),
        "has nothing in Architecture Length",
    ),
    "no architecture": (
        lambda items: items[1].pop((GROUP, 0x1000 + Element.ARCHITECTURE)),
        "has nothing in Architecture ",
    ),
    "no digest": (
        lambda items: items[1].pop((GROUP, 0x1000 + Element.ARCHITECTURE_DIGEST)),
        "has nothing in Architecture SHA-256",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_items_that_deceive(model: Model, name: str) -> None:
    change, message = HOSTILE[name]
    path = with_items(model, change)
    with pytest.raises(ModelError, match=message.replace("NETWORK_NAME", "Network Name")) as caught:
        read_card(path)
    assert "\n" not in str(caught.value)


def test_networks_without_parts_still_have_to_be_those_of_the_recipe(tmp_path: Path) -> None:
    """Of networks that are small enough no part says which there are."""
    model = make_several(tmp_path)
    with_manifest(model, lambda text: json.dumps(json.loads(text) | {"parts": []}))
    path = with_items(model, value(Element.NETWORK_NAME, "fold-9"))
    card = read_card(path)
    with pytest.raises(ModelError, match=r"fold-9, fold-2; wanted: the networks fold-0, fold-1, "):
        _ = card.recipe


def test_an_altered_architecture_is_found(model: Model) -> None:
    def change(items: list[Dataset]) -> None:
        block = block_of(items[1])
        assert block is not None
        content = bytearray(block[Element.ARCHITECTURE].value)
        content[50] ^= 1
        block[Element.ARCHITECTURE].value = bytes(content)

    with_items(model, change)
    with pytest.raises(ModelError, match=r"of the network fold-1 in .* was altered"):
        verify(read_again(model))


def test_a_shorter_length_is_another_architecture(model: Model) -> None:
    with_items(model, value(Element.ARCHITECTURE_LENGTH, 100))
    with pytest.raises(ModelError, match=r"of the network fold-1 in .* was altered"):
        verify(read_again(model))


def test_a_part_of_a_network_that_is_not_there(model: Model) -> None:
    path = with_manifest(model, lambda text: text.replace('"fold-1"', '"fold-7"'))
    with pytest.raises(ModelError, match="part 4 for the network 'fold-7'"):
        read_card(path)


def test_no_network_reads_the_weights_of_another(model: Model) -> None:
    with_manifest(model, lambda text: text.replace('"fold-1"', '"fold-0"'))
    found = read_again(model)
    for use in (verify, lambda model: open_session(model, "fold-1")):
        with pytest.raises(
            ModelError, match=r"looks for 'layer.\.weight' in 'weights-4\.safetensors'"
        ):
            use(found)


@pytest.mark.parametrize("cut", [1500, 5000, 10_000])
def test_a_card_that_ends_early(model: Model, cut: int) -> None:
    path = files(model)[0]
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(ModelError):
        read_card(path)


def test_what_is_no_item_is_refused(model: Model) -> None:
    path = files(model)[0]
    content = path.read_bytes()
    place = content.index(b"\xfe\xff\x00\xe0", content.index(b"\x17\x00\x25\x10SQ"))
    path.write_bytes(content[:place] + b"\x17\x00\x10\x00" + content[place + 4 :])
    with pytest.raises(ModelError, match="the tag 00170010 in the place of an item"):
        read_card(path)


def test_an_item_is_no_longer_than_its_sequence(model: Model) -> None:
    path = files(model)[0]
    content = bytearray(path.read_bytes())
    place = content.index(b"\xfe\xff\x00\xe0", content.index(b"\x17\x00\x25\x10SQ"))
    length = int.from_bytes(content[place - 4 : place], "little")
    content[place + 4 : place + 8] = (length + 100).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(ModelError, match=f"an item of {length + 100} bytes in {length - 8}"):
        read_card(path)


def test_a_sequence_without_a_length_is_not_read_without_an_end(model: Model) -> None:
    """An item with a gigabyte that pydicom would read: zeros that take no room on the disk."""
    path = files(model)[0]
    content = path.read_bytes()
    place = content.index(b"\x17\x00\x25\x10SQ")
    undefined = b"\xff" * 4
    with path.open("wb") as file:
        file.write(content[: place + 8] + undefined + b"\xfe\xff\x00\xe0" + undefined)
        file.write(b"\x17\x00\x22\x10OB\0\0" + (2**30).to_bytes(4, "little"))
        file.truncate(file.tell() + 2**30)
    tracemalloc.start()
    with pytest.raises(ModelError, match="more than 100663296 bytes to be held"):
        read_card(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10e6


# What is newer than this reader.


def test_a_recipe_that_a_newer_one_wrote_says_so(tmp_path: Path) -> None:
    model = make_model(tmp_path)

    def newer(dataset: pydicom.Dataset) -> None:
        dataset.SoftwareVersions = "IODeep 9.4.0\x1b[31m"

    altered(files(model)[0], newer)
    text = model.card.recipe_json.replace('"applies_to"', '"telepathy": 1,\n "applies_to"')
    with pytest.raises(RecipeError) as caught:
        _ = with_recipe(model, text).card.recipe
    assert caught.value.next_step == (
        f"it was written by IODeep 9.4.0\ufffd[31m, this is IODeep {__version__}: update IODeep"
    )
    assert "telepathy" in caught.value.found
    text = model.card.recipe_json.replace('"input"', '"inputs"')
    with pytest.raises(RecipeError, match=r"was written by IODeep 9\.4\.0") as listed:
        with_recipe(model, text)
    assert "\x1b" not in str(listed.value)


def test_a_recipe_of_this_version_is_to_be_corrected(tmp_path: Path) -> None:
    model = make_model(tmp_path)
    text = model.card.recipe_json.replace('"applies_to"', '"telepathy": 1,\n "applies_to"')
    with pytest.raises(RecipeError, match="next: correct the recipe there"):
        _ = with_recipe(model, text).card.recipe
