"""Sessions over DICOM files give what sessions over the ONNX files give, and copy no weights."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from makers import hostile_networks, networks
from makers.packed_models import files, flip, make_model, make_network, with_architecture
from makers.recipes import liver_recipe
from msgspec.structs import replace
from onnx import TensorProto, helper, numpy_helper

from IODeepLib.errors import IODeepError, ModelError, UsageError
from IODeepLib.machine import interruptible
from IODeepLib.model_object import verify, write_model
from IODeepLib.network import runtime
from IODeepLib.network.runtime import open_session
from IODeepLib.network.session import TensorInfo
from IODeepLib.sources.folder import find_model

NETWORKS = {
    "3d": (networks.conv(3), {"image": (1, 1, 8, 8, 8)}),
    "2d": (networks.conv(2), {"image": (1, 1, 16, 16)}),
    "half": (networks.conv(2, dtype=np.float16), {"image": (1, 1, 16, 16)}),
    "dense": (networks.dense(), {"image": (3, 64)}),
    "two inputs": (networks.two_inputs(), {"first": (2, 32), "second": (2, 32)}),
    "reshaping": (networks.reshaping(), {"image": (2, 32)}),
    "branching": (networks.branching(), {"image": (2, 32)}),
    "typed": (networks.typed(), {"image": (2, 32)}),
    "no weights": (networks.custom(function=True), {"image": (5,)}),
}
REAL = ("ct_abdomen_5class", "deepbet_bbox_model", "model18cls", "model5_gw_ae")


def plain_result(network: Path, feeds: dict[str, np.ndarray]) -> list[np.ndarray]:
    """What ONNX Runtime gives for the ONNX file."""
    return onnxruntime.InferenceSession(network).run(None, feeds)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("part_bytes", [3000, 10**6])
def test_results_are_those_of_the_onnx_file(name: str, part_bytes: int, tmp_path: Path) -> None:
    network, shapes = NETWORKS[name]
    path = networks.save(network, tmp_path / "network.onnx")
    packed = tmp_path / "packed"
    model = write_model(path, liver_recipe(), packed, max_part_bytes=part_bytes)
    session = open_session(model)
    rng = np.random.default_rng(0)
    feeds = {
        item.name: rng.standard_normal(shapes[item.name]).astype(item.dtype)
        for item in session.inputs
    }
    assert set(feeds) == set(shapes)
    expected = plain_result(path, feeds)
    np.testing.assert_array_equal(session.run(feeds), expected)


@pytest.mark.parametrize("name", REAL)
def test_real_networks_give_the_same_from_dicom(
    name: str, shared_data: Path, tmp_path: Path
) -> None:
    path = shared_data / "models" / f"{name}.onnx"
    model = write_model(path, liver_recipe(), tmp_path / "packed")
    image = np.random.default_rng(0).standard_normal((1, 1, 32, 32, 32)).astype(np.float32)
    session = open_session(model)
    [result] = session.run({"image": image})
    [expected] = plain_result(path, {"image": image})
    np.testing.assert_array_equal(result, expected)


def test_a_fault_of_whoever_is_asked_is_none_of_the_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither while it is opened nor while it runs, both of which take far longer than to ask."""
    faults: list[Exception] = []

    def cancelled() -> bool:
        if faults:
            raise faults[0]
        return False

    monkeypatch.setattr(interruptible, "ASK_EVERY", 0)
    endless = hostile_networks.loop(2**62, condition=True).SerializeToString()
    model = with_architecture(make_model(tmp_path), endless)
    session = open_session(model, cancelled=cancelled)
    faults.append(RuntimeError("ours"))
    with pytest.raises(RuntimeError) as raised:
        session.run({item.name: np.zeros([1] * 5, np.float32) for item in session.inputs})
    assert raised.value is faults[0]
    slow = hostile_networks.heavy_constants(1000).SerializeToString()
    with pytest.raises(RuntimeError) as raised:
        open_session(with_architecture(model, slow), cancelled=cancelled)
    assert raised.value is faults[0]
    for thread in interruptible._left_behind:
        thread.join(60)


def test_inputs_and_outputs_are_described(tmp_path: Path) -> None:
    session = open_session(make_model(tmp_path), threads=1)
    assert session.inputs == (TensorInfo("image", (1, 1, None, None, None), "float32"),)
    assert str(session.inputs[0]) == "image float32[1, 1, any, any, any]"
    assert session.outputs[0].dtype == "float32"
    assert session.providers == ("CPUExecutionProvider",)
    assert (session.label, session.threads, session.notes) == ("liver@1.2.0", 1, ())


def test_feeds_that_do_not_fit_are_told_on_one_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    session = open_session(make_model(tmp_path))
    for feeds in (
        {},
        {"picture": np.zeros((1, 1, 8, 8, 8), np.float32)},
        {"image": np.zeros((1, 1, 8, 8), np.float32)},
        {"image": np.zeros((1, 2, 8, 8, 8), np.float32)},
        {"image": np.zeros((1, 1, 8, 8, 8), np.float64)},
    ):
        with pytest.raises(ModelError) as error:
            session.run(feeds)
        assert "\n" not in str(error.value)
        assert "wanted: image float32[1, 1, any, any, any]" in str(error.value)
    captured = capfd.readouterr()
    assert not captured.out and not captured.err


def test_what_onnx_runtime_refuses_is_told_on_one_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    network = networks.conv()
    network.graph.node[0].op_type = "Convolve"
    path = networks.save(network, tmp_path / "network.onnx")
    model = write_model(path, liver_recipe(), tmp_path / "packed")
    with pytest.raises(ModelError, match=r"ONNX Runtime refuses liver@1\.2\.0 \(.*Convolve"):
        open_session(model)
    captured = capfd.readouterr()
    assert not captured.out and not captured.err


def test_too_little_memory_is_called_so(tmp_path: Path) -> None:
    """Of a size that is computed: what stands in the network is refused before."""
    half = numpy_helper.from_array(np.array([2**43], np.int64), "half")
    nodes = [
        helper.make_node("Add", ["half", "half"], ["size"]),
        helper.make_node("ConstantOfShape", ["size"], ["much"]),  # 64 TiB
        helper.make_node("Add", ["much", "image"], ["y"]),
    ]
    network = networks.model(nodes, [half], {"image": [1]}, "y")
    path = networks.save(network, tmp_path / "network.onnx")
    model = write_model(path, liver_recipe(), tmp_path / "packed")
    with pytest.raises(MemoryError, match=r"Failed to allocate memory|bad_alloc"):
        open_session(model).run({"image": np.zeros(1, np.float32)})


def test_an_onnx_runtime_that_cannot_be_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = make_model(tmp_path)
    (tmp_path / "onnxruntime.py").write_text("raise ImportError('DLL load failed')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "onnxruntime")
    with pytest.raises(IODeepError, match=r"cannot be loaded \(DLL load failed\).*Visual C\+\+"):
        open_session(model)


def test_what_is_no_tensor_of_numbers_is_refused(tmp_path: Path) -> None:
    text = helper.make_tensor_value_info("image", TensorProto.STRING, [1])
    out = helper.make_tensor_value_info("y", TensorProto.STRING, [1])
    graph = helper.make_graph([helper.make_node("Identity", ["image"], ["y"])], "g", [text], [out])
    network = helper.make_model(graph, opset_imports=networks.OPSETS, ir_version=8)
    path = networks.save(network, tmp_path / "network.onnx")
    with pytest.raises(ModelError, match=r"'image' of the type tensor\(string\)"):
        open_session(write_model(path, liver_recipe(), tmp_path / "packed"))


def test_providers_asked_for_by_name_are_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    model = make_model(tmp_path)
    with pytest.raises(UsageError, match="execution provider 'cuda' is not in this ONNX Runtime"):
        open_session(model, providers="cuda")
    assert open_session(model, providers="cpu").providers == ("CPUExecutionProvider",)
    # As with onnxruntime-gpu on a machine without a GPU: it is named, and does not start.
    available = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: available)
    with pytest.raises(UsageError, match="CUDAExecutionProvider does not run liver"):
        open_session(model, providers=["CUDAExecutionProvider", "CPUExecutionProvider"])
    session = open_session(model)
    assert session.providers == ("CPUExecutionProvider",)
    assert session.notes[0].startswith("CUDAExecutionProvider did not start")
    captured = capfd.readouterr()
    assert not captured.out and not captured.err


def test_one_altered_byte_is_found_before_a_run(tmp_path: Path) -> None:
    model = make_model(tmp_path)
    [part] = model.weights()
    flip(part.path, part.payload.offset + part.payload.length - 1)
    open_session(model)  # ready at once: it reads no weights
    with pytest.raises(ModelError, match="was altered"):
        verify(model)


def test_an_incomplete_model_is_not_opened(tmp_path: Path) -> None:
    model = make_model(tmp_path)
    with pytest.raises(ModelError, match=r"part 1 of 1 of liver@1\.2\.0 is missing"):
        open_session(type(model)(model.card, (None,)))


def test_weights_behind_links_and_in_many_folders_are_found(tmp_path: Path) -> None:
    model = make_model(tmp_path, parts=3)
    (tmp_path / "links").mkdir()
    for i, path in enumerate(files(model)):
        folder = tmp_path / "real" / str(i)
        folder.mkdir(parents=True)
        path.rename(folder / "instance")
        (tmp_path / "links" / path.name).symlink_to(folder / "instance")
    image = np.ones((1, 1, 8, 8, 8), np.float32)
    result = open_session(find_model(tmp_path / "links")).run({"image": image})
    np.testing.assert_array_equal(result, plain_result(make_network(tmp_path), {"image": image}))


MEASURE = """
import sys
import onnxruntime
from IODeepLib.network.runtime import open_session
from IODeepLib.sources.folder import find_model

def private():
    with open("/proc/self/smaps_rollup") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith("Private"))

tiny, path = sys.argv[1:]
open_session(find_model(tiny))
onnxruntime.InferenceSession(tiny + "/../network.onnx")
before = private()
if path.endswith(".onnx"):
    session = onnxruntime.InferenceSession(path)
else:
    session = open_session(find_model(path))
print(private() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc")
@pytest.mark.parametrize("kind", ["conv3d", "conv2d", "dense"])
def test_weights_stay_in_their_file(kind: str, tmp_path: Path) -> None:
    """A session over 70 MB of weights takes less than a tenth of them in memory; smaller ones may
    be copied."""
    make_model(tmp_path)
    network = {
        "conv3d": lambda: networks.conv(3, 464, 4),
        "conv2d": lambda: networks.conv(2, 1024, 3),
        "dense": lambda: networks.dense(4200),
    }[kind]()
    path = networks.save(network, tmp_path / "large.onnx")
    size = path.stat().st_size
    write_model(path, liver_recipe(), tmp_path / "large")
    root = Path(__file__).resolve().parents[3]

    def memory(what: Path) -> int:
        result = subprocess.run(
            [sys.executable, "-c", MEASURE, tmp_path / "packed", what],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONPATH": str(root)},
        )
        return int(result.stdout) * 1024

    assert size > 64 * 2**20
    assert memory(path) > 0.9 * size  # as ONNX Runtime loads them by itself
    assert memory(tmp_path / "large") < size / 10


@pytest.mark.parametrize(
    ("dims", "axis_order", "level"), [(2, "NCYX", "ALL"), (3, "NCZYX", "EXTENDED")]
)
def test_large_networks_that_read_slices_are_laid_out_for_the_processor(
    dims: int, axis_order: str, level: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "LEAVE_IN_PLACE", 0)
    recipe = liver_recipe()
    recipe = replace(recipe, input=replace(recipe.input, axis_order=axis_order))
    path = networks.save(networks.conv(dims), tmp_path / "network.onnx")
    session = open_session(write_model(path, recipe, tmp_path / "packed"))
    options = session._session.get_session_options()
    levels = onnxruntime.GraphOptimizationLevel
    assert options.graph_optimization_level == getattr(levels, f"ORT_ENABLE_{level}")
