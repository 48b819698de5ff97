"""MONAI as a judge: networks trained for seconds, and what its own command says of an image."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import monai.networks.nets
import numpy as np
import SimpleITK
import torch

from IODeepLib.geometry import Volume


def train(network: dict, path: Path, images: Sequence[np.ndarray], steps: int = 40) -> None:
    """Train a network for seconds to tell dark, gray and bright apart after smoothing, and save it.

    Args:
        network: its definition in a bundle.
        path: where the weights go.
        images: (channel, spatial axes) float32, as the network will see them.
        steps: of the training, each on one of the images.
    """
    torch.manual_seed(0)
    arguments = {key: value for key, value in network.items() if key != "_target_"}
    net = getattr(monai.networks.nets, network["_target_"])(**arguments)
    classes = network["out_channels"]
    pool = torch.nn.AvgPool3d if network.get("spatial_dims", 3) == 3 else torch.nn.AvgPool2d
    smooth = pool(5, 1, 2, count_include_pad=False)
    optimizer = torch.optim.AdamW(net.parameters(), 1e-2)
    for step in range(steps):
        image = torch.from_numpy(images[step % len(images)])[None]
        level = smooth(image).mean(1)
        marks = torch.quantile(level.flatten()[::7], torch.linspace(0, 1, classes + 1)[1:-1])
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(net(image), torch.bucketize(level, marks))
        loss.backward()
        optimizer.step()
    torch.save(net.state_dict(), path)


def write_nifti(volume: Volume, path: Path) -> Path:
    """The voxels of a series as NIfTI, in its own order: columns, rows, slices."""
    image = SimpleITK.GetImageFromArray(np.ascontiguousarray(volume.array, np.float32))
    affine = volume.grid.affine[:, [2, 1, 0, 3]]
    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((affine[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(affine[:3, 3].tolist())
    path.parent.mkdir(parents=True, exist_ok=True)
    SimpleITK.WriteImage(image, str(path))
    return path


def run_bundle(bundle: Path, data: Path, *more: str) -> Path:
    """What MONAI's own command makes of the images in a folder; the folder of its results."""
    subprocess.run(
        [
            *(sys.executable, "-m", "monai.bundle", "run", "--config_file"),
            *("configs/inference.json", "--meta_file", "configs/metadata.json"),
            *("--bundle_root", ".", "--dataset_dir", str(data), *more),
        ],
        cwd=bundle,
        check=True,
        capture_output=True,
        text=True,
    )
    return bundle / "eval"


def same(found: np.ndarray, wanted: np.ndarray) -> tuple[float, float]:
    """Shares of equal voxels: of all, and of those where either has a label."""
    equal, either = found == wanted, (found != 0) | (wanted != 0)
    return float(equal.mean()), float(equal[either].mean())


def write_flat_nifti(pixels: np.ndarray, path: Path) -> Path:
    """A picture (row, column) as NIfTI of two axes: columns, rows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(pixels.astype(np.float32)), str(path))
    return path
