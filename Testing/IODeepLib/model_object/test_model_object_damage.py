"""What a damaged, incomplete, altered or foreign model ends in: an error that says which."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from makers.packed_models import altered, files, flip, make_model, make_network
from makers.recipes import liver_recipe

from IODeepLib.disk import file_memo
from IODeepLib.disk.byte_ranges import ByteRange
from IODeepLib.errors import ModelError, RecipeError
from IODeepLib.model_object import Model, read_card, read_weights, unpack, verify, write_model
from IODeepLib.model_object.private_dictionary import CREATOR, GROUP, Element
from IODeepLib.sources.folder import find_model, find_models


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """A network of three tensors above 1 KiB and three below."""
    return make_network(tmp_path)


@pytest.fixture
def model(tmp_path: Path) -> Model:
    """It, packed in one part."""
    return make_model(tmp_path)


def test_one_altered_byte_in_any_payload_is_found(network: Path, tmp_path: Path) -> None:
    model = write_model(network, liver_recipe(), tmp_path / "packed", max_part_bytes=20_000)
    verify(model)
    for part in model.weights():
        flip(part.path, part.payload.offset + part.payload.length - 1)
        with pytest.raises(ModelError, match=rf"part {part.part_number} of 3 .* was altered"):
            verify(find_model(tmp_path / "packed"))
        with pytest.raises(ModelError):
            unpack(model, tmp_path / "back")
        assert not (tmp_path / "back").exists()
        flip(part.path, part.payload.offset + part.payload.length - 1)
        verify(model)


def test_a_payload_is_read_once_while_its_file_stays_the_same(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_memo, "SETTLED_AFTER", 0)
    verify(model)
    chunks = "IODeepLib.model_object.verification.chunks"
    monkeypatch.setattr(chunks, lambda pieces: pytest.fail("it is read again"))
    verify(model)


@pytest.mark.parametrize("element", [Element.RECIPE, Element.MODEL_CARD, Element.MANIFEST])
def test_altered_texts_are_found(model: Model, element: Element) -> None:
    def change(dataset: pydicom.Dataset) -> None:
        item = dataset.private_block(GROUP, CREATOR)[element]
        item.value = item.value.replace("1", "2").replace("MIT", "BSD")

    path = files(model)[0]
    altered(path, change)
    with pytest.raises(ModelError, match="was altered: its SHA-256"):
        read_card(path)


def test_an_altered_architecture_is_found(model: Model) -> None:
    [network] = model.card.networks
    assert isinstance(network.architecture, ByteRange)
    flip(files(model)[0], network.architecture.offset + 50)
    with pytest.raises(ModelError, match=r"the architecture in .* was altered"):
        verify(model)


def test_missing_and_foreign_parts_are_named(network: Path, tmp_path: Path) -> None:
    model = write_model(network, liver_recipe(), tmp_path / "a", max_part_bytes=20_000)
    other = write_model(network, liver_recipe(name="spleen"), tmp_path / "b")
    files(model)[2].unlink()
    shutil.copy(files(other)[1], tmp_path / "a" / "foreign.dcm")
    incomplete = find_model(tmp_path / "a")
    assert incomplete.missing_parts == (2,)
    for work in (verify, lambda m: unpack(m, tmp_path / "back")):
        with pytest.raises(ModelError, match=r"part 2 of 3 of liver@1\.2\.0 is missing"):
            work(incomplete)


def test_weights_of_another_model_are_refused(model: Model, network: Path, tmp_path: Path) -> None:
    """The other model's payload, in an instance that has this model's UID."""
    other = write_model(network, liver_recipe(name="spleen"), tmp_path / "other")
    uid = model.card.manifest.parts[0].sop_instance_uid

    def change(dataset: pydicom.Dataset) -> None:
        dataset.SOPInstanceUID = uid

    altered(files(other)[1], change)
    shutil.copy(files(other)[1], files(model)[1])
    with pytest.raises(ModelError, match=r"the model spleen@1\.2\.0; wanted: liver@1\.2\.0"):
        verify(find_model(tmp_path / "packed"))


@pytest.mark.parametrize("which", [0, 1])
def test_truncated_instances_are_refused(model: Model, which: int) -> None:
    path, read = files(model)[which], (read_card, read_weights)[which]
    content = path.read_bytes()
    for size in (0, 100, 131, 140, 500, 1500, len(content) // 2, len(content) * 9 // 10):
        path.write_bytes(content[:size])
        with pytest.raises(ModelError):
            read(path)


def test_anonymised_instances_are_told_so(model: Model) -> None:
    path = files(model)[0]
    altered(path, lambda dataset: dataset.remove_private_tags())
    with pytest.raises(ModelError, match="lost the private block IODEEP 1, as anonymization does"):
        read_card(path)


def test_thoroughly_anonymised_instances_are_told_so(model: Model) -> None:
    def change(dataset: pydicom.Dataset) -> None:
        dataset.remove_private_tags()
        dataset.CreatorVersionUID, dataset.PatientID, dataset.PatientName = "1.2.3", "A1", "A1"
        del dataset.ContentLabel

    for path, read in zip(files(model), (read_card, read_weights), strict=True):
        altered(path, change)
        with pytest.raises(ModelError, match="lost the private block IODEEP 1, as anonymization"):
            read(path)


def test_replaced_creator_version_uids_are_told_so(model: Model) -> None:
    path = files(model)[0]
    altered(path, lambda dataset: setattr(dataset, "CreatorVersionUID", "1.2.3"))
    with pytest.raises(ModelError, match="lost its Creator-Version UID, as anonymization does"):
        read_card(path)


def test_newer_formats_are_told_so(model: Model) -> None:
    def change(dataset: pydicom.Dataset) -> None:
        dataset.CreatorVersionUID = "2.25.1"
        dataset[GROUP, 0x10].value = "IODEEP 2"

    altered(files(model)[0], change)
    with pytest.raises(ModelError, match=r"has the format IODEEP 2.*update IODeep"):
        read_card(files(model)[0])


def test_other_raw_data_and_other_files_are_no_models(model: Model, tmp_path: Path) -> None:
    path = files(model)[0]

    def change(dataset: pydicom.Dataset) -> None:
        dataset.remove_private_tags()
        dataset.CreatorVersionUID, dataset.PatientID = "1.2.3", "4711"
        del dataset.ContentLabel, dataset.SeriesDescription

    altered(path, change)
    with pytest.raises(ModelError, match=r"Creator-Version UID 1\.2\.3; wanted: an IODeep"):
        read_card(path)
    (tmp_path / "text.txt").write_text("text")
    for other in (tmp_path / "text.txt", tmp_path / "nothing", tmp_path):
        with pytest.raises(ModelError):
            read_card(other)


@pytest.mark.parametrize(
    "element", [Element.MODEL_NAME, Element.ARCHITECTURE_FORMAT, Element.RECIPE]
)
def test_missing_elements_are_named(model: Model, element: Element) -> None:
    def change(dataset: pydicom.Dataset) -> None:
        del dataset.private_block(GROUP, CREATOR)[element]

    altered(files(model)[0], change)
    with pytest.raises(ModelError, match=f"has nothing in .* .0017,xx{element:02X}."):
        read_card(files(model)[0])


def test_unknown_formats_are_named(model: Model) -> None:
    def change(dataset: pydicom.Dataset) -> None:
        block = dataset.private_block(GROUP, CREATOR)
        element = Element.WEIGHTS_FORMAT if element_of(block) else Element.ARCHITECTURE_FORMAT
        block[element].value = "PICKLE"

    def element_of(block: pydicom.dataset.PrivateBlock) -> bool:
        return Element.WEIGHTS_FORMAT in block

    for path, read in zip(files(model), (read_card, read_weights), strict=True):
        altered(path, change)
        with pytest.raises(ModelError, match="in the format PICKLE"):
            read(path)


def test_a_recipe_of_another_model_is_refused(model: Model, network: Path, tmp_path: Path) -> None:
    def change(dataset: pydicom.Dataset) -> None:
        dataset.private_block(GROUP, CREATOR)[Element.MODEL_VERSION].value = "9.9.9"

    altered(files(model)[0], change)
    with pytest.raises(ModelError, match=r"holds the recipe of liver@1\.2\.0"):
        _ = read_card(files(model)[0]).recipe


def test_an_invalid_recipe_is_a_recipe_error(model: Model) -> None:
    card = read_card(files(model)[0])
    broken = dataclasses.replace(card, recipe_json="{}")
    with pytest.raises(RecipeError):
        _ = broken.recipe


def test_an_architecture_that_looks_elsewhere_is_refused(
    model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = model.card.read_architecture().replace(b"weights-1", b"../../etc")
    monkeypatch.setattr(type(model.card), "read_architecture", lambda card, network: content)
    with pytest.raises(ModelError, match=r"looks for 'layer0\.weight' in '\.\./\.\./etc"):
        verify(model)


@settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150
)
@given(st.data())
@pytest.mark.filterwarnings("ignore:::pydicom")
def test_damage_never_ends_in_another_error(model: Model, data: st.DataObject) -> None:
    which = data.draw(st.sampled_from([0, 1]))
    path = files(model)[which]
    whole = path.read_bytes()
    content = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 5))):
        position = data.draw(st.integers(128, min(len(content), 5000) - 1))
        content[position : position + data.draw(st.integers(0, 8))] = data.draw(
            st.binary(max_size=8)
        )
    path.write_bytes(content)
    try:
        for found in find_models(path.parent).models:
            verify(found)
    except (ModelError, RecipeError):
        pass
    finally:
        path.write_bytes(whole)
