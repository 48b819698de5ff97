"""Models as they come back from PACS and tools: other transfer syntaxes, block numbers, files."""

from __future__ import annotations

import struct
import subprocess
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from makers import networks
from makers.packed_models import files, make_model, make_network
from makers.recipes import liver_recipe
from makers.several_networks import NAMES, make_several
from pydicom.dataelem import DataElement
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
)

from IODeepLib.disk.byte_ranges import ByteRange
from IODeepLib.errors import ModelError
from IODeepLib.model_object import read_card, read_weights, unpack, verify, write_model
from IODeepLib.model_object.private_dictionary import CREATOR, GROUP, Element, block_of
from IODeepLib.network.runtime import open_session
from IODeepLib.sources.folder import find_model

TUMOUR = {"value": "108369006", "scheme": "SCT", "meaning": "Neoplasm"}


def implicit(path: Path) -> None:
    """As Implicit VR Little Endian: no VRs."""
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    dataset.save_as(path, implicit_vr=True, little_endian=True)


def unknown(path: Path) -> None:
    """Private elements with the VR UN, as they come from a system that does not know them."""
    implicit(path)
    raw = pydicom.dcmread(path)
    dataset = pydicom.dcmread(path)
    for element in range(0x1000, 0x1100):
        item = raw.get_item((GROUP, element))
        if item is not None:
            dataset[GROUP, element] = DataElement((GROUP, element), "UN", item.value)
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset.save_as(path, implicit_vr=False, little_endian=True)
    assert b"\x17\x00\x10\x10UN" in path.read_bytes() or b"\x17\x00\x3f\x10UN" in path.read_bytes()


def big_endian(path: Path) -> None:
    """As Explicit VR Big Endian."""
    dataset = pydicom.dcmread(path)
    for element in dataset.iterall():
        _ = element.value  # pydicom writes raw elements as they were read
    dataset.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    pydicom.dcmwrite(path, dataset, implicit_vr=False, little_endian=False)


def other_block(path: Path) -> None:
    """With the private block moved behind that of somebody else."""
    dataset = pydicom.dcmread(path)
    block = block_of(dataset)
    assert block is not None
    values = {element: block[element] for element in Element if element in block}
    dataset.remove_private_tags()
    dataset.private_block(GROUP, "ACME 1.1", create=True).add_new(0x01, "LO", "something else")
    moved = dataset.private_block(GROUP, CREATOR, create=True)
    for element, item in values.items():
        moved.add_new(element, item.VR, item.value)
    assert moved.get_tag(Element.PAYLOAD) == 0x0017113F
    dataset.save_as(path)


def undefined_lengths(path: Path) -> None:
    """With all sequences and their items of undefined length."""
    dataset = pydicom.dcmread(path)
    for element in dataset.iterall():
        if element.VR == "SQ":
            element.is_undefined_length = True
            for item in element.value:
                item.is_undefined_length_sequence_item = True
    dataset.save_as(path)


def more_padding(path: Path) -> None:
    """With six more bytes behind architecture and payload, and other file meta information."""
    dataset = pydicom.dcmread(path)
    block = block_of(dataset)
    assert block is not None
    items = block[Element.NETWORKS].value if Element.NETWORKS in block else ()
    for one in (block, *map(block_of, items)):
        for element in (Element.ARCHITECTURE, Element.PAYLOAD):
            if element in one:
                one[element].value += b"\0" * 6
    for keyword in ("PrivateInformation", "PrivateInformationCreatorUID"):
        dataset.file_meta.pop(keyword, None)
    dataset.file_meta.ImplementationVersionName = "OTHER"
    dataset.save_as(path)


def unknown_sequence(path: Path) -> None:
    """With the networks as VR UN without a length: their items are in Implicit VR, too."""
    dataset = pydicom.dcmread(path)
    block = block_of(dataset)
    assert block is not None
    if Element.NETWORKS not in block:
        return
    tag = block.get_tag(Element.NETWORKS)
    items = block[Element.NETWORKS].value
    content = b"".join(_item(encoded(item, implicit=True)) for item in items)
    header = struct.pack("<HH2sHL", tag.group, tag.elem, b"UN", 0, 0xFFFFFFFF)
    end = struct.pack("<HHL", 0xFFFE, 0xE0DD, 0)
    behind = encoded(dataset[tag + 1 :])
    for element in list(dataset[tag:]):
        del dataset[element.tag]
    dataset.save_as(path)
    path.write_bytes(path.read_bytes() + header + content + end + behind)


def _item(content: bytes) -> bytes:
    end = struct.pack("<HHL", 0xFFFE, 0xE00D, 0)
    return struct.pack("<HHL", 0xFFFE, 0xE000, 0xFFFFFFFF) + content + end


def encoded(dataset: pydicom.Dataset, *, implicit: bool = False) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, implicit
    write_dataset(buffer, dataset, ["utf-8"])
    return buffer.getvalue()


def dcmtk(*options: str) -> Callable[[Path], None]:
    """Through DCMTK's dcmconv."""

    def convert(path: Path) -> None:
        subprocess.run(["dcmconv", *options, path, path], check=True, capture_output=True)

    return convert


def labelled(syntax: str) -> Callable[[Path], None]:
    """As an archive that compresses all that it stores: only pixel data would change."""

    def label(path: Path) -> None:
        dataset = pydicom.dcmread(path)
        dataset.file_meta.TransferSyntaxUID = syntax
        dataset.save_as(path)

    return label


def deflated(path: Path) -> None:
    """As Deflated Explicit VR Little Endian."""
    labelled(DeflatedExplicitVRLittleEndian)(path)


WAYS = {
    "JPEG 2000": labelled(JPEG2000Lossless),
    "encapsulated": labelled("1.2.840.10008.1.2.1.98"),
    "implicit": implicit,
    "unknown": unknown,
    "big endian": big_endian,
    "other block": other_block,
    "undefined lengths": undefined_lengths,
    "more padding": more_padding,
    "dcmtk implicit": dcmtk("+ti"),
    "dcmtk implicit, undefined lengths": dcmtk("+ti", "-e"),
    "dcmtk big endian": dcmtk("+tb"),
    "dcmtk explicit": dcmtk("+te"),
    "dcmtk explicit, undefined lengths": dcmtk("+te", "-e"),
    "unknown sequence": unknown_sequence,
}


def odd_network(folder: Path) -> Path:
    """A network whose payload has an odd length."""
    network = networks.conv(3, layers=3)
    extra = np.arange(1031, dtype=np.int8)
    network.graph.initializer.append(networks.numpy_helper.from_array(extra, "odd"))
    return networks.save(network, folder / "network.onnx")


@pytest.mark.parametrize("way", WAYS)
def test_a_model_survives_the_way_through_a_pacs(way: str, tmp_path: Path) -> None:
    applies_to = {"modalities": ["CT"], "conditions": [TUMOUR]}
    recipe = liver_recipe(applies_to=applies_to)
    network = odd_network(tmp_path)
    packed = write_model(network, recipe, tmp_path / "packed", max_part_bytes=30_000)
    assert any(part.length % 2 for part in packed.card.manifest.parts)
    before = read_card(files(packed)[0])
    for path in files(packed):
        WAYS[way](path)
    model = find_model(tmp_path / "packed")
    assert (model.card.recipe, model.card.manifest) == (recipe, before.manifest)
    assert model.card.described
    assert vars(model.card) | {"networks": 0, "recipe": 0} == vars(before) | {
        "networks": 0,
        "recipe": 0,
    }
    verify(model)
    assert unpack(model, tmp_path / "back").read_bytes() == network.read_bytes()
    image = np.ones((1, 1, 8, 8, 8), np.float32)
    expected = result_of(network, image)
    np.testing.assert_array_equal(open_session(model).run({"image": image})[0], expected)


def result_of(network: Path, image: np.ndarray) -> np.ndarray:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(network, options).run(None, {"image": image})[0]


def test_files_may_lie_anywhere_under_any_name(tmp_path: Path) -> None:
    model = make_model(tmp_path, parts=3)
    for number, path in enumerate(files(model)):
        folder = tmp_path / "pacs" / f"{number % 2}" / "ünïcode and space"
        folder.mkdir(parents=True, exist_ok=True)
        path.rename(folder / f"{number:08X}")
    found = find_model(tmp_path / "pacs")
    verify(found)
    image = np.ones((1, 1, 8, 8, 8), np.float32)
    expected = result_of(tmp_path / "network.onnx", image)
    np.testing.assert_array_equal(open_session(found).run({"image": image})[0], expected)


@pytest.mark.parametrize("way", WAYS)
def test_several_networks_come_back(way: str, tmp_path: Path) -> None:
    packed = make_several(tmp_path)
    WAYS[way](files(packed)[0])
    model = find_model(tmp_path / "packed")
    assert (model.card.recipe, model.card.manifest) == (packed.card.recipe, packed.card.manifest)
    assert model.card.described
    assert all(isinstance(one.architecture, ByteRange) for one in model.card.networks)
    assert model.card.network_digest == packed.card.network_digest
    verify(model)
    unpack(model, tmp_path / "back")
    for name in NAMES:
        back = (tmp_path / "back" / f"network-{name}.onnx").read_bytes()
        assert back == (tmp_path / f"{name}.onnx").read_bytes()


@pytest.mark.parametrize("way", ["pydicom", "dcmtk"])
def test_a_deflated_card_of_several_networks_is_read_alike(way: str, tmp_path: Path) -> None:
    packed = make_several(tmp_path)
    {"pydicom": deflated, "dcmtk": dcmtk("+td")}[way](files(packed)[0])
    model = find_model(tmp_path / "packed")
    verify(model)
    assert model.card.network_digest == packed.card.network_digest


@pytest.mark.parametrize("way", ["pydicom", "dcmtk"])
def test_a_deflated_card_is_read_alike(way: str, tmp_path: Path) -> None:
    model = make_model(tmp_path)
    path = files(model)[0]
    {"pydicom": deflated, "dcmtk": dcmtk("+td")}[way](path)
    assert len(path.read_bytes()) < 8000
    found = find_model(tmp_path / "packed")
    verify(found)
    assert found.card.recipe == model.card.recipe
    assert unpack(found, tmp_path / "back").read_bytes() == make_network(tmp_path).read_bytes()
    image = np.ones((1, 1, 8, 8, 8), np.float32)
    expected = result_of(tmp_path / "network.onnx", image)
    np.testing.assert_array_equal(open_session(found).run({"image": image})[0], expected)


def test_deflated_weights_are_refused_with_the_way_out(tmp_path: Path) -> None:
    path = files(make_model(tmp_path))[1]
    deflated(path)
    with pytest.raises(ModelError, match=r"is deflated and no card.*dcmconv \+te"):
        read_weights(path)


def test_no_more_is_inflated_than_a_card_can_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """100 MB of zeros in 100 KB."""
    monkeypatch.setattr("IODeepLib.model_object.deflated.MAX_INFLATED_BYTES", 10**6)
    path = files(make_model(tmp_path))[0]
    deflated(path)
    start = 144 + pydicom.dcmread(path).file_meta.FileMetaInformationGroupLength
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    bomb = packer.compress(bytes(10**8)) + packer.flush()
    path.write_bytes(path.read_bytes()[:start] + bomb)
    tracemalloc.start()
    with pytest.raises(ModelError, match="is deflated and no card"):
        read_card(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 10e6
    path.write_bytes(path.read_bytes()[: start + 500])
    with pytest.raises(ModelError, match="ends within its deflated data set"):
        read_card(path)
    path.write_bytes(path.read_bytes()[:start] + b"\xff" * 1000)
    with pytest.raises(ModelError, match="cannot be read"):
        read_card(path)


def test_an_architecture_in_fragments_is_refused(tmp_path: Path) -> None:
    """As if it were Pixel Data of a compressed image: against PS3.5 A.4."""
    path = files(make_model(tmp_path))[0]
    dataset = pydicom.dcmread(path)
    block = block_of(dataset)
    assert block is not None
    element = block[Element.ARCHITECTURE]
    element.value = pydicom.encaps.encapsulate([element.value + b"\0"])
    element.is_undefined_length = True
    dataset.save_as(path)
    with pytest.raises(ModelError, match=r"has fragments in Architecture"):
        read_card(path)
