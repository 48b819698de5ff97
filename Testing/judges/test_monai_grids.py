"""Grids, intensities, windows and the way back as MONAI has them, judged by its own transforms."""

from __future__ import annotations

import numpy as np
import pytest
from makers.recipes import label, recipe

from IODeepLib.geometry import Grid, Volume
from IODeepLib.inference.decision import decide
from IODeepLib.inference.preprocess import prepare
from IODeepLib.inference.sliding_window import score_slabs
from IODeepLib.recipe import (
    Anchor,
    Channel,
    CropAbove,
    Gaussian,
    ImportanceMap,
    Input,
    Interpolation,
    OnGrid,
    Outside,
    Over,
    Per,
    PercentileScale,
    Resize,
    Spacing,
    ZScore,
)

monai = pytest.importorskip("monai")
torch = pytest.importorskip("torch")

from monai.data import MetaTensor  # noqa: E402
from monai.inferers import SlidingWindowInferer  # noqa: E402
from monai.transforms import (  # noqa: E402
    Activationsd,
    AsDiscreted,
    Compose,
    CropForegroundd,
    Invertd,
    NormalizeIntensityd,
    Orientationd,
    Resized,
    ScaleIntensityRangePercentilesd,
    Spacingd,
)

# float32 here, mostly float64 there, of values around 1.
ROUNDING = 2e-5
# Two scores as close as this may be told apart in another way.
CLOSE = 1e-4

SHAPE = (15, 17, 9)


def turned(spacing):
    """An affine whose axes are turned about two of the patient's."""
    (a, b), (c, d) = (np.cos([0.3, 0.2]), np.sin([0.3, 0.2]))
    affine = np.eye(4)
    about_x = np.array([[1, 0, 0], [0, b, -d], [0, d, b]])
    about_z = np.array([[a, -c, 0], [c, a, 0], [0, 0, 1]])
    affine[:3, :3] = about_z @ about_x @ np.diag(spacing)
    affine[:3, 3] = 3, -8, 40
    return affine


TURNED = turned((0.9, 1.1, 2.5))


def image(channels=1, shape=SHAPE, affine=TURNED, seed=0):
    """The same for both, in float32 as NIfTI has it: MONAI's affines are RAS, ours LPS."""
    affine = affine.astype(np.float32).astype(np.float64)
    array = np.random.default_rng(seed).normal(size=(channels, *shape)).astype(np.float32)
    theirs = MetaTensor(array.copy(), affine=np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine)
    return [Volume(one, Grid(shape, affine)) for one in array], {"image": theirs}


def make_input(channels=1, **changes):
    whole = {"channels": tuple(map(Channel, "abcd"[:channels])), "orientation": "RAS"}
    return Input(**(whole | {"axis_order": "NCXYZ"} | changes))


def array_of(data):
    return data["image"].numpy().astype(np.float64)


RAS = Orientationd(keys="image", axcodes="RAS", labels=(("L", "R"), ("P", "A"), ("I", "S")))


@pytest.mark.parametrize("spacing", [(1.57, 1.43, 2.11), (0.71, 2.3, 3.17), (1.83, 0.57, 5.1)])
@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
def test_spacingd(spacing, mode):
    ours, theirs = image()
    way = Interpolation.LINEAR if mode == "bilinear" else Interpolation.NEAREST_EVEN
    grid = Spacing(spacing, anchor=Anchor.FIRST_VOXEL, interpolation=way)
    prepared = prepare(ours, make_input(grid=grid))
    judge = Compose([RAS, Spacingd(keys="image", pixdim=spacing, mode=mode)])(theirs)
    assert prepared.array.shape == judge["image"].shape
    index = prepared.source.index(prepared.network.point(np.indices(prepared.network.shape).T)).T
    tie = (np.abs(index % 1 - 0.5) < 1e-4).any(axis=0) & (mode == "nearest")  # see below
    assert tie.mean() < 0.4
    array, theirs = prepared.array[0], array_of(judge)[0]
    np.testing.assert_allclose(array[~tie], theirs[~tie], rtol=0, atol=ROUNDING)
    affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ judge["image"].affine.numpy()
    np.testing.assert_allclose(prepared.network.affine, affine, atol=1e-6)


@pytest.mark.parametrize("shape", [(7, 9, 4), (15, 5, 20), (30, 17, 1)])
def test_resized_by_area(shape):
    ours, theirs = image()
    prepared = prepare(ours, make_input(grid=Resize(shape, interpolation=Interpolation.AREA)))
    judge = Compose([RAS, Resized(keys="image", spatial_size=shape, mode="area")])(theirs)
    np.testing.assert_allclose(prepared.array, array_of(judge), rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("nonzero", [True, False])
def test_statistics_of_all_channels_together(nonzero):
    ours, theirs = image(3)
    for one, other in zip(ours, theirs["image"], strict=True):
        one.array[2:9, 3:8] = 0
        other[2:9, 3:8] = 0
    step = ZScore(over=Over.NONZERO if nonzero else Over.ALL, per=Per.IMAGE)
    prepared = prepare(ours, make_input(3, intensity=(step,)))
    normalize = NormalizeIntensityd(keys="image", nonzero=nonzero, channel_wise=False)
    judge = Compose([RAS, normalize])(theirs)
    np.testing.assert_allclose(prepared.array, array_of(judge), rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("clip", [True, False])
@pytest.mark.parametrize("together", [True, False])
def test_percentiles_become_a_range(clip, together):
    ours, theirs = image(2)
    step = PercentileScale(
        5, 95, low=-1, high=2, clip=clip, per=Per.IMAGE if together else Per.VOLUME
    )
    prepared = prepare(ours, make_input(2, intensity=(step,)))
    scale = ScaleIntensityRangePercentilesd(
        keys="image", lower=5, upper=95, b_min=-1, b_max=2, clip=clip, channel_wise=not together
    )
    judge = Compose([RAS, scale])(theirs)
    np.testing.assert_allclose(prepared.array, array_of(judge), rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("margin", [0, 2, 50])
def test_crop_to_the_foreground(margin):
    ours, theirs = image(2)
    for one, other in zip(ours, theirs["image"], strict=True):
        for array in (one.array, other):
            array[:4] = array[12:] = -1
            array[:, :5] = array[:, 11:] = -1
    crop = CropAbove(above=0.0, margin=margin, on=OnGrid.NETWORK)
    grid = Spacing((1.5, 1.5, 2.0), anchor=Anchor.FIRST_VOXEL)
    prepared = prepare(ours, make_input(2, grid=grid, crop=crop))
    judge = Compose(
        [
            RAS,
            Spacingd(keys="image", pixdim=grid.spacing),
            CropForegroundd(keys="image", source_key="image", margin=margin, allow_smaller=True),
        ]
    )(theirs)
    assert prepared.array.shape == judge["image"].shape
    np.testing.assert_allclose(prepared.array, array_of(judge), rtol=0, atol=ROUNDING)


def found_by_monai(theirs, before, scores, after):
    """What MONAI makes of `scores` on the voxels of the image."""
    data = before(theirs)
    data["pred"] = MetaTensor(torch.from_numpy(scores), meta=data["image"].meta)
    data["pred"].applied_operations = data["image"].applied_operations
    return Compose(after(before))(data)["pred"].numpy()


def invert(before, nearest):
    return Invertd(
        keys="pred", transform=before, orig_keys="image", nearest_interp=nearest, to_tensor=True
    )


@pytest.mark.parametrize("spacing", [(1.5, 1.5, 2.0), (0.7, 2.2, 3.1)])
@pytest.mark.parametrize("kind", ["softmax", "sigmoid"])
def test_probabilities_are_interpolated(spacing, kind):
    ours, theirs = image()
    prepared = prepare(ours, make_input(grid=Spacing(spacing, anchor=Anchor.FIRST_VOXEL)))
    scores = np.random.default_rng(1).normal(size=(3, *prepared.network.shape)) * 4
    scores = scores.astype(np.float32)
    softmax = kind == "softmax"
    labels = [label(1), label(2)] if softmax else [label(i + 1) for i in range(3)]
    output = recipe(
        output={
            "channels": 3,
            "labels": labels,
            "activation": kind,
            "interpolate": "probabilities",
            "decision": "argmax" if softmax else "threshold",
        }
    ).output
    found = decide([(0, scores.copy())], prepared, output).array
    before = Compose([RAS, Spacingd(keys="image", pixdim=spacing)])

    def after(before):
        softmax_or_sigmoid = Activationsd(keys="pred", softmax=softmax, sigmoid=not softmax)
        return [softmax_or_sigmoid, invert(before, False)]

    judge = found_by_monai(theirs, before, scores, after)
    if softmax:
        best = np.sort(judge, axis=0)
        clear, judge = best[-1] - best[-2] > CLOSE, judge.argmax(0)
    else:
        clear, judge = np.abs(judge - 0.5) > CLOSE, judge > 0.5
    assert clear.mean() > 0.99
    np.testing.assert_array_equal(found[clear], judge[clear])


@pytest.mark.parametrize("nearest", [True, False])
@pytest.mark.parametrize("spacing", [(1.5, 1.5, 2.0), (0.75, 3.0, 5.0)])
def test_labels_on_the_way_back(nearest, spacing):
    ours, theirs = image(affine=np.diag([-1.5, -1.5, 2.5, 1.0]))
    prepared = prepare(ours, make_input(grid=Spacing(spacing, anchor=Anchor.FIRST_VOXEL)))
    scores = np.random.default_rng(1).normal(size=(4, *prepared.network.shape)).astype(np.float32)
    output = recipe(
        output={
            "channels": 4,
            "labels": [label(i) for i in (1, 2, 3)],
            "decide_on": "network",
            "label_interpolation": "nearest-even" if nearest else "linear",
        }
    ).output
    found = decide([(0, scores.copy())], prepared, output).array
    before = Compose([RAS, Spacingd(keys="image", pixdim=spacing)])

    def after(before):
        return [AsDiscreted(keys="pred", argmax=True), invert(before, nearest)]

    judge = found_by_monai(theirs, before, scores, after)[0]
    if nearest:  # which half MONAI takes, its rounding decides: see above
        index = prepared.network.index(prepared.source.point(np.indices(SHAPE).T)).T
        clear = (np.abs(index % 1 - 0.5) > 1e-6).all(axis=0)
    else:
        clear = np.abs(np.abs(judge - np.floor(judge)) - 0.5) > CLOSE
    np.testing.assert_array_equal(found[clear], np.rint(judge)[clear])
    assert clear.mean() > 0.15


def test_halves_go_to_even_voxels():
    """As torch rounds, where its arithmetic is exact, as it is for this size.

    For others MONAI's normalized coordinates are rounded, which moves about one half in three.
    """
    shape = (64, 4, 4)
    ours, theirs = image(shape=shape, affine=np.diag([-0.75, -1.0, 1.0, 1.0]))
    spacing = (1.5, 1.0, 1.0)
    prepared = prepare(ours, make_input(grid=Spacing(spacing, anchor=Anchor.FIRST_VOXEL)))
    size = prepared.network.shape[0]
    scores = np.zeros((size, *prepared.network.shape), np.float32)
    scores[np.arange(size), np.arange(size)] = 1  # each plane has a label of its own
    output = recipe(
        output={
            "channels": size,
            "labels": [label(i) for i in range(1, size)],
            "decide_on": "network",
            "label_interpolation": "nearest-even",
        }
    ).output
    found = decide([(0, scores.copy())], prepared, output).array
    before = Compose([RAS, Spacingd(keys="image", pixdim=spacing)])

    def after(before):
        return [AsDiscreted(keys="pred", argmax=True), invert(before, True)]

    judge = found_by_monai(theirs, before, scores, after)[0]
    np.testing.assert_array_equal(found, judge)
    assert found[1, 0, 0] == 0 and found[3, 0, 0] == 2  # 0.5 and 1.5


@pytest.mark.parametrize("mode", ["gaussian", "constant"])
@pytest.mark.parametrize("padding", ["reflect", "replicate", "constant"])
@pytest.mark.parametrize("shape", [(20, 9, 17), (7, 9, 30)])
@pytest.mark.parametrize("sigma", [0.125, 0.3])
def test_sliding_windows(mode, padding, shape, sigma):
    torch.manual_seed(0)
    network = torch.nn.Conv3d(1, 3, 3, padding=1)
    array = np.random.default_rng(0).normal(size=(1, *shape)).astype(np.float32)
    outside = {"reflect": Outside.REFLECT, "replicate": Outside.EDGE, "constant": Outside.ZERO}
    input_ = make_input(
        patch_size=(8, 10, 12),
        overlap=0.6,
        importance_map=ImportanceMap(mode),
        gaussian=Gaussian(sigma=sigma),
        outside=outside[padding],
    )
    output = recipe(output={"channels": 3, "labels": [label(1), label(2)]}).output

    def predict(x):
        with torch.inference_mode():
            return network(torch.from_numpy(x)).numpy()

    slabs = [scores.copy() for _, scores in score_slabs(array, input_, output, predict)]
    inferer = SlidingWindowInferer(
        (8, 10, 12), overlap=0.6, mode=mode, sigma_scale=sigma, padding_mode=padding
    )
    with torch.inference_mode():
        judge = inferer(torch.from_numpy(array)[None], network)[0].numpy()
    np.testing.assert_allclose(np.concatenate(slabs, axis=1), judge, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("spacing", [(1.5, 1.5, 2.0), (0.7, 2.2, 3.1), (0.9, 1.1, 2.5)])
@pytest.mark.parametrize("interpolate", ["scores", "probabilities"])
@pytest.mark.parametrize("decision", ["argmax", "threshold"])
def test_around_a_crop(spacing, interpolate, decision):
    """MONAI puts zeros around what was cropped, and interpolates toward them."""
    ours, theirs = image()
    for array in (ours[0].array, theirs["image"][0]):
        array[...] = -1.37  # nothing between the two is interpolated to zero
        array[4:12, :11, 2:7] = 5
    grid = Spacing(spacing, anchor=Anchor.FIRST_VOXEL)
    prepared = prepare(ours, make_input(grid=grid, crop=CropAbove(on=OnGrid.NETWORK)))
    scores = np.random.default_rng(1).normal(size=(3, *prepared.network.shape)) * 4 + 1
    scores = scores.astype(np.float32)
    labels = [label(1), label(2)] if decision == "argmax" else [label(i + 1) for i in range(3)]
    output = recipe(
        output={
            "channels": 3,
            "labels": labels,
            "activation": "sigmoid",
            "decision": decision,
            "interpolate": interpolate,
            "threshold": 0.6,
        }
    ).output
    found = decide([(0, scores.copy())], prepared, output).array
    cropped = CropForegroundd(keys="image", source_key="image", allow_smaller=True)
    before = Compose([RAS, Spacingd(keys="image", pixdim=spacing), cropped])
    probable = Activationsd(keys="pred", sigmoid=True)

    def after(before):
        back = invert(before, False)
        return [probable, back] if interpolate == "probabilities" else [back, probable]

    judge = found_by_monai(theirs, before, scores, after)
    if decision == "argmax":
        best = np.sort(judge, axis=0)
        clear, judge = best[-1] - best[-2] > CLOSE, judge.argmax(0)
        # Where nothing was seen, all scores are zero, and the first of them is the background.
        clear |= (best[-1] == best[0]) & ~(found > 0)
    else:
        clear, judge = np.abs(judge - 0.6) > CLOSE, judge > 0.6
    np.testing.assert_array_equal(found[clear], judge[clear])
    assert clear.mean() > 0.95
