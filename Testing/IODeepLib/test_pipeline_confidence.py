"""How sure networks are, judged by the same networks run by hand on the whole volume at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from makers.recipes import label, recipe
from makers.series import Stack
from makers.staged_recipes import stage, staged
from makers.summing_networks import model_of, models_of, sums
from scipy import ndimage, special

from IODeepLib.errors import ModelError, UsageError
from IODeepLib.inference.segmentation import CERTAIN
from IODeepLib.pipeline import Options, run
from IODeepLib.results.result import Result
from IODeepLib.series import ImageSeries, find_series

WANTED = Options(confidence=True)
CLOSE = 1e-3
SHAPE = (8, 14, 12)


def series_of(folder: Path) -> ImageSeries:
    noise = np.random.default_rng(4).normal(size=SHAPE)
    voxels = (ndimage.gaussian_filter(noise, 1.5) * 900).astype(np.int16)
    Stack(voxels).write(folder)
    (series,) = find_series(folder)
    return series


def asymmetric(seed: int) -> onnx.ModelProto:
    """Three classes by what lies around a voxel, padded with zeros: not the same mirrored."""
    weights = np.random.default_rng(seed).normal(size=(3, 1, 3, 3, 3)) * 0.02
    network = sums([[0.0], [0.0], [0.0]], 3)
    kernel = next(x for x in network.graph.initializer if x.name == "kernel")
    kernel.CopyFrom(onnx.numpy_helper.from_array(weights.astype(np.float32), "kernel"))
    network.graph.node[0].attribute.append(onnx.helper.make_attribute("pads", [1] * 6))
    return network


def scores_by_hand(network: onnx.ModelProto, image: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(network.SerializeToString())
    [scores] = session.run(None, {"image": image[None, None].astype(np.float32)})
    return scores[0].astype(float)


def ensemble(folder: Path, networks: dict[str, onnx.ModelProto], **changes: Any) -> Any:
    folder.mkdir(parents=True, exist_ok=True)
    given = {
        "schema": "iodeep-recipe/2",
        "networks": list(networks),
        "input": {"mirror": "X"},
        "output": {"channels": 3, "labels": [label(1), label(2)], "activation": "softmax"},
    }
    return models_of(folder, networks, recipe(**{**given, **changes}))


def assert_means(result: Result, judge: np.ndarray) -> None:
    """Those of the segments, and those in the document."""
    assert result.segmentation is not None and result.confidence is not None
    for one in result.segmentation.labels:
        mask = result.segmentation.mask(one)
        inside = ndimage.binary_erosion(mask, border_value=1)
        assert inside.any() and (mask & ~inside).any()
        wanted = [
            judge[0][mask].mean(),
            judge[1][inside].mean(),
            judge[1][mask & ~inside].mean(),
            *(layer[mask].mean() for layer in judge[2:]),
        ]
        said = json.loads(json.dumps(result.document()))["confidence"][one.name]
        assert [v for v in said.values() if v is not None] == pytest.approx(wanted, abs=CLOSE)
        assert next(iter(said)) == "mean_probability"


@pytest.mark.parametrize("blend", ["scores", "probabilities"])
def test_an_ensemble_with_mirror_images(blend: str, tmp_path: Path) -> None:
    series = series_of(tmp_path / "images")
    image = series.volume().array
    networks = {"one": asymmetric(1), "two": asymmetric(2)}
    output = {"channels": 3, "labels": [label(1), label(2)], "activation": "softmax"}
    found = ensemble(
        tmp_path / "model", networks, output={**output, "ensemble": blend, "blend": blend}
    )
    result = run(series, found, WANTED)
    members = [
        np.flip(scores_by_hand(network, np.flip(image, axes)), axes)
        for network in networks.values()
        for axes in ((), (-1,))
    ]
    if blend == "probabilities":
        probabilities = np.mean([special.softmax(one, axis=0) for one in members], axis=0)
    else:
        probabilities = special.softmax(np.mean(members, axis=0), axis=0)
    winner = probabilities.argmax(axis=0)
    entropy = special.entr(probabilities).sum(axis=0) / np.log(3)
    against = np.mean([one.argmax(axis=0) != winner for one in members], axis=0)
    judge = np.stack([probabilities.max(axis=0), entropy, against])
    assert 0.02 < against.mean() < 0.5
    np.testing.assert_array_equal(result.segmentation.array, winner)
    assert np.abs(result.segmentation.confidence / CERTAIN - judge).max() < CLOSE
    assert_means(result, judge)
    assert (
        result.report is not None and result.confidence_map is not None and result.seg is not None
    )
    (study,) = result.report.dataset.CurrentRequestedProcedureEvidenceSequence
    *_, seg, probabilities = (one.SeriesInstanceUID for one in study.ReferencedSeriesSequence)
    assert seg == result.seg.dataset.SeriesInstanceUID
    assert probabilities == result.confidence_map.dataset.SeriesInstanceUID

    alone = run(series, found, Options(confidence=True, mirroring=False))
    others = [scores_by_hand(network, image) for network in networks.values()]
    assert alone.confidence["Label 1"].disagreement < result.confidence["Label 1"].disagreement
    assert len(others) == 2


def test_a_single_network_has_no_disagreement(tmp_path: Path) -> None:
    series = series_of(tmp_path / "images")
    network = asymmetric(3)
    output = {"channels": 3, "labels": [label(1), label(2)], "activation": "softmax"}
    (tmp_path / "model").mkdir()
    result = run(series, model_of(tmp_path / "model", network, output=output), WANTED)
    probabilities = special.softmax(scores_by_hand(network, series.volume().array), axis=0)
    judge = [probabilities.max(axis=0), special.entr(probabilities).sum(axis=0) / np.log(3)]
    assert_means(result, np.stack(judge))
    assert all(one.disagreement is None for one in result.confidence.values())
    assert any("mean probability 0." in line for line in result.sentences())


@pytest.mark.parametrize("both", [False, True])
def test_stages_of_which_a_later_one_looks_at_a_part(both: bool, tmp_path: Path) -> None:
    """What the first finds is no part of the result, for the second reads it."""
    series = series_of(tmp_path / "images")
    image = series.volume().array
    networks = {name: asymmetric(i) for i, name in enumerate(("a", "b", "c"), 1)}
    soft = {"activation": "softmax"}
    parts = [
        stage("body", label(1), label(2), output=soft, networks=["a", "b"]),
        stage(
            "lesion",
            label(3),
            output={"channels": 3, **soft},
            networks=["c"],
            input={"mirror": "X"} if both else {},
            region={"stage": "body", "labels": ["Label 1"]},
        ),
    ]
    asked = staged(*parts)
    result = run(series, models_of(tmp_path, networks, asked), WANTED)
    assert [one.name for one in result.segmentation.labels] == ["Label 3"]
    body = np.mean([scores_by_hand(networks[name], image) for name in "ab"], axis=0)
    box = np.argwhere(body.argmax(axis=0) == 1)
    inside = tuple(slice(a, b + 1) for a, b in zip(box.min(axis=0), box.max(axis=0), strict=True))
    confidence = result.segmentation.confidence / CERTAIN
    seen = np.zeros(SHAPE, bool)
    seen[inside] = True
    np.testing.assert_array_equal(confidence[0] != 0, seen)
    members = [
        np.flip(scores_by_hand(networks["c"], np.flip(image[inside], axes)), axes)
        for axes in (((), (-1,)) if both else ((),))
    ]
    probabilities = special.softmax(np.mean(members, axis=0), axis=0)
    assert np.abs(confidence[0][inside] - probabilities.max(axis=0)).max() < CLOSE
    assert len(confidence) == (3 if both else 2)
    if both:
        lesion = probabilities.argmax(axis=0) == 1  # a channel without a label is background, too
        against = np.mean([(one.argmax(axis=0) == 1) != lesion for one in members], axis=0)
        assert np.abs(confidence[2][inside] - against).max() < CLOSE


def test_parts_of_a_result_that_paint_over_each_other(tmp_path: Path) -> None:
    series = series_of(tmp_path / "images")
    image = series.volume().array
    networks = {"body": asymmetric(1), "lesion": asymmetric(2)}
    soft = {"activation": "softmax", "channels": 3}
    asked = staged(stage("body", label(1), output=soft), stage("lesion", label(2), output=soft))
    result = run(series, models_of(tmp_path, networks, asked), WANTED)
    first, second = (
        special.softmax(scores_by_hand(network, image), axis=0) for network in networks.values()
    )
    lesion, body = second.argmax(axis=0) == 1, first.argmax(axis=0) == 1
    np.testing.assert_array_equal(result.segmentation.array, np.where(lesion, 2, body))
    least = np.minimum(first.max(axis=0), second.max(axis=0))
    judge = np.where(lesion, second.max(axis=0), least)
    assert np.abs(result.segmentation.confidence[0] / CERTAIN - judge).max() < CLOSE


def test_without_it_nothing_is_said(tmp_path: Path) -> None:
    series = series_of(tmp_path / "images")
    found = ensemble(tmp_path / "model", {"one": asymmetric(1), "two": asymmetric(2)})
    result = run(series, found)
    assert result.confidence is None and result.confidence_map is None
    document = result.document()
    assert document["confidence"] is None and document["sop_instance_uid_confidence"] is None


def test_scores_of_unknown_kind_are_said(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    output = {"channels": 3, "labels": [label(1), label(2)]}
    model = model_of(tmp_path / "model", asymmetric(1), output=output)
    result = run(series_of(tmp_path / "images"), model, WANTED)
    assert result.confidence is None
    assert any(note.startswith("no confidence is given") for note in result.notes)


def test_networks_that_have_no_probability_are_refused_before_the_run(tmp_path: Path) -> None:
    series = series_of(tmp_path / "images")
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    values = model_of(
        tmp_path / "a", sums([[0], [1]], 3, "argmax"), output={"decision": "labels", "channels": 1}
    )
    with pytest.raises(UsageError, match="gives label values itself"):
        run(series, values, WANTED)
    whole = model_of(
        tmp_path / "b",
        sums([[0], [1]], 3, "pool"),
        task="CLASSIFICATION",
        output={"activation": "softmax"},
    )
    with pytest.raises(UsageError, match="says something of the whole image"):
        run(series, whole, WANTED)


def test_scores_that_are_no_numbers_are_refused_as_ever(tmp_path: Path) -> None:
    broken = asymmetric(2)
    bias = next(x for x in broken.graph.initializer if x.name == "bias")
    bias.CopyFrom(onnx.numpy_helper.from_array(np.array([0, np.nan, 0], np.float32), "bias"))
    found = ensemble(tmp_path / "model", {"one": asymmetric(1), "two": broken})
    with pytest.raises(ModelError, match="nan in channel 1"):
        run(series_of(tmp_path / "images"), found, WANTED)
