"""Models of nnU-Net with several networks: cascades, and parts that make one model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("dynamic_network_architectures")

from command import Answer, refused  # noqa: E402
from makers import nnunet_plans  # noqa: E402
from makers.nnunet_models import model_folder, random_weights  # noqa: E402

from IODeepLib.importers.answers import complete, put_answers  # noqa: E402
from IODeepLib.importers.nnunet import draft  # noqa: E402
from IODeepLib.recipe import Recipe  # noqa: E402

ANSWERS = [
    "card.publisher=Nobody",
    "card.intended_use=Tests",
    "card.licence=MIT",
    "applies_to.anatomic_regions=",
    "input.orientation=LPS",
]


def completed(path: Path, *more: str, **how: Any) -> Recipe:
    """The recipe of an import with all answers."""
    with draft(path, **how) as made:
        put_answers(made, [*ANSWERS, *more])
        return complete(made)


def cascade_plans(**changes: Any) -> dict[str, Any]:
    """Plans of a cascade."""
    low = nnunet_plans.configuration(3, spacing=[4, 4, 4], next_stage="3d_cascade_fullres")
    above = {"inherits_from": "3d_fullres", "previous_stage": "3d_lowres"}
    all_of = {"3d_fullres": nnunet_plans.configuration(3), "3d_lowres": low}
    return nnunet_plans.plans(configurations=all_of | {"3d_cascade_fullres": above | changes})


@pytest.fixture
def cascade(tmp_path: Path) -> Path:
    """The second of two stages; the first one lies beside it."""
    plans = cascade_plans()
    model_folder(tmp_path, "3d_lowres", ("0", "1"), plans=plans)
    weights = random_weights(channels=3)
    return model_folder(tmp_path, "3d_cascade_fullres", plans=plans, weights=weights)


def test_a_cascade_reads_the_labels_of_the_stage_before(cascade: Path) -> None:
    first, second = completed(cascade).stages
    assert (first.name, second.name) == ("3d_lowres", "3d_cascade_fullres")
    assert [channel.name for channel in first.input.channels] == ["CT"]
    read = [(channel.stage, channel.label) for channel in second.input.channels]
    assert read == [(None, None), ("3d_lowres", "liver"), ("3d_lowres", "spleen")]
    assert second.input.label_interpolation == "per_class"
    assert first.input.grid.spacing == (4, 4, 4)
    assert second.input.grid.spacing == (3, 1.5, 1.25)
    assert {stage.input.orientation for stage in (first, second)} == {"LPS"}


def test_the_folds_of_a_stage_are_networks(cascade: Path, tmp_path: Path) -> None:
    first, second = completed(cascade).stages
    assert first.networks == ("3d_lowres-fold-0", "3d_lowres-fold-1")
    assert second.network_names == ("3d_cascade_fullres",)
    with draft(cascade) as made:
        written = made.write(tmp_path)
    assert set(written) == {*first.networks, "3d_cascade_fullres"}
    assert all(path.is_file() for path in written.values())


def test_codes_are_answered_once_for_both_stages(tmp_path: Path) -> None:
    plans, data = cascade_plans(), nnunet_plans.dataset(labels={"background": 0, "xyz": 1})
    for of, channels in (("3d_lowres", 1), ("3d_cascade_fullres", 2)):
        weights = random_weights(channels=channels, heads=2)
        folder = model_folder(tmp_path, of, plans=plans, dataset=data, weights=weights)
    place = "stages[3d_cascade_fullres].output.labels[xyz]"
    recipe = completed(
        folder, f"{place}.type=Liver", f"{place}.category=SCT^91723000^Anatomical Structure"
    )
    assert {stage.output.labels[0].type.meaning for stage in recipe.stages} == {"Liver"}


def test_a_stage_before_from_elsewhere(cascade: Path, tmp_path: Path) -> None:
    low = cascade.parent / cascade.name.replace("3d_cascade_fullres", "3d_lowres")
    other = low.rename(tmp_path / "low")
    assert len(completed(cascade, previous_stage=other).stages) == 2


def test_a_cascade_without_its_first_stage_is_refused(
    cascade: Path, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    low = cascade.parent / cascade.name.replace("3d_cascade_fullres", "3d_lowres")
    low.rename(tmp_path / "elsewhere")
    answer = iodeep("import", "nnunet", cascade, "--out", tmp_path / "out")
    refused(answer, 2, "3d_lowres", "--previous-stage")


@pytest.mark.parametrize("kind", ["itself", "labels", "no cascade"])
def test_stages_that_do_not_belong_together_are_refused(
    cascade: Path, tmp_path: Path, iodeep: Callable[..., Answer], kind: str
) -> None:
    low = cascade.parent / cascade.name.replace("3d_cascade_fullres", "3d_lowres")
    words, status = "", 2
    if kind == "itself":
        low, words = cascade, "3d_cascade_fullres, before 3d_cascade_fullres"
    elif kind == "labels":
        labels = {"background": 0, "a": 1, "b": 2}
        (low / "dataset.json").write_text(json.dumps(nnunet_plans.dataset(labels=labels)))
        words, status = "other labels in 3d_lowres", 4
    else:
        low, cascade, words = cascade, low, "it is no cascade"
    answer = iodeep(
        *("import", "nnunet", cascade, "--previous-stage", low, "--out", tmp_path / "out")
    )
    refused(answer, status, words)


def test_labels_that_are_resampled_otherwise_are_refused(
    tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    plans = cascade_plans(resampling_fn_seg="my_resampling")
    model_folder(tmp_path, "3d_lowres", plans=plans)
    folder = model_folder(tmp_path, "3d_cascade_fullres", plans=plans)
    answer = iodeep("import", "nnunet", folder, "--out", tmp_path / "out")
    refused(answer, 4, "resampling_fn_seg", "my_resampling")


def part(parent: Path, number: int, words: str, *labels: str) -> Path:
    """A part of TotalSegmentator, by its names."""
    name = f"Dataset{290 + number}_TotalSegmentator_part{number}_{words}_1559subj"
    values = {"background": 0} | {label: i + 1 for i, label in enumerate(labels)}
    return model_folder(
        parent,
        plans=nnunet_plans.plans(dataset_name=name),
        dataset=nnunet_plans.dataset(labels=values),
        weights=random_weights(heads=len(values)),
        inference_allowed_mirroring_axes=None,
    )


def test_parts_become_one_model(tmp_path: Path) -> None:
    results = tmp_path / "nnunet" / "results"
    part(results, 2, "vertebrae", "vertebrae_L5", "vertebrae_L4")
    part(results, 1, "organs", "spleen", "kidney_right", "kidney_left")
    recipe = completed(tmp_path / "nnunet")
    assert [stage.name for stage in recipe.stages] == ["1-organs", "2-vertebrae"]
    labels = [(label.value, label.name, label.channel) for label in recipe.labels]
    assert labels == [
        (1, "spleen", 1),
        (2, "kidney_right", 2),
        (3, "kidney_left", 3),
        (4, "vertebrae_L5", 1),
        (5, "vertebrae_L4", 2),
    ]
    assert {stage.input.orientation for stage in recipe.stages} == {"RAS"}


def test_a_part_that_is_missing_makes_no_model(
    tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    part(tmp_path / "r", 1, "organs", "spleen", "liver")
    part(tmp_path / "r", 3, "cardiac", "heart", "aorta")
    answer = iodeep("import", "nnunet", tmp_path / "r", "--out", tmp_path / "out")
    refused(answer, 2, "with 2 trained models", "part3_cardiac")
