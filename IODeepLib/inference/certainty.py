"""How sure a decision is: the probability of what won, and the entropy of what could have.

Both are those of the scores where they are decided on. As in `decision_rule` bounds come first:
where nothing else can have a part in it that shows in 16 bits, nothing is computed.

A decision that rests on several yes and no (thresholds, regions) is as probable as the least sure
one of those that it rests on, and its entropy is the mean over all of them.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from IODeepLib.geometry.arrays import Float32
from IODeepLib.inference.decision_rule import ScoresOf
from IODeepLib.inference.segmentation import CERTAIN
from IODeepLib.recipe import Activation, Decision, Output
from IODeepLib.voxels.activation import activate

# What is left out is below a tenth of what 16 bits show: a part of e ** -14 for all together.
_NO_PART = 14.0
# Networks in half precision give probabilities that are off by this from what they can be.
_ROUNDING = 1e-3
# So that the logarithm of nothing is nothing.
_TINY = np.float32(1e-30)

Levels = npt.NDArray[np.uint16]


class Certainty(Protocol):
    """A way to say how sure a decision is.

    Attributes:
        valid: whether all that was seen so far are scores that can be made probabilities.
    """

    valid: bool

    def paint(self, piece: Levels, low: Float32, high: Float32, scores_of: ScoresOf) -> None:
        """Write probability and entropy into `piece` (2, rows, columns): 0 to `CERTAIN` for 0 to 1.

        Args:
            piece: where they go.
            low: (channels,) the lowest score of each channel around here.
            high: (channels,) the highest.
            scores_of: gives the scores here of the channels that are asked for.
        """


def certainty_of(output: Output) -> Certainty:
    """That of the decisions that the recipe's output asks for; label values have none."""
    probable = output.interpolates_probabilities or output.activation is Activation.NONE
    activation = Activation.NONE if probable else output.activation
    if output.decision is Decision.ARGMAX:
        if activation is Activation.SOFTMAX:
            return _Softmax(output)
        return _Distribution(output, activation)
    return _Questions(output, activation)


class _Softmax:
    """The highest of scores that softmax makes probabilities of."""

    valid = True

    def __init__(self, output: Output) -> None:
        most = np.log(max(2, output.channels))
        self._margin = np.float32(_NO_PART + most)
        self._scale = np.float32(CERTAIN / most)

    def paint(self, piece: Levels, low: Float32, high: Float32, scores_of: ScoresOf) -> None:
        channels = np.flatnonzero(high >= low.max() - self._margin)
        if len(channels) == 1:
            piece[0], piece[1] = CERTAIN, 0
            return
        scores = scores_of(channels)
        scores -= scores.max(axis=0)
        parts = np.exp(scores)
        total = parts.sum(axis=0)
        scores *= parts
        entropy = np.log(total) - scores.sum(axis=0) / total
        _write(piece, np.float32(CERTAIN) / total, entropy * self._scale)


class _Distribution:
    """The highest of probabilities; where they do not add up to 1, they are made to for entropy."""

    def __init__(self, output: Output, activation: Activation) -> None:
        self._activation, self.valid = activation, True
        self._least = np.float32(np.exp(-_NO_PART) / output.channels)
        self._scale = np.float32(CERTAIN / np.log(max(2, output.channels)))
        self._all = np.arange(output.channels)

    def paint(self, piece: Levels, low: Float32, high: Float32, scores_of: ScoresOf) -> None:
        channels = self._all
        if self._activation is Activation.NONE:
            if not _can_be(low, high):
                self.valid = False
            channels = np.flatnonzero(high > self._least)
            if not self.valid or not len(channels):
                piece[0], piece[1] = 1, 0
                return
        values = activate(scores_of(channels), self._activation)
        np.clip(values, 0, 1, out=values)
        probability = values.max(axis=0)
        values /= np.maximum(values.sum(axis=0), _TINY)
        values *= np.log(np.maximum(values, _TINY))
        entropy = values.sum(axis=0) * -self._scale
        _write(piece, probability * np.float32(CERTAIN), entropy)


class _Questions:
    """Each label by itself, yes or no; regions ask only whether a later one paints over."""

    def __init__(self, output: Output, activation: Activation) -> None:
        self._activation, self.valid = activation, True
        self._channels = np.array(output.label_channels)
        self._threshold = np.float32(output.threshold)
        self._regions = output.decision is Decision.REGIONS
        self._all = np.arange(output.channels)
        self._sure = np.float32(_NO_PART)

    def paint(self, piece: Levels, low: Float32, high: Float32, scores_of: ScoresOf) -> None:
        if self._activation is Activation.SIGMOID:
            own_low, own_high = low[self._channels], high[self._channels]
            if ((own_low > self._sure) | (own_high < -self._sure)).all() and self._between():
                piece[0], piece[1] = CERTAIN, 0
                return
            values = activate(scores_of(self._channels), Activation.SIGMOID)
        elif self._activation is Activation.SOFTMAX:
            values = activate(scores_of(self._all), Activation.SOFTMAX)[self._channels]
        else:
            if not _can_be(low, high):
                self.valid = False
            if not self.valid:
                piece[0], piece[1] = 1, 0
                return
            values = np.clip(scores_of(self._channels), 0, 1)
        others = 1 - values
        yes = values > self._threshold
        least = np.ones(values.shape[1:], np.float32)
        for one, other, is_one in zip(values, others, yes, strict=True):
            if self._regions:
                least = np.where(is_one, one, np.minimum(least, other))
            else:
                np.minimum(least, np.where(is_one, one, other), out=least)
        values *= np.log2(np.maximum(values, _TINY))
        others *= np.log2(np.maximum(others, _TINY))
        entropy = (values + others).mean(axis=0) * np.float32(-CERTAIN)
        _write(piece, least * np.float32(CERTAIN), entropy)

    def _between(self) -> bool:
        """Whether the threshold tells the two apart that are sure."""
        return bool(0.01 < self._threshold < 0.99)


def _can_be(low: Float32, high: Float32) -> bool:
    """Whether these are bounds of probabilities."""
    return bool(low.min() >= -_ROUNDING and high.max() <= 1 + _ROUNDING)


def _write(piece: Levels, probability: Float32, entropy: Float32) -> None:
    """Nothing but what was not seen is 0."""
    np.rint(probability, out=probability)
    piece[0] = np.clip(probability, 1, CERTAIN, out=probability)
    np.rint(entropy, out=entropy)
    piece[1] = np.clip(entropy, 0, CERTAIN, out=entropy)
