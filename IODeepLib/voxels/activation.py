"""What turns a network's scores into probabilities."""

from __future__ import annotations

import numpy as np

from IODeepLib.geometry.arrays import Float32
from IODeepLib.recipe import Activation


def activate(scores: Float32, activation: Activation, axis: int = 0) -> Float32:
    """Turn `scores` into probabilities, in place; `axis` is the axis of the channels.

    Softmax and sigmoid are written so that no score is too large for `exp`.
    """
    if activation is Activation.SOFTMAX:
        scores -= scores.max(axis=axis, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=axis, keepdims=True)
    elif activation is Activation.SIGMOID:
        # 1 / (1 + exp(-x)) = (1 + tanh(x / 2)) / 2
        scores *= np.float32(0.5)
        np.tanh(scores, out=scores)
        scores += np.float32(1)
        scores *= np.float32(0.5)
    return scores
