"""Models as they come back from PACS and tools: other transfer syntaxes, block numbers, files."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import make_networks
import numpy as np
import pydicom
import pytest
from packed_models import files, make_model
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
)

from IODeepLib.errors import ModelError
from IODeepLib.model_object import Model, pack, read_card, unpack, verify
from IODeepLib.private_dictionary import CREATOR, GROUP, Element, block_of
from IODeepLib.runtime import open_session
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
    for element in (Element.ARCHITECTURE, Element.PAYLOAD):
        if element in block:
            block[element].value += b"\0" * 6
    del dataset.file_meta.PrivateInformation, dataset.file_meta.PrivateInformationCreatorUID
    dataset.file_meta.ImplementationVersionName = "OTHER"
    dataset.save_as(path)


def dcmtk(*options: str) -> Callable[[Path], None]:
    """Through DCMTK's dcmconv."""

    def convert(path: Path) -> None:
        subprocess.run(["dcmconv", *options, path, path], check=True, capture_output=True)

    return convert


WAYS = {
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
}


def odd_network(folder: Path) -> Path:
    """A network whose payload has an odd length."""
    network = make_networks.conv(3, layers=3)
    extra = np.arange(1031, dtype=np.int8)
    network.graph.initializer.append(make_networks.numpy_helper.from_array(extra, "odd"))
    return make_networks.save(network, folder / "network.onnx")


@pytest.mark.parametrize("way", WAYS)
def test_a_model_survives_the_way_through_a_pacs(way: str, tmp_path: Path) -> None:
    applies_to = {"modalities": ["CT"], "conditions": [TUMOUR]}
    recipe = make_networks.recipe(applies_to=applies_to)
    network = odd_network(tmp_path)
    packed = pack(network, recipe, tmp_path / "packed", max_part_bytes=30_000)
    assert any(part.length % 2 for part in packed.card.manifest.parts)
    before = read_card(files(packed)[0])
    for path in files(packed):
        WAYS[way](path)
    model = find_model(tmp_path / "packed")
    assert (model.card.recipe, model.card.manifest) == (recipe, before.manifest)
    assert vars(model.card) | {"architecture": 0, "recipe": 0} == vars(before) | {
        "architecture": 0,
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


def test_deflated_instances_are_refused_with_the_way_out(tmp_path: Path) -> None:
    model: Model = make_model(tmp_path)
    path = files(model)[0]
    dataset: Dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.save_as(path)
    with pytest.raises(ModelError, match=r"is deflated.*Explicit VR Little Endian"):
        read_card(path)
