"""Folders of nnU-Net to IODeep instances: what is read, and what is refused and leaves nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("dynamic_network_architectures")

from command import Answer  # noqa: E402
from makers import nnunet_plans  # noqa: E402
from makers.nnunet_models import checkpoint, model_folder, random_weights  # noqa: E402

from IODeepLib.importers import packages  # noqa: E402
from IODeepLib.importers.nnunet import draft  # noqa: E402
from IODeepLib.network.onnx_runtime import onnx_runtime  # noqa: E402

ANSWERS = [
    *("--set", "input.orientation=LPS", "--set", "applies_to.anatomic_regions=Abdomen"),
    *("--set", "card.publisher=Nobody", "--set", "card.intended_use=Tests"),
    *("--set", "card.licence=MIT"),
]
Import = Callable[..., Answer]


@pytest.fixture
def imported(iodeep: Callable[..., Answer], tmp_path: Path) -> Import:
    """Calls `iodeep import nnunet PATH --out out` with all answers."""

    def call(path: Path, *more: str) -> Answer:
        return iodeep("import", "nnunet", path, "--out", tmp_path / "out", *ANSWERS, *more)

    return call


def refused(outcome: Answer, folder: Path, status: int = 4) -> str:
    """The one line of an import that was refused with nothing written."""
    assert outcome.status == status, outcome.err
    assert outcome.err.count("\n") == 1
    assert not (folder / "out").exists()
    assert not list(folder.glob(".out-*"))
    return outcome.err


def test_a_folder_becomes_a_model(imported: Import, tmp_path: Path) -> None:
    done = imported(model_folder(tmp_path), "--json")
    assert done.status == 0, done.err
    document = json.loads(done.out)
    assert document["model"] == "abdomen-ct@1.0.0"
    assert document["recipe"]["input"]["mirror"] == "ZYX"
    assert document["recipe"]["output"]["channels"] == 3
    assert {Path(name).name for name in document["files"]} == {"card.dcm", "weights-1.dcm"}


@pytest.mark.parametrize("of", ["2d", "3d_fullres"])
@pytest.mark.parametrize("old", [False, True])
def test_every_dimension_and_age(imported: Import, tmp_path: Path, of: str, old: bool) -> None:
    former = {"2d": nnunet_plans.old_configuration(2)}
    former["3d_fullres"] = nnunet_plans.old_configuration(3)
    plans = nnunet_plans.plans(**({"configurations": former} if old else {}))
    assert imported(model_folder(tmp_path, of, plans=plans)).status == 0


def test_a_residual_encoder(imported: Import, tmp_path: Path) -> None:
    of = nnunet_plans.configuration(3, architecture=nnunet_plans.architecture(residual=True))
    plans = nnunet_plans.plans(configurations={"3d_fullres": of})
    assert (
        imported(model_folder(tmp_path, plans=plans, weights=random_weights(residual=True))).status
        == 0
    )


def scores(path: Path) -> np.ndarray:
    """Of a network that was imported, for noise."""
    patch = np.random.default_rng(5).normal(size=(1, 1, 8, 16, 16)).astype(np.float32)
    return onnx_runtime().InferenceSession(path).run(None, {"image": patch})[0]


def test_folds_are_networks_of_their_own(imported: Import, tmp_path: Path) -> None:
    folder = model_folder(tmp_path, folds=("0", "1", "10"))
    with draft(folder) as made:
        assert made.recipe["networks"] == ["fold-0", "fold-1", "fold-10"]
        written = made.write(tmp_path)
    each = [scores(written[name]) for name in made.recipe["networks"]]
    assert not np.allclose(each[0], each[1], atol=1e-3)
    for fold, wanted in zip(("0", "1", "10"), each, strict=True):
        with draft(folder, fold) as made:
            assert "networks" not in made.recipe
            np.testing.assert_array_equal(scores(made.write(tmp_path)), wanted)
    assert imported(folder, "--folds", "10,0").status == 0


@pytest.mark.parametrize(("folds", "name"), [(None, "fold_0"), ("all", "fold_all")])
def test_the_fold_of_all_data(tmp_path: Path, folds: str | None, name: str) -> None:
    folder = model_folder(tmp_path, folds=("0", "all"))
    with draft(folder, folds) as made:
        found = scores(made.write(tmp_path))
    (tmp_path / "alone").mkdir()
    with draft(model_folder(tmp_path / "x", folds=("0", "all")), name[5:]) as made:
        np.testing.assert_array_equal(scores(made.write(tmp_path / "alone")), found)


def test_the_best_checkpoint_where_training_was_not_finished(
    imported: Import, tmp_path: Path
) -> None:
    folder = model_folder(tmp_path)
    path = folder / "fold_0" / "checkpoint_final.pth"
    path.rename(path.with_name("checkpoint_best.pth"))
    assert "checkpoint_best.pth" in imported(folder).out


def test_a_zip_file_as_nnunet_exports_it(imported: Import, tmp_path: Path) -> None:
    folder = model_folder(tmp_path / "results")
    path = tmp_path / "model.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in folder.rglob("*.*"):
            archive.write(file, file.relative_to(tmp_path / "results"))
        archive.writestr("../evil", "x")
    assert imported(path).status == 0
    assert not (tmp_path.parent / "evil").exists()


def test_a_zip_file_of_several_is_called_by_its_name(imported: Import, tmp_path: Path) -> None:
    for of in ("2d", "3d_fullres"):
        model_folder(tmp_path / "r", of)
    path = tmp_path / "model.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in (tmp_path / "r").rglob("*.*"):
            archive.write(file, file.relative_to(tmp_path / "r"))
    assert "model.zip with 2 trained models" in refused(imported(path), tmp_path, 2)
    assert imported(path, "--configuration", "2d").status == 0


def test_one_of_several_configurations(imported: Import, tmp_path: Path) -> None:
    model_folder(tmp_path / "r")
    model_folder(tmp_path / "r", "2d")
    said = refused(imported(tmp_path / "r"), tmp_path, 2)
    assert "Dataset301_Abdomen/nnUNetTrainerOfAStranger__nnUNetPlans__2d" in said
    assert imported(tmp_path / "r", "--configuration", "2d").status == 0


def test_all_that_is_missing_is_asked_at_once(
    iodeep: Callable[..., Answer], tmp_path: Path
) -> None:
    outcome = iodeep("import", "nnunet", model_folder(tmp_path), "--out", tmp_path / "out")
    said = refused(outcome, tmp_path)
    for path in ("input.orientation", "applies_to.anatomic_regions", "card.licence"):
        assert f"--set {path}=" in said


def test_a_draft_writes_nothing(iodeep: Callable[..., Answer], tmp_path: Path) -> None:
    done = iodeep("import", "nnunet", model_folder(tmp_path), "--draft", "--json")
    document = json.loads(done.out)
    assert done.status == 0
    assert "input.orientation" in [item["path"] for item in document["missing"]]
    assert document["recipe"]["input"]["axis_order"] == "NCZYX"


def test_postprocessing_is_done_unless_it_is_left_out(tmp_path: Path) -> None:
    folder = model_folder(tmp_path)
    path = folder / "crossval_results_folds_0" / "postprocessing.json"
    path.parent.mkdir()
    function = "remove_all_but_largest_component_from_segmentation"
    kwargs = [{"labels_or_regions": [1]}]
    path.write_text(json.dumps({"postprocessing_fns": [function], "postprocessing_kwargs": kwargs}))
    with draft(folder) as made:
        assert made.recipe["after"] == [{"step": "largest_component", "labels": ["liver"]}]
    with draft(folder, postprocess=False) as made:
        assert "after" not in made.recipe


def test_what_was_measured_stands_in_the_card(tmp_path: Path) -> None:
    folder = model_folder(tmp_path, folds=("0", "1"))
    means = {"1": {"Dice": 0.912345, "IoU": 0.8}, "2": {"Dice": 0.5}, "(1, 2)": {"Dice": 0.1}}
    for name in ("crossval_results_folds_0_1", "fold_1/validation"):
        (folder / name).mkdir()
        (folder / name / "summary.json").write_text(json.dumps({"mean": means}))
        means = {"1": {"Dice": 0.25}}
    with draft(folder) as made:
        found = [(one["label"], one["value"]) for one in made.recipe["card"]["performance"]]
        assert found == [("liver", 0.9123), ("spleen", 0.5)]
    with draft(folder, "1") as made:
        [one] = made.recipe["card"]["performance"]
        assert one == {
            "dataset": "fold_1/validation",
            "metric": "Dice",
            "value": 0.25,
            "label": "liver",
        }
    with draft(folder, "0") as made:
        assert "performance" not in made.recipe["card"]


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"mean": {"1": 5}}', '{"mean": {"1": {"Dice": NaN}}}']
)
def test_what_cannot_be_read_was_not_measured(tmp_path: Path, text: str) -> None:
    folder = model_folder(tmp_path)
    (folder / "fold_0" / "validation").mkdir()
    (folder / "fold_0" / "validation" / "summary.json").write_text(text)
    with draft(folder) as made:
        assert "performance" not in made.recipe["card"]


class Marking:
    """Makes a folder as soon as it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_a_checkpoint_that_runs_code(imported: Import, tmp_path: Path) -> None:
    folder = model_folder(tmp_path, more=Marking(tmp_path / "mark"))
    assert "posix.mkdir" in refused(imported(folder), tmp_path)
    assert not (tmp_path / "mark").exists()


def test_a_truncated_checkpoint(imported: Import, tmp_path: Path) -> None:
    folder = model_folder(tmp_path)
    path = folder / "fold_0" / "checkpoint_final.pth"
    path.write_bytes(path.read_bytes()[:-1000])
    assert "damaged" in refused(imported(folder), tmp_path)


KINDS = {
    "whole": lambda tensor: tensor.to(torch.int64),
    "complex": lambda tensor: tensor.to(torch.complex64),
    "sparse": lambda tensor: tensor.to_sparse(),
    "nowhere": lambda tensor: tensor.to("meta"),
    "infinite": lambda tensor: tensor / 0,
}


@pytest.mark.parametrize("kind", KINDS)
def test_weights_of_another_kind(imported: Import, tmp_path: Path, kind: str) -> None:
    weights = {name: KINDS[kind](tensor) for name, tensor in random_weights().items()}
    refused(imported(model_folder(tmp_path, weights=weights)), tmp_path)


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16, torch.float64])
def test_weights_of_other_precision(imported: Import, tmp_path: Path, kind: torch.dtype) -> None:
    weights = {name: tensor.to(kind) for name, tensor in random_weights().items()}
    assert imported(model_folder(tmp_path, weights=weights)).status == 0


@pytest.mark.parametrize("what", ["missing", "shape", "more", "text"])
def test_weights_that_do_not_fit(imported: Import, tmp_path: Path, what: str) -> None:
    weights = dict(random_weights())
    name = "encoder.stages.1.0.convs.0.conv.weight"
    if what == "missing":
        del weights[name]
    elif what == "shape":
        weights[name] = weights[name][:4]
    elif what == "text":
        weights[name] = "text"
    else:
        name = "transformer.weight"
        weights[name] = torch.ones(3)
    assert name in refused(imported(model_folder(tmp_path, weights=weights)), tmp_path)


def test_a_trainer_that_changed_the_network(imported: Import, tmp_path: Path) -> None:
    norm = {"norm_op": "torch.nn.modules.batchnorm.BatchNorm3d"}
    folder = model_folder(tmp_path, weights=random_weights(**norm))
    assert "running_mean" in refused(imported(folder), tmp_path)


def test_wrapped_weights_are_the_same(imported: Import, tmp_path: Path) -> None:
    wrapped = {f"module._orig_mod.{name}": value for name, value in random_weights().items()}
    assert imported(model_folder(tmp_path, weights=wrapped)).status == 0


def test_labels_that_disagree_with_heads(imported: Import, tmp_path: Path) -> None:
    folder = model_folder(tmp_path, weights=random_weights(heads=5))
    said = refused(imported(folder), tmp_path)
    assert "5 outputs" in said
    assert "3, as dataset.json has labels" in said


def test_channels_that_disagree(imported: Import, tmp_path: Path) -> None:
    folder = model_folder(tmp_path, weights=random_weights(channels=2))
    assert "encoder.stages.0" in refused(imported(folder), tmp_path)


@pytest.mark.parametrize("folds", ["1", "0,1", "x", "0,0", "", "../0", "-1"])
def test_a_missing_fold(imported: Import, tmp_path: Path, folds: str) -> None:
    said = refused(imported(model_folder(tmp_path), f"--folds={folds}"), tmp_path, 2)
    assert "--folds" in said


def test_a_fold_without_checkpoint(imported: Import, tmp_path: Path) -> None:
    folder = model_folder(tmp_path)
    (folder / "fold_1").mkdir()
    assert "no checkpoint in" in refused(imported(folder), tmp_path)


def changed(**changes: Any) -> dict[str, Any]:
    """Plans with another configuration."""
    of = nnunet_plans.configuration(3, **changes)
    return nnunet_plans.plans(configurations={"3d_fullres": of})


FOREIGN = {"network_class_name": "my.networks.Mamba", "arch_kwargs": {}}
NO_STAGES = nnunet_plans.architecture()
del NO_STAGES["arch_kwargs"]["n_stages"]


@pytest.mark.parametrize(
    ("plans", "words"),
    [
        (changed(architecture=FOREIGN), "my.networks.Mamba"),
        (changed(architecture=nnunet_plans.architecture(conv_op="os.system")), "os.system"),
        (changed(architecture=nnunet_plans.architecture(nonlin="torch.nn.Module")), "nn.Module"),
        (changed(architecture=nnunet_plans.architecture(magic=1)), "'magic'"),
        (changed(architecture=nnunet_plans.architecture(n_stages=9)), "cannot be built"),
        (changed(architecture=nnunet_plans.architecture(n_stages=10**9)), "n_stages"),
        (changed(architecture=nnunet_plans.architecture(features_per_stage=[2**15] * 3)), "shape"),
        (changed(architecture=NO_STAGES), "n_stages: nothing"),
        (changed(normalization_schemes=["MyNormalization"]), "MyNormalization"),
        (changed(resampling_fn_data="my_resampling"), "my_resampling"),
        (changed(patch_size=[7, 15, 15]), "7, 15, 15"),
    ],
)
def test_plans_that_cannot_be_carried_out(
    imported: Import, tmp_path: Path, plans: dict[str, Any], words: str
) -> None:
    assert words in refused(imported(model_folder(tmp_path, plans=plans)), tmp_path)


@pytest.mark.parametrize("name", ["plans.json", "dataset.json"])
@pytest.mark.parametrize("text", ["", "[]", "{", "{}", '{"a": NaN}', "[" * 100_000])
def test_damaged_json(imported: Import, tmp_path: Path, name: str, text: str) -> None:
    folder = model_folder(tmp_path)
    (folder / name).write_text(text)
    assert name in refused(imported(folder), tmp_path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"inference_allowed_mirroring_axes": (0, 5)}, "mirroring_axes"),
        ({"inference_allowed_mirroring_axes": "x"}, "mirroring_axes"),
        ({"init_args": {}}, "the name of its configuration"),
        ({"init_args": {"configuration": "4d"}}, "no configuration '4d'"),
        ({"network_weights": [1]}, "without network_weights"),
    ],
)
def test_checkpoints_that_say_something_else(
    imported: Import, tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    folder = model_folder(tmp_path)
    made = checkpoint(random_weights(), **changes)
    torch.save(made, folder / "fold_0" / "checkpoint_final.pth")
    status = 2 if "4d" in words else 4
    assert words in refused(imported(folder), tmp_path, status)


def test_no_mirroring(tmp_path: Path) -> None:
    with draft(model_folder(tmp_path, inference_allowed_mirroring_axes=None)) as made:
        assert made.recipe["input"]["mirror"] == ""


@pytest.mark.parametrize("what", ["nothing", "empty", "file"])
def test_what_is_no_model(imported: Import, tmp_path: Path, what: str) -> None:
    path = tmp_path / what
    if what == "empty":
        path.mkdir()
    elif what == "file":
        path.write_text("no zip")
    refused(imported(path), tmp_path)


def test_torchvision_for_another_pytorch() -> None:
    """Its library cannot be loaded then, and its Python part asks for what would be in it."""
    if find_spec("torchvision") is None:
        pytest.skip("no torchvision")
    code = """
import torch
def fails(path): raise OSError("undefined symbol")
torch.ops.load_library = fails
try:
    import torchvision
except RuntimeError as error:
    assert "nms" in str(error)
    from IODeepLib.importers import packages
    print(packages.unet().PlainConvUNet.__name__)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "PlainConvUNet", done.stderr[-2000:]
    assert packages.unet() is not None
