"""Whether ONNX Runtime computes what PyTorch has learned."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from IODeepLib.errors import ModelError
from IODeepLib.inference.patches import Patches, outside_values, tensor
from IODeepLib.model_object import Model
from IODeepLib.network.predictor import Predictor
from IODeepLib.network.runtime import open_session
from IODeepLib.training.torch_network import TorchNetwork
from IODeepLib.training.trainable import trained_stage

# Of the range of the scores. What rounds in another order differs by 1e-7 to 1e-5.
MOST_DIFFERENCE = 1e-4


def check_alike(
    network: TorchNetwork, model: Model, images: Sequence[npt.NDArray[np.float32]]
) -> float:
    """How far the scores of a packed network are from PyTorch's, on a patch of each image.

    Args:
        network: with the weights that were packed, on the processor.
        model: the packed network.
        images: (channel, a0, a1, a2), prepared for it.

    Returns:
        The largest difference, in parts of the range of the scores.

    Raises:
        ModelError: it is more than MOST_DIFFERENCE.
    """
    stage = trained_stage(model.card.recipe)
    predict = Predictor(stage, open_session(model, providers="cpu"))
    worst = 0.0
    for image in images:
        patches = Patches.of(image.shape[1:], stage.input)
        starts = patches.starts[0]
        row = list(patches.row(starts[len(starts) // 2]))
        beyond = outside_values(image, stage.input.outside)
        given = tensor(image, row[len(row) // 2], stage.input, beyond)
        wanted = np.asarray(predict(given), np.float32)
        with torch.no_grad():
            found = network(torch.from_numpy(np.require(given, requirements="W"))).numpy()
        apart = float(np.abs(found - wanted).max()) if found.shape == wanted.shape else np.inf
        worst = max(worst, apart / (float(np.ptp(wanted)) or 1.0))
    if not worst <= MOST_DIFFERENCE:  # nor what is no number
        raise ModelError(
            f"{model.label}, whose scores in ONNX Runtime differ from PyTorch's by {worst:.2g} of "
            "their range",
            f"at most {MOST_DIFFERENCE:g}",
            "report it, with the network; nothing was written",
        )
    return worst
