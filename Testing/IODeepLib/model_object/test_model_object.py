"""Models as DICOM instances: packed, read back, verified, unpacked; dciodvfy is the judge."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pydicom
import pytest
import safetensors
from judges import standard_errors
from makers import networks
from makers.packed_models import files, make_model, make_network
from makers.recipes import label, liver_recipe
from onnx import numpy_helper

from IODeepLib.errors import ModelError, OutputError, RecipeError, UsageError
from IODeepLib.model_object import Model, read_card, unpack, verify, write_model
from IODeepLib.model_object.datasets import model_uid_of
from IODeepLib.model_object.private_dictionary import CREATOR, CREATOR_VERSION_UID, GROUP, Element
from IODeepLib.recipe import read_recipe
from IODeepLib.sources.folder import find_model

NETWORKS = networks.every()
REAL = ("ct_abdomen_5class", "deepbet_bbox_model", "model18cls", "model5_gw_ae")
LUNG = {"value": "39607008", "scheme": "SCT", "meaning": "Lung"}
KNEE = {"value": "72696002", "scheme": "SCT", "meaning": "Knee"}
TUMOUR = {"value": "108369006", "scheme": "SCT", "meaning": "Neoplasm"}


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """A network of three tensors above 1 KiB and three below, all trained."""
    return make_network(tmp_path)


@pytest.fixture
def model(tmp_path: Path) -> Model:
    """It, packed in one part."""
    return make_model(tmp_path)


@pytest.mark.parametrize("name", NETWORKS)
def test_unpacking_gives_back_what_was_packed(name: str, tmp_path: Path) -> None:
    path = networks.save(NETWORKS[name], tmp_path / "network.onnx")
    recipe = liver_recipe()
    model = write_model(path, recipe, tmp_path / "packed", max_part_bytes=5000)
    verify(model)
    unpacked = unpack(find_model(tmp_path / "packed"), tmp_path / "back")
    assert unpacked.read_bytes() == path.read_bytes()
    assert read_recipe(tmp_path / "back" / "recipe.json") == recipe
    assert sorted(item.name for item in (tmp_path / "back").iterdir()) == [
        "model.onnx",
        "recipe.json",
    ]
    for file in files(model):
        assert not standard_errors(file)


@pytest.mark.parametrize("name", REAL)
def test_the_real_networks_come_back_equal(name: str, shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "models" / f"{name}.onnx"
    model = write_model(path, liver_recipe(), tmp_path / "packed", max_part_bytes=500_000)
    assert unpack(model, tmp_path / "back").read_bytes() == path.read_bytes()
    for file in files(model):
        assert not standard_errors(file)


def test_the_instances_say_what_they_are(model: Model) -> None:
    card, weights = (pydicom.dcmread(path) for path in files(model))
    assert card.SOPClassUID == weights.SOPClassUID == "1.2.840.10008.5.1.4.1.1.66"
    assert card.CreatorVersionUID == weights.CreatorVersionUID == CREATOR_VERSION_UID
    assert card.StudyInstanceUID == weights.StudyInstanceUID
    assert card.SeriesInstanceUID != weights.SeriesInstanceUID
    assert card.Modality == weights.Modality == "OT"
    assert card.StudyID == weights.StudyID == "IODEEP-CT-MR"
    assert (card.PatientName, card.PatientID) == ("IODeep^Model", "IODEEP")
    assert card.SeriesDescription == "IODeep-liver-1.2.0"
    assert card.StudyDescription == "Leber und Milz – größer"
    assert card.BodyPartExamined == "ABDOMEN" and "BodyPartExamined" not in weights
    assert card.AnatomicRegionSequence[0].CodeValue == "818981001"
    assert card.Manufacturer == "Hospital"
    [reference] = card.ReferencedInstanceSequence
    assert reference.ReferencedSOPInstanceUID == weights.SOPInstanceUID
    block = card.private_block(GROUP, CREATOR)
    assert block[Element.MODALITIES].value == ["CT", "MR"]
    assert block[Element.TASK].value == "SEGMENTATION"
    uids = {weights.SOPInstanceUID, weights.SeriesInstanceUID, weights.StudyInstanceUID}
    uids |= {card.SOPInstanceUID, card.SeriesInstanceUID, block[Element.MODEL_UID].value}
    assert len(uids) == 6 and all(uid.startswith("2.25.") for uid in uids)


@pytest.mark.parametrize(
    ("modalities", "study_id"),
    [
        (["MR"], "IODEEP-MR"),
        (["CT", "PT", "MR"], "IODEEP-CT-PT-MR"),
        (["CT", "PT", "MR", "US"], "IODEEP-CT-PT-MR"),
        (["CT", "A_LONG_MODALITY", "MR"], "IODEEP-CT"),
        (["SIXTEEN_LETTERS_"], "IODEEP"),
    ],
)
def test_the_study_id_names_as_many_modalities_as_it_holds(
    modalities: list[str], study_id: str, network: Path, tmp_path: Path
) -> None:
    recipe = liver_recipe(applies_to={"modalities": modalities})
    model = write_model(network, recipe, tmp_path / "packed")
    for file in files(model):
        assert pydicom.dcmread(file).StudyID == study_id
        assert not standard_errors(file)


def test_cards_with_the_modality_of_images_are_read_for_ever(model: Model, tmp_path: Path) -> None:
    dataset = pydicom.dcmread(files(model)[0])
    dataset.Modality, dataset.StudyID = "CT", "IODEEP"  # as cards were written at first
    dataset.save_as(tmp_path / "card.dcm")
    card = read_card(tmp_path / "card.dcm")
    assert (card.modalities, card.recipe) == (model.card.modalities, model.card.recipe)


@pytest.mark.parametrize(
    "applies_to",
    [
        {"modalities": ["CT"]},
        {"modalities": ["CT"], "anatomic_regions": [LUNG]},
        {"modalities": ["MR"], "anatomic_regions": [KNEE], "laterality": "L"},
        {"modalities": ["MR"], "anatomic_regions": [LUNG, KNEE], "conditions": [TUMOUR, TUMOUR]},
    ],
)
def test_every_kind_of_card_is_valid(applies_to: dict, network: Path, tmp_path: Path) -> None:
    recipe = liver_recipe(applies_to=applies_to)
    model = write_model(network, recipe, tmp_path / "packed")
    assert read_card(files(model)[0]).recipe == recipe
    for file in files(model):
        assert not standard_errors(file)


def test_the_payload_is_a_safetensors_file_that_lies_well(network: Path, tmp_path: Path) -> None:
    model = write_model(network, liver_recipe(), tmp_path / "packed")
    [part] = model.weights()
    content = part.path.read_bytes()[part.payload.offset :][: part.payload.length]
    (tmp_path / "payload.safetensors").write_bytes(content)
    original = {t.name: t for t in onnx.load(network).graph.initializer}
    with safetensors.safe_open(tmp_path / "payload.safetensors", "np") as file:
        assert tuple(file.keys()) == tuple(sorted(model.card.manifest.parts[0].tensors))
        for name in file.keys():  # noqa: SIM118
            expected = onnx.numpy_helper.to_array(original[name])
            np.testing.assert_array_equal(file.get_tensor(name), expected)
    header = int.from_bytes(content[:8], "little") + 8
    assert part.payload.offset % 64 == 0 and header % 64 == 0


def test_the_architecture_and_the_payloads_are_a_whole_onnx_model(
    network: Path, tmp_path: Path
) -> None:
    """Anybody can take them out with other tools and run them."""
    model = write_model(network, liver_recipe(), tmp_path / "packed", max_part_bytes=20_000)
    (tmp_path / "model.onnx").write_bytes(model.card.read_architecture())
    for number, part in enumerate(model.weights(), 1):
        payload = part.path.read_bytes()[part.payload.offset :][: part.payload.length]
        (tmp_path / f"weights-{number}.safetensors").write_bytes(payload)
    image = np.random.default_rng(0).standard_normal((1, 1, 8, 8, 8)).astype(np.float32)
    results = [
        onnxruntime.InferenceSession(path).run(None, {"image": image})[0]
        for path in (network, tmp_path / "model.onnx")
    ]
    np.testing.assert_array_equal(*results)


def test_parts_are_split_between_tensors(network: Path, tmp_path: Path) -> None:
    model = write_model(network, liver_recipe(), tmp_path / "packed", max_part_bytes=20_000)
    parts = model.card.manifest.parts
    assert [part.tensors for part in parts] == [
        ("layer0.weight", "layer0.bias", "layer1.bias", "layer2.bias"),
        ("layer1.weight",),
        ("layer2.weight",),
    ]
    assert [part.part_number for part in model.weights()] == [1, 2, 3]
    both = write_model(network, liver_recipe(), tmp_path / "other", max_part_bytes=31_000)
    assert len(both.card.manifest.parts) == 2
    assert all(part.length <= 31_000 for part in both.card.manifest.parts)
    single = write_model(network, liver_recipe(), tmp_path / "single", max_part_bytes=1)
    assert len(single.card.manifest.parts) == 6


def test_small_external_tensors_come_into_the_architecture(tmp_path: Path) -> None:
    whole = networks.conv(3, layers=3)
    shape = numpy_helper.from_array(np.array([0, 0, -1], np.int64), "shape")
    whole.graph.initializer.append(shape)  # no node takes it
    path = networks.with_external_data(
        onnx.ModelProto.FromString(whole.SerializeToString()), tmp_path
    )
    model = write_model(path, liver_recipe(), tmp_path / "packed")
    assert "shape" not in model.card.manifest.parts[0].tensors
    assert len(model.card.manifest.parts[0].tensors) == 6
    back = onnx.load(unpack(model, tmp_path / "back"), load_external_data=False)
    for ours, expected in zip(back.graph.initializer, whole.graph.initializer, strict=True):
        assert ours.data_location == onnx.TensorProto.DEFAULT
        assert (ours.name, ours.raw_data) == (expected.name, expected.raw_data)


def test_a_model_beyond_two_gigabytes_is_unpacked_in_files(
    network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("IODeepLib.model_object.unpacking._MAX_MODEL_PROTO", 10_000)
    model = write_model(network, liver_recipe(), tmp_path / "packed", max_part_bytes=20_000)
    path = unpack(model, tmp_path / "back")
    assert len(list(path.parent.glob("weights-*.safetensors"))) == 3
    image = np.ones((1, 1, 8, 8, 8), np.float32)
    results = [
        onnxruntime.InferenceSession(p).run(None, {"image": image})[0] for p in (network, path)
    ]
    np.testing.assert_array_equal(*results)


def test_versions_share_their_model_uid_and_nothing_else(network: Path, tmp_path: Path) -> None:
    first = write_model(network, liver_recipe(), tmp_path / "1").card
    second = write_model(network, liver_recipe(version="1.3.0"), tmp_path / "2", parent=first).card
    assert first.model_uid == second.model_uid == model_uid_of(liver_recipe())
    assert second.parent_uid == first.sop_instance_uid and first.parent_uid is None
    assert first.study_instance_uid != second.study_instance_uid
    assert not standard_errors(tmp_path / "2" / "card.dcm")
    other = {"publisher": "Other", "intended_use": "Tests.", "licence": "MIT"}
    assert model_uid_of(liver_recipe(card=other)) != first.model_uid
    assert model_uid_of(liver_recipe(model_uid="1.2.3")) == "1.2.3"


def test_a_card_is_read_without_its_weights_and_architecture(model: Model) -> None:
    card = model.card
    assert (card.label, card.title) == ("liver@1.2.0", "Leber und Milz – größer")
    assert (card.modalities, card.task) == (("CT", "MR"), "SEGMENTATION")
    assert card.regions[0].meaning == "Abdomen" and card.conditions == ()
    assert card.created is not None
    assert "architecture" not in repr(card)


def test_nothing_is_left_after_an_interruption(network: Path, tmp_path: Path) -> None:
    class StopError(Exception):
        pass

    def stop(fraction: float, message: str) -> None:
        if fraction > 0.5:
            raise StopError

    before = sorted(tmp_path.iterdir())
    with pytest.raises(StopError):
        write_model(network, liver_recipe(), tmp_path / "packed", progress=stop)
    assert sorted(tmp_path.iterdir()) == before
    model = write_model(network, liver_recipe(), tmp_path / "packed")
    before = sorted(tmp_path.iterdir())
    with pytest.raises(StopError):
        unpack(model, tmp_path / "back", progress=stop)
    assert sorted(tmp_path.iterdir()) == before


def test_a_check_sees_the_whole_model_before_the_folder_appears(
    network: Path, tmp_path: Path
) -> None:
    def refuse(model: Model) -> None:
        verify(model)
        assert not (tmp_path / "packed").exists()
        raise RecipeError("this", "that", "correct it")

    with pytest.raises(RecipeError):
        write_model(network, liver_recipe(), tmp_path / "packed", check=refuse)
    assert list(tmp_path.iterdir()) == [network]


def test_progress_goes_from_nothing_to_all(network: Path, tmp_path: Path) -> None:
    seen: list[float] = []
    model = write_model(
        network, liver_recipe(), tmp_path / "p", progress=lambda f, m: seen.append(f)
    )
    assert seen[0] == 0 and seen[-1] == 1 and seen == sorted(seen)
    seen.clear()
    unpack(model, tmp_path / "back", progress=lambda f, m: seen.append(f))
    assert seen[-1] == 1 and seen == sorted(seen)


def test_what_is_in_the_way_stays(network: Path, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").touch()
    for target in (tmp_path / "full", network, network / "below"):
        with pytest.raises(OutputError):
            write_model(network, liver_recipe(), target)
    (tmp_path / "empty").mkdir()
    write_model(network, liver_recipe(), tmp_path / "empty")


def test_a_source_that_ends_meanwhile_is_a_model_error(network: Path, tmp_path: Path) -> None:
    def shorten(fraction: float, message: str) -> None:
        path.with_name("data.bin").write_bytes(b"")

    path = networks.with_external_data(networks.conv(3, layers=3), tmp_path)
    with pytest.raises(ModelError, match=r"ends .* bytes too early|up to byte"):
        write_model(path, liver_recipe(), tmp_path / "packed", progress=shorten)
    assert not (tmp_path / "packed").exists()


def test_too_many_parts_are_refused(network: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("IODeepLib.model_object.packing._MAX_PARTS", 2)
    with pytest.raises(UsageError):
        write_model(network, liver_recipe(), tmp_path / "packed", max_part_bytes=1)


PACKING = """
import resource, sys
from IODeepLib.model_object import write_model, unpack, verify
from makers.recipes import liver_recipe
recipe = liver_recipe()
tiny, large, out = sys.argv[1:]
write_model(tiny, recipe, out + "/tiny")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
model = write_model(large, recipe, out + "/large")
verify(model)
unpack(model, out + "/back")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux")
def test_weights_are_never_held_in_memory(network: Path, tmp_path: Path) -> None:
    """100 MB are packed, verified and unpacked in a fifth of that."""
    large = networks.save(networks.dense(5120), tmp_path / "large.onnx")
    assert large.stat().st_size > 100e6
    testing = Path(__file__).resolve().parents[2]
    result = subprocess.run(
        [sys.executable, "-c", PACKING, network, large, tmp_path],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONPATH": f"{testing}:{testing.parent}"},
    )
    assert int(result.stdout) < 20 * 1024  # KiB


@pytest.mark.parametrize("labels", [1, 50, 100, 300, 1000])
def test_cards_of_any_length_are_read(labels: int, tmp_path: Path) -> None:
    """Long texts are left in the file until they are asked for."""
    output = {"channels": labels + 1, "labels": [label(i + 1) for i in range(labels)]}
    recipe = liver_recipe(output=output)
    model = write_model(make_network(tmp_path), recipe, tmp_path / "packed")
    assert read_card(model.card.path).recipe == recipe
    assert find_model(tmp_path / "packed").card.recipe == recipe
