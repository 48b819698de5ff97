"""Every kind of network: packed, shown, unpacked and run; onnx and ONNX Runtime are the judges."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from makers import networks
from makers.network_kinds import KINDS, SIDE, constants
from makers.recipes import liver_recipe

from IODeepLib.cli.main import main
from IODeepLib.errors import ModelError
from IODeepLib.model_object import Model, unpack, write_model
from IODeepLib.network.runtime import open_session
from IODeepLib.sources.folder import find_model

# Tensors that are moved into the weights, where it is not the one of the main graph.
MOVED = {
    "If": ("c", "inner", "inner#2"),
    "Loop": ("inner",),
    "Scan": ("inner",),
    "functions": ("w",),
    "shared": ("same", "w"),
    "Constant": ("c", "w", "w#2"),
    "sparse": (),
}


def result_of(path: Path) -> bytes:
    image = np.random.default_rng(0).standard_normal((3, SIDE)).astype(np.float32)
    return onnxruntime.InferenceSession(path).run(None, {"image": image})[0].tobytes()


def result_from_dicom(model: Model) -> bytes:
    image = np.random.default_rng(0).standard_normal((3, SIDE)).astype(np.float32)
    return open_session(model).run({"image": image})[0].tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_it_comes_back_equal_and_runs_from_dicom(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = KINDS[kind]()
    path = networks.save(network, tmp_path / "network.onnx")
    infer = kind != "sparse"  # onnx's shape inference does not see sparse initializers
    onnx.checker.check_model(path, full_check=infer)
    write_model(path, liver_recipe(), tmp_path / "packed", max_part_bytes=5000)
    assert main(["show", "--json", str(tmp_path / "packed")]) == 0
    assert json.loads(capsys.readouterr().out)
    model = find_model(tmp_path / "packed")
    moved = sorted(name for part in model.card.manifest.parts for name in part.tensors)
    assert tuple(moved) == MOVED.get(kind, ("w",))
    back = unpack(model, tmp_path / "back")
    assert onnx.load(back) == network
    onnx.checker.check_model(back, full_check=infer)
    expected = result_of(path)
    assert result_of(back) == expected
    assert result_from_dicom(model) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_it_comes_back_equal_from_several_external_files(kind: str, tmp_path: Path) -> None:
    """As onnx saves it: a file a tensor, Constants too."""
    network = KINDS[kind]()
    whole = networks.save(network, tmp_path / "whole.onnx")
    (tmp_path / "split").mkdir()
    path = tmp_path / "split" / "network.onnx"
    onnx.save(
        onnx.load(whole),
        path,
        save_as_external_data=True,
        all_tensors_to_one_file=False,
        size_threshold=16,
        convert_attribute=True,
    )
    model = write_model(path, liver_recipe(), tmp_path / "packed", max_part_bytes=5000)
    back = unpack(model, tmp_path / "back")
    assert onnx.load(back) == onnx.load(path)
    expected = result_of(whole)
    assert result_of(back) == expected
    assert result_from_dicom(model) == expected


def test_what_would_swell_the_card_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("IODeepLib.model_object.packing.MAX_ARCHITECTURE_BYTES", 2000)
    for kind in ("sparse", "typed"):
        path = networks.save(KINDS[kind](), tmp_path / "network.onnx")
        with pytest.raises(ModelError, match="no plain values of initializers and Constant nodes"):
            write_model(path, liver_recipe(), tmp_path / "packed")
        assert not (tmp_path / "packed").exists()
    path = networks.save(constants(), tmp_path / "network.onnx")
    assert path.stat().st_size > 12_000
    model = write_model(path, liver_recipe(), tmp_path / "packed")
    assert len(model.card.read_architecture()) < 2000


def test_a_single_tensor_beyond_an_element_is_refused(tmp_path: Path) -> None:
    """4.3 GB, as a file of which nothing is written."""
    network = KINDS["opset 21"]()
    tensor = network.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.dims[0] = 2**25 + 1  # rows of 128 bytes
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="w.bin")
    path = networks.save(network, tmp_path / "network.onnx")
    with (tmp_path / "w.bin").open("wb") as file:
        file.truncate((2**25 + 1) * 128)
    with pytest.raises(ModelError, match=r"429\d{7} bytes for one element.*split the tensor"):
        write_model(path, liver_recipe(), tmp_path / "packed")
    assert not (tmp_path / "packed").exists()
