"""What is made smaller: Dice loss and cross entropy, as the recipe's output decides.

Where classes exclude each other (softmax), background is one of them. Where labels are found one by
one (sigmoid), each has a channel. What the truth does not say is not learned: labels of which
nobody knows whether they are there, and regions below the one that a voxel was painted with.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.losses import DiceCELoss, DiceLoss
from torch import Tensor
from torch.nn import functional

from IODeepLib.errors import UsageError
from IODeepLib.recipe import Activation, Decision, Output

# A score that is as good as never, and yet a number in half precision.
_NEVER = -30.0


class Loss:
    """The loss of a network's scores.

    Args:
        output: the recipe's output.
        activation: what the network itself has in the end, before which the scores are taken.
    """

    def __init__(self, output: Output, activation: str) -> None:
        self._output = output
        self._values = [label.value for label in output.labels]
        self._channels = list(output.label_channels)
        last = activation or output.activation.value
        argmax = output.decision is Decision.ARGMAX
        self._exclusive = argmax or last == Activation.SOFTMAX.value
        # Scores that are compared with the threshold as they are.
        self._shift = 0.0 if argmax or last != Activation.NONE.value else output.threshold
        if self._exclusive:
            self._prepare_classes(output)
            self._dice_and_entropy = DiceCELoss(
                include_background=False, to_onehot_y=True, softmax=True, batch=True
            )
        else:
            self._dice = DiceLoss(sigmoid=True, batch=True)

    def _prepare_classes(self, output: Output) -> None:
        labelled = set(self._channels)
        background = [c for c in range(output.channels) if c not in labelled]
        if output.overlapping or not background:
            raise UsageError(
                "labels that may overlap, of classes that exclude each other"
                if output.overlapping
                else "a label for every channel of the network",
                "a channel of background, and labels that exclude each other",
                "tune it where it was trained",
            )
        others = [c for c in range(output.channels) if c != background[0]]
        self._order = [background[0], *others]
        self._table = torch.zeros(max(self._values) + 1, dtype=torch.int64)
        for value, channel in zip(self._values, self._channels, strict=True):
            self._table[value] = self._order.index(channel)

    def __call__(self, scores: Tensor, truth: Tensor, unknown: Sequence[Sequence[int]]) -> Tensor:
        """The loss of a batch.

        Args:
            scores: (N, C, spatial axes), as the network gives them without its activation.
            truth: (N, 1, spatial axes) label values, or (N, labels, ...) 0 and 1.
            unknown: for each of N, the labels (by value) that may be anywhere.
        """
        scores = scores.float()
        if self._exclusive:
            if self._order != sorted(self._order):
                scores = scores[:, self._order]
            return self._of_classes(scores, truth, unknown)
        return self._of_labels(scores[:, self._channels] - self._shift, truth, unknown)

    def _of_classes(
        self, scores: Tensor, truth: Tensor, unknown: Sequence[Sequence[int]]
    ) -> Tensor:
        classes = self._table.to(truth.device)[truth.long()]
        if any(unknown):
            scores = torch.stack(
                [
                    self._merged(one, [int(self._table[v]) for v in values])
                    for one, values in zip(scores, unknown, strict=True)
                ]
            )
        loss: Tensor = self._dice_and_entropy(scores, classes)
        return loss

    @staticmethod
    def _merged(scores: Tensor, unknown: list[int]) -> Tensor:
        """Background and the unknown classes (C, ...) as one: which of them it is, nobody says."""
        if not unknown:
            return scores
        together = torch.logsumexp(scores[[0, *unknown]], 0)
        rows = list(scores)
        rows[0] = together
        for row in unknown:
            rows[row] = torch.full_like(together, _NEVER)
        return torch.stack(rows)

    def _of_labels(self, scores: Tensor, truth: Tensor, unknown: Sequence[Sequence[int]]) -> Tensor:
        if truth.shape[1] == scores.shape[1] and self._output.overlapping:
            target = truth.float()
        else:
            target = torch.cat([(truth == value).float() for value in self._values], 1)
        known = torch.ones_like(target, dtype=torch.bool)
        if self._output.decision is Decision.REGIONS:  # a later region is painted over this one
            later = target.flip(1).cumsum(1).flip(1) - target
            known &= later == 0
        for known_here, values in zip(known, unknown, strict=True):
            for value in values:
                known_here[self._values.index(value)] = False
        scores = torch.where(known, scores, torch.full_like(scores, _NEVER))
        target = torch.where(known, target, torch.zeros_like(target))
        dice: Tensor = self._dice(scores, target)
        return dice + functional.binary_cross_entropy_with_logits(scores, target)
