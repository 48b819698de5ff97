"""Models whose tensors may have any size."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from makers.layered_networks import unet

from IODeepLib.onnx_file.open_sizes import with_open_sizes
from IODeepLib.onnx_file.wire import VARINT, WireError, encode_delimited, encode_tag

SIZE = (16, 24, 32)


def run(content: bytes, size: tuple[int, ...]) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(content, options)
    image = np.random.default_rng(4).standard_normal((1, 1, *size), np.float32)
    return session.run(None, {"image": image})[0]


def test_a_network_of_one_size_takes_others_and_gives_the_same() -> None:
    """With the shapes of what lies between, which exporters write beside them."""
    model = onnx.shape_inference.infer_shapes(unet(size=SIZE))
    assert model.graph.value_info
    content = model.SerializeToString()
    with pytest.raises(Exception, match="dimensions"):
        run(content, (32, 16, 16))
    opened = with_open_sizes(content)
    onnx.checker.check_model(opened)
    assert np.array_equal(run(opened, SIZE), run(content, SIZE))
    assert np.array_equal(
        run(opened, (32, 16, 16)), run(unet(size=(None,) * 3).SerializeToString(), (32, 16, 16))
    )


def test_batch_and_channels_stay() -> None:
    model = onnx.shape_inference.infer_shapes(unet(size=SIZE))
    opened = onnx.load_from_string(with_open_sizes(model.SerializeToString()))
    for tensor in (*opened.graph.input, *opened.graph.output):
        batch, channels, *others = tensor.type.tensor_type.shape.dim
        assert batch.dim_value == 1 and channels.dim_value >= 1
        assert len(others) == 3
        assert not any(d.WhichOneof("value") for d in others)


def test_tensors_without_a_shape_stay_without() -> None:
    model = unet(size=(None,) * 3)
    model.graph.output[0].type.tensor_type.ClearField("shape")
    opened = onnx.load_from_string(with_open_sizes(model.SerializeToString()))
    assert not opened.graph.output[0].type.tensor_type.HasField("shape")


def test_numbers_in_the_place_of_messages_are_passed_over() -> None:
    """ONNX Runtime does so, too: such a network runs, and is opened."""
    number = encode_tag(2, VARINT) + b"\x05"  # where an input has its type
    content = unet(size=SIZE).SerializeToString() + encode_delimited(
        7, encode_delimited(13, encode_delimited(1, b"between") + number)
    )
    assert np.array_equal(run(with_open_sizes(content), SIZE), run(content, SIZE))
    model = unet(size=SIZE)
    given = model.graph.input[0].SerializeToString() + number
    rest = onnx.ModelProto.FromString(model.SerializeToString())
    del rest.graph.input[:]
    content = rest.SerializeToString() + encode_delimited(7, encode_delimited(11, given))
    assert run(content, SIZE).shape[2:] == SIZE
    assert run(with_open_sizes(content), (32, 16, 16)).shape[2:] == (32, 16, 16)


@pytest.mark.parametrize("content", [b"\x00", b"\x3a\x05\x00", b"\x3a\x02\x5a\x7f"])
def test_what_is_no_model(content: bytes) -> None:
    with pytest.raises(WireError):
        with_open_sizes(content)
