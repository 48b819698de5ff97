"""A model shrunk: all its networks, measured, as the next version, or not at all."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from makers import networks
from makers.recipes import label, recipe
from makers.series import Stack
from makers.staged_recipes import IMAGE, label_channel, stage, staged
from makers.summing_networks import model_of, models_of, sums
from onnx import TensorProto, helper, numpy_helper

from IODeepLib.errors import ImageError, ModelError, NoModelFitsError, OutputError, UsageError
from IODeepLib.model_object import Model, unpack
from IODeepLib.pipeline import run
from IODeepLib.publish import pack
from IODeepLib.recipe import Recipe
from IODeepLib.series import ImageSeries, find_series
from IODeepLib.shrink.precision import Precision
from IODeepLib.shrink.shrink import Case, shrink

INPUT = {"intensity": [{"step": "z_score"}]}
ONE = {"input": INPUT, "output": {"channels": 4, "labels": [label(1), label(2), label(3)]}}
TYPES = {Precision.FP16: TensorProto.FLOAT16, Precision.INT8: TensorProto.INT8}


def network(
    channels: int = 1, classes: int = 4, seed: int = 11, bias: float = 0.0
) -> onnx.ModelProto:
    """A small network of convolutions; `bias` is that of the first class."""
    made = networks.conv(3, layers=3, seed=seed)
    generator = np.random.default_rng(seed)
    first = generator.standard_normal((16, channels, 3, 3, 3)).astype(np.float32) * 0.1
    last = generator.standard_normal((classes, 16, 1, 1, 1)).astype(np.float32)
    added = np.array([bias] + [0] * (classes - 1), np.float32)
    graph = made.graph
    graph.initializer[0].CopyFrom(numpy_helper.from_array(first, "layer0.weight"))
    graph.initializer.extend(
        [numpy_helper.from_array(last, "last"), numpy_helper.from_array(added, "added")]
    )
    graph.input[0].type.tensor_type.shape.dim[1].dim_value = channels
    graph.node.append(helper.make_node("Conv", ["relu2", "last", "added"], ["scores"]))
    output = helper.make_tensor_value_info("scores", TensorProto.FLOAT, [1, classes, *[None] * 3])
    graph.output[0].CopyFrom(output)
    return made


def make(folder: Path, asked: Recipe, **made: onnx.ModelProto) -> Model:
    folder.mkdir(exist_ok=True)
    if made:
        return models_of(folder, made, asked)
    return pack(networks.save(network(), folder / "network.onnx"), asked, folder / "model")


@pytest.fixture
def series(tmp_path: Path) -> ImageSeries:
    """Smooth, uneven in size and spacing."""
    generator = np.random.default_rng(3)
    coarse = generator.integers(0, 1000, (3, 6, 5))
    voxels = np.kron(coarse, np.ones((3, 4, 4))).astype(np.int16)[:8, :23, :19]
    (found,) = find_series(Stack(voxels, spacing=(2.5, 0.8, 0.7)).write(tmp_path / "images"))
    return found


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go: nothing is left there."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def types(model: Model, folder: Path) -> list[set[int]]:
    """The types of the large weights of each network."""
    unpack(model, folder)
    return [
        {t.data_type for t in onnx.load(path).graph.initializer if len(t.dims) == 5}
        for path in sorted(folder.glob("*.onnx"))
    ]


@pytest.mark.parametrize("to", list(Precision))
def test_the_new_version(
    tmp_path: Path, series: ImageSeries, temporary: Path, to: Precision
) -> None:
    model = make(tmp_path / "m", recipe(**ONE))
    heard: list[float] = []
    smaller, figures = shrink(
        model,
        [Case(series)],
        to,
        tmp_path / "out",
        least_dice=0.5,
        progress=lambda fraction, message: heard.append(fraction),
    )
    assert list(temporary.iterdir()) == []
    assert heard == sorted(heard)
    assert 0 <= heard[0] <= heard[-1] <= 1
    card, before = smaller.card, model.card
    assert (card.version, card.model_uid) == ("1.1.0", before.model_uid)
    assert card.parent_uid == before.sop_instance_uid
    assert card.recipe_json.replace("1.1.0", "1.0.0") == before.recipe_json
    assert TYPES[to] in types(smaller, tmp_path / "unpacked")[0]
    assert figures.megabytes[1] < figures.megabytes[0]
    found = [run(series, one).segmentation for one in (model, smaller)]
    assert found[0] is not None
    assert found[1] is not None
    for known in found[0].labels:
        one, other = (segmentation.mask(known) for segmentation in found)
        dice = 2 * np.count_nonzero(one & other) / (one.sum() + other.sum())
        assert figures.dice[known.name] == pytest.approx(dice)
        assert 0.5 < dice <= 1
    listed = {(m.metric, m.label): m.value for m in card.recipe.card.performance}
    assert {m.dataset for m in card.recipe.card.performance} == {"1 MR series, 8 slices"}
    for name, dice in figures.dice.items():
        assert 0 <= dice - listed["Dice against 1.0.0", name] < 1e-4
    assert listed["MB, after", ""] <= listed["MB, before", ""]
    assert sum(metric.startswith("seconds a run, ") for metric, _ in listed) == 2
    assert "from 1.0.0" in card.recipe.card.limitations


def test_all_images_are_counted_together(tmp_path: Path, series: ImageSeries) -> None:
    """Of several series there is one Dice, in which each voxel counts alike."""
    turned = Stack(series.volume().array[:5, ::-1], spacing=(3.0, 0.9, 0.9))
    (other,) = find_series(turned.write(tmp_path / "other"))
    model = make(tmp_path / "m", recipe(**ONE))
    cases = [Case(series), Case(other)]
    smaller, figures = shrink(model, cases, Precision.INT8, tmp_path / "out", least_dice=0.5)
    assert figures.dataset == "2 MR series, 13 slices"
    both = np.zeros((2, 3))
    for case in cases:
        one, two = (run(case.series, version).segmentation for version in (model, smaller))
        assert one is not None
        assert two is not None
        for i, known in enumerate(one.labels):
            masks = one.mask(known), two.mask(known)
            both[:, i] += np.count_nonzero(masks[0] & masks[1]), masks[0].sum() + masks[1].sum()
    assert list(figures.dice.values()) == pytest.approx(2 * both[0] / both[1])


def staged_model(folder: Path) -> Model:
    asked = staged(
        stage("low", label(1, "Coarse"), input=INPUT),
        stage(
            "full",
            label(2, "One"),
            label(3, "Two"),
            input={"channels": [IMAGE, label_channel("low", "Coarse")], **INPUT},
            networks=["a", "b"],
        ),
    )
    made = {name: network(2, 3, seed) for seed, name in enumerate("ab")}
    return make(folder, asked, low=network(1, 2, 7), **made)


@pytest.mark.parametrize("to", list(Precision))
def test_every_network_of_several(tmp_path: Path, series: ImageSeries, to: Precision) -> None:
    """A cascade whose second stage is an ensemble."""
    model = staged_model(tmp_path / "m")
    smaller, figures = shrink(model, [Case(series)], to, tmp_path / "out", least_dice=0.5)
    found = types(smaller, tmp_path / "unpacked")
    assert len(found) == 3
    assert all(TYPES[to] in kinds for kinds in found)
    assert set(figures.dice) == {"One", "Two"}


def test_what_was_measured_before_and_what_was_found_by_neither(
    tmp_path: Path, series: ImageSeries
) -> None:
    asked = recipe(
        **ONE,
        card={
            "limitations": "Adults only.",
            "performance": [{"dataset": "50 cases", "metric": "Dice", "value": 0.9}],
        },
    )
    never = network()
    added = next(t for t in never.graph.initializer if t.name == "added")
    added.CopyFrom(numpy_helper.from_array(np.array([0, 0, 0, -1e4], np.float32), "added"))
    (tmp_path / "m").mkdir()
    path = networks.save(never, tmp_path / "m" / "network.onnx")
    model = pack(path, asked, tmp_path / "m" / "model")
    smaller, figures = shrink(
        model, [Case(series)], Precision.FP16, tmp_path / "out", version="7.0.0-rc.1"
    )
    assert smaller.card.version == "7.0.0-rc.1"
    assert set(figures.dice) == {"Label 1", "Label 2"}
    card = smaller.card.recipe.card
    assert (card.performance[0].metric, card.performance[0].value) == ("Dice (of 1.0.0)", 0.9)
    assert card.limitations.startswith("Adults only. Shrunk to float16 from 1.0.0")
    assert card.limitations.endswith("not compared: Label 3.")


def refusals(tmp_path: Path, series: ImageSeries) -> dict[str, Callable[[Path], object]]:
    fp16, int8 = Precision.FP16, Precision.INT8
    case = [Case(series)]

    def blind(out: Path) -> object:
        """Scores of the background are always the highest."""
        (tmp_path / "m").mkdir()
        path = networks.save(network(bias=1e4), tmp_path / "m" / "network.onnx")
        return shrink(pack(path, recipe(**ONE), tmp_path / "m" / "model"), case, fp16, out)

    def again(out: Path) -> object:
        smaller, _ = shrink(make(tmp_path / "m", recipe(**ONE)), case, fp16, tmp_path / "half")
        return shrink(smaller, case, int8, out)

    def one(to: Precision = fp16, cases: list[Case] = case, **more) -> Callable[[Path], object]:
        return lambda out: shrink(make(tmp_path / "m", recipe(**ONE)), cases, to, out, **more)

    return {
        "finds nothing": blind,
        "float16 already": again,
        "for each label; next: take fp16": one(int8, least_dice=1.0),
        "has itself": one(version="1.0.0"),
        "16 characters": one(version="next"),
    }


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("finds nothing", ImageError),
        ("float16 already", ModelError),
        ("for each label; next: take fp16", ModelError),
        ("has itself", UsageError),
        ("16 characters", UsageError),
    ],
)
def test_what_is_refused_leaves_nothing(
    tmp_path: Path, series: ImageSeries, temporary: Path, words: str, error: type[Exception]
) -> None:
    out = tmp_path / "place" / "out"
    with pytest.raises(error, match=words):
        refusals(tmp_path, series)[words](out)
    assert not out.exists()
    assert not (tmp_path / "place").exists() or list((tmp_path / "place").iterdir()) == []
    assert list(temporary.iterdir()) == []


def test_a_2d_network_that_gives_label_values(tmp_path: Path, series: ImageSeries) -> None:
    model = model_of(
        tmp_path,
        sums([[0], [1]], 2, "argmax"),
        input={"axis_order": "NCYX", **INPUT},
        output={"decision": "labels", "channels": 1, "labels": [label(1)]},
    )
    smaller, figures = shrink(model, [Case(series)], Precision.FP16, tmp_path / "out")
    assert figures.dice["Label 1"] >= 0.999
    assert smaller.card.parent_uid == model.card.sop_instance_uid


def test_a_task_without_segments(tmp_path: Path, series: ImageSeries) -> None:
    model = model_of(
        tmp_path,
        sums([[1], [2]], 3, "pool"),
        task="CLASSIFICATION",
        output={"channels": 2, "labels": [label(1)]},
    )
    with pytest.raises(UsageError, match="CLASSIFICATION; wanted: a network that segments"):
        shrink(model, [Case(series)], Precision.FP16, tmp_path / "out")


def test_a_series_that_does_not_fit(tmp_path: Path, series: ImageSeries) -> None:
    model = make(tmp_path / "m", recipe(**ONE, applies_to={"modalities": ["CT"]}))
    with pytest.raises(NoModelFitsError):
        shrink(model, [Case(series)], Precision.INT8, tmp_path / "out")


def test_a_full_folder_is_found_out_before_anything_is_run(
    tmp_path: Path, series: ImageSeries
) -> None:
    model = make(tmp_path / "m", recipe(**ONE))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").touch()
    heard: list[str] = []
    with pytest.raises(OutputError):
        shrink(
            model,
            [Case(series)],
            Precision.FP16,
            tmp_path / "out",
            progress=lambda fraction, message: heard.append(message),
        )
    assert heard == []
