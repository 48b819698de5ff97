"""How good a network is on held-out patients, on its own voxels, with a run's own windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from IODeepLib.geometry import AxisMap
from IODeepLib.inference.decision import decide
from IODeepLib.inference.preprocess import Prepared
from IODeepLib.inference.quality import Quality, input_as_asked
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.inference.sliding_window import score_slabs
from IODeepLib.recipe import Stage
from IODeepLib.shrink.comparison import Comparison
from IODeepLib.training.examples import Example
from IODeepLib.training.torch_network import TorchNetwork


def validate(
    network: TorchNetwork,
    stage: Stage,
    examples: Sequence[Example],
    device: torch.device,
    cancelled: Callable[[], bool] | None = None,
) -> float | None:
    """The mean over patients of the mean Dice of their labels; None where there is nothing to find.

    Labels that are not there and were not found do not count. Without mirror images.

    Raises:
        CancelledError: `cancelled` said so.
        ModelError: the network gives what cannot be decided on.
    """
    patients: dict[int, list[float]] = {}
    for one in examples:
        dice = dice_of(found_by(network, stage, one, device, cancelled), one)
        patients.setdefault(one.patient, []).extend(dice.values())
    means = [float(np.mean(values)) for values in patients.values() if values]
    return float(np.mean(means)) if means else None


def found_by(
    network: TorchNetwork,
    stage: Stage,
    example: Example,
    device: torch.device,
    cancelled: Callable[[], bool] | None = None,
) -> Segmentation:
    """The labels of an example, on the network's voxels."""
    input_ = input_as_asked(stage.input, Quality.DEFAULT, mirroring=False)
    a0, a1, a2 = (slice(0, n) for n in example.grid.shape)
    identity = AxisMap((0, 1, 2), (False, False, False))
    prepared = Prepared(example.image, example.grid, example.grid, identity, (a0, a1, a2))

    def predict(given: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            image = torch.from_numpy(np.require(given, requirements="W")).to(device)
            result: np.ndarray = network(image).float().cpu().numpy()
        return result

    slabs = score_slabs(example.image, input_, stage.output, predict, cancelled=cancelled)
    return decide(slabs, prepared, stage.output)


def dice_of(found: Segmentation, example: Example) -> dict[str, float]:
    """Dice of each label by name that is there or was found, and of which the truth says so."""
    truth = example.truth if found.overlapping else example.truth[0]
    comparison = Comparison(found.labels)
    comparison.add(found, Segmentation(np.asarray(truth), found.grid, found.labels))
    unknown = {label.name for label in found.labels if label.value in example.unknown}
    return {name: dice for name, dice in comparison.dice().items() if name not in unknown}
