"""Patches and their blending, judged by a brute-force blend that keeps everything in float64."""

from __future__ import annotations

import itertools
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from makers.recipes import recipe

from IODeepLib.errors import CancelledError, ModelError
from IODeepLib.inference.patches import Patches, importance_map, patch_starts
from IODeepLib.inference.sliding_window import score_bytes, score_slabs
from IODeepLib.recipe import (
    Activation,
    Blend,
    Channel,
    Decision,
    Gaussian,
    GaussianCenter,
    ImportanceMap,
    Input,
    Output,
    Outside,
    PatchStarts,
)

LABEL = recipe().output.labels[0]


def make_input(**changes):
    return Input(**{"channels": (Channel("image"),), "orientation": "LPS", **changes})


def make_output(channels=3, **changes):
    return Output(**{"channels": channels, "labels": (LABEL,), **changes})


def image(shape, channels=1, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(channels, *shape)).astype(np.float32)


def network(tensor):
    """Scores (N, 3, ...) that depend on the values and on the place in the patch."""
    x = tensor.sum(axis=1, keepdims=True)
    ramp = np.indices(x.shape[2:]).sum(axis=0) / x[0, 0].size
    return np.concatenate([x, 2 * x + ramp, np.cos(x) - 3 * ramp], axis=1).astype(np.float32)


def collected(slabs, planes):
    """All slabs, copied, after a check that they come in order without gap or overlap."""
    parts, expected = [], 0
    for start, scores in slabs:
        assert start == expected and scores.dtype == np.float32
        expected += scores.shape[1]
        parts.append(scores.copy())
    assert expected == planes
    return np.concatenate(parts, axis=1)


def starts_one_by_one(length, size, overlap):
    """Where patches begin, found by walking."""
    starts, at = [], 0
    while at + size < length:
        starts.append(at)
        at += max(1, int(size * (1 - overlap)))
    return [*starts, length - size]


def padding(size, shape):
    """Voxels before and behind, the odd one behind."""
    missing = [max(0, s - n) for s, n in zip(size, shape, strict=True)]
    return [(m // 2, m - m // 2) for m in missing]


def padded(array, pads, outside):
    modes = {Outside.EDGE: "edge", Outside.REFLECT: "reflect"}
    how = [
        {"mode": modes[outside]}
        if outside in modes
        else {"constant_values": c.min() if outside is Outside.MINIMUM else 0}
        for c in array
    ]
    return np.stack([np.pad(c, pads, **kwargs) for c, kwargs in zip(array, how, strict=True)])


def inside(pads, shape):
    return (slice(None), *(slice(a, a + n) for (a, _), n in zip(pads, shape, strict=True)))


def evenly(length, size, overlap):
    """As few patches as leave no step above size * (1 - overlap), at equal distances."""
    count = 1
    while (length - size) > (count - 1) * size * (1 - overlap):
        count += 1
    return [round(i * (length - size) / max(1, count - 1)) for i in range(count)]


def brute_force(array, input_, run=network, starts=starts_one_by_one):
    """MONAI's sliding window in so many words: pad, weigh, add everything, divide, crop."""
    size, shape = input_.patch_size, array.shape[1:]
    pads = padding(size, shape)
    whole = padded(array, pads, input_.outside)
    weights = np.ones(size)
    if input_.importance_map is ImportanceMap.GAUSSIAN:
        lines = [np.exp(-0.5 * ((np.arange(s) - (s - 1) / 2) / (s / 8)) ** 2) for s in size]
        weights = lines[0][:, None, None] * lines[1][:, None] * lines[2]
        weights = np.maximum(weights, max(weights.min(), 1e-3))
    summed, total = np.zeros((3, *whole.shape[1:])), np.zeros(whole.shape[1:])
    each = [starts(n, s, input_.overlap) for n, s in zip(total.shape, size, strict=True)]
    for start in itertools.product(*each):
        box = tuple(slice(a, a + s) for a, s in zip(start, size, strict=True))
        scores = run(whole[(None, slice(None), *box)])[0].astype(np.float64)
        summed[(slice(None), *box)] += scores * weights
        total[box] += weights
    return (summed / total)[inside(pads, shape)]


@pytest.mark.parametrize("shape", [(20, 17, 23), (5, 17, 9), (8, 8, 8), (7, 7, 7), (1, 30, 8)])
@pytest.mark.parametrize("overlap", [0, 0.25, 0.5, 0.8])
@pytest.mark.parametrize("kind", list(ImportanceMap))
@pytest.mark.parametrize("outside", list(Outside))
def test_blending_is_the_brute_force_one(shape, overlap, kind, outside):
    input_ = make_input(
        patch_size=(8, 6, 10), overlap=overlap, importance_map=kind, outside=outside
    )
    array = image(shape)
    ours = collected(score_slabs(array, input_, make_output(), network), shape[0])
    np.testing.assert_allclose(ours, brute_force(array, input_), rtol=0, atol=2e-5)


@pytest.mark.parametrize("shape", [(20, 17, 23), (5, 17, 9), (8, 6, 10), (21, 30, 8)])
@pytest.mark.parametrize("overlap", [0, 0.25, 0.5, 0.75])
def test_patches_at_equal_distances(shape, overlap):
    input_ = make_input(patch_size=(8, 6, 10), overlap=overlap, patch_starts=PatchStarts.EVEN)
    array = image(shape)
    ours = collected(score_slabs(array, input_, make_output(), network), shape[0])
    judge = brute_force(array, input_, starts=evenly)
    np.testing.assert_allclose(ours, judge, rtol=0, atol=2e-5)


def mirrored(axes, axis_order="NCZYX"):
    """What the mean over all mirror images is, worked out with one run for each."""

    def run(tensor):
        found = []
        for count in range(len(axes) + 1):
            for some in itertools.combinations(axes, count):
                where = [axis_order.index(letter) for letter in some]
                found.append(np.flip(network(np.flip(tensor, where)), where))
        return np.mean(found, axis=0, dtype=np.float64)

    return run


@pytest.mark.parametrize("mirror", ["", "X", "ZX", "YZX"])
@pytest.mark.parametrize("batch", [1, 3])
def test_the_mean_over_mirror_images(mirror, batch):
    calls = []

    def run(tensor):
        calls.append(len(tensor))
        assert tensor.flags.c_contiguous
        return network(tensor)

    array = image((13, 9, 11))
    input_ = make_input(patch_size=(8, 6, 10), mirror=mirror)
    ours = collected(score_slabs(array, input_, make_output(), run, batch=batch), 13)
    judge = brute_force(array, input_, mirrored(mirror))
    np.testing.assert_allclose(ours, judge, rtol=0, atol=5e-5)
    assert sum(calls) == 2 ** len(mirror) * len(Patches.of((13, 9, 11), input_))


@pytest.mark.parametrize("axis_order", ["NCYX", "YXNC"])
def test_mirror_images_of_slices_with_their_neighbours(axis_order):
    array = image((5, 6, 7))
    input_ = make_input(axis_order=axis_order, neighbours=1, mirror="Y")

    def run(tensor):
        x = tensor.transpose([axis_order.index(a) for a in "NCYX"])
        return network(x).transpose(["NCYX".index(a) for a in axis_order])

    ours = collected(score_slabs(array, input_, make_output(), run, batch=2), 5)
    for z in range(5):
        around = array[0, np.clip([z - 1, z, z + 1], 0, 4)][None]
        judge = mirrored("Y", "NCYX")(around)[0]
        np.testing.assert_allclose(ours[:, z], judge, rtol=0, atol=2e-5)


def test_mirror_images_of_a_network_that_gives_half_precision():
    array = image((8, 8, 8))
    input_ = make_input(mirror="XYZ")
    half = score_slabs(array, input_, make_output(), lambda x: network(x).astype(np.float16))
    full = score_slabs(array, input_, make_output(), network)
    np.testing.assert_allclose(collected(half, 8), collected(full, 8), atol=2e-2)


def test_the_sum_over_mirror_images_may_be_beyond_half_precision():
    slabs = score_slabs(
        image((4, 4, 4)),
        make_input(mirror="XY"),
        make_output(),
        lambda x: np.full((1, 3, 4, 4, 4), 6e4, np.float16),
    )
    assert (collected(slabs, 4) == np.float16(6e4)).all()


@pytest.mark.parametrize("axis_order", ["NCZYX", "NCYX"])
def test_what_the_network_sees_beyond_the_image_where_that_is_mirrored(axis_order):
    array = image((5, 4, 3))
    flat = len(axis_order) == 4
    seen = []
    input_ = make_input(
        axis_order=axis_order, patch_size=(9, 10, 8)[int(flat) :], outside=Outside.REFLECT
    )

    def run(tensor):
        seen.append(tensor.reshape(-1, *tensor.shape[-2:]))
        return np.repeat(tensor, 3, 1)

    collected(score_slabs(array, input_, make_output(), run, batch=5), 5)
    pads = [(0, 0) if flat else (2, 2), (3, 3), (2, 3)]
    np.testing.assert_array_equal(np.concatenate(seen), np.pad(array[0], pads, "reflect"))


def test_progress_and_cancelling_between_mirror_images():
    seen, runs = [], []
    input_ = make_input(patch_size=(4, 4, 4), mirror="X")
    array = image((6, 4, 4))
    slabs = score_slabs(
        array, input_, make_output(), network, progress=lambda f, m: seen.append((f, m))
    )
    collected(slabs, 6)
    assert seen == [
        (0.25, "patch 1 of 2, mirror image 1 of 2"),
        (0.5, "patch 1 of 2, mirror image 2 of 2"),
        (0.75, "patch 2 of 2, mirror image 1 of 2"),
        (1.0, "patch 2 of 2, mirror image 2 of 2"),
    ]

    def run(tensor):
        runs.append(1)
        return network(tensor)

    with pytest.raises(CancelledError):
        list(score_slabs(array, input_, make_output(), run, cancelled=lambda: len(runs) == 3))
    assert len(runs) == 3


def test_label_values_have_no_mean_over_mirror_images():
    output = make_output(1, decision=Decision.LABELS)
    slabs = score_slabs(image((4, 4, 4)), make_input(mirror="X"), output, lambda x: x)
    with pytest.raises(ModelError, match=r"mirror images over X .*take 'mirror' out"):
        list(slabs)


def test_a_network_whose_output_changes_its_shape():
    shapes = itertools.cycle([(1, 3, 4, 4, 4), (1, 3, 1, 1, 1)])
    slabs = score_slabs(
        image((4, 4, 4)), make_input(mirror="X"), make_output(), lambda x: np.zeros(next(shapes))
    )
    with pytest.raises(ModelError, match=r"shape \(1, 3, 1, 1, 1\) for the mirror image"):
        list(slabs)


def test_memory_for_the_sum_of_mirror_images():
    plain, both = make_input(patch_size=(4, 4, 4)), make_input(patch_size=(4, 4, 4), mirror="X")
    size = (10, 4, 4)
    more = score_bytes(size, both, make_output(), 2) - score_bytes(size, plain, make_output(), 2)
    assert more == 4 * 3 * 2 * 4**3


@settings(deadline=None, max_examples=40)
@given(
    shape=st.tuples(*[st.integers(1, 20)] * 3),
    size=st.tuples(*[st.integers(1, 9)] * 3),
    overlap=st.floats(0, 0.95),
    kind=st.sampled_from(ImportanceMap),
)
def test_blending_whatever_the_sizes(shape, size, overlap, kind):
    input_ = make_input(patch_size=size, overlap=overlap, importance_map=kind)
    array = image(shape, channels=1)
    ours = collected(score_slabs(array, input_, make_output(), network), shape[0])
    np.testing.assert_allclose(ours, brute_force(array, input_), rtol=0, atol=5e-5)


@pytest.mark.parametrize("axis_order", ["NCZYX", "NCXYZ", "NZYXC", "CNYXZ", "XNYCZ", "YXZNC"])
@pytest.mark.parametrize("patch_size", [(4, 6, 5), None])
def test_any_axis_order_sees_and_gives_the_same(axis_order, patch_size):
    array = image((9, 7, 11), channels=2)
    plain = make_input(channels=(Channel("a"), Channel("b")), patch_size=patch_size)
    turned = make_input(channels=plain.channels, patch_size=patch_size, axis_order=axis_order)
    standard = "NC" + turned.spatial_axes

    def run(tensor):
        assert tensor.flags.c_contiguous and tensor.dtype == np.float32
        assert tensor.shape[axis_order.index("C")] == 2
        back = tensor.transpose([axis_order.index(x) for x in standard])
        return network(back).transpose([standard.index(x) for x in axis_order])

    expected = collected(score_slabs(array, plain, make_output(), network), 9)
    ours = collected(score_slabs(array, turned, make_output(), run), 9)
    np.testing.assert_array_equal(ours, expected)


@pytest.mark.parametrize(("divisible_by", "seen"), [(1, (5, 7, 9)), (4, (8, 8, 12))])
def test_a_whole_image_is_one_call(divisible_by, seen):
    shapes = []

    def run(tensor):
        shapes.append(tensor.shape)
        return network(tensor)

    array = image((5, 7, 9))
    input_ = make_input(divisible_by=divisible_by, outside=Outside.EDGE)
    ours = collected(score_slabs(array, input_, make_output(), run), 5)
    assert shapes == [(1, 1, *seen)]
    pads = padding(seen, (5, 7, 9))
    judge = network(padded(array, pads, Outside.EDGE)[None])[0]
    np.testing.assert_array_equal(ours, judge[inside(pads, (5, 7, 9))])


@pytest.mark.parametrize("batch", [1, 2, 3, 8])
@pytest.mark.parametrize("patch_size", [None, (4, 5), (20, 5)])
@pytest.mark.parametrize("axis_order", ["NCYX", "NXYC", "CZNY"])
def test_2d_slices_with_their_neighbours(batch, patch_size, axis_order):
    array = image((7, 9, 11), channels=2)
    input_ = make_input(
        channels=(Channel("a"), Channel("b")),
        axis_order=axis_order,
        neighbours=1,
        patch_size=patch_size,
    )
    standard = "NC" + input_.spatial_axes
    batches = []

    def run(tensor):
        x = tensor.transpose([axis_order.index(a) for a in standard])
        batches.append(x.shape[0])
        # For each channel, the slice below, the slice itself and the one above.
        scores = np.stack([x[:, 0], x[:, 1] + 10 * x[:, 4], x[:, 2] - x[:, 5]], axis=1)
        return scores.transpose([standard.index(a) for a in axis_order])

    ours = collected(score_slabs(array, input_, make_output(), run, batch=batch), 7)
    below, above = array[:, [0, *range(6)]], array[:, [*range(1, 7), 6]]
    judge = [below[0], array[0] + 10 * array[1], above[0] - above[1]]
    np.testing.assert_allclose(ours, np.stack(judge), atol=1e-5)
    assert max(batches) == min(batch, 7) and sum(batches) % 7 == 0


def test_2d_patches_are_the_3d_ones_of_depth_one():
    array = image((4, 17, 15))
    flat = make_input(axis_order="NCYX", patch_size=(8, 6))
    deep = make_input(patch_size=(1, 8, 6))
    run = lambda x: network(x[:, :, None])[:, :, 0]  # noqa: E731
    np.testing.assert_allclose(
        collected(score_slabs(array, flat, make_output(), run, batch=3), 4),
        collected(score_slabs(array, deep, make_output(), network), 4),
        atol=1e-5,
    )


@pytest.mark.parametrize("activation", [Activation.SOFTMAX, Activation.SIGMOID])
def test_probabilities_are_blended_where_the_recipe_says_so(activation):
    def probabilities(x):
        scores = network(x).astype(np.float64) * 20
        if activation is Activation.SIGMOID:
            return 1 / (1 + np.exp(-scores))
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return scores / scores.sum(axis=1, keepdims=True)

    array = image((9, 8, 7))
    input_ = make_input(patch_size=(4, 4, 4))
    output = make_output(activation=activation, blend=Blend.PROBABILITIES)
    ours = collected(score_slabs(array, input_, output, lambda x: network(x) * 20), 9)
    np.testing.assert_allclose(ours, brute_force(array, input_, probabilities), atol=1e-5)
    assert np.isfinite(ours).all() and ours.min() >= 0 and ours.max() <= 1 + 1e-6


@pytest.mark.parametrize("with_channel", [True, False])
def test_label_values_come_from_the_patch_with_the_greatest_weight(with_channel):
    calls = itertools.count(1)

    def run(tensor):
        labels = np.full(tensor.shape, next(calls), np.int64)
        return labels if with_channel else labels[:, 0]

    input_ = make_input(patch_size=(4, 4, 4))
    output = make_output(1, decision=Decision.LABELS)
    ours = collected(score_slabs(image((10, 4, 4)), input_, output, run), 10)
    # Patches begin at 0, 2, 4, 6; where two weigh the same, the first.
    judge = [1, 1, 1, 2, 2, 3, 3, 4, 4, 4]
    np.testing.assert_array_equal(ours[0, :, 1, 1], judge)


def test_label_values_of_a_2d_network_without_channel_axis():
    array = np.round(image((5, 6, 7)) * 2)
    input_ = make_input(axis_order="NCYX", patch_size=(4, 4))
    output = make_output(1, decision=Decision.LABELS)
    ours = collected(score_slabs(array, input_, output, lambda x: x[:, 0], batch=2), 5)
    np.testing.assert_array_equal(ours, array)


def test_half_precision_scores_are_welcome():
    array = image((9, 8, 7))
    input_ = make_input(patch_size=(4, 4, 4))
    half = score_slabs(array, input_, make_output(), lambda x: network(x).astype(np.float16))
    full = score_slabs(array, input_, make_output(), network)
    np.testing.assert_allclose(collected(half, 9), collected(full, 9), atol=2e-2)


@pytest.mark.parametrize("patch_size", [None, (4, 4, 4)])
def test_the_image_is_left_as_it_is(patch_size):
    array = image((8, 8, 8), channels=3)
    before = array.copy()
    input_ = make_input(channels=tuple(map(Channel, "abc")), patch_size=patch_size)
    output = make_output(activation=Activation.SOFTMAX, blend=Blend.PROBABILITIES)
    collected(score_slabs(array, input_, output, lambda x: x), 8)
    np.testing.assert_array_equal(array, before)


def test_the_slab_is_as_deep_as_a_patch_and_not_as_the_image():
    sizes = []
    input_ = make_input(patch_size=(6, 8, 8))
    for _, scores in score_slabs(image((60, 8, 9)), input_, make_output(), network):
        base = scores if scores.base is None else scores.base
        sizes.append(base.shape)
    assert set(sizes) == {(3, 6, 8, 9)}


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (np.zeros((1, 4, 4, 4, 4)), r"shape \(1, 4, 4, 4, 4\) .*wanted: \(1, 3, 4, 4, 4\).*NCZYX"),
        (np.zeros((1, 3, 2, 2, 2)), r"shape \(1, 3, 2, 2, 2\) .*wanted: \(1, 3, 4, 4, 4\)"),
        (np.zeros((1, 3)), r"shape \(1, 3\)"),
    ],
)
def test_scores_of_another_shape_are_refused(result, words):
    slabs = score_slabs(
        image((9, 4, 4)), make_input(patch_size=(4, 4, 4)), make_output(), lambda _: result
    )
    with pytest.raises(ModelError, match=words):
        list(slabs)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("blend", list(Blend))
def test_scores_that_are_not_finite_are_refused_with_their_place(value, blend):
    calls = itertools.count()

    def run(tensor):
        scores = np.zeros((1, 3, 4, 4, 4), np.float32)
        if next(calls) == 2:
            scores[0, 1, 2, 3, 0] = value
        return scores

    output = make_output(activation=Activation.SOFTMAX, blend=blend)
    slabs = score_slabs(image((12, 4, 4)), make_input(patch_size=(4, 4, 4)), output, run)
    # The third patch begins at plane 4.
    with pytest.raises(ModelError, match=rf"{value} in channel 1 at voxel \(6, 3, 0\)"):
        list(slabs)


def test_large_scores_are_no_fault():
    slabs = score_slabs(
        image((4, 4, 4)), make_input(), make_output(), lambda x: np.repeat(x * 0 + 3e38, 3, 1)
    )
    assert collected(slabs, 4).max() == np.float32(3e38)


@pytest.mark.parametrize("mirror", ["", "ZX"])
@pytest.mark.parametrize("kind", [{}, {"decision": Decision.LABELS, "channels": 1}])
def test_what_is_run_while_others_are_blended_is_blended_in_its_order(mirror, kind):
    if kind and mirror:
        return  # label values have no mean
    input_ = make_input(patch_size=(8, 6, 10), mirror=mirror)
    output, array, threads = make_output(**kind), image((20, 17, 23)), set()

    def run(tensor):
        threads.add(threading.get_ident())
        scores = network(tensor)
        return np.rint(scores[:, :1]) if kind else scores

    one, other = (
        collected(score_slabs(array, input_, output, run, overlapped=overlapped), 20)
        for overlapped in (False, True)
    )
    np.testing.assert_array_equal(one, other)
    assert len(threads) == 2 and threading.get_ident() in threads


@pytest.mark.parametrize("overlapped", [False, True])
def test_memory_bounds_how_many_results_wait(overlapped):
    input_, output = make_input(patch_size=(96, 96, 96)), make_output(100)
    shape = (200, 200, 200)
    alone = score_bytes(shape, input_, output, 1)
    assert score_bytes(shape, input_, output, 1, overlapped=overlapped) == alone
    few = make_output(8)
    more = score_bytes(shape, input_, few, 1, overlapped=True) - score_bytes(shape, input_, few, 1)
    assert more == 4 * 8 * 96**3 * 4


def test_progress_and_cancelling():
    seen = []
    input_ = make_input(patch_size=(4, 4, 4))
    array = image((8, 4, 4))
    collected(
        score_slabs(
            array, input_, make_output(), network, progress=lambda f, m: seen.append((f, m))
        ),
        8,
    )
    assert seen == [(1 / 3, "patch 1 of 3"), (2 / 3, "patch 2 of 3"), (1.0, "patch 3 of 3")]
    runs = []

    def run(tensor):
        runs.append(1)
        return network(tensor)

    with pytest.raises(CancelledError):
        list(score_slabs(array, input_, make_output(), run, cancelled=lambda: len(runs) == 2))
    assert len(runs) == 2


@given(st.integers(1, 60), st.integers(1, 20), st.floats(0, 0.999999), st.sampled_from(PatchStarts))
def test_patches_cover_every_voxel_and_none_beyond(length, size, overlap, rule):
    starts = patch_starts(length, size, overlap, rule)
    covered = {start + i for start in starts for i in range(size)}
    assert covered >= set(range(length))
    assert list(starts) == sorted(set(starts))
    if length >= size:
        assert starts[0] == 0 and starts[-1] == length - size
    else:
        assert starts == (-((size - length) // 2),)


def test_the_importance_map():
    weights = importance_map((8, 6, 10), ImportanceMap.GAUSSIAN)
    assert weights.dtype == np.float32 and weights.min() == np.float32(1e-3)
    np.testing.assert_array_equal(weights, weights[::-1, ::-1, ::-1])
    assert (importance_map((2, 3, 4), ImportanceMap.CONSTANT) == 1).all()


def test_another_gaussian():
    gaussian = Gaussian(sigma=0.25, center=GaussianCenter.VOXEL, least=1e-6)
    weights = importance_map((8, 5, 1), ImportanceMap.GAUSSIAN, gaussian)
    index = np.moveaxis(np.indices((8, 5, 1)), 0, -1)
    apart = (index - (4, 2, 0)) / (2, 1.25, 0.25)
    np.testing.assert_allclose(weights, np.exp(-0.5 * (apart**2).sum(-1)), rtol=1e-6)
    assert weights[4, 2, 0] == 1
    narrow = importance_map((9, 9, 9), ImportanceMap.GAUSSIAN, Gaussian(sigma=1e-300, least=1e-6))
    assert narrow.min() == np.float32(1e-6) and np.isfinite(narrow).all()


def test_number_of_patches():
    input_ = make_input(patch_size=(4, 4, 4))
    assert len(Patches.of((10, 4, 9), input_)) == 4 * 1 * 4
    assert len(Patches.of((7, 9, 9), make_input(axis_order="NCYX"), batch=3)) == 3
