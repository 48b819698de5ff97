"""Each layer that is rewritten gives what ONNX Runtime's own gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from makers.layered_networks import Layers

from IODeepLib.errors import ModelError
from IODeepLib.network.layout import rewriting, trying

Build = Callable[[Layers], str]
SIZES = [(8, 12, 16), (5, 7, 11)]
EVEN = [(8, 12, 16), (6, 14, 10)]


class Plain:
    """ONNX Runtime as it is."""

    def __init__(self, content: bytes, folder: Path | None = None) -> None:
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        try:
            self._session = onnxruntime.InferenceSession(content, options)
        except Exception as error:
            raise ModelError(str(error), "", "") from None

    def run_once(self, feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        return self._session.run(None, dict(feeds))


@pytest.fixture(autouse=True)
def _small_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A layer by itself need not be worth it."""
    monkeypatch.setattr(trying, "LEAST_MULTIPLICATIONS", 1)
    monkeypatch.setattr(rewriting, "MOST_WORK", 1000)


def rewritten(model: onnx.ModelProto, shape: tuple[int, ...]) -> tuple[Plain, Plain | None]:
    """A network as it is and as it is rewritten for inputs of `shape`."""
    content = model.SerializeToString()
    declared = [d.dim_value or None for d in model.graph.input[0].type.tensor_type.shape.dim]
    plain = Plain(content)
    return plain, trying.rewritten(plain, content, None, declared, shape, Plain)


def check(build: Build, size: tuple[int, ...], channels: int = 16, apart: float = 5e-6) -> None:
    """The rewritten network gives the same, on noise whose mean is not zero."""
    layers = Layers(channels)
    model = layers.model(build(layers))
    shape = (1, channels, *size)
    plain, other = rewritten(model, shape)
    assert other is not None
    feeds = {"image": np.random.default_rng(3).standard_normal(shape, np.float32) + 0.5}
    [wanted], [found] = plain.run_once(feeds), other.run_once(feeds)
    assert found.shape == wanted.shape and found.dtype == wanted.dtype
    assert np.abs(found - wanted).max() <= apart * (wanted.max() - wanted.min())


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("strides", [(1, 1, 1), (2, 2, 2), (1, 2, 2), (2, 1, 2), (1, 1, 2)])
@pytest.mark.parametrize("kernel", [(3, 3, 3), (1, 3, 3), (3, 1, 1), (1, 1, 1)])
@pytest.mark.parametrize("channels", [1, 16])
def test_convolutions(channels: int, kernel: Any, strides: Any, size: Any) -> None:
    check(lambda net: net.conv("image", channels, 12, kernel, strides), size, channels)


@pytest.mark.parametrize("size", [(2, 3, 2), (1, 1, 1), (6, 13, 9)])
@pytest.mark.parametrize("channels", [2, 5])
def test_channels_and_sizes(channels: int, size: Any) -> None:
    check(lambda net: net.conv("image", channels, 3), size, channels)


@pytest.mark.parametrize("size", SIZES)
def test_one_convolution_after_another(size: Any) -> None:
    """What the first leaves in rows that are none, the second does not see."""
    check(lambda net: net.conv(net.conv("image", 4, 16), 16, 8), size, 4)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("kernel", [(2, 2, 2), (1, 2, 2), (2, 1, 2), (1, 1, 2)])
def test_transposed_convolutions(kernel: Any, bias: bool, size: Any) -> None:
    """And a convolution behind it, which would see what is in rows that are none."""

    def build(net: Layers) -> str:
        return net.conv(net.up(net.conv("image", 16, 16), 16, 10, kernel, bias), 10, 8)

    check(build, size)


def relu(net: Layers, tensor: str) -> str:
    return net.node("Relu", [tensor])


def leaky(net: Layers, tensor: str) -> str:
    return net.node("LeakyRelu", [tensor], alpha=0.1)


def leaky_by_default(net: Layers, tensor: str) -> str:
    return net.node("LeakyRelu", [tensor])


def prelu(net: Layers, tensor: str) -> str:
    return net.prelu(tensor, 0.25)


def none(net: Layers, tensor: str) -> str:
    return tensor


ACTIVATIONS = [relu, leaky, leaky_by_default, prelu, none]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_normalization_and_activation(activation: Any, size: Any) -> None:
    def build(net: Layers) -> str:
        return net.conv(activation(net, net.norm(net.conv("image", 16, 12), 12)), 12, 8)

    check(build, size, apart=2e-5)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_activation_alone(activation: Any) -> None:
    check(lambda net: net.conv(activation(net, net.conv("image", 16, 16)), 16, 8), (6, 13, 9))


@pytest.mark.parametrize("size", SIZES)
def test_residual_blocks(size: Any) -> None:
    """As nnU-Net has them: norm, sum, activation; and with a strided way beside it."""

    def block(net: Layers, tensor: str, before: int, after: int, step: int) -> str:
        one = leaky(net, net.norm(net.conv(tensor, before, after, strides=[step] * 3), after))
        one = net.norm(net.conv(one, after, after), after)
        if step > 1 or before != after:
            tensor = net.norm(net.conv(tensor, before, after, (1, 1, 1), [step] * 3), after)
        return leaky(net, net.node("Add", [one, tensor]))

    def build(net: Layers) -> str:
        first = block(net, net.conv("image", 3, 16), 16, 16, 1)
        second = block(net, first, 16, 24, 2)
        return net.conv(second, 24, 8, (1, 1, 1))

    check(build, size, 3, apart=1e-4)


@pytest.mark.parametrize("swapped", [False, True])
def test_sums(swapped: bool) -> None:
    def build(net: Layers) -> str:
        both = [net.conv("image", 16, 16), net.norm(net.conv("image", 16, 16), 16)]
        return net.conv(net.node("Add", both[::-1] if swapped else both), 16, 8)

    check(build, (6, 13, 9), apart=2e-5)


@pytest.mark.parametrize("size", EVEN)
@pytest.mark.parametrize("kernel", [[2, 2, 2], [1, 2, 2], [2, 1, 2], [1, 1, 2]])
@pytest.mark.parametrize("kind", ["MaxPool", "AveragePool"])
def test_pooling(kind: str, kernel: Any, size: Any) -> None:
    check(lambda net: net.conv(net.pool(kind, net.conv("image", 16, 12), kernel), 12, 8), size)


@pytest.mark.parametrize("kind", ["MaxPool", "AveragePool"])
def test_pooling_leaves_an_odd_row_and_column_out(kind: str) -> None:
    def build(net: Layers) -> str:
        return net.conv(net.pool(kind, net.conv("image", 16, 12), [2, 2, 2]), 12, 8)

    check(build, (6, 13, 9))


def test_images_that_follow_one_another() -> None:
    def build(net: Layers) -> str:
        three = [net.conv("image", 2, n) for n in (8, 12, 5)]
        joined = net.node("Concat", three, axis=1)
        return net.conv(net.conv(joined, 25, 16, strides=(2, 2, 2)), 16, 8, (1, 1, 1))

    check(build, (8, 13, 10), 2)


def test_the_input_itself_may_be_joined_and_left_by_several_ways() -> None:
    def build(net: Layers) -> str:
        one = net.conv("image", 1, 16)
        return net.conv(net.node("Concat", [one, "image"], axis=-4), 17, 8)

    check(build, (8, 13, 10), 1)


@pytest.mark.parametrize("mean", [0.0, 100.0, -3000.0])
@pytest.mark.parametrize("size", [(6, 13, 9), (24, 40, 32)])
def test_the_variance_is_right_where_the_mean_is_far_from_zero(size: Any, mean: float) -> None:
    """Against double precision, and no worse than ONNX Runtime's own normalization."""
    channels, shape = 16, (1, 16, *size)
    net = Layers(channels)
    one = net.constant(np.eye(channels).reshape(channels, channels, 1, 1, 1))
    tensor = net.node("Conv", ["image", one])
    said = [net.constant(np.ones(channels)), net.constant(np.zeros(channels))]
    model = net.model(net.node("InstanceNormalization", [tensor, *said]))
    plain, other = rewritten(model, shape)
    assert other is not None
    image = np.random.default_rng(5).standard_normal(shape, np.float32) + np.float32(mean)
    exact = image.astype(np.float64)
    exact -= exact.mean((2, 3, 4), keepdims=True)
    exact /= np.sqrt(exact.var((2, 3, 4), keepdims=True) + 1e-5)
    apart = [np.abs(n.run_once({"image": image})[0] - exact).max() for n in (plain, other)]
    assert apart[1] <= max(1.1 * apart[0], 3e-6)
