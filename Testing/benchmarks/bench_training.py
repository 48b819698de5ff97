"""A step of training: ours, of a network that comes from ONNX, against the same in plain MONAI."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from harness import Bench, Row, alternate, ratio, seconds
from made import recipe

STEPS = 3  # in each measurement
CLASSES = 3


def rows(bench: Bench) -> Iterator[Row]:
    """Forward, loss, backward, clipped gradient and optimizer, on the same patches."""
    if importlib.util.find_spec("monai") is None:
        sys.stderr.write("no figures of training: found no monai\n")
        return
    size = bench.sizes.patch
    module = network()
    ours, theirs = our_step(module, bench.folder, size), their_step(module, size)
    for step in (ours, theirs):
        step()
    times = alternate(
        lambda: seconds(lambda: [ours() for _ in range(STEPS)]),
        lambda: seconds(lambda: [theirs() for _ in range(STEPS)]),
        bench.sizes.pairs,
    )
    what = f"a step of training, DynUNet, patches of {size}x{size}x{size}"
    yield ratio(what, "the same in MONAI", times, 1.1)


def network() -> Any:
    """With random weights."""
    import torch
    from monai.networks.nets import DynUNet

    torch.manual_seed(0)
    strides = [1, 2, 2, 2]
    return DynUNet(3, 1, CLASSES, [3] * 4, strides, strides[1:], [16, 32, 64, 128])


def data(size: int) -> tuple[Any, Any]:
    import torch

    generator = torch.Generator().manual_seed(0)
    shape = (2, 1, size, size, size)
    return torch.randn(shape, generator=generator), torch.randint(
        0, CLASSES, shape, generator=generator
    )


def our_step(module: Any, folder: Path, size: int) -> Callable[[], float]:
    from IODeepLib.importers.export import export
    from IODeepLib.model_object import write_model
    from IODeepLib.training.loss import Loss
    from IODeepLib.training.settings import Settings
    from IODeepLib.training.torch_network import TorchNetwork
    from IODeepLib.training.train import optimizer_of, step

    path = folder / "network.onnx"
    export(module, (1, 1, 32, 32, 32), path, "a network", open_sizes=True)
    asked = recipe("unet", CLASSES, patch_size=[size] * 3)
    model = write_model(path, asked, folder / "model")
    ours, settings = TorchNetwork.of(model), Settings()
    [stage] = asked.all_stages
    optimizer, loss_of = optimizer_of(ours, settings), Loss(stage.output, ours.activation)
    image, truth = data(size)

    def one() -> float:
        loss = loss_of(ours.scores(image), truth, [(), ()])
        return step(ours, optimizer, loss, settings, 0)

    return one


def their_step(module: Any, size: int) -> Callable[[], float]:
    import torch
    from monai.losses import DiceCELoss

    module = module.train()
    optimizer = torch.optim.AdamW(module.parameters(), 3e-4, weight_decay=1e-3)
    loss_of = DiceCELoss(include_background=False, to_onehot_y=True, softmax=True, batch=True)
    image, truth = data(size)

    def one() -> float:
        optimizer.zero_grad()
        loss = loss_of(module(image), truth)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), 12.0)
        optimizer.step()
        return float(loss.detach())

    return one
