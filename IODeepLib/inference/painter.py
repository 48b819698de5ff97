"""Planes of labels from planes of scores, with how probable and how sure they are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from IODeepLib.geometry.arrays import Float32
from IODeepLib.inference.certainty import certainty_of
from IODeepLib.inference.decision_rule import Argmax, ScoresOf, label_type, rule_of
from IODeepLib.inference.highest import Highest
from IODeepLib.inference.network_run import score_channels
from IODeepLib.inference.score_planes import Pair, Tile, strips_of
from IODeepLib.inference.segmentation import CERTAIN
from IODeepLib.recipe import Output
from IODeepLib.voxels.activation import activate


class Painted(NamedTuple):
    """A plane of what is made; what is not wanted is None.

    Attributes:
        number: of the plane.
        labels: (layer, rows, columns), as `Segmentation.array` has them.
        probabilities: (label, rows, columns), a byte each.
        confidence: (layer, rows, columns), as `Segmentation.confidence` has it.
    """

    number: int
    labels: npt.NDArray
    probabilities: npt.NDArray | None
    confidence: npt.NDArray | None


class Painter:
    """Makes planes of labels from planes of scores, tile by tile."""

    def __init__(
        self,
        positions: list[npt.NDArray[np.float64]],
        sizes: tuple[int, ...],
        output: Output,
        want_probabilities: bool,
        confidence_layers: int = 0,
    ) -> None:
        self._channels = score_channels(output)
        self._last = np.array([self._channels])
        self._strips = [
            strips_of(axis, n, self._channels) for axis, n in zip(positions, sizes, strict=True)
        ]
        self._shape = tuple(len(axis) for axis in positions)
        self._rule, self._type = rule_of(output), label_type(output)
        rule = self._rule
        self._highest = Highest(rule, positions, sizes) if isinstance(rule, Argmax) else None
        self._probable = _Probabilities(output) if want_probabilities else None
        self._layers = confidence_layers
        self._certainty = certainty_of(output) if confidence_layers else None

    @property
    def sure(self) -> bool:
        """Whether what was painted of confidence is one: the scores are probabilities."""
        return self._certainty is not None and self._certainty.valid

    def paint(self, pair: Pair) -> Painted:
        """A plane of what is made. Several threads may do so at once."""
        number, below, above, part = pair
        labels = np.zeros((self._rule.layers, *self._shape), self._type)
        if self._highest is not None:
            self._highest.paint(labels[0], pair)
        probable = self._probable
        probabilities = None if probable is None else probable.empty(self._shape)
        certainty = self._certainty
        confidence = None
        if certainty is not None:
            confidence = np.empty((self._layers, *self._shape), np.uint16)
        elif probable is None and self._highest is not None:
            return Painted(number, labels, None, None)
        low, high = below.bounds(self._strips)
        if part:
            others = above.bounds(self._strips)
            low, high = np.minimum(low, others[0]), np.maximum(high, others[1])
        for i, rows in enumerate(self._strips[0]):
            for j, columns in enumerate(self._strips[1]):
                bounds = low[: self._channels, i, j], high[: self._channels, i, j]
                where = (slice(None), rows.target, columns.target)
                scores: ScoresOf = Tile(below, above, part, rows, columns)
                if certainty is not None and confidence is not None:  # first: it asks for more
                    if self._layers > 2:
                        confidence[2][where[1:]] = _share(scores(self._last)[0])
                    scores = _Remembered(scores)
                    certainty.paint(confidence[:2][where], *bounds, scores)
                if self._highest is None:
                    self._rule.paint(labels[where], *bounds, scores)
                if probable is not None and probabilities is not None:
                    probabilities[where] = probable(scores)
        return Painted(number, labels, probabilities, confidence)


class _Remembered:
    """The scores of a tile, which are made once for all that ask for some of their channels."""

    def __init__(self, scores_of: ScoresOf) -> None:
        self._scores_of = scores_of
        self._places: dict[int, int] = {}
        self._scores: Float32 | None = None

    def __call__(self, channels: npt.NDArray[np.intp]) -> Float32:
        asked = channels.tolist()
        if self._scores is None or not all(channel in self._places for channel in asked):
            self._scores = self._scores_of(channels)
            self._places = {channel: i for i, channel in enumerate(asked)}
            return self._scores.copy()
        return self._scores[[self._places[channel] for channel in asked]]


class _Probabilities:
    """The probability of each label, as a byte."""

    def __init__(self, output: Output) -> None:
        self._all = np.arange(output.channels)
        self._channels = list(output.label_channels)
        self._activation = None if output.interpolates_probabilities else output.activation

    def empty(self, shape: tuple[int, ...]) -> npt.NDArray[np.uint8]:
        return np.empty((len(self._channels), *shape), np.uint8)

    def __call__(self, scores_of) -> Float32:
        values = scores_of(self._all)
        if self._activation is not None:
            activate(values, self._activation)
        chosen = np.clip(values[self._channels], 0, 1)
        chosen *= np.float32(255)
        return np.rint(chosen, out=chosen)


def _share(part: Float32) -> npt.NDArray[np.uint16]:
    """A number from 0 to 1 as `Segmentation.confidence` has it."""
    return np.rint(np.clip(part, 0, 1) * np.float32(CERTAIN)).astype(np.uint16)
