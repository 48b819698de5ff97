"""An ONNX network in PyTorch computes what ONNX Runtime computes, and all of it can be trained."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from makers import networks
from makers.recipes import label, recipe
from onnx import helper, numpy_helper

torch = pytest.importorskip("torch")

from dynamic_network_architectures.architectures import unet  # noqa: E402
from monai.networks import nets  # noqa: E402
from torch import nn  # noqa: E402

import IODeepLib  # noqa: E402
from IODeepLib.errors import ModelError  # noqa: E402
from IODeepLib.importers.export import export  # noqa: E402
from IODeepLib.model_object import Model, write_model  # noqa: E402
from IODeepLib.model_object.new_version import with_version  # noqa: E402
from IODeepLib.network.runtime import open_session  # noqa: E402
from IODeepLib.recipe import Recipe  # noqa: E402
from IODeepLib.training.new_weights import with_weights  # noqa: E402
from IODeepLib.training.torch_network import TorchNetwork  # noqa: E402

DEMO = Path(IODeepLib.__file__).parent / "demo_data" / "demo_network.onnx"
# Of the range of the scores.
MOST_DIFFERENCE = 1e-4

NNUNET: dict[str, Any] = {
    "input_channels": 1,
    "num_classes": 3,
    "n_stages": 3,
    "features_per_stage": [8, 12, 16],
    "conv_op": nn.Conv3d,
    "kernel_sizes": [[1, 3, 3], [3, 3, 3], [3, 3, 3]],
    "norm_op": nn.InstanceNorm3d,
    "norm_op_kwargs": {"eps": 1e-5, "affine": True},
    "nonlin": nn.LeakyReLU,
    "conv_bias": True,
    "deep_supervision": False,
}
STRIDES = [[1, 1, 1], [1, 2, 2], [2, 2, 2]]


def plain() -> nn.Module:
    more = {"n_conv_per_stage": [2, 2, 2], "n_conv_per_stage_decoder": [2, 2], "strides": STRIDES}
    return unet.PlainConvUNet(**NNUNET, **more)


def residual() -> nn.Module:
    more = {"n_blocks_per_stage": [1, 2, 2], "n_conv_per_stage_decoder": [1, 1]}
    return unet.ResidualEncoderUNet(**NNUNET, **more, strides=STRIDES)


def batch_norm() -> nn.Module:
    return nets.BasicUNet(3, 1, 3, features=(8, 8, 16, 16, 16, 8), norm="batch", dropout=0.1)


class Attention(nn.Module):
    """Four by four voxels are a word, as in transformers."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Conv2d(1, 8, 4, 4)
        self.norm, self.deep = nn.LayerNorm(8), nn.Linear(8, 8)
        self.look = nn.Linear(8, 24)
        self.back = nn.ConvTranspose2d(8, 3, 4, 4)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        there = self.words(image)
        words = self.norm(there.flatten(2).transpose(1, 2))
        query, key, value = self.look(words).chunk(3, -1)
        seen = (query @ key.transpose(1, 2) * 8**-0.5).softmax(-1) @ value
        found = nn.functional.gelu(self.deep(seen + words))
        return self.back(found.transpose(1, 2).reshape(there.shape))


def apart(module: nn.Module) -> nn.Module:
    """With values that differ: exporters write equal ones once."""
    for tensor in (*module.parameters(), *module.buffers()):
        if tensor.is_floating_point():
            tensor.data += 0.1 * (torch.rand(tensor.shape) - 0.5)
    return module


MODULES: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "PlainConvUNet": (plain, (16, 16, 16)),
    "ResidualEncoderUNet": (residual, (16, 16, 16)),
    "DynUNet": (
        lambda: nets.DynUNet(3, 1, 3, [3] * 3, [1, 2, 2], [2, 2], [8, 12, 16], res_block=True),
        (16, 16, 16),
    ),
    "UNet with PReLU": (
        lambda: nets.UNet(3, 1, 3, (8, 12, 16), (2, 2), num_res_units=2),
        (16, 16, 16),
    ),
    "BasicUNet with batch norm": (batch_norm, (32, 32, 32)),
    "SegResNet (groups, trilinear)": (
        lambda: nets.SegResNet(3, 8, 1, 3, blocks_down=(1, 1), blocks_up=(1,)),
        (16, 16, 16),
    ),
    "AttentionUnet": (lambda: nets.AttentionUnet(2, 1, 3, (8, 16), (2,)), (32, 32)),
    "UNet of slices": (lambda: nets.UNet(2, 1, 3, (8, 12), (2,), norm="instance"), (32, 32)),
    "attention": (lambda: Attention(), (16, 16)),
}


def asked(spatial: int, channels: int, **more: Any) -> Recipe:
    order = "NCZYX" if spatial == 3 else "NCYX"
    return recipe(
        input={"axis_order": order, **more},
        output={"channels": channels, "labels": [label(i) for i in range(1, channels)]},
    )


def difference(model: Model, network: TorchNetwork, image: np.ndarray) -> float:
    session = open_session(model, providers="cpu")
    [wanted, *_] = session.run({session.inputs[0].name: image})
    with torch.no_grad():
        found = network(torch.from_numpy(image)).numpy()
    assert found.shape == wanted.shape
    return float(np.abs(found - wanted).max() / np.ptp(wanted))


def image_of(sizes: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((1, 1, *sizes)).astype(np.float32)


def trained_a_little(network: TorchNetwork, image: np.ndarray) -> None:
    """Steps after which no weight is what it was."""
    before = network.weights()
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3)
    for _ in range(2):
        optimizer.zero_grad()
        scores = network.scores(torch.from_numpy(image))
        wanted = torch.rand(scores.shape, generator=torch.Generator().manual_seed(0))
        (scores - wanted).square().mean().backward()
        lengths = {n: float(p.grad.abs().sum()) for n, p in network.parameters_by_name.items()}
        assert [name for name, length in lengths.items() if not np.isfinite(length)] == []
        optimizer.step()
    after = network.weights()
    moved = [name for name in before if not np.array_equal(before[name], after[name])]
    # What a normalization takes away again has no slope: biases of convolutions before one.
    assert len(moved) > 0.6 * len(before)
    assert all(p.grad is not None for p in network.parameters())


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("ct_abdomen_5class", (12, 32, 32)),
        ("deepbet_bbox_model", (32, 32, 32)),
        ("model18cls", (24, 20, 22)),
        ("model5_gw_ae", (24, 20, 22)),
    ],
)
def test_the_real_networks(
    name: str, sizes: tuple[int, ...], shared_data: Path, tmp_path: Path
) -> None:
    path = shared_data / "models" / f"{name}.onnx"
    channels = {"ct_abdomen_5class": 6, "model18cls": 18, "model5_gw_ae": 3}.get(name, 2)
    model = write_model(path, asked(3, channels), tmp_path / "model")
    _check_whole(model, image_of(sizes), tmp_path)


def test_the_network_of_the_demonstration(tmp_path: Path) -> None:
    model = write_model(DEMO, asked(3, 3), tmp_path / "model")
    _check_whole(model, image_of((16, 24, 32)), tmp_path)


@pytest.mark.parametrize("name", MODULES)
def test_exported_networks(name: str, tmp_path: Path) -> None:
    make, sizes = MODULES[name]
    torch.manual_seed(0)
    module = apart(make()).eval()
    export(module, (1, 1, *sizes), tmp_path / "network.onnx", "a network")
    whole = asked(len(sizes), 3, patch_size=list(sizes))
    model = write_model(tmp_path / "network.onnx", whole, tmp_path / "model")
    network = _check_whole(model, image_of(sizes), tmp_path)
    batch = np.concatenate([image_of(sizes, seed) for seed in (1, 2)])
    with torch.no_grad():
        assert network(torch.from_numpy(batch)).shape[0] == 2


def _check_whole(model: Model, image: np.ndarray, folder: Path) -> TorchNetwork:
    """Equal before and after training; ONNX Runtime sees what was learned."""
    network = TorchNetwork.of(model)
    assert difference(model, network, image) <= MOST_DIFFERENCE
    before = network.weights()
    trained_a_little(network, image)
    new = with_version(model.card, "1.1.0")
    tuned = with_weights(model, network.weights(), new, folder / "tuned")
    assert tuned.card.networks[0].digest == model.card.networks[0].digest
    assert difference(tuned, network, image) <= MOST_DIFFERENCE
    assert difference(model, network, image) > MOST_DIFFERENCE
    again = TorchNetwork.of(tuned)
    for name, values in network.weights().items():
        np.testing.assert_array_equal(again.weights()[name], values)
    again.load(before)
    assert difference(model, again, image) <= MOST_DIFFERENCE
    return network


def test_all_parameters_of_a_module_are_trained(tmp_path: Path) -> None:
    """With normalization that no exporter folds, under the very names of the module."""
    torch.manual_seed(0)
    module = apart(plain()).eval()
    export(module, (1, 1, 16, 16, 16), tmp_path / "network.onnx", "a network")
    model = write_model(tmp_path / "network.onnx", asked(3, 3), tmp_path / "model")
    own = {name: p.detach().numpy() for name, p in module.named_parameters()}
    own = {name: values for name, values in own.items() if "seg_layers.0" not in name}
    found = TorchNetwork.of(model).weights()
    assert sorted(v.shape for v in found.values()) == sorted(v.shape for v in own.values())
    for name in found.keys() & own.keys():
        np.testing.assert_array_equal(found[name], own[name])


def test_the_activation_in_the_end_is_known(shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "models" / "deepbet_bbox_model.onnx"
    network = TorchNetwork.of(write_model(path, asked(3, 2), tmp_path / "model"))
    assert network.activation == "softmax"
    image = torch.from_numpy(image_of((32, 32, 32)))
    with torch.no_grad():
        scores, probabilities = network.scores(image), network(image)
    torch.testing.assert_close(scores.softmax(1), probabilities)


@pytest.mark.parametrize(
    ("nodes", "found"),
    [
        ([helper.make_node("LRN", ["x"], ["y"], size=3)], "the operator LRN"),
        (
            [helper.make_node("QuickGelu", ["x"], ["y"], domain="com.microsoft")],
            "QuickGelu of com.microsoft",
        ),
        (
            [
                helper.make_node("Constant", [], ["z"], value_string="a"),
                helper.make_node("Where", ["z", "x", "x"], ["y"]),
            ],
            "Constant with a value that is no number",
        ),
    ],
)
def test_what_cannot_be_trained_is_named(nodes: list, found: str, tmp_path: Path) -> None:
    kernel = np.ones((2, 1, 1, 1, 1), np.float32)
    weights = [
        numpy_helper.from_array(kernel, "w"),
    ]
    first = helper.make_node("Conv", ["image", "w"], ["x"])
    whole = networks.model([first, *nodes], weights, {"image": [1, 1, None, None, None]}, "y")
    whole.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    path = networks.save(whole, tmp_path / "network.onnx")
    with pytest.raises(ModelError, match=found):
        network = TorchNetwork.of(write_model(path, asked(3, 2), tmp_path / "model"))
        network(torch.zeros(1, 1, 2, 2, 2))


def test_weights_in_half_precision_are_not_trained(tmp_path: Path) -> None:
    path = networks.save(networks.conv(2, dtype=np.float16), tmp_path / "network.onnx")
    with pytest.raises(ModelError, match="not in float32"):
        TorchNetwork.of(write_model(path, asked(2, 16), tmp_path / "model"))


RESIZED = [
    ("nearest", "asymmetric", "floor", (2, 3)),
    ("nearest", "half_pixel", "round_prefer_floor", (2, 2)),
    ("nearest", "half_pixel", "round_prefer_ceil", (0.5, 0.5)),
    ("nearest", "asymmetric", "ceil", (1.5, 0.75)),
    ("linear", "half_pixel", "floor", (2, 3)),
    ("linear", "align_corners", "floor", (2, 2)),
    ("linear", "asymmetric", "floor", (1.5, 2)),
    ("linear", "pytorch_half_pixel", "floor", (0.5, 2.5)),
]


@pytest.mark.parametrize(("mode", "how", "rounding", "factors"), RESIZED)
def test_resizing(mode: str, how: str, rounding: str, factors: tuple, tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["x"]),
        helper.make_node(
            "Resize",
            ["x", "", "scales"],
            ["y"],
            mode=mode,
            coordinate_transformation_mode=how,
            nearest_mode=rounding,
        ),
    ]
    weights = [
        numpy_helper.from_array(np.ones((2, 1, 1, 1), np.float32), "w"),
        numpy_helper.from_array(np.array([1, 1, *factors], np.float32), "scales"),
    ]
    _check_small(nodes, weights, tmp_path)


LAYERS: dict[str, tuple[str, dict[str, Any], dict[str, np.ndarray]]] = {
    "uneven pads": ("Conv", {"pads": [0, 1, 2, 0]}, {"w2": np.ones((2, 2, 3, 3), np.float32)}),
    "same lower": (
        "Conv",
        {"auto_pad": "SAME_LOWER", "strides": [2, 2]},
        {"w2": np.arange(36, dtype=np.float32).reshape(2, 2, 3, 3)},
    ),
    "groups, dilated": (
        "Conv",
        {"group": 2, "dilations": [2, 1], "pads": [2, 1, 2, 1]},
        {"w2": np.arange(18, dtype=np.float32).reshape(2, 1, 3, 3)},
    ),
    "transposed": (
        "ConvTranspose",
        {"strides": [2, 2], "output_padding": [1, 0], "pads": [1, 0, 0, 1]},
        {"w2": np.arange(36, dtype=np.float32).reshape(2, 2, 3, 3)},
    ),
    "largest": ("MaxPool", {"kernel_shape": [3, 2], "pads": [1, 0, 1, 0], "ceil_mode": 1}, {}),
    "largest, uneven": ("MaxPool", {"kernel_shape": [3, 3], "pads": [0, 0, 1, 1]}, {}),
    "mean": ("AveragePool", {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}, {}),
    "mean of all": ("GlobalAveragePool", {}, {}),
    "reflected": ("Pad", {"mode": "reflect"}, {"pads": np.array([0, 0, 1, 2, 0, 0, 3, 0])}),
    "edge": ("Pad", {"mode": "edge"}, {"pads": np.array([0, 0, 0, 2, 0, 0, 3, 0])}),
    "softmax": ("Softmax", {"axis": 1}, {}),
    "hard sigmoid": ("HardSigmoid", {}, {}),
    "selu": ("Selu", {}, {}),
    "sliced": (
        "Slice",
        {},
        {"from": np.array([1, -4]), "to": np.array([5, 2**62]), "on": np.array([2, 3])},
    ),
    "sliced backwards": (
        "Slice",
        {},
        {
            "from": np.array([-1, 6]),
            "to": np.array([-(2**62), 1]),
            "on": np.array([2, 3]),
            "by": np.array([-1, -2]),
        },
    ),
    "layer norm": ("LayerNormalization", {"axis": -1}, {"scale": np.arange(9, dtype=np.float32)}),
    "gathered": ("Gather", {"axis": 2}, {"which": np.array([[0, -1], [3, 2]])}),
    "mean over axes": ("ReduceMean", {"axes": [2, 3], "keepdims": 1}, {}),
    "power": ("Pow", {}, {"exponent": np.array(2, np.float32)}),
    "depth to space": ("DepthToSpace", {"blocksize": 1}, {}),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name: str, tmp_path: Path) -> None:
    operator, said, values = LAYERS[name]
    nodes = [
        helper.make_node("Conv", ["image", "w"], ["x"]),
        helper.make_node(operator, ["x", *values], ["y"], **said),
    ]
    weights = [
        numpy_helper.from_array(np.array([[[[1]]], [[[-0.5]]]], np.float32), "w"),
        *(numpy_helper.from_array(array, one) for one, array in values.items()),
    ]
    _check_small(nodes, weights, tmp_path)


def _check_small(nodes: list, weights: list, folder: Path) -> None:
    whole = networks.model(nodes, weights, {"image": [1, 1, None, None]}, "y")
    model = write_model(networks.save(whole, folder / "n.onnx"), asked(2, 2), folder / "model")
    assert difference(model, TorchNetwork.of(model), image_of((8, 9))) <= 1e-5
