"""A PyTorch module as an ONNX file that computes the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from IODeepLib.errors import ModelError
from IODeepLib.importers import packages
from IODeepLib.importers.packages import first_line
from IODeepLib.network.onnx_runtime import onnx_runtime

if TYPE_CHECKING:
    import torch

INPUT, OUTPUT = "image", "scores"

# PyTorch's exporter by tracing: its files are smaller, take a second and leave the batch open; the
# newer one takes up to a minute and fixes it. 17 is the last set of operators that it knows well.
_OPSET = 17
# What protobuf holds in one file, and room for the graph itself.
_MOST_BYTES = 2**31 - 2**26
# Of the range of the output. Networks that were exported well differ by 1e-6 to 1e-5; one step of a
# normalization that was taken for another differs by more than a hundredth.
MOST_DIFFERENCE = 1e-3


def export(
    module: torch.nn.Module,
    shape: Sequence[int],
    path: Path,
    source: str,
    open_sizes: bool = False,
) -> float:
    """Write `module` as ONNX and hold it against PyTorch on one patch.

    Its input is called "image", its output "scores"; the batch is open.

    Args:
        module: its one input and its one output are tensors; it is put into evaluation mode.
        shape: of the input (batch, channel, spatial axes), as the network will be called.
        path: the new file.
        source: how messages call where it came from.
        open_sizes: whether the network will be called with other sizes, too.

    Returns:
        The largest difference between both, in parts of the range of the output.

    Raises:
        ModelError: it is too large, cannot be exported, or gives other values then.
    """
    torch = packages.torch()
    size = sum(item.numel() * item.element_size() for item in _tensors(module))
    if size > _MOST_BYTES:
        raise ModelError(
            f"{source}, a network of {size / 1e9:.1f} GB",
            f"at most {_MOST_BYTES / 1e9:.1f} GB, which one ONNX file holds",
            "save it in half precision",
        )
    module = module.eval()
    patch = torch.from_numpy(np.random.default_rng(0).standard_normal(shape, np.float32))
    sizes = {i: f"size_{i - 1}" for i in range(2, len(shape))} if open_sizes else {}
    axes = {0: "batch"} | sizes
    with torch.no_grad():
        try:
            wanted = module(patch)
        except RuntimeError as error:  # what layers say of sizes that do not go together
            raise ModelError(
                f"{source}, whose network cannot be run on {shape} ({first_line(str(error))})",
                "a network that reads patches of this size",
                "take the files of one training",
            ) from None
        _check_output(wanted, source)
        try:
            torch.onnx.export(
                module,
                (patch,),
                str(path),
                dynamo=False,
                opset_version=_OPSET,
                input_names=[INPUT],
                output_names=[OUTPUT],
                dynamic_axes={INPUT: axes, OUTPUT: axes},
            )
        except Exception as error:  # of many kinds, each from another layer of the exporter
            raise ModelError(
                f"{source}, which PyTorch cannot export ({first_line(str(error))})",
                f"operators that ONNX {_OPSET} has",
                "export it yourself, and import that file: iodeep import onnx",
            ) from None
    return _difference(path, patch.numpy(), wanted.numpy(), source)


def _tensors(module: torch.nn.Module) -> list[torch.Tensor]:
    return [*module.parameters(), *module.buffers()]


def _check_output(output: object, source: str) -> None:
    torch = packages.torch()
    if not isinstance(output, torch.Tensor):
        raise ModelError(
            f"{source}, whose network gives a {type(output).__name__}",
            "one tensor",
            "export it yourself",
        )
    if not torch.isfinite(output).all():
        raise ModelError(
            f"{source}, whose network gives values that are no finite numbers for noise",
            "finite numbers",
            "ask for another checkpoint: this one did not learn",
        )


def _difference(path: Path, patch: np.ndarray, wanted: np.ndarray, source: str) -> float:
    """How far ONNX Runtime's values are from PyTorch's, in parts of their range."""
    session = onnx_runtime().InferenceSession(path, providers=["CPUExecutionProvider"])
    [found] = session.run([OUTPUT], {INPUT: patch})
    spread = float(np.ptp(wanted)) or 1.0
    difference = (
        float(np.abs(found - wanted).max()) / spread if found.shape == wanted.shape else math.inf
    )
    if not difference <= MOST_DIFFERENCE:  # NaN is none either
        raise ModelError(
            f"{source}: as ONNX the network differs by {difference:.2g} of its output's range",
            f"at most {MOST_DIFFERENCE:g}",
            "export it yourself, and import that file: iodeep import onnx",
        )
    return difference
