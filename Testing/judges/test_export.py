"""Modules of PyTorch as ONNX: the same values, or a refusal with the figure."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from IODeepLib.errors import ModelError
from IODeepLib.network.onnx_runtime import onnx_runtime

torch = pytest.importorskip("torch")

from IODeepLib.importers.export import INPUT, MOST_DIFFERENCE, OUTPUT, export  # noqa: E402


def network(dims: int) -> torch.nn.Module:
    """Two convolutions with a normalization between them."""
    kinds = {2: (torch.nn.Conv2d, torch.nn.InstanceNorm2d)}
    kinds[3] = (torch.nn.Conv3d, torch.nn.InstanceNorm3d)
    conv, norm = kinds[dims]
    layers = conv(2, 4, 3, padding=1), norm(4, affine=True), torch.nn.LeakyReLU(), conv(4, 3, 1)
    return torch.nn.Sequential(*layers)


def run(path: Path, values: np.ndarray) -> np.ndarray:
    session = onnx_runtime().InferenceSession(path)
    return session.run([OUTPUT], {INPUT: values})[0]


@pytest.mark.parametrize("dims", [2, 3])
def test_a_module_gives_the_same_as_onnx_and_takes_any_batch(tmp_path: Path, dims: int) -> None:
    module = network(dims)
    path = tmp_path / "network.onnx"
    assert export(module, (1, 2, *[8, 10, 12][:dims]), path, "a module") <= 1e-5
    batch = np.random.default_rng(1).normal(size=(3, 2, *[8, 10, 12][:dims])).astype(np.float32)
    with torch.no_grad():
        wanted = module(torch.from_numpy(batch)).numpy()
    np.testing.assert_allclose(run(path, batch), wanted, atol=1e-5)


def test_open_sizes(tmp_path: Path) -> None:
    module = network(2)
    path = tmp_path / "network.onnx"
    export(module, (1, 2, 8, 8), path, "a module", open_sizes=True)
    assert run(path, np.zeros((1, 2, 20, 6), np.float32)).shape == (1, 3, 20, 6)


class Batchwise(torch.nn.Module):
    """Does in PyTorch what tracing turns into a constant."""

    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = factor

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        traced = torch.onnx.is_in_onnx_export()
        return x * (1 + self.factor * traced)


def test_other_values_are_refused_with_the_figure(tmp_path: Path) -> None:
    path = tmp_path / "network.onnx"
    assert export(Batchwise(0.5 * MOST_DIFFERENCE), (1, 1, 8, 8), path, "it") < MOST_DIFFERENCE
    with pytest.raises(ModelError, match=r"differs by 0\.0\d+ of its output's range.*0\.001"):
        export(Batchwise(20 * MOST_DIFFERENCE), (1, 1, 8, 8), path, "it")


class Odd(torch.nn.Module):
    """Gives something else than one tensor of numbers, or what ONNX has no word for."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what = what

    def forward(self, x: torch.Tensor):
        if self.what == "list":
            return [x, x]
        if self.what == "nan":
            return x / 0 * 0
        return torch.linalg.lu_factor(x)[0]


@pytest.mark.parametrize(
    ("what", "words"),
    [("list", "gives a list"), ("nan", "no finite"), ("lu", "cannot export")],
)
def test_what_cannot_be_exported_is_refused(tmp_path: Path, what: str, words: str) -> None:
    with pytest.raises(ModelError, match=words):
        export(Odd(what), (1, 1, 8, 8), tmp_path / "network.onnx", "it")
