"""Checkpoints of PyTorch: what they hold is read, and nothing in them is ever run."""

from __future__ import annotations

import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from IODeepLib.errors import ModelError

torch = pytest.importorskip("torch")

from IODeepLib.importers.checkpoint import read_checkpoint  # noqa: E402


class Marking:
    """Makes a folder as soon as it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def saved(path: Path, value: object, **how) -> Path:
    torch.save(value, path, **how)
    return path


def test_tensors_and_the_numbers_of_a_training_are_read(tmp_path: Path) -> None:
    log = {"dice": [np.float64(0.5), np.float32(0.25), np.int64(3)]}
    value = {"network_weights": {"a.weight": torch.ones(3)}, "logging": log, "axes": (0, 1)}
    found = read_checkpoint(saved(tmp_path / "c.pth", value))
    assert found["network_weights"]["a.weight"].tolist() == [1, 1, 1]
    assert found["logging"] == log
    assert found["axes"] == (0, 1)


def test_numpy_1_called_them_otherwise(tmp_path: Path) -> None:
    path = saved(tmp_path / "c.pth", {"dice": np.float64(0.5)})
    old = tmp_path / "old.pth"
    with zipfile.ZipFile(path) as there, zipfile.ZipFile(old, "w") as new:
        for entry in there.infolist():
            data = there.read(entry)
            if entry.filename.endswith("data.pkl"):
                assert b"numpy._core.multiarray" in data
                data = data.replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
            new.writestr(entry.filename, data)
    assert read_checkpoint(old) == {"dice": 0.5}


def test_a_pickle_that_runs_code_is_not_run(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    path = saved(tmp_path / "c.pth", {"weights": torch.ones(1), "more": Marking(mark)})
    torch.load(path, weights_only=False)
    assert mark.exists()  # it is a real one
    mark.rmdir()
    with pytest.raises(ModelError, match=r"asks for posix.mkdir, and nothing of it was run"):
        read_checkpoint(path)
    assert not mark.exists()


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_bare_pickle_is_not_run(tmp_path: Path, protocol: int) -> None:
    mark = tmp_path / "mark"
    path = tmp_path / "c.pth"
    path.write_bytes(pickle.dumps(Marking(mark), protocol))
    with pytest.raises(ModelError, match="PyTorch's ZIP format"):
        read_checkpoint(path)
    assert not mark.exists()


def test_what_was_allowed_elsewhere_in_the_process_stays_so(tmp_path: Path) -> None:
    former = torch.serialization.get_safe_globals()  # which PyTorch has in no order
    read_checkpoint(saved(tmp_path / "c.pth", {"a": 1}))
    assert set(torch.serialization.get_safe_globals()) == set(former)


def test_a_whole_module_is_refused_by_its_class(tmp_path: Path) -> None:
    path = saved(tmp_path / "c.pth", {"model": torch.nn.Linear(2, 2)})
    with pytest.raises(ModelError, match=r"asks for torch.nn.modules.linear.Linear.*state_dict"):
        read_checkpoint(path)


@pytest.mark.parametrize("kept", [0, 10, 0.5, 0.99])
def test_a_truncated_file_is_refused(tmp_path: Path, kept: float) -> None:
    path = saved(tmp_path / "c.pth", {"weights": torch.ones(10_000)})
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data)) if kept < 1 else int(kept)])
    with pytest.raises(ModelError, match="damaged"):
        read_checkpoint(path)


def test_what_is_no_mapping_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="holds a list"):
        read_checkpoint(saved(tmp_path / "c.pth", [1, 2]))


def test_compressed_entries_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "c.pth", {"weights": torch.zeros(100_000)})
    packed = tmp_path / "packed.pth"
    with zipfile.ZipFile(path) as there, zipfile.ZipFile(packed, "w") as new:
        for entry in there.infolist():
            new.writestr(entry.filename, there.read(entry), zipfile.ZIP_DEFLATED)
    with pytest.raises(ModelError, match="compressed"):
        read_checkpoint(packed)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "nothing.pth", tmp_path):
        with pytest.raises(ModelError):
            read_checkpoint(path)


def test_a_storage_that_is_shorter_than_its_tensor_is_refused(tmp_path: Path) -> None:
    path = saved(tmp_path / "c.pth", {"weights": torch.ones(1000)})
    short = tmp_path / "short.pth"
    with zipfile.ZipFile(path) as there, zipfile.ZipFile(short, "w") as new:
        for entry in there.infolist():
            data = there.read(entry)
            new.writestr(entry.filename, data[:16] if "/data/" in entry.filename else data)
    with pytest.raises(ModelError, match="cannot read"):
        read_checkpoint(short)["weights"].sum()
