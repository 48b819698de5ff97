"""Classification and regression, over slices, patches and whole volumes."""

from __future__ import annotations

import numpy as np
import pytest
from makers.recipes import recipe

from IODeepLib.errors import ModelError
from IODeepLib.inference.classification import classify
from IODeepLib.recipe import Activation, Aggregate, Blend, Channel, Decision, Input, Output, Task


def make_input(**changes):
    return Input(**{"channels": (Channel("image"),), "orientation": "LPS", **changes})


def make_output(channels=3, **changes):
    return Output(**{"channels": channels, "labels": labels(1), **changes})


def image(shape):
    return np.random.default_rng(0).normal(size=(1, *shape)).astype(np.float32)


def labels(*channels):
    return tuple(
        recipe(
            output={
                "channels": 9,
                "labels": [
                    {
                        "value": i + 1,
                        "name": f"Finding {c}",
                        "category": {"value": "1", "scheme": "99T", "meaning": "Finding"},
                        "type": {"value": str(c), "scheme": "99T", "meaning": f"Finding {c}"},
                        "channel": c,
                    }
                    for i, c in enumerate(channels)
                ],
            }
        ).output.labels
    )


def means(tensor):
    """[N, 3]: answers that depend on the slices."""
    x = tensor.reshape(len(tensor), -1).mean(axis=1)
    return np.stack([x, x * 0, -2 * x], axis=1)


@pytest.mark.parametrize("aggregate", list(Aggregate))
@pytest.mark.parametrize("blend", list(Blend))
@pytest.mark.parametrize("batch", [1, 4])
def test_classification_of_slices(aggregate, blend, batch):
    array = image((6, 5, 4))
    output = make_output(
        labels=labels(0, 2), activation=Activation.SOFTMAX, aggregate=aggregate, blend=blend
    )
    ours = classify(array, make_input(axis_order="NCYX"), output, means, batch=batch)
    scores = np.stack([means(array[:, i : i + 1])[0] for i in range(6)]).astype(np.float64)

    def softmax(x):
        return np.exp(x) / np.exp(x).sum(axis=-1, keepdims=True)

    pool = np.mean if aggregate is Aggregate.MEAN else np.max
    if blend is Blend.PROBABILITIES:
        judge = pool(softmax(scores), axis=0)
    else:
        judge = softmax(pool(scores, axis=0))
    np.testing.assert_allclose(ours.values, judge[[0, 2]], rtol=1e-5)
    best = int(judge.argmax())
    assert [label.channel for label in ours.chosen] == [c for c in (0, 2) if c == best]


def test_classification_of_a_whole_volume_is_one_call():
    calls = []

    def run(tensor):
        calls.append(tensor.shape)
        return np.array([[1.0, 3.0, 2.0]])[..., None, None, None]

    output = make_output(labels=labels(1, 2))
    result = classify(image((6, 5, 4)), make_input(), output, run)
    assert calls == [(1, 1, 6, 5, 4)]
    assert result.values == (3.0, 2.0) and result.chosen == result.labels[:1]


def test_several_findings_at_once():
    output = make_output(
        labels=labels(0, 1, 2), decision=Decision.THRESHOLD, activation=Activation.SIGMOID
    )
    result = classify(
        image((6, 5, 4)), make_input(), output, lambda _: np.array([[4.0, -4.0, 1.0]])
    )
    assert [label.channel for label in result.chosen] == [0, 2]
    assert result.values == pytest.approx([1 / (1 + np.exp(-x)) for x in (4, -4, 1)], rel=1e-5)


def test_regression_chooses_nothing():
    output = make_output(1, labels=labels(0))
    result = classify(
        image((6, 5, 4)),
        make_input(patch_size=(3, 5, 4), overlap=0),
        output,
        lambda x: x.sum(keepdims=True).reshape(1, 1),
        task=Task.REGRESSION,
    )
    halves = image((6, 5, 4))[0].reshape(2, -1).sum(axis=1)
    assert result.values == pytest.approx((halves.mean(),), rel=1e-4)
    assert result.chosen == ()


@pytest.mark.parametrize("result", [np.zeros((1, 2)), np.zeros((2, 3)), np.full((1, 3), np.nan)])
def test_answers_of_another_shape_or_not_finite(result):
    with pytest.raises(ModelError):
        classify(image((6, 5, 4)), make_input(), make_output(), lambda _: result)


def test_the_mean_over_mirror_images():
    array = image((6, 5, 4))
    output = make_output(labels=labels(0, 2))

    def first_corner(tensor):
        x = tensor[:, 0, 0, 0]
        return np.stack([x, x * 0, -2 * x], axis=1)

    input_ = make_input(axis_order="NCYX", mirror="XY")
    ours = classify(array, input_, output, first_corner, batch=4)
    corners = array[0][:, [0, 0, -1, -1], [0, -1, 0, -1]]
    np.testing.assert_allclose(ours.values, (corners.mean(), -2 * corners.mean()), atol=1e-6)
