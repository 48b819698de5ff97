"""A site's difference before it leaves: clipped to a length, with noise if the round asks for it.

Where it arrives it is held against the same length.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterable, Mapping

import numpy as np

from IODeepLib.errors import InputError
from IODeepLib.federation.records import Round
from IODeepLib.federation.tensors import Float32, Float64, Tensor

# What is clipped in float64 and stored in float32 is longer by less than this: each value is off
# by 2^-24 of itself at most.
ROUNDED = 1e-6
# The length of Gaussian noise of d values is above sqrt(d) + t with probability exp(-t^2 / 2): with
# this t once in a billion honest updates.
_BEYOND = math.sqrt(2 * math.log(1e9))


def norm(tensors: Iterable[Tensor]) -> float:
    """The L2 norm over all tensors; infinite or NaN if one of their values is."""
    total = 0.0
    for tensor in tensors:
        for piece in tensor.pieces():
            total += float(np.dot(piece, piece))
    return math.sqrt(total) if math.isfinite(total) else total


def longest(said: Round) -> float:
    """How long a difference can be that was clipped as the round says, with its noise."""
    count = sum(math.prod(tensor.shape) for tensor in said.tensors)
    noise = said.noise * said.clip * (math.sqrt(count) + _BEYOND) if said.noise else 0.0
    return (said.clip + noise) * (1 + ROUNDED)


def clipped(
    trained: Mapping[str, Float32], parent: Mapping[str, Tensor], said: Round
) -> dict[str, Float32]:
    """What a site's training changed, as it may leave the site.

    Args:
        trained: the weights after training, by name.
        parent: the weights before, of the tensors that the round trains.
        said: the round.

    Raises:
        InputError: the training gave other tensors, or values that are not finite.
    """
    differences: dict[str, Float64] = {}
    for name, tensor in parent.items():
        new = trained.get(name)
        if new is None or new.shape != tensor.shape:
            raise InputError(
                f"training gave {'no' if new is None else new.shape} {name!r}",
                f"the tensor of {tensor.shape} that the round trains",
                "update IODeep, or ask the round's coordinator",
            )
        differences[name] = new.astype(np.float64) - tensor.whole()
    length = math.sqrt(sum(float(np.vdot(one, one)) for one in differences.values()))
    if not math.isfinite(length):
        raise InputError(
            "training gave weights that are not finite",
            "numbers",
            "look at the cohort, or ask the round's coordinator for a lower rate",
        )
    factor = min(1.0, said.clip / length) if length else 1.0
    # From the system's own chance: noise that could be drawn again would hide nothing.
    chance = np.random.default_rng(secrets.randbits(256))
    result = {}
    for name, one in differences.items():
        one *= factor
        if said.noise:
            one += chance.normal(0.0, said.noise * said.clip, one.shape)
        result[name] = one.astype(np.float32)
    return result
