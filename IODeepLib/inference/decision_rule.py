"""How the scores of a piece of a plane become labels.

A rule is told the lowest and the highest score of each channel around the piece. What lies
between them by interpolation cannot leave them, so that most pieces are decided by these bounds
alone (all liver, say) and the others need only the channels that can still win. Whole planes of
the highest channel are quicker from its winners, see `highest`.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from IODeepLib.geometry.arrays import Float32
from IODeepLib.recipe import Activation, Decision, Output
from IODeepLib.voxels.activation import activate

LabelArray = npt.NDArray[np.unsignedinteger]


class ScoresOf(Protocol):
    """Gives the scores of a piece of a plane."""

    def __call__(self, channels: npt.NDArray[np.intp]) -> Float32:
        """(channels, rows, columns) of the channels with these indices: a new array."""


class Scores:
    """Scores (channels, rows, columns) as they are."""

    def __init__(self, scores: Float32) -> None:
        self._scores = scores

    def __call__(self, channels: npt.NDArray[np.intp]) -> Float32:
        return self._scores[channels]


class Rule(Protocol):
    """A way to decide."""

    layers: int

    def paint(self, piece: LabelArray, low: Float32, high: Float32, scores_of: ScoresOf) -> None:
        """Write label values into `piece` (layers, rows, columns), which is all zero.

        Args:
            piece: where the labels go.
            low: (channels,) the lowest score of each channel around here.
            high: (channels,) the highest.
            scores_of: gives the scores here of the channels that are asked for.
        """


def rule_of(output: Output) -> Rule:
    """The rule that the recipe's output asks for."""
    match output.decision:
        case Decision.ARGMAX:
            return Argmax(output)
        case Decision.LABELS:
            return _LabelValues(output)
        case _:
            return _Threshold(output)


def label_type(output: Output) -> np.dtype:
    """The smallest unsigned integer type that holds every value."""
    if rule_of(output).layers > 1:
        return np.dtype(np.uint8)
    return _smallest_type(output)


def _smallest_type(output: Output) -> np.dtype:
    return np.dtype(np.uint8 if max(label.value for label in output.labels) <= 255 else np.uint16)


class Argmax:
    """The channel with the highest score, the first of equals; without a label: background.

    Attributes:
        values: of the label of each channel, in the type that labels have.
    """

    layers = 1

    def __init__(self, output: Output) -> None:
        self.values = np.zeros(output.channels, _smallest_type(output))
        for label, channel in zip(output.labels, output.label_channels, strict=True):
            self.values[channel] = label.value

    def paint(self, piece: LabelArray, low: Float32, high: Float32, scores_of: ScoresOf) -> None:
        channels = np.flatnonzero(high >= low.max())
        self.paint_highest(piece[0], channels, scores_of)

    def paint_highest(
        self, labels: LabelArray, channels: npt.NDArray[np.intp], scores_of: ScoresOf
    ) -> None:
        """Write into `labels` (rows, columns) what the highest of some channels stands for."""
        values = self.values[channels]
        labels[...] = values[0]
        if (values == values[0]).all():  # it makes no difference which of them is
            return
        best, *others = scores_of(channels)
        higher = np.empty(best.shape, bool)
        for score, value in zip(others, values[1:], strict=True):
            np.greater(score, best, out=higher)
            np.copyto(best, score, where=higher)
            np.copyto(labels, value, where=higher)


class _Threshold:
    """Labels whose probability is above the threshold.

    Threshold with several labels gives a layer of 0 and 1 to each; regions are painted over each
    other in the order of the labels.
    """

    def __init__(self, output: Output) -> None:
        overlapping = output.decision is Decision.THRESHOLD and len(output.labels) > 1
        self.layers = len(output.labels) if overlapping else 1
        self._channels = np.array(output.label_channels)
        self._values = [1 if overlapping else label.value for label in output.labels]
        self._threshold = output.threshold
        self._softmax = False
        if not output.interpolates_probabilities:
            self._softmax = output.activation is Activation.SOFTMAX
            if output.activation is Activation.SIGMOID:
                # p > t where the score is above t's own: no need to compute any p.
                self._threshold = _logit(output.threshold)

    def paint(self, piece: LabelArray, low: Float32, high: Float32, scores_of: ScoresOf) -> None:
        if self._softmax:
            probabilities = activate(scores_of(np.arange(len(low))), Activation.SOFTMAX)
            for i, channel in enumerate(self._channels):
                self._paint(piece, i, probabilities[channel] > self._threshold)
            return
        everywhere = low[self._channels] > self._threshold
        nowhere = high[self._channels] <= self._threshold
        between = np.flatnonzero(~(everywhere | nowhere))
        scores = dict(zip(between, scores_of(self._channels[between]), strict=True))
        for i in range(len(self._channels)):
            if everywhere[i]:
                self._paint(piece, i, True)
            elif i in scores:
                self._paint(piece, i, scores[i] > self._threshold)

    def _paint(self, piece: LabelArray, i: int, where: npt.NDArray[np.bool_] | bool) -> None:
        np.copyto(piece[i if self.layers > 1 else 0], self._values[i], where=where)


class _LabelValues:
    """The network gives label values itself; those that no label has are background."""

    layers = 1

    def __init__(self, output: Output) -> None:
        self._label_of = np.zeros(65536, np.uint16)
        for label in output.labels:
            self._label_of[label.value] = label.value

    def paint(self, piece: LabelArray, low: Float32, high: Float32, scores_of: ScoresOf) -> None:
        values = np.rint(scores_of(np.zeros(1, np.intp))[0])
        piece[0] = self._label_of[np.clip(values, 0, 65535).astype(np.intp)]


def _logit(probability: float) -> float:
    with np.errstate(divide="ignore"):
        p = np.clip(np.float64(probability), 0, 1)
        return float(np.log(p) - np.log1p(-p))
