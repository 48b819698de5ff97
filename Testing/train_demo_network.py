"""Trains the network of ``iodeep demo``: grey and white matter on T1 MR of the brain, 2 mm.

A demonstration of the path, not of accuracy on patients: the only training image is the series in
``IODeepLib/demo_data`` (the skull-stripped MNI152 template, an average of 152 people), augmented,
and the Dice printed at the end is measured on that same series. A head that is not skull-stripped
is out of its reach: on the one tried, 1.5 litres outside the brain became grey or white matter.

What the network expects, and what its recipe must say:

- input ``image`` [n, 1, z, y, x], float32, 2 mm, orientation LPS (x toward left, y toward
  posterior, z toward superior), every side a multiple of 8, trained on patches of 64;
- intensities: clip the whole volume to the 0.5th and 99.5th percentile of its non-zero voxels,
  then min-max of the whole volume to 0..1;
- output ``logits`` [n, 3, z, y, x]: background, grey matter, white matter; decided by argmax.

Torch is needed here and nowhere else. About ten minutes on one thread; a fixed seed, so the same
versions on the same processor give the same weights::

    pip install torch==2.13.0 numpy pydicom highdicom onnx onnxruntime
    python Testing/train_demo_network.py [--steps 1200] [--data IODeepLib/demo_data]
"""

from __future__ import annotations

import argparse
import itertools
import logging
import time
import warnings
from pathlib import Path

import highdicom as hd
import numpy as np
import onnx
import onnxruntime
import pydicom
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812, the name torch's own documentation uses

PATCH = 64
CLASSES = ("background", "grey matter", "white matter")
PERCENTILES = (0.5, 99.5)
WIDTHS = (8, 16, 18, 20)  # channels a level; each level halves the grid
BATCH = 2
LARGEST_FILE = 300_000  # bytes, of the exported network

log = logging.getLogger("train_demo_network")


class Block(nn.Sequential):
    """Convolution, instance norm, leaky ReLU; `stride` 2 halves the grid."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv3d(inputs, outputs, 3, stride, padding=1, bias=False),
            nn.InstanceNorm3d(outputs, affine=True),
            nn.LeakyReLU(0.01),
        )


class TissueNet(nn.Module):
    """A U-Net of four levels whose skips are added, not joined, to stay small."""

    def __init__(self) -> None:
        super().__init__()
        pairs = list(itertools.pairwise(WIDTHS))
        self.stem = Block(1, WIDTHS[0])
        self.down = nn.ModuleList(
            nn.Sequential(Block(a, b, stride=2), Block(b, b)) for a, b in pairs
        )
        self.narrow = nn.ModuleList(nn.Conv3d(b, a, 1) for a, b in reversed(pairs))
        self.merge = nn.ModuleList(Block(a, a) for a, _ in reversed(pairs))
        self.head = nn.Conv3d(WIDTHS[0], len(CLASSES), 1)

    def forward(self, image: Tensor) -> Tensor:
        """Logits [n, 3, z, y, x] of `image` [n, 1, z, y, x]."""
        levels = [self.stem(image)]
        for down in self.down:
            levels.append(down(levels[-1]))
        x = levels.pop()
        for narrow, merge in zip(self.narrow, self.merge, strict=True):
            x = merge(F.interpolate(narrow(x), scale_factor=2.0, mode="nearest") + levels.pop())
        return self.head(x)


def read_demo(data: Path) -> tuple[np.ndarray, np.ndarray]:
    """The prepared image (float32, 0..1) and the labels (uint8) of the demo series, [z, y, x]."""
    slices = [pydicom.dcmread(path) for path in (data / "mr_t1").glob("*.dcm")]
    slices.sort(key=lambda ds: ds.ImagePositionPatient[2])
    labels = hd.seg.segread(data / "reference_seg.dcm").get_pixels_by_source_instance(
        [ds.SOPInstanceUID for ds in slices],
        combine_segments=True,
        assert_missing_frames_are_empty=True,
    )
    return prepare(np.stack([ds.pixel_array for ds in slices])), labels.astype(np.uint8)


def prepare(image: np.ndarray) -> np.ndarray:
    """The intensity steps of the recipe."""
    low, high = np.percentile(image[image != 0], PERCENTILES)
    clipped = np.clip(image, low, high).astype(np.float32)
    return (clipped - clipped.min()) / (clipped.max() - clipped.min())


def smooth_noise(generator: torch.Generator, channels: int, knots: int) -> Tensor:
    """Noise [1, channels, patch] that varies over the patch as slowly as `knots` a side allow."""
    coarse = torch.randn((1, channels, knots, knots, knots), generator=generator)
    return F.interpolate(coarse, size=(PATCH,) * 3, mode="trilinear", align_corners=True)


def draw_grid(shape: torch.Size, generator: torch.Generator) -> Tensor:
    """Sampling grid [1, z, y, x, 3] of a patch: turned, scaled, bent and flipped, or plain."""

    def uniform(low: float, high: float, count: int) -> Tensor:
        return low + (high - low) * torch.rand(count, generator=generator)

    size = torch.tensor(shape[:1:-1], dtype=torch.float32)  # x, y, z voxels
    axis = torch.arange(PATCH, dtype=torch.float32) - (PATCH - 1) / 2
    z, y, x = torch.meshgrid(axis, axis, axis, indexing="ij")
    points = torch.stack((x, y, z), dim=-1)  # voxels from the patch centre
    centre = torch.floor(uniform(0, 1, 3) * size)  # a voxel's corner: plain patches stay exact
    if uniform(0, 1, 1) < 0.75:
        a, b, c = uniform(-0.3, 0.3, 3).tolist()  # rotation vector, radians
        turn = torch.linalg.matrix_exp(torch.tensor([[0, -c, b], [c, 0, -a], [-b, a, 0]]))
        points = points @ (turn * uniform(0.85, 1.2, 3))
        points = points + 2.0 * smooth_noise(generator, 3, 6)[0].permute(1, 2, 3, 0)
        if uniform(0, 1, 1) < 0.5:
            points = points * torch.tensor((-1.0, 1.0, 1.0))
    return ((points + centre) / size * 2 - 1)[None]


def draw_patch(image: Tensor, labels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """A patch [1, 1, z, y, x] of another brain, scanner and day, and its labels [1, z, y, x]."""
    grid = draw_grid(image.shape, generator)
    patch = F.grid_sample(image, grid, align_corners=False)
    classes = F.grid_sample(labels, grid, mode="nearest", align_corners=False)[:, 0].long()
    gain, gamma, blur, noise, outside = torch.rand(5, generator=generator).tolist()
    if blur < 0.2:
        patch = F.avg_pool3d(patch, 3, stride=1, padding=1)
    patch = patch.clamp(0, 1) ** (0.7 + 0.7 * gamma) * (0.85 + 0.25 * gain)
    patch = patch * torch.exp(0.12 * smooth_noise(generator, 1, 3))
    grain = 0.05 * noise**2 * torch.randn(patch.shape, generator=generator)
    patch = patch + (grain if outside < 0.3 else grain * (patch > 0))
    return patch.clamp(0, 1.2), classes


def loss_of(logits: Tensor, classes: Tensor) -> Tensor:
    """Cross entropy plus soft Dice of the tissues."""
    wanted = F.one_hot(classes, len(CLASSES)).movedim(-1, 1)[:, 1:].float()
    given = logits.softmax(1)[:, 1:]
    axes = (0, 2, 3, 4)
    dice = (2 * (given * wanted).sum(axes) + 1) / (given.sum(axes) + wanted.sum(axes) + 1)
    return F.cross_entropy(logits, classes) + 1 - dice.mean()


def train(image: np.ndarray, labels: np.ndarray, steps: int) -> TissueNet:
    """The trained network, in evaluation mode."""
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    volume = torch.from_numpy(image)[None, None]
    classes = torch.from_numpy(labels)[None, None].float()
    network = TissueNet().to(memory_format=torch.channels_last_3d)  # a fifth faster
    log.info("%d parameters", sum(p.numel() for p in network.parameters()))
    optimizer = torch.optim.AdamW(network.parameters(), lr=4e-3, weight_decay=1e-4)
    plan = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=steps, pct_start=0.1)
    start = time.perf_counter()
    for step in range(1, steps + 1):
        patches, wanted = zip(
            *(draw_patch(volume, classes, generator) for _ in range(BATCH)), strict=True
        )
        loss = loss_of(network(torch.cat(patches)), torch.cat(wanted))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        plan.step()
        if step % 50 == 0:
            log.info("step %d  loss %.3f  %.0f s", step, loss.item(), time.perf_counter() - start)
    return network.to(memory_format=torch.contiguous_format).eval()


def export(network: TissueNet, path: Path) -> None:
    """Writes the network as ONNX, opset 17, every side dynamic, weights inside."""
    names = {0: "n", 2: "z", 3: "y", 4: "x"}
    with warnings.catch_warnings():  # the older exporter leaves no stack traces in the file
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (torch.zeros(1, 1, PATCH, PATCH, PATCH),),
            path,
            dynamo=False,
            opset_version=17,
            input_names=["image"],
            output_names=["logits"],
            dynamic_axes={"image": names, "logits": names},
        )
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    if path.stat().st_size > LARGEST_FILE:
        raise SystemExit(f"{path} has {path.stat().st_size} bytes, at most {LARGEST_FILE} wanted")


def segment(session: onnxruntime.InferenceSession, image: np.ndarray) -> tuple[np.ndarray, int]:
    """Labels [z, y, x] by plain sliding window, overlap one half; and the number of patches."""
    scores = np.zeros((len(CLASSES), *image.shape), np.float32)
    weight = np.zeros(image.shape, np.float32)
    ramp = np.exp(-0.5 * (np.linspace(-1, 1, PATCH) / 0.25) ** 2) + 1e-3  # MONAI's sigma, 1/8 patch
    importance = np.einsum("i,j,k->ijk", ramp, ramp, ramp).astype(np.float32)
    starts = [sorted({min(s, n - PATCH) for s in range(0, n, PATCH // 2)}) for n in image.shape]
    corners = list(itertools.product(*starts))
    for corner in corners:
        window = tuple(slice(s, s + PATCH) for s in corner)
        (logits,) = session.run(["logits"], {"image": image[window][None, None]})
        scores[:, *window] += logits[0] * importance
        weight[window] += importance
    return (scores / weight).argmax(0).astype(np.uint8), len(corners)


def check(network: TissueNet, path: Path, image: np.ndarray, labels: np.ndarray) -> None:
    """ONNX Runtime against torch on a shape of its own, then Dice on the demo series."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    crop = np.ascontiguousarray(image[:40, :72, :56][None, None])
    with torch.no_grad():
        wanted = network(torch.from_numpy(crop)).numpy()
    (given,) = session.run(["logits"], {"image": crop})
    log.info("ONNX Runtime - torch: at most %.1e", np.abs(given - wanted).max())
    np.testing.assert_allclose(given, wanted, atol=1e-3)
    start = time.perf_counter()
    found, patches = segment(session, image)
    log.info("%d patches, %.1f s, one thread", patches, time.perf_counter() - start)
    for value, name in enumerate(CLASSES[1:], start=1):
        mine, theirs = found == value, labels == value
        log.info("Dice %s %.3f", name, 2 * (mine & theirs).sum() / (mine.sum() + theirs.sum()))


def main() -> None:
    """Trains, exports to --data and checks."""
    home = Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=home / "IODeepLib" / "demo_data")
    parser.add_argument("--steps", type=int, default=1200)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    image, labels = read_demo(args.data)
    network = train(image, labels, args.steps)
    path = args.data / "demo_network.onnx"
    export(network, path)
    log.info("%s: %d bytes", path.name, path.stat().st_size)
    check(network, path, image, labels)


if __name__ == "__main__":
    main()
