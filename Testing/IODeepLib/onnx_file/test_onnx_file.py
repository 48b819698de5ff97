"""ONNX models walked and rewritten at wire level, with the onnx package as the judge."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from makers import networks
from onnx import TensorProto

from IODeepLib.disk.byte_ranges import ByteRange, joined
from IODeepLib.errors import ModelError
from IODeepLib.onnx_file import ExternalData, OnnxFile

NETWORKS = networks.every()
REAL = ("ct_abdomen_5class", "deepbet_bbox_model", "model18cls", "model5_gw_ae")


def move_out_and_in(path: Path, folder: Path) -> tuple[bytes, bytes]:
    """The model of `path` with every movable tensor in values.bin, and that moved in again."""
    network = OnnxFile.open(path)
    places: dict[str, ExternalData | ByteRange] = {}
    spans: dict[str, ExternalData | ByteRange] = {}
    values = folder / "values.bin"
    with values.open("wb") as file:
        for tensor in network.tensors:
            if tensor.inline or tensor.external:
                places[tensor.name] = ExternalData("values.bin", file.tell(), tensor.nbytes)
                spans[tensor.name] = ByteRange(values, file.tell(), tensor.nbytes)
                file.write(joined([network.values(tensor)]))
    outside = joined(network.rewritten(places))
    typed = {tensor.name for tensor in network.tensors if tensor.typed}
    return outside, joined(OnnxFile(outside, "outside").rewritten(spans, typed))


@pytest.mark.parametrize("name", NETWORKS)
def test_moving_out_and_in_gives_equal_bytes(name: str, tmp_path: Path) -> None:
    network = NETWORKS[name]
    path = networks.save(network, tmp_path / "model.onnx")
    outside, back = move_out_and_in(path, tmp_path)
    assert back == path.read_bytes()
    moved = onnx.load_from_string(outside)
    assert [t.name for t in moved.graph.initializer] == [t.name for t in network.graph.initializer]
    for ours, original in zip(moved.graph.initializer, network.graph.initializer, strict=True):
        if ours.data_location != TensorProto.EXTERNAL:
            assert ours == original
            continue
        assert not ours.raw_data and not ours.float_data and not ours.double_data
        onnx.external_data_helper.load_external_data_for_tensor(ours, str(tmp_path))
        assert (ours.dims, ours.data_type) == (original.dims, original.data_type)
        if original.raw_data:
            assert ours.raw_data == original.raw_data
        else:
            np.testing.assert_array_equal(
                onnx.numpy_helper.to_array(ours), onnx.numpy_helper.to_array(original)
            )


@pytest.mark.parametrize("name", REAL)
def test_the_real_models_come_back_equal(name: str, shared_data: Path, tmp_path: Path) -> None:
    path = shared_data / "models" / f"{name}.onnx"
    outside, back = move_out_and_in(path, tmp_path)
    assert back == path.read_bytes()
    (tmp_path / "outside.onnx").write_bytes(outside)
    onnx.checker.check_model(str(tmp_path / "outside.onnx"))


def test_tensors_that_are_not_plain_bytes_stay() -> None:
    tensors = {t.name: t for t in OnnxFile(serialised("typed"), "typed").tensors}
    assert tensors["half"].inline is None  # float16 in int32_data
    assert tensors["single"].typed and tensors["double"].typed and not tensors["plain"].typed
    everything = {t.name for t in OnnxFile(serialised("all types"), "types").tensors}
    assert len(everything) == 25


def test_external_data_is_read_where_it_lies(tmp_path: Path) -> None:
    whole = networks.save(networks.conv(), tmp_path / "whole.onnx")
    split = networks.with_external_data(networks.conv(), tmp_path)
    contents = [
        {t.name: joined([network.values(t)]) for t in network.tensors}
        for network in (OnnxFile.open(whole), OnnxFile.open(split))
    ]
    assert contents[0] == contents[1]


@pytest.mark.parametrize(
    "location", ["/etc/hostname", "../data.bin", "sub/../../data.bin", "C:\\x"]
)
def test_external_data_outside_of_the_folder_is_refused(location: str, tmp_path: Path) -> None:
    (tmp_path / "data.bin").write_bytes(bytes(10_000_000))
    (tmp_path / "model").mkdir()
    network = networks.conv()
    path = networks.with_external_data(network, tmp_path / "model")
    for tensor in network.graph.initializer:
        tensor.external_data[0].value = location
    networks.save(network, path)
    refuses_external_data(path, "not a file in the model's own folder")


def test_external_data_behind_a_link_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    path = networks.with_external_data(networks.conv(), folder)
    (folder / "data.bin").rename(tmp_path / "data.bin")
    (folder / "data.bin").symlink_to(tmp_path / "data.bin")
    refuses_external_data(path, "not a file in the model's own folder")


def test_external_data_that_is_missing_or_short_is_refused(tmp_path: Path) -> None:
    path = networks.with_external_data(networks.conv(), tmp_path)
    os.truncate(tmp_path / "data.bin", 1000)
    refuses_external_data(path, "but that has 1000 bytes")
    (tmp_path / "data.bin").unlink()
    refuses_external_data(path, "cannot be read")


def test_external_data_where_onnx_runtime_cannot_use_it_is_refused() -> None:
    network = networks.branching()
    threshold = onnx.helper.make_tensor("threshold", TensorProto.FLOAT, [1], [0])
    threshold.ClearField("float_data")
    threshold.data_location = TensorProto.EXTERNAL
    threshold.external_data.add(key="location", value="data.bin")
    network.graph.node[-1].attribute.append(onnx.helper.make_attribute("extra", threshold))
    with pytest.raises(ModelError, match=r"'threshold', which is neither an initializer nor a Con"):
        OnnxFile(network.SerializeToString(), "network")


def test_tensors_of_one_name_are_told_apart() -> None:
    tensors = OnnxFile(serialised("branching"), "branching").tensors
    assert [t.name for t in tensors] == ["shift", "inner", "inner#2", "zero", "matrix"]
    assert [t.in_main_graph for t in tensors] == [False, False, False, True, True]


@pytest.mark.parametrize(
    "entries",
    [
        {},
        {"location": ""},
        {"location": "x", "offset": "-1"},
        {"location": "x", "offset": "1e3"},
        {"location": "x", "length": "5"},
        {"location": "x", "offset": "9" * 5000},
    ],
)
def test_external_data_that_says_nonsense_is_refused(entries: dict[str, str]) -> None:
    network = networks.conv()
    tensor = network.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in entries.items():
        tensor.external_data.add(key=key, value=value)
    path = Path("/nowhere/model.onnx")
    with pytest.raises(ModelError):
        network_file = OnnxFile(network.SerializeToString(), "network", path)
        network_file.values(network_file.tensors[0])


def test_custom_operators_are_named() -> None:
    with pytest.raises(ModelError, match=r"custom operators \(Twice of my\.own\)"):
        OnnxFile(networks.custom().SerializeToString(), "network")
    for domain in ("com.microsoft", "ai.onnx.ml"):
        OnnxFile(networks.custom(domain).SerializeToString(), "network")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda t: t.dims.append(2), "its shape"),
        (lambda t: t.dims.append(-1), "a negative one"),
        (lambda t: t.dims.extend([1] * 100), "104 dimensions|105 dimensions"),
        (lambda t: t.ClearField("name"), "nameless"),
        (lambda t: setattr(t, "name", "layer0.bias"), "two initializers"),
    ],
)
def test_damaged_initializers_are_refused(spoil, message: str) -> None:
    network = networks.conv()
    spoil(network.graph.initializer[0])
    with pytest.raises(ModelError, match=message):
        OnnxFile(network.SerializeToString(), "network")


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    for content in (b"", b"\0", b"hello, world", b"\x89PNG\r\n\x1a\n", bytes(5000)):
        path = tmp_path / "model.onnx"
        path.write_bytes(content)
        with pytest.raises(ModelError):
            OnnxFile.open(path)
    with pytest.raises(ModelError):
        OnnxFile.open(tmp_path)
    with pytest.raises(ModelError):
        OnnxFile.open(tmp_path / "missing.onnx")


def test_deep_nesting_is_refused() -> None:
    """Subgraphs within subgraphs, ten thousand deep: refused, and no recursion."""
    graph = b""
    for _ in range(10_000):
        attribute = delimited(6, graph)
        node = delimited(5, attribute)
        graph = delimited(1, node)
    content = b"\x08\x08" + delimited(8, b"\x10\x11") + delimited(7, graph)
    with pytest.raises(ModelError, match="within each other"):
        OnnxFile(content, "nested")


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=300)
@given(st.data())
def test_damage_never_ends_in_another_error(data: st.DataObject) -> None:
    content = bytearray(serialised("branching"))
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    for damaged in (bytes(content), bytes(content[:cut])):
        try:
            network = OnnxFile(damaged, "damaged")
        except ModelError:
            continue
        places: dict[str, ExternalData | ByteRange] = {
            t.name: ExternalData("x", 0, t.nbytes) for t in network.tensors if t.inline
        }
        assert joined(network.rewritten(places))


def serialised(name: str) -> bytes:
    return NETWORKS[name].SerializeToString()


def delimited(number: int, content: bytes) -> bytes:
    length, size = b"", len(content)
    while size >= 0x80:
        length += bytes([size & 0x7F | 0x80])
        size >>= 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + content


def refuses_external_data(path: Path, message: str) -> None:
    network = OnnxFile.open(path)
    with pytest.raises(ModelError, match=message):
        network.values(network.tensors[0])
