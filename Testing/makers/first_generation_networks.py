"""Networks in PyTorch as the first IODeep program's parser makes them: the usual U-Net, small."""

from __future__ import annotations

import base64
import io
from typing import Any

import torch
from torch import nn


def double(inputs: int, outputs: int, between: int | None = None) -> nn.Sequential:
    """Twice a convolution, batch normalization and ReLU."""
    between = between or outputs
    return nn.Sequential(
        nn.Conv2d(inputs, between, 3, padding=1, bias=False),
        nn.BatchNorm2d(between),
        nn.ReLU(),
        nn.Conv2d(between, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(),
    )


class UNet(nn.Module):
    """What `makers.first_generation.unet` describes.

    Args:
        channels, width, depth, outputs: as there.
        upsampling: bilinear, nearest or transposed.
        align_corners: of bilinear.
        skip_first: whether the encoder's channels go first.
    """

    def __init__(
        self,
        channels: int = 1,
        width: int = 8,
        depth: int = 2,
        outputs: int = 1,
        upsampling: str = "bilinear",
        align_corners: bool = True,
        skip_first: bool = True,
    ) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.skip_first = skip_first
        half = 1 if upsampling == "transposed" else 2
        widths = [width * 2**level for level in range(depth)]
        self.down = nn.ModuleList(
            double(inputs, w) for inputs, w in zip([channels, *widths], widths, strict=False)
        )
        inputs = widths[-1] * 2 // half
        self.elbow = double(widths[-1], inputs)
        self.up = nn.ModuleList()
        for level in reversed(range(depth)):
            w = widths[level]
            if upsampling == "transposed":
                self.up.append(nn.ConvTranspose2d(inputs, w, 2, 2))
                joined = 2 * w
            else:
                align = align_corners if upsampling == "bilinear" else None
                self.up.append(nn.Upsample(scale_factor=2, mode=upsampling, align_corners=align))
                joined = inputs + w
            outputs_here = w // half if level else w
            self.up.append(double(joined, outputs_here, joined // 2))
            inputs = outputs_here
        self.last = nn.Conv2d(inputs, outputs, 1)
        randomize(self)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The scores."""
        kept = []
        for block in self.down:
            kept.append(block(x))
            x = nn.functional.max_pool2d(kept[-1], 2)
        x = self.elbow(x)
        for grow, block in zip(self.up[::2], self.up[1::2], strict=True):
            pair = [kept.pop(), grow(x)]
            x = block(torch.cat(pair if self.skip_first else pair[::-1], dim=1))
        return self.last(x)


def randomize(network: nn.Module, seed: int = 0) -> nn.Module:
    """Statistics, slopes and biases that no layer begins with; in evaluation mode."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name.endswith("running_var"):
                tensor.uniform_(0.5, 2, generator=generator)
            elif tensor.is_floating_point() and tensor.ndim == 1:
                tensor.uniform_(-0.5, 0.5, generator=generator).add_("weight" in name)
    return network.eval()


def saved(value: Any) -> str:
    """What torch.save writes of it, in base64, as the program stores it."""
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return base64.b64encode(buffer.getvalue()).decode()
