"""Grids, windows and mirror images as nnU-Net has them, judged by its own functions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from makers.recipes import label, recipe

from IODeepLib.geometry import Grid, Volume
from IODeepLib.inference.decision import decide
from IODeepLib.inference.patches import importance_map, patch_starts
from IODeepLib.inference.preprocess import prepare
from IODeepLib.inference.sliding_window import score_slabs
from IODeepLib.recipe import (
    Anchor,
    Channel,
    Gaussian,
    GaussianCenter,
    ImportanceMap,
    Input,
    Interpolation,
    PatchStarts,
    SeparateAxis,
    Spacing,
)

pytest.importorskip("nnunetv2")
torch = pytest.importorskip("torch")

from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor  # noqa: E402
from nnunetv2.inference.sliding_window_prediction import (  # noqa: E402
    compute_gaussian,
    compute_steps_for_sliding_window,
)
from nnunetv2.preprocessing.resampling.default_resampling import (  # noqa: E402
    compute_new_shape,
    resample_data_or_seg_to_shape,
)

# Interpolation is done in float32 here, in float64 there: some units in the last place of the
# image's range, which is about 1.
ROUNDING = 2e-5

# Shape, the spacing that the series has and that the network wants, along the working axes.
CASES = [
    ((12, 20, 22), (1.0, 1.0, 1.0), (1.3, 0.8, 1.1)),  # no coarse axis
    ((9, 20, 22), (5.0, 0.9, 0.9), (5.0, 1.2, 1.3)),  # coarse already, the axis stays
    ((9, 20, 22), (5.0, 0.9, 0.9), (1.0, 1.0, 1.0)),  # coarse, becomes fine
    ((18, 20, 22), (1.0, 1.0, 1.0), (4.0, 0.9, 1.1)),  # becomes coarse
    ((20, 8, 19), (0.8, 4.0, 1.0), (1.0, 2.5, 1.0)),  # the middle axis
    ((20, 19, 7), (0.8, 1.0, 4.0), (1.0, 1.0, 3.3)),  # the last axis
    ((20, 8, 7), (0.8, 4.0, 4.0), (1.0, 3.0, 3.0)),  # two coarse axes: none is separate
    ((14, 20, 22), (3.0, 1.0, 1.0), (2.0, 1.0, 1.0)),  # exactly the ratio: not more than it
    ((1, 20, 22), (5.0, 0.9, 0.9), (5.0, 1.2, 1.3)),  # one slice
    ((13, 21, 22), (0.75, 0.75, 0.75), (1.5, 1.5, 1.5)),  # halves of voxels
]


def series(shape, spacing, seed=0):
    rng = np.random.default_rng(seed)
    array = rng.normal(size=shape).astype(np.float32)
    return Volume(array, Grid(shape, np.diag([*spacing, 1.0])))


def grid(spacing, **changes):
    ways = {
        "interpolation": Interpolation.CUBIC,
        "anchor": Anchor.EXTENT,
        "clip": True,
        "separate_axis": SeparateAxis(),
    }
    return Spacing(spacing, **(ways | changes))


def make_input(**changes):
    # The axes of these grids are those of the patient: L, P and S.
    whole = {"channels": (Channel("image"),), "orientation": "LPS", "axis_order": "NCXYZ"}
    return Input(**(whole | changes))


@pytest.mark.parametrize(("shape", "old", "new"), CASES)
def test_images_on_the_networks_grid(shape, old, new):
    volume = series(shape, old)
    prepared = prepare([volume], make_input(grid=grid(new)))
    wanted = compute_new_shape(shape, old, new)
    assert prepared.network.shape == tuple(wanted)
    judge = resample_data_or_seg_to_shape(
        volume.array[None], wanted, old, new, order=3, order_z=0, force_separate_z=None
    )[0]
    np.testing.assert_allclose(prepared.array[0], judge, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("shape", [(40, 30, 20), (20, 30, 30)])
def test_a_constant_image_stays_exactly_that(shape):
    volume = series((30, 30, 30), (1, 1, 1))
    volume.array[...] = 1000.1
    spacing = tuple(30 / n for n in shape)
    prepared = prepare([volume], make_input(grid=grid(spacing)))
    assert prepared.array.shape[1:] == shape
    assert (prepared.array == volume.array.flat[0]).all()


@pytest.mark.parametrize(("shape", "old", "new"), CASES)
def test_scores_on_the_way_back(shape, old, new):
    prepared = prepare([series(shape, old)], make_input(grid=grid(new)))
    rng = np.random.default_rng(5)
    scores = rng.normal(size=(3, *prepared.network.shape)).astype(np.float32)
    output = recipe(output={"channels": 3, "labels": [label(1), label(2)]}).output
    ours = decide([(0, scores.copy())], prepared, output).array
    judge = resample_data_or_seg_to_shape(
        scores, shape, new, old, order=1, order_z=0, force_separate_z=None
    )
    best = np.sort(judge, axis=0)
    clear = best[-1] - best[-2] > ROUNDING  # where the two best scores are not the same
    assert clear.mean() > 0.999
    np.testing.assert_array_equal(ours[clear], judge.argmax(0)[clear])


def test_a_2d_network_by_slices():
    shape, old, new = (7, 20, 22), (5.0, 0.9, 0.8), (1.2, 1.3)
    volume = series(shape, old)
    # Z counts slices here: the array's first axis is L, its last S.
    input_ = make_input(orientation="SPL", axis_order="NCYX", grid=grid(new))
    prepared = prepare([volume], input_)
    wanted = compute_new_shape(shape, old, (5.0, *new))
    judge = resample_data_or_seg_to_shape(
        volume.array[None], wanted, old, (5.0, *new), order=3, order_z=0, force_separate_z=None
    )[0]
    assert prepared.network.orientation == "LPS"
    np.testing.assert_allclose(prepared.array[0], judge, rtol=0, atol=ROUNDING)


@settings(max_examples=200)
@given(st.integers(1, 300), st.integers(1, 128), st.sampled_from([0.1, 0.25, 0.3, 0.5, 0.75, 1.0]))
def test_starts_of_patches(length, size, step):
    if size * step < 1 or length < size:
        return
    judge = compute_steps_for_sliding_window((length,), (size,), step)[0]
    assert list(patch_starts(length, size, 1 - step, PatchStarts.EVEN)) == judge


@pytest.mark.parametrize("size", [(32, 32, 32), (20, 31, 48), (1, 64, 40), (96, 16, 16)])
def test_weights_of_patches(size):
    judge = compute_gaussian(size, device=torch.device("cpu"), value_scaling_factor=10).numpy()
    judge = judge.astype(np.float64) / 10
    gaussian = Gaussian(center=GaussianCenter.VOXEL, least=6e-9)
    ours = importance_map(size, ImportanceMap.GAUSSIAN, gaussian)
    # float16 has 11 bits, fewer below 6e-5; scipy cuts its Gaussian off at 4 sigma and divides by
    # what is left.
    np.testing.assert_allclose(ours, judge, rtol=2e-3, atol=1e-8)
    assert ours.argmax() == judge.argmax()


class Lopsided(torch.nn.Module):
    """A network that sees which way its input lies."""

    def __init__(self, dims):
        super().__init__()
        torch.manual_seed(3)
        kind = {2: torch.nn.Conv2d, 3: torch.nn.Conv3d}[dims]
        self.layer = kind(1, 3, 3, padding=1)

    def forward(self, x):
        return torch.tanh(self.layer(x))


@pytest.mark.parametrize("mirror", ["X", "XYZ", "ZY"])
@pytest.mark.parametrize("axis_order", ["NCXYZ", "NCZYX"])
def test_mirror_images(mirror, axis_order):
    network = Lopsided(3)
    axes = [axis_order.index(letter) - 2 for letter in mirror]
    predictor = nnUNetPredictor(use_mirroring=True, device=torch.device("cpu"), allow_tqdm=False)
    predictor.network, predictor.allowed_mirroring_axes = network, sorted(axes)
    array = np.random.default_rng(0).normal(size=(1, 10, 8, 9)).astype(np.float32)
    input_ = make_input(axis_order=axis_order, mirror=mirror)
    output = recipe(output={"channels": 3, "labels": [label(1), label(2)]}).output

    def predict(x):
        with torch.inference_mode():
            return network(torch.from_numpy(x)).numpy()

    [(_, ours)] = score_slabs(array, input_, output, predict)
    with torch.inference_mode():
        judge = predictor._internal_maybe_mirror_and_predict(torch.from_numpy(array)[None])
    np.testing.assert_allclose(ours, judge[0].numpy(), rtol=0, atol=1e-6)
