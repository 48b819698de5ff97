"""How sure decisions are, judged by the formulas in float64 on scores that scipy interpolates."""

from __future__ import annotations

import numpy as np
import pytest
from makers.scores import GRIDS, in_slabs, interpolated, make_output, prepared_of
from makers.scores import random_scores as normal_scores
from scipy import ndimage, special

from IODeepLib.errors import OutputError
from IODeepLib.geometry import Grid
from IODeepLib.inference import spool
from IODeepLib.inference.confidence import SegmentConfidence, segment_confidence
from IODeepLib.inference.decision import decide
from IODeepLib.inference.region import Painting
from IODeepLib.inference.segmentation import CERTAIN, Segmentation
from IODeepLib.inference.sliding_window import score_slabs
from IODeepLib.inference.spool import Spool
from IODeepLib.recipe import (
    Activation,
    Blend,
    Channel,
    Decision,
    Input,
    Interpolation,
    OnGrid,
    Resize,
    Spacing,
)

CLOSE = 1e-3  # what numbers are promised to; those of 16 bits are closer


def random_scores(prepared, scale=3.0, **more):
    """So far apart, in large pieces, that bounds decide some tiles, and not all."""
    return normal_scores(prepared, **more) * np.float32(scale)


def activated(values, activation):
    match activation:
        case Activation.SOFTMAX:
            return special.softmax(values, axis=0)
        case Activation.SIGMOID:
            return special.expit(values)
        case _:
            return values


def judged(probabilities, output):
    """(2, ...) probability and entropy, by their definitions."""
    if output.decision is Decision.ARGMAX:
        shares = probabilities / probabilities.sum(axis=0)
        entropy = special.entr(shares).sum(axis=0) / np.log(output.channels)
        return np.stack([probabilities.max(axis=0), entropy])
    p = probabilities[list(output.label_channels)]
    yes = p > output.threshold
    sure = np.where(yes, p, 1 - p)
    if output.decision is Decision.REGIONS:  # what is under the last "yes" is painted over
        last = np.where(yes.any(axis=0), len(p) - 1 - yes[::-1].argmax(axis=0), -1)
        sure = np.where(np.arange(len(p)).reshape(-1, 1, 1, 1) >= last, sure, 1)
    entropy = (special.entr(p) + special.entr(1 - p)).mean(axis=0) / np.log(2)
    return np.stack([sure.min(axis=0), entropy])


def assert_judged(confidence, judge, seen):
    assert confidence.dtype == np.uint16
    found = confidence / CERTAIN
    assert np.abs(found - judge)[:, seen].max() < CLOSE
    assert (confidence[0] != 0).tolist() == seen.tolist()
    assert not confidence[:, ~seen].any()


WAYS = [
    (Decision.ARGMAX, Activation.SOFTMAX),
    (Decision.ARGMAX, Activation.SIGMOID),
    (Decision.THRESHOLD, Activation.SIGMOID),
    (Decision.THRESHOLD, Activation.SOFTMAX),
    (Decision.REGIONS, Activation.SIGMOID),
    (Decision.REGIONS, Activation.SOFTMAX),
]


@pytest.mark.parametrize(("decision", "activation"), WAYS)
@pytest.mark.parametrize("interpolate", list(Blend))
@pytest.mark.parametrize("grid", GRIDS[1::3], ids=str)
def test_probability_and_entropy(decision, activation, interpolate, grid):
    prepared = prepared_of(grid)
    output = make_output(decision=decision, activation=activation, interpolate=interpolate)
    scores = random_scores(prepared, smooth=1.5)
    found = decide(in_slabs(scores), prepared, output, confidence_layers=2)
    if interpolate is Blend.PROBABILITIES:
        probabilities, seen, _ = interpolated(activated(scores.astype(float), activation), prepared)
    else:
        values, seen, _ = interpolated(scores, prepared)
        probabilities = activated(values, activation)
    assert_judged(found.confidence, judged(probabilities, output), seen)
    assert found.probabilities is None


@pytest.mark.parametrize("scale", [0.1, 8.0, 40.0, 1e4])
@pytest.mark.parametrize(("decision", "activation"), WAYS)
def test_whatever_bounds_decide(decision, activation, scale):
    prepared = prepared_of(Spacing((1.1, 1.7, 0.5)))
    output = make_output(decision=decision, activation=activation)
    scores = random_scores(prepared, scale, smooth=2.0)
    found = decide(in_slabs(scores), prepared, output, confidence_layers=2)
    values, seen, _ = interpolated(scores, prepared)
    clear = np.sort(values, axis=0)
    clear = (clear[-1] - clear[-2] > 0.01) & (np.abs(values) > 0.01).all(axis=0) & seen
    probabilities = activated(values, activation)
    clear &= probabilities.sum(axis=0) > 0.01  # of what all deny, no entropy has a meaning
    judge = judged(np.maximum(probabilities, 1e-300), output)
    if scale > 100:  # positions in float32 move scores as steep as these
        clear &= ndimage.generic_gradient_magnitude(judge[0], ndimage.sobel) < CLOSE
    assert np.abs(found.confidence / CERTAIN - judge)[:, clear].max() < CLOSE
    assert clear.any()


def test_one_label_with_a_threshold_of_its_own():
    prepared = prepared_of(Resize((5, 20, 14)))
    output = make_output(
        channels=1,
        values=(1,),
        decision=Decision.THRESHOLD,
        threshold=0.999999,
        activation=Activation.SIGMOID,
    )
    scores = random_scores(prepared, 12.0, channels=1)
    found = decide(in_slabs(scores), prepared, output, confidence_layers=2)
    values, seen, _ = interpolated(scores, prepared)
    clear = np.abs(values[0] - special.logit(output.threshold)) > 0.01
    judge = judged(special.expit(values), output)
    assert np.abs(found.confidence / CERTAIN - judge)[:, clear & seen].max() < CLOSE


def test_a_network_that_gives_probabilities_itself():
    prepared = prepared_of(Resize((5, 20, 14)))
    scores = special.softmax(random_scores(prepared), axis=0)
    found = decide(in_slabs(scores), prepared, make_output(), confidence_layers=2)
    values, seen, _ = interpolated(scores, prepared)
    assert_judged(found.confidence, judged(values, make_output()), seen)


@pytest.mark.parametrize("decision", [Decision.ARGMAX, Decision.THRESHOLD, Decision.REGIONS])
def test_scores_that_are_no_probabilities_have_no_confidence(decision):
    prepared = prepared_of()
    output = make_output(decision=decision)
    found = decide(in_slabs(random_scores(prepared)), prepared, output, confidence_layers=2)
    assert found.confidence is None
    same = decide(in_slabs(random_scores(prepared)), prepared, output)
    np.testing.assert_array_equal(found.array, same.array)


def test_label_values_have_no_confidence():
    prepared = prepared_of()
    output = make_output(decision=Decision.LABELS)
    values = np.ones((1, *prepared.network.shape), np.float32)
    assert decide(in_slabs(values), prepared, output, confidence_layers=2).confidence is None


@pytest.mark.parametrize("way", [Interpolation.NEAREST_EXACT, Interpolation.LINEAR])
def test_decided_on_the_network_it_goes_the_way_of_the_labels(way):
    prepared = prepared_of(Spacing((3.0, 1.7, 1.4)))
    output = make_output(
        activation=Activation.SOFTMAX, decide_on=OnGrid.NETWORK, label_interpolation=way
    )
    scores = random_scores(prepared)
    found = decide(in_slabs(scores), prepared, output, confidence_layers=2)
    there = judged(special.softmax(scores.astype(float), axis=0), output)
    values, seen, index = interpolated(there, prepared)
    if way is Interpolation.NEAREST_EXACT:
        limits = np.array(prepared.network.shape).reshape(3, 1, 1, 1) - 1
        nearest = np.clip(np.floor(index + 0.5 + 1e-6).astype(int), 0, limits)
        values = there[:, *nearest]
    assert_judged(found.confidence, values, seen)


def test_labels_are_the_same_with_it():
    prepared = prepared_of(Spacing((1.1, 1.7, 0.5)))
    output = make_output(activation=Activation.SOFTMAX)
    scores = random_scores(prepared)
    wanted = decide(in_slabs(scores), prepared, output, want_probabilities=True)
    found = decide(in_slabs(scores), prepared, output, want_probabilities=True, confidence_layers=2)
    np.testing.assert_array_equal(found.array, wanted.array)
    np.testing.assert_array_equal(found.probabilities, wanted.probabilities)


def test_the_last_channel_is_the_disagreement():
    prepared = prepared_of(Spacing((1.1, 1.7, 0.5)))
    output = make_output(activation=Activation.SOFTMAX)
    scores = random_scores(prepared)
    against = np.random.default_rng(5).random((1, *prepared.network.shape)).astype(np.float32)
    together = np.concatenate([scores, against])
    found = decide(in_slabs(together), prepared, output, confidence_layers=3)
    alone = decide(in_slabs(scores), prepared, output, confidence_layers=2)
    np.testing.assert_array_equal(found.array, alone.array)
    np.testing.assert_array_equal(found.confidence[:2], alone.confidence)
    values, seen, _ = interpolated(against, prepared)
    assert np.abs(found.confidence[2] / CERTAIN - values[0])[seen].max() < CLOSE


VOTERS = [
    make_output(),
    make_output(decision=Decision.REGIONS, activation=Activation.SIGMOID),
    make_output(decision=Decision.THRESHOLD, activation=Activation.SIGMOID),
    make_output(
        decision=Decision.THRESHOLD,
        activation=Activation.SOFTMAX,
        threshold=0.3,
        blend=Blend.PROBABILITIES,
    ),
]


@pytest.mark.parametrize("output", VOTERS, ids=lambda o: f"{o.decision}, {o.activation}")
@pytest.mark.parametrize("letters", ["NCYX", "NCZYX", "NZYXC"])
@pytest.mark.parametrize("patch", [None, (4, 6, 14)])
def test_the_share_of_those_who_decide_otherwise(output, letters, patch):
    """Two networks that look at a voxel and its column, and their mirror images over the columns;
    patches are as wide as the image, so that the parts of each agree where they overlap.
    """
    spatial = len(letters) - 2
    image = prepared_of(axis_order=letters).array
    input_ = Input(
        channels=(Channel("image"),),
        orientation="LPS",
        axis_order=letters,
        patch_size=None if patch is None else patch[3 - spatial :],
        mirror="X",
        overlap=0.5,
    )
    noise = np.random.default_rng(3).normal(size=(2, 4, 100, image.shape[3])).astype(np.float32)
    plain = "NC" + "ZYX"[3 - spatial :]

    def network(one, tensor):
        turned = tensor.transpose([letters.index(x) for x in plain])
        scores = noise[one][:, turned[:, 0].astype(int), np.arange(turned.shape[-1])]
        return np.moveaxis(scores, 0, 1).transpose([plain.index(x) for x in letters])

    def predict(tensor, each):
        parts = [network(one, tensor) for one in (0, 1)]
        for part in parts:
            each(part)
        return (parts[0] + parts[1]) / 2

    slabs = score_slabs(image, input_, output, predict, voting=True, batch=2)
    found = np.concatenate([scores.copy() for _, scores in slabs], axis=1)
    straight = noise[:, :, image[0].astype(int), np.arange(image.shape[3])]
    turned = noise[:, :, image[0].astype(int), np.arange(image.shape[3])[::-1]]
    members = [*straight, *turned]
    together = _decided(np.mean(members, axis=0), output)
    otherwise = [(_decided(one, output) != together).any(axis=0) for one in members]
    assert found.shape == (output.channels + 1, *image.shape[1:])
    np.testing.assert_allclose(found[-1], np.mean(otherwise, axis=0), atol=1e-6)
    assert 0 < found[-1].mean() < 1


def _decided(scores, output):
    """(label, ...) what is there."""
    p = activated(scores.astype(float), output.activation)
    if output.decision is Decision.ARGMAX:
        return p.argmax(axis=0)[None] == np.arange(1, 4).reshape(-1, 1, 1, 1)
    yes = p[list(output.label_channels)] > output.threshold
    if output.decision is Decision.REGIONS:
        last = np.where(yes.any(axis=0), 2 - yes[::-1].argmax(axis=0), -1)
        return last[None] == np.arange(3).reshape(-1, 1, 1, 1)
    return yes


def some_segmentation(layers=3, overlapping=False):
    rng = np.random.default_rng(2)
    shape = (7, 9, 8)
    array = ndimage.zoom(rng.integers(0, 4, (3, 3, 3)), (7 / 3, 3, 8 / 3), order=0).astype(np.uint8)
    if overlapping:
        array = np.stack([array == 1, array >= 2, array == 3]).astype(np.uint8)
    confidence = rng.integers(1, CERTAIN, (layers, *shape)).astype(np.uint16)
    confidence[:, :, :2] = 0
    return Segmentation(array, Grid(shape, np.eye(4)), make_output().labels, None, confidence)


@pytest.mark.parametrize("overlapping", [False, True])
def test_means_of_segments(overlapping):
    segmentation = some_segmentation(overlapping=overlapping)
    found = segment_confidence(segmentation)
    assert list(found) == ["Label 1", "Label 2", "Label 3"]
    probability, entropy, against = segmentation.confidence / CERTAIN
    for label in segmentation.labels:
        mask = segmentation.mask(label)
        inside = ndimage.binary_erosion(mask, border_value=1)
        seen = probability > 0
        one = found[label.name]
        assert one.mean_probability == pytest.approx(probability[mask & seen].mean())
        assert one.entropy_inside == pytest.approx(entropy[inside & seen].mean())
        assert one.entropy_border == pytest.approx(entropy[mask & ~inside & seen].mean())
        assert one.disagreement == pytest.approx(against[mask & seen].mean())


def test_means_of_odd_segments():
    """Of one voxel, of the whole image, of none, of voxels that nobody saw; of a single network."""
    segmentation = some_segmentation(layers=2)
    array, confidence = segmentation.array, segmentation.confidence
    array[...] = 0
    array[3, 4, 4], array[0, 0, 0] = 1, 3
    one = segment_confidence(segmentation)
    assert list(one) == ["Label 1"]
    share = confidence[:, 3, 4, 4] / CERTAIN
    assert one["Label 1"] == SegmentConfidence(
        pytest.approx(share[0]), None, pytest.approx(share[1]), None
    )
    assert one["Label 1"].as_json()["entropy_inside"] is None
    array[...] = 2
    assert segment_confidence(segmentation)["Label 2"].entropy_border is None
    array[...] = 0
    assert segment_confidence(segmentation) == {}
    assert segment_confidence(Segmentation(array, segmentation.grid, segmentation.labels)) is None


def test_a_later_stage_paints_its_own_over():
    """Where it found nothing, both decided so, and the less sure one counts."""
    grid = Grid((1, 1, 4), np.eye(4))
    labels = make_output().labels

    def found(values, probability, entropy):
        array = np.array(values, np.uint8).reshape(grid.shape)
        confidence = np.array([probability, entropy], np.uint16).reshape(2, *grid.shape)
        return Segmentation(array, grid, labels, None, confidence)

    painting = Painting(labels, grid, overlapping=False, probable=False, confidence_layers=2)
    box = (slice(0, 1), slice(0, 1), slice(0, 4))
    painting.add(found([1, 1, 0, 0], [900, 900, 900, 900], [5, 5, 5, 5]), box)
    painting.add(found([0, 2, 0, 0], [700, 700, 950, 0], [9, 9, 3, 0]), box)
    result = painting.segmentation()
    assert result.array.ravel().tolist() == [1, 2, 0, 0]
    assert result.confidence[0].ravel().tolist() == [700, 700, 900, 900]
    assert result.confidence[1].ravel().tolist() == [9, 9, 5, 5]
    painting.add(Segmentation(result.array, grid, labels), box)
    assert painting.segmentation().confidence is None


def test_no_room_to_lay_planes_aside(monkeypatch, tmp_path):
    monkeypatch.setattr(spool.tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(OutputError, match="cannot be written"):
        Spool((2, 3, 4), np.uint16)
