"""Networks that judge a whole image: classification and regression."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from IODeepLib.errors import ModelError
from IODeepLib.inference.network_run import NetworkRun, Predict
from IODeepLib.inference.patches import Patch, Patches
from IODeepLib.machine.progress import Progress
from IODeepLib.recipe import Aggregate, Blend, Decision, Input, Label, Output, Task
from IODeepLib.voxels.activation import activate


@dataclass(frozen=True, slots=True)
class Classification:
    """What a network says of a whole image.

    Attributes:
        labels: all that the network can say.
        values: for each of them its probability, or its quantity in the label's unit.
        chosen: the labels that the image has; none for a regression.
    """

    labels: tuple[Label, ...]
    values: tuple[float, ...]
    chosen: tuple[Label, ...] = ()


def classify(
    array: npt.NDArray[np.float32],
    input_: Input,
    output: Output,
    predict: Predict,
    *,
    task: Task = Task.CLASSIFICATION,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
    batch: int = 1,
) -> Classification:
    """Run the network on every slice or patch of the image, and make one answer of them.

    What is aggregated is what the recipe blends: scores, or each patch's probabilities. With
    argmax the label of the highest value is chosen (none, where that channel has no label), with
    threshold every label above it.

    Args:
        array: (channel, a0, a1, a2) float32, as `preprocess.prepare` made it.
        input_: the recipe's input.
        output: the recipe's output.
        predict: runs the network; it gives [N, K], K the recipe's output channels.
        task: classification or regression.
        progress: called after each patch with the fraction done and a message.
        cancelled: asked before each patch.
        batch: slices that a 2D network is given at once, or patches that a 3D one is.

    Raises:
        ModelError: an output of the wrong shape, or not finite.
        CancelledError: `cancelled` said so.
    """
    patches = Patches.of(array.shape[1:], input_, batch)
    run = NetworkRun(array, input_, output, predict, len(patches), progress, cancelled)
    answers = [answers_of(run, group, output, input_) for group in groups_of(patches)]
    return judged(answers, output, task)


def groups_of(patches: Patches) -> list[tuple[Patch, ...]]:
    """All patches of an image, as the network is given them."""
    return [group for start in patches.starts[0] for group in patches.groups(start)]


def judged(
    answers: Sequence[npt.NDArray[np.float32]], output: Output, task: Task
) -> Classification:
    """The one answer that is made of those of all groups of patches, which stay as they are."""
    every = np.concatenate(answers)
    early = output.blend is Blend.PROBABILITIES
    if early:
        activate(every, output.activation, axis=1)
    together = every.max(axis=0) if output.aggregate is Aggregate.MAXIMUM else every.mean(axis=0)
    if not early:
        activate(together, output.activation)
    values = tuple(float(together[channel]) for channel in output.label_channels)
    chosen = _chosen(together, output) if task is Task.CLASSIFICATION else ()
    return Classification(output.labels, values, chosen)


def answers_of(
    run: NetworkRun, group: Sequence[Patch], output: Output, input_: Input
) -> npt.NDArray[np.float32]:
    """(N, K) float32 of a group of patches, or of a batch of slices."""
    result, input_shape = run.raw(group)
    count = input_shape[input_.axis_order.index("N")]
    if result.shape[:2] != (count, output.channels) or result.size != count * output.channels:
        raise ModelError(
            f"an output of shape {tuple(result.shape)} for an input of shape {input_shape}",
            f"({count}, {output.channels}): one value for each image and channel",
            "correct output.channels or the task in the recipe, or the network",
        )
    answers = result.reshape(count, output.channels).astype(np.float32)
    if not np.isfinite(answers).all():
        raise ModelError(
            f"the network's output is {answers.tolist()} for the patch of {group[0].size} "
            f"from {group[0].start}" + (f" and {len(group) - 1} more" if len(group) > 1 else ""),
            "finite values",
            "check the recipe's intensity steps against the network's training",
        )
    return answers


def _chosen(values: npt.NDArray[np.float32], output: Output) -> tuple[Label, ...]:
    labels = zip(output.labels, output.label_channels, strict=True)
    if output.decision is Decision.ARGMAX:
        best = int(values.argmax())
        return tuple(label for label, channel in labels if channel == best)
    return tuple(label for label, channel in labels if values[channel] > output.threshold)
