"""U-Nets of nnU-Net and MONAI, exported and rewritten, give PyTorch's own scores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from makers.recipes import label, recipe

torch = pytest.importorskip("torch")

from dynamic_network_architectures.architectures import unet  # noqa: E402
from monai.networks import nets  # noqa: E402
from torch import nn  # noqa: E402

from IODeepLib.importers.export import INPUT, export  # noqa: E402
from IODeepLib.model_object import write_model  # noqa: E402
from IODeepLib.network.runtime import open_session  # noqa: E402

PATCH = (48, 48, 48)
WIDTHS = [16, 32, 64]
THIN = [[1, 3, 3], [3, 3, 3], [3, 3, 3]]
NNUNET = {
    "input_channels": 1,
    "num_classes": 3,
    "n_stages": 3,
    "features_per_stage": WIDTHS,
    "conv_op": nn.Conv3d,
    "norm_op": nn.InstanceNorm3d,
    "norm_op_kwargs": {"eps": 1e-5, "affine": True},
    "nonlin": nn.LeakyReLU,
    "conv_bias": True,
    "deep_supervision": False,
}


def plain() -> nn.Module:
    return unet.PlainConvUNet(
        kernel_sizes=THIN,
        strides=[[1, 1, 1], [1, 2, 2], [2, 2, 2]],
        n_conv_per_stage=[2, 2, 2],
        n_conv_per_stage_decoder=[2, 2],
        **NNUNET,
    )


def residual() -> nn.Module:
    return unet.ResidualEncoderUNet(
        kernel_sizes=3,
        strides=[1, 2, 2],
        n_blocks_per_stage=[1, 2, 2],
        n_conv_per_stage_decoder=[1, 1],
        **NNUNET,
    )


def dynamic(residual: bool) -> nn.Module:
    kernels, strides = [3, 3, 3], [1, 2, 2]
    return nets.DynUNet(3, 1, 3, kernels, strides, strides[1:], WIDTHS, res_block=residual)


@pytest.mark.parametrize(
    "make", [plain, residual, lambda: dynamic(False), lambda: dynamic(True)],
    ids=["PlainConvUNet", "ResidualEncoderUNet", "DynUNet", "DynUNet with residual blocks"],
)  # fmt: skip
def test_the_scores_are_pytorchs(make: Callable[[], nn.Module], tmp_path: Path) -> None:
    torch.manual_seed(0)
    module = make().eval()
    export(module, (1, 1, 16, 16, 16), tmp_path / "network.onnx", "a network", open_sizes=True)
    asked = recipe(
        input={"patch_size": list(PATCH), "name": INPUT},
        output={"channels": 3, "labels": [label(1), label(2)]},
    )
    session = open_session(write_model(tmp_path / "network.onnx", asked, tmp_path / "model"))
    image = np.random.default_rng(1).standard_normal((1, 1, *PATCH), np.float32)
    with torch.no_grad():
        wanted = module(torch.from_numpy(image)).numpy()
    [before] = session.run({INPUT: image})
    session.rewrite(image.shape)
    assert session.engine == "CPUExecutionProvider (rewritten graph)"
    [after] = session.run({INPUT: image})
    range_ = wanted.max() - wanted.min()
    apart = [float(np.abs(found - wanted).mean() / range_) for found in (before, after)]
    assert apart[1] <= max(apart[0], 1e-6)
    assert np.mean(after.argmax(1) == wanted.argmax(1)) >= 0.9999
