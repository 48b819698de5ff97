"""Models of several networks through the whole pipeline, with results that can be told beforehand.

The networks are one convolution of kernel 1: their scores are sums of the input channels.
"""

from __future__ import annotations

import json
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import highdicom
import numpy as np
import onnx
import pytest
from makers.recipes import label, recipe
from makers.series import Stack
from makers.staged_recipes import IMAGE, label_channel, stage, staged
from makers.summing_networks import model_of, models_of, sums
from makers.uneven import UNEVEN, uneven

import IODeepLib.pipeline as pipeline
from IODeepLib.errors import CancelledError, ImageError, ModelError, RecipeError
from IODeepLib.inference.preprocess import prepare
from IODeepLib.model_object import Model
from IODeepLib.network.runtime import open_session
from IODeepLib.pipeline import Options, Stage, run
from IODeepLib.results import SegmentationType
from IODeepLib.series import ImageSeries, find_series

VOXELS = np.random.default_rng(5).integers(0, 1000, (5, 16, 12)).astype(np.int16)
SPACING = (2.5, 0.8, 0.7)
PLAIN = sums([[0], [1]], spatial=3)  # label where the input is above 0


def series_of(folder: Path, voxels: np.ndarray = VOXELS, **attributes: Any) -> ImageSeries:
    stack = Stack(voxels, spacing=SPACING, common=attributes)
    (series,) = find_series(stack.write(folder))
    return series


def labels_of(series: ImageSeries, model: Model, others: Sequence[ImageSeries] = ()) -> np.ndarray:
    segmentation = run(series, model, others=others).segmentation
    assert segmentation is not None
    return segmentation.array


def less(offset: float) -> dict[str, Any]:
    """An input of which `offset` is taken away."""
    return {"intensity": [{"step": "scale_offset", "offset": -offset}]}


@pytest.mark.parametrize("label_first", [False, True])
def test_a_cascade(tmp_path: Path, label_first: bool) -> None:
    """The second network needs 300 more where the first has found something."""
    channels = [IMAGE, label_channel("low", "Bright")]
    weights = [[0, 0], [1, -300]]
    if label_first:
        channels.reverse()
        weights = [[0, 0], [-300, 1]]
    asked = staged(
        stage("low", label(1, "Bright"), input=less(500)),
        stage("full", label(3, "Found"), input={"channels": channels, **less(500)}),
    )
    networks = {"low": PLAIN, "full": sums(weights, spatial=3)}
    model = models_of(tmp_path, networks, asked)
    result = run(series_of(tmp_path / "i"), model)
    assert result.segmentation is not None
    np.testing.assert_array_equal(result.segmentation.array, np.where(VOXELS > 800, 3, 0))
    assert [one.name for one in result.segmentation.labels] == ["Found"]
    read = highdicom.seg.segread(_written(result.seg, tmp_path))
    assert [item.SegmentLabel for item in read.SegmentSequence] == ["Found"]


def test_what_networks_are_given_can_be_watched(tmp_path: Path) -> None:
    channels = [IMAGE, label_channel("low", "Bright")]
    asked = staged(
        stage("low", label(1, "Bright"), input=less(500)),
        stage("full", label(3, "Found"), input={"channels": channels, **less(500)}),
    )
    networks = {"low": PLAIN, "full": sums([[0, 0], [1, -300]], spatial=3)}
    model = models_of(tmp_path, networks, asked)
    seen: list[tuple[str, dict[str, np.ndarray]]] = []
    run(series_of(tmp_path / "i"), model, watch=lambda name, feeds: seen.append((name, {**feeds})))
    assert [name for name, _ in seen] == ["low", "full"]
    [low], [full] = (feeds.values() for _, feeds in seen)
    assert (low.shape[:2], full.shape[:2]) == ((1, 1), (1, 2))
    np.testing.assert_array_equal(np.sort(low, axis=None), np.sort(VOXELS - 500.0, axis=None))
    assert np.count_nonzero(full[0, 1]) == np.count_nonzero(VOXELS > 500)


def _written(seg: Any, folder: Path) -> Path:
    seg.save(folder / "seg.dcm")
    return folder / "seg.dcm"


def test_a_cascade_of_three_on_grids_and_orientations_of_their_own(tmp_path: Path) -> None:
    """Blocks of two voxels, so that a grid half as fine loses nothing."""
    coarse = np.random.default_rng(9).integers(0, 1000, (4, 8, 6)).astype(np.int16)
    voxels = coarse.repeat(2, 0).repeat(2, 1).repeat(2, 2)
    half = {"mode": "resize", "shape": [6, 8, 4], "interpolation": "nearest-exact"}
    asked = staged(
        stage(
            "low",
            label(1, "Bright"),
            input={"grid": half, "orientation": "RAS", "axis_order": "NCXYZ", **less(500)},
            output={"decide_on": "network"},
        ),
        stage(
            "middle",
            label(1, "Middle"),
            input={"channels": [IMAGE, label_channel("low", "Bright")], "orientation": "ASR"},
        ),
        stage(
            "full",
            label(1, "Found"),
            input={
                "channels": [label_channel("middle", "Middle"), IMAGE],
                "orientation": "SPL",
                "axis_order": "NCXYZ",
                "patch_size": [4, 8, 6],
            },
        ),
    )
    networks = {
        "low": PLAIN,
        "middle": sums([[0, 400], [1, -200]], spatial=3),  # bright and above 600
        "full": sums([[700, 0], [0, 1]], spatial=3),
    }
    model = models_of(tmp_path, networks, asked)
    # Not bright: above 0, all. Of what is in the middle, those above 700; all others above 0.
    middle = np.where(voxels > 500, voxels > 600, voxels > 0)
    expected = np.where(middle, voxels > 700, voxels > 0)
    np.testing.assert_array_equal(labels_of(series_of(tmp_path / "i", voxels), model), expected)


def test_later_parts_paint_over_earlier_ones(tmp_path: Path) -> None:
    low, high = (
        stage(n, label(v, n.title()), input=less(t))
        for n, v, t in (
            ("low", 1, 300),
            ("high", 300, 600),
        )
    )
    networks = {"low": PLAIN, "high": PLAIN}
    series = series_of(tmp_path / "i")
    (tmp_path / "a").mkdir()
    found = labels_of(series, models_of(tmp_path / "a", networks, staged(low, high)))
    expected = np.where(VOXELS > 600, 300, np.where(VOXELS > 300, 1, 0))
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == np.uint16
    (tmp_path / "b").mkdir()
    found = labels_of(series, models_of(tmp_path / "b", networks, staged(high, low)))
    np.testing.assert_array_equal(found, VOXELS > 300)


def test_only_the_stages_that_the_asked_labels_need(tmp_path: Path) -> None:
    """Two parts, one of which looks around what a stage finds that takes values of a third part."""
    scaled = [{"step": "min_max"}, {"step": "scale_offset", "offset": -0.75}]
    again = [{"step": "min_max", "of_stage": "measure"}, *scaled[1:]]
    parts = [
        stage("measure", label(1, "Bright"), input={"intensity": scaled}),
        stage("coarse", label(1, "Place"), label(2, "Rest"), input={"intensity": again}),
        stage("low", label(2, "Low"), input=less(300)),
        stage("fine", label(3, "Fine"), input=less(600), region={"stage": "coarse"}),
        stage("high", label(4, "High"), label(5, "Never"), input=less(900)),
    ]
    tidy = {"step": "largest_component", "labels": ["Fine", "Low"], "together": True}
    three = sums([[0], [1], [0.5]], spatial=3)
    networks = dict.fromkeys(("measure", "low", "fine"), PLAIN) | {"coarse": three, "high": three}
    series = series_of(tmp_path / "i")
    seen: list[str] = []

    def kept(model: Model, *labels: str) -> Any:
        seen.clear()
        options = Options(labels=labels or None)
        return run(series, model, options, watch=lambda name, feeds: seen.append(name))

    (tmp_path / "a").mkdir()
    model = models_of(tmp_path / "a", networks, staged(*parts))
    whole = kept(model)
    assert seen == ["measure", "coarse", "low", "fine", "high"]
    assert not any("was not run" in note for note in whole.notes)
    fine = kept(model, "Fine")
    assert seen == ["measure", "coarse", "fine"]
    assert [note.split(":")[0] for note in fine.notes if "painted" in note] == [
        "stage low was not run",
        "stage high was not run",
    ]
    assert [one["name"] for one in fine.document()["provenance"]["stages"]] == seen
    found, there = fine.segmentation.array, whole.segmentation.array
    # Of what it finds nothing is missing; what is more is what the last one painted over.
    np.testing.assert_array_equal(found[there < 4], np.where(there == 3, 3, 0)[there < 4])
    assert (found[there == 4] == 3).all() and (there == 4).any()
    assert [one.name for one in fine.segmentation.labels] == ["Fine"]
    high = kept(model, "High", "Never")
    assert seen == ["high"]
    assert high.document()["missing"] == ["Never"]
    np.testing.assert_array_equal(high.segmentation.array, np.where(there == 4, 4, 0))
    # Each is an object of its own, and the same again.
    uids = [one.seg.sop_instance_uid for one in (whole, fine, high, kept(model, "High", "Never"))]
    assert len({*uids}) == 3 and uids[2] == uids[3]
    # What has one largest component together needs all of it.
    (tmp_path / "b").mkdir()
    model = models_of(tmp_path / "b", networks, staged(*parts, after=[tidy]))
    kept(model, "Fine")
    assert seen == ["measure", "coarse", "low", "fine"]


def test_parts_with_steps_of_their_own_and_on_all_of_them(tmp_path: Path) -> None:
    """A hole in one part is filled in its stage; small pieces are removed from the whole."""
    voxels = np.zeros((5, 9, 9), np.int16)
    voxels[:, 1:6, 1:6] = 400
    voxels[2, 3, 3] = 0
    voxels[:, 8, 8] = 900
    asked = staged(
        stage("low", label(1, "Low"), input=less(300), after=[{"step": "fill_holes"}]),
        stage("high", label(2, "High"), input=less(600)),
        after=[{"step": "minimum_volume", "millilitres": 0.01, "labels": ["High"]}],
    )
    model = models_of(tmp_path, {"low": PLAIN, "high": PLAIN}, asked)
    result = run(series_of(tmp_path / "i", voxels), model)
    expected = np.zeros_like(voxels)
    expected[:, 1:6, 1:6] = 1
    # The stage "low" finds the corner, too, and what "high" painted over is gone with it.
    assert result.segmentation is not None
    np.testing.assert_array_equal(result.segmentation.array, expected)
    assert any(note.startswith("stage low: Low: filled holes") for note in result.notes)
    assert any(note.startswith("High: removed 1 component") for note in result.notes)


def corner(bright: int = 900) -> np.ndarray:
    """Noise up to 100, and a bright block at the corner of the image."""
    voxels = np.random.default_rng(3).integers(0, 100, (5, 16, 12)).astype(np.int16)
    voxels[:2, :3, 9:] = bright
    return voxels


def region_model(folder: Path, fine: dict[str, Any] | None = None, **changes: Any) -> Model:
    asked = staged(
        stage("coarse", label(1, "Bright"), label(2, "Never"), input=less(500)),
        stage(
            "fine",
            label(1, "Found"),
            input=fine or {"intensity": [{"step": "z_score"}]},
            region={"stage": "coarse", "labels": ["Bright"], "margin": 2.0},
        ),
        **changes,
    )
    networks = {"coarse": sums([[0], [1], [0.5]], spatial=3), "fine": PLAIN}
    return models_of(folder, networks, asked)


# Margins of 2 mm are whole voxels of 2.5, 0.8 and 0.7 mm: none, two and two.
BOX = (slice(0, 2), slice(0, 5), slice(7, 12))


@pytest.mark.parametrize("axis_order", ["NCZYX", "NCXZY"])
def test_a_region_at_the_border_of_the_image(tmp_path: Path, axis_order: str) -> None:
    """The statistics are those of the box, and beyond it is nothing."""
    voxels = corner()
    fine = {"intensity": [{"step": "z_score"}], "axis_order": axis_order, "orientation": "RIA"}
    model = region_model(tmp_path, fine)
    result = run(series_of(tmp_path / "i", voxels), model)
    expected = np.zeros(voxels.shape)
    expected[BOX] = voxels[BOX] > voxels[BOX].mean()
    assert result.segmentation is not None
    np.testing.assert_array_equal(result.segmentation.array, expected)
    assert 0 < expected.sum() < voxels[BOX].size


def test_a_region_in_which_nothing_lies(tmp_path: Path) -> None:
    model = region_model(tmp_path)
    result = run(series_of(tmp_path / "i", corner(400)), model)
    assert result.empty and result.segmentation is not None
    assert result.segmentation.array.shape == (5, 16, 12)
    note = "stage fine was not run: none of Bright of stage coarse was found"
    assert note in result.notes
    [coarse, fine] = result.document()["provenance"]["stages"]
    assert (coarse["ran"], fine["ran"]) == (True, False)


def test_a_region_within_a_region_and_a_cascade_in_it(tmp_path: Path) -> None:
    voxels = corner()
    voxels[1, 1, 10] = 990
    asked = staged(
        stage("coarse", label(1, "A"), input=less(500)),
        stage("fine", label(1, "B"), input=less(950), region={"stage": "coarse"}),
        stage(
            "finest",
            label(1, "C"),
            input={"channels": [label_channel("fine", "B"), IMAGE]},
            region={"stage": "fine", "margin": 1.0},
        ),
    )
    networks = {
        "coarse": PLAIN,
        "fine": PLAIN,
        "finest": sums([[0, 0.1], [100, 0]], spatial=3),
    }
    found = labels_of(series_of(tmp_path / "i", voxels), models_of(tmp_path, networks, asked))
    box = (slice(1, 2), slice(0, 3), slice(9, 12))
    expected = np.zeros(voxels.shape)
    expected[box] = ((voxels > 950) * 100 > 0.1 * voxels)[box]
    assert expected.sum() == 1
    np.testing.assert_array_equal(found, expected)


def test_values_that_an_earlier_stage_measured(tmp_path: Path) -> None:
    """Half of the whole image's range, and not of the box's."""
    voxels = corner()
    voxels[3, 8, 0] = -1100  # beyond the box
    scaled = [{"step": "min_max"}, {"step": "scale_offset", "offset": -0.75}]
    again = [{"step": "min_max", "of_stage": "coarse"}, *scaled[1:]]
    asked = staged(
        stage("coarse", label(1, "Bright"), input={"intensity": scaled}),
        stage(
            "fine",
            label(1, "Found"),
            input={"intensity": again},
            region={"stage": "coarse", "margin": 2.0},
        ),
    )
    voxels[0, 0, 9] = 420  # 0.76 of the whole range, and 0.47 of that of the box
    model = models_of(tmp_path, {"coarse": PLAIN, "fine": PLAIN}, asked)
    expected = np.zeros(voxels.shape)
    expected[BOX] = voxels[BOX] > -1100 + 0.75 * 2000
    np.testing.assert_array_equal(labels_of(series_of(tmp_path / "i", voxels), model), expected)


# The weight and the bias of the label's score: it is above 0 from 200, 600 and 750 on.
FOLDS = {"fold-0": (3, -600), "fold-1": (1, -600), "fold-2": (2, -1500)}


def line(weight: float, bias: float) -> onnx.ModelProto:
    """A network whose label has a score of weight * input + bias; the background has 0."""
    return sums([[0], [weight]], spatial=3, bias=[0, bias])


def test_an_ensemble_is_one_graph_with_the_mean(tmp_path: Path) -> None:
    """Scores are whole numbers below 2^24, so that sums are exact in whatever order."""
    series = series_of(tmp_path / "i")
    asked = recipe(networks=list(FOLDS), schema="iodeep-recipe/2")
    networks = {name: line(*values) for name, values in FOLDS.items()}
    (tmp_path / "several").mkdir()
    found = labels_of(series, models_of(tmp_path / "several", networks, asked))
    mean = model_of(tmp_path, line(*np.mean(list(FOLDS.values()), axis=0)))
    np.testing.assert_array_equal(found, labels_of(series, mean))
    np.testing.assert_array_equal(found, VOXELS > 450)


@pytest.mark.parametrize("decision", ["argmax", "threshold"])
def test_an_ensemble_of_probabilities(tmp_path: Path, decision: str) -> None:
    """One network is very sure: of scores it decides nearly alone, of probabilities it does not."""
    lines = {"sure": (0.05, -15.0), "a": (0.01, -8.0), "b": (0.01, -8.0)}
    output: dict[str, Any] = {
        "decision": decision,
        "activation": "softmax",
        "blend": "probabilities",
    }
    least = 0.5
    if decision == "threshold":
        least = 0.65
        output |= {"labels": [label(1, channel=1)], "threshold": least}
    series = series_of(tmp_path / "i")
    scores = [weight * VOXELS + bias for weight, bias in lines.values()]
    expected = {
        "probabilities": np.mean([1 / (1 + np.exp(-one)) for one in scores], axis=0) > least,
        "scores": np.mean(scores, axis=0) > np.log(least / (1 - least)),
    }
    assert not np.array_equal(*expected.values())
    for ensemble, wanted in expected.items():
        (tmp_path / ensemble).mkdir()
        asked = recipe(
            networks=list(lines),
            schema="iodeep-recipe/2",
            output={**output, "ensemble": ensemble},
        )
        networks = {name: line(*values) for name, values in lines.items()}
        model = models_of(tmp_path / ensemble, networks, asked)
        np.testing.assert_array_equal(labels_of(series, model), wanted)


def test_an_ensemble_that_judges_a_region(tmp_path: Path) -> None:
    """The mean of two networks over the mean of the box."""
    asked = staged(
        stage("coarse", label(1, "Bright"), input=less(500)),
        stage(
            "judge",
            label(1, "Brightness"),
            output={"channels": 1, "decision": "threshold", "labels": [label(1, channel=0)]},
            networks=["x", "y"],
            region={"stage": "coarse"},
        ),
        task="REGRESSION",
    )
    networks = {
        "coarse": PLAIN,
        "x": sums([[1]], spatial=3, ending="pool"),
        "y": sums([[3]], spatial=3, ending="pool"),
    }
    model = models_of(tmp_path, networks, asked)
    voxels = corner()
    result = run(series_of(tmp_path / "i", voxels), model)
    assert result.classification is not None
    assert result.classification.values == pytest.approx([2 * 900])
    with pytest.raises(ImageError, match="the labels of stage coarse"):
        run(series_of(tmp_path / "none", corner(400)), model)


def test_networks_that_cannot_be_averaged(tmp_path: Path) -> None:
    networks = {"a": PLAIN, "b": sums([[0], [1], [2]], spatial=3)}
    asked = recipe(networks=["a", "b"], schema="iodeep-recipe/2")
    with pytest.raises(RecipeError, match=r"\$\.output\.channels: the recipe makes 2, 'out' is 3"):
        models_of(tmp_path, networks, asked)


def test_what_is_wrong_with_a_network_names_the_stage(tmp_path: Path) -> None:
    asked = staged(
        stage("a", label(1, "A")), stage("b", label(2, "B"), label(3, "C"), input=less(1))
    )
    with pytest.raises(RecipeError, match=r"\$\.stages\[1\]\.output"):
        models_of(tmp_path, {"a": PLAIN, "b": PLAIN}, asked)
    assert not (tmp_path / "model").exists()


def test_stages_read_series_of_their_own(tmp_path: Path) -> None:
    """One looks at T1, the other at T2 of half the slices; the result lies on the voxels of T1."""
    t1, t2 = {"name": "T1", "words": ["T1"]}, {"name": "T2", "words": ["T2"]}
    study = Stack(VOXELS, spacing=SPACING)
    other = Stack(999 - VOXELS[::2], spacing=(5.0, 0.8, 0.7))
    other.study, other.frame = study.study, study.frame
    study.common, other.common = {"SeriesDescription": "T1"}, {"SeriesDescription": "T2"}
    (first,) = find_series(study.write(tmp_path / "t1"))
    (second,) = find_series(other.write(tmp_path / "t2"))
    grid = {"mode": "native"}
    asked = staged(
        stage("a", label(1, "A"), input={"channels": [t1], "grid": grid, **less(500)}),
        stage("b", label(2, "B"), input={"channels": [t2], "grid": grid, **less(800)}),
    )
    model = models_of(tmp_path, {"a": PLAIN, "b": PLAIN}, asked)
    result = run(second, model, others=[first])
    assert result.series is first and result.segmentation is not None
    found = result.segmentation.array
    expected = np.where(999 - VOXELS[::2] > 800, 2, np.where(VOXELS[::2] > 500, 1, 0))
    np.testing.assert_array_equal(found[::2], expected)
    assert len(result.document()["series_instance_uids"]) == 2


def test_a_corrected_series(tmp_path: Path) -> None:
    """Stages work on the even grid; the result is seen on the slices alone."""
    series = uneven(tmp_path / "i", UNEVEN["tilted and one missing"])
    threshold = 500
    asked = staged(
        stage("a", label(1, "A"), input=less(threshold)),
        stage("b", label(1, "B"), input=less(threshold), region={"stage": "a"}),
    )
    (tmp_path / "s").mkdir()
    several = models_of(tmp_path / "s", {"a": PLAIN, "b": PLAIN}, asked)
    one = model_of(tmp_path, PLAIN, input=less(threshold))
    np.testing.assert_array_equal(labels_of(series, several), labels_of(series, one))


def test_probabilities_of_parts(tmp_path: Path) -> None:
    output = {"activation": "sigmoid", "decision": "threshold", "channels": 1}
    scaled = {"intensity": [{"step": "scale_offset", "scale": 0.01, "offset": -5}]}
    parts = [
        stage(name, label(value, name, channel=0), input=scaled, output=output)
        for name, value in (("a", 1), ("b", 2))
    ]
    networks = {"a": sums([[1]], spatial=3), "b": sums([[-1]], spatial=3)}
    model = models_of(tmp_path, networks, staged(*parts))
    options = Options(seg_type=SegmentationType.FRACTIONAL)
    found = run(series_of(tmp_path / "i"), model, options).segmentation
    assert found is not None and found.probabilities is not None
    wanted = 255 / (1 + np.exp(-(VOXELS * 0.01 - 5)))
    np.testing.assert_allclose(found.probabilities[0], wanted, atol=1)
    np.testing.assert_allclose(found.probabilities[1], 255 - wanted, atol=1)


# How a run goes.


def test_what_stands_in_the_result(tmp_path: Path) -> None:
    model = region_model(tmp_path)
    series = series_of(tmp_path / "i", corner())
    result = run(series, model)
    result.save(tmp_path / "out")
    document = json.loads((tmp_path / "out" / "result.json").read_text("utf-8"))
    provenance = document["provenance"]
    voxel = np.prod(SPACING) / 1000
    assert [one["name"] for one in provenance["stages"]] == ["coarse", "fine"]
    assert provenance["stages"][0]["volumes_ml"] == {
        "Bright": round(18 * voxel, 3),
        "Never": 0,
    }
    assert provenance["stages"][1]["networks"] == ["fine"]
    known = {network.name: network.digest for network in model.card.networks}
    assert {n["name"]: n["architecture_digest"] for n in provenance["networks"]} == known
    assert provenance["network_digest"] == model.card.network_digest
    assert set(document["stage_seconds"]) == {"coarse", "fine"}
    assert document["volumes_ml"].keys() == {"Found"}
    again = run(series, model)
    assert again.provenance == result.provenance
    again.save(tmp_path / "out")  # it is the same run


def test_one_network_is_written_as_before(tmp_path: Path) -> None:
    model = model_of(tmp_path, PLAIN, input=less(500))
    document = run(series_of(tmp_path / "i"), model).document()
    assert "stage_seconds" not in document
    assert not {"stages", "networks"} & document["provenance"].keys()


def test_progress_and_the_stages_of_a_run(tmp_path: Path) -> None:
    seen: list[float] = []
    messages: list[str] = []
    began: list[Stage] = []

    def progress(fraction: float, message: str) -> None:
        seen.append(fraction)
        messages.append(message)

    series = series_of(tmp_path / "i", corner())
    run(series, region_model(tmp_path), progress=progress, began=began.append)
    assert seen == sorted(seen)
    assert (seen[0], seen[-1]) == (0.0, 1.0)
    both = [Stage.PREPARE, Stage.INFER]
    assert began == [Stage.VERIFY, Stage.READ, *both, *both, Stage.FINISH]
    assert any(m.startswith("stage 2 of 2, fine: patch 1 of 1") for m in messages)


def test_canceled_between_stages(tmp_path: Path) -> None:
    began: list[Stage] = []
    with pytest.raises(CancelledError):
        run(
            series_of(tmp_path / "i", corner()),
            region_model(tmp_path),
            began=began.append,
            cancelled=lambda: began.count(Stage.PREPARE) == 2,
        )
    assert began[-1] is Stage.PREPARE


def test_networks_of_one_stage_are_open_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive: list[weakref.ref[Any]] = []
    most: list[int] = []

    def opened(*arguments: Any, **options: Any) -> Any:
        session = open_session(*arguments, **options)
        alive.append(weakref.ref(session))
        most.append(sum(one() is not None for one in alive))
        return session

    monkeypatch.setattr(pipeline, "open_session", opened)
    parts = [stage(n, label(i, n), networks=[n, f"{n}2"]) for i, n in enumerate("abc", 1)]
    networks = dict.fromkeys(("a", "a2", "b", "b2", "c", "c2"), PLAIN)
    run(series_of(tmp_path / "i"), models_of(tmp_path, networks, staged(*parts)))
    assert most == [1, 2, 1, 2, 1, 2]
    assert not any(one() is not None for one in alive)


def test_parts_that_read_the_same_share_their_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Any] = []

    def prepared(*arguments: Any, **more: Any) -> Any:
        image = prepare(*arguments, **more)
        made.append(weakref.ref(image.array))
        return image

    monkeypatch.setattr("IODeepLib.inference.stage_run.prepare", prepared)
    asked = staged(
        stage("a", label(1, "A"), input=less(500)),
        stage("b", label(2, "B"), input=less(500)),
        stage("c", label(3, "C"), input=less(500), region={"stage": "a"}),
        stage("d", label(4, "D"), input=less(700)),
        stage("e", label(5, "E"), input=less(700)),
    )
    networks = {
        name: line(1, bias) for name, bias in zip("abcde", (0, -100, 0, 0, -50), strict=True)
    }
    found = labels_of(series_of(tmp_path / "i"), models_of(tmp_path, networks, asked))
    assert len(made) == 3
    assert not any(one() is not None for one in made)
    expected = np.select([VOXELS > 750, VOXELS > 700, VOXELS > 500], [5, 4, 3])
    np.testing.assert_array_equal(found, expected)


def test_labels_are_held_as_long_as_they_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[set[str]] = []

    def prepared(*arguments: Any, **more: Any) -> Any:
        *_, earlier = arguments
        held.append(set(earlier.labels))
        return prepare(*arguments, **more)

    monkeypatch.setattr("IODeepLib.inference.stage_run.prepare", prepared)
    asked = staged(
        stage("a", label(1, "A"), input=less(500)),
        stage("b", label(1, "B"), region={"stage": "a"}),
        stage("c", label(1, "C"), input={"channels": [IMAGE, label_channel("a", "A")]}),
        stage("d", label(1, "D"), region={"stage": "b"}),
        stage("e", label(5, "E"), region={"stage": "c"}),
    )
    networks = dict.fromkeys("abde", PLAIN) | {"c": sums([[0, 0], [1, 0]], spatial=3)}
    run(series_of(tmp_path / "i"), models_of(tmp_path, networks, asked))
    assert held == [set(), {"a"}, {"a", "b"}, {"b", "c"}, {"c"}]


def test_scores_that_are_not_finite(tmp_path: Path) -> None:
    network = sums([[0], [1]], spatial=3)
    network.graph.node[-1].op_type = "Log"
    model = models_of(
        tmp_path,
        {"a": PLAIN, "b": onnx.ModelProto.FromString(network.SerializeToString())},
        staged(stage("a", label(1, "A")), stage("b", label(2, "B"))),
    )
    with pytest.raises(ModelError, match="the network's output is -inf in channel 0"):
        run(series_of(tmp_path / "i"), model)
