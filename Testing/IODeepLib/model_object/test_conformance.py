"""The conformance statement says what the code does."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path

import pydicom
import pytest
from makers.packed_models import files, make_model
from makers.recipes import liver_recipe
from pydicom.datadict import dictionary_VR, private_dictionary_VM

from IODeepLib.model_object import MAX_PART_BYTES, Manifest, Model
from IODeepLib.model_object.card import PARENT_PURPOSE, WEIGHTS_PURPOSE
from IODeepLib.model_object.characteristics import CONTENTS
from IODeepLib.model_object.datasets import model_uid_of
from IODeepLib.model_object.packing import MIN_MOVED_BYTES
from IODeepLib.model_object.private_dictionary import (
    CREATOR,
    CREATOR_VERSION_UID,
    DICTIONARY,
    GROUP,
    Element,
    block_of,
)
from IODeepLib.model_object.retirement import REPLACEMENT_PURPOSE, RETIRED_PURPOSE

STATEMENT = (Path(__file__).resolve().parents[3] / "Docs" / "conformance.md").read_text("utf-8")
SEPARATOR = re.compile(r"\|[-|]+\|")


def tables() -> list[list[list[str]]]:
    """The tables of the statement: rows of cells, the head first."""
    result: list[list[list[str]]] = []
    inside = False
    for line in STATEMENT.splitlines():
        if not line.startswith("|"):
            inside = False
        elif not SEPARATOR.fullmatch(line):
            if not inside:
                result.append([])
            inside = True
            result[-1].append([cell.strip() for cell in line.strip("|").split("|")])
    return result


def plain(cell: str) -> str:
    """A cell without links and signs of literals."""
    return re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", cell).replace("`", "")


@pytest.fixture
def model(tmp_path: Path) -> Model:
    """A packed model."""
    return make_model(tmp_path)


def test_the_private_block_is_the_dictionary_of_the_code() -> None:
    [table] = [table for table in tables() if table[0][0] == "element"]
    described = {row[0]: tuple(map(plain, row[1:9])) for row in table[1:]}
    assert described == {
        f"xx{element:02X}": (*DICTIONARY[element], CONTENTS[element]) for element in Element
    }


def test_pydicom_knows_the_private_block() -> None:
    for element, definition in DICTIONARY.items():
        assert private_dictionary_VM((GROUP, 0x4200 | element), CREATOR) == definition.vm


def test_the_instances_have_the_elements_that_the_statement_lists(model: Model) -> None:
    for path, column in zip(files(model), ("card", "weights"), strict=True):
        block = block_of(pydicom.dcmread(path))
        assert block is not None
        there = {element for element in Element if element in block}
        types = {e: getattr(definition, column) for e, definition in DICTIONARY.items()}
        wanted = {e for e, kind in types.items() if kind in ("1", "1C")} - {Element.NETWORKS}
        assert there == wanted
        for element in there:
            assert DICTIONARY[element].vr == block[element].VR


def test_the_instances_have_the_attributes_that_the_statement_lists(model: Model) -> None:
    [table] = [table for table in tables() if table[0][0] == "attribute"]
    tags = {
        int(group + element, 16): row
        for row in table[1:]
        for group, element in re.findall(r"\((\w{4}),(\w{4})\)", row[1])
    }
    assert all(dictionary_VR(tag) for tag in tags)
    for path, column in zip(files(model), (3, 4), strict=True):
        dataset = pydicom.dcmread(path)
        there = {element.tag for element in dataset if not element.tag.is_private}
        wanted = {tag for tag, row in tags.items() if row[column] != "absent"}
        assert there == wanted
        for tag, row in tags.items():
            if literal := re.fullmatch(r"`([^`]*)`", row[column]):
                assert str(dataset[tag].value) == literal[1]


def test_the_numbers_in_the_statement_are_those_of_the_code() -> None:
    assert f"`{CREATOR_VERSION_UID}`" in STATEMENT
    assert f"{MIN_MOVED_BYTES:,} bytes" in STATEMENT
    assert f"{MAX_PART_BYTES // 2**20} MiB" in STATEMENT
    for code in (WEIGHTS_PURPOSE, PARENT_PURPOSE, RETIRED_PURPOSE, REPLACEMENT_PURPOSE):
        assert f'({code.value}, {code.scheme}, "{code.meaning}")' in STATEMENT


def test_the_manifest_in_the_statement_is_valid() -> None:
    block = re.search(r"```json\n(.*?)```", STATEMENT, re.DOTALL)
    assert block is not None
    manifest = Manifest.from_json(block[1], "statement")
    assert json.loads(manifest.to_json()) == json.loads(block[1])
    [table] = [table for table in tables() if table[0] == ["key", "meaning"]]
    document = json.loads(block[1])
    keys = ["series_instance_uid", *document["parts"][0], "network"]
    assert set(document) == {"schema", "series_instance_uid", "parts"}
    assert [f"`{key}`" for key in keys] == [row[0] for row in table[1:]]


def test_model_uids_are_made_as_the_statement_says() -> None:
    name_space = re.search(r"name space `([^`]*)`", STATEMENT)
    assert name_space is not None
    uid = uuid.uuid5(uuid.UUID(name_space[1]), "Hospital/liver")
    assert model_uid_of(liver_recipe()) == f"2.25.{uid.int}"
