"""How a network is trained."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from IODeepLib.recipe.limits import Count, Positive, Voxels
from IODeepLib.text.records import Many, Record

_Share = Annotated[float, Meta(ge=0, le=1)]
_NotNegative = Annotated[float, Meta(ge=0)]


class Optimizer(StrEnum):
    """What makes a step of a gradient."""

    ADAMW = "adamw"
    SGD = "sgd"  # with Nesterov's momentum of 0.99, as nnU-Net's


class Settings(Record, kw_only=True):
    """How a network is trained.

    Attributes:
        steps: of the optimizer, at most.
        batch_size: patches in each.
        rate: the learning rate, which rises over `warm_up` steps and falls with the steps that are
            left to the power of 0.9.
        optimizer, weight_decay: what makes the steps.
        clip: a gradient is no longer than this.
        foreground: the share of patches around a voxel of a label, each label as often.
        validate_every: steps from one look at the held-out patients to the next one; what was
            learned by then is kept, so that a training goes on from there.
        patience: how many of these looks there may be without anything better; 0: any number.
        augment: rotate, scale and mirror patches, and change their intensities.
        mirror: mirror them at all.
        patch_size: of training, in the order of the recipe's; without it, the recipe's own, or the
            whole image where the network reads that.
        seed: what all chance is made of.
    """

    steps: Count = 1000
    batch_size: Annotated[int, Meta(ge=1, le=1024)] = 2
    rate: Positive = 3e-4
    optimizer: Optimizer = Optimizer.ADAMW
    weight_decay: _NotNegative = 1e-3
    warm_up: Annotated[int, Meta(ge=0)] = 20
    clip: Positive = 12.0
    foreground: _Share = 1 / 3
    validate_every: Count = 100
    patience: Annotated[int, Meta(ge=0)] = 5
    augment: bool = True
    mirror: bool = True
    patch_size: Many[Voxels] | None = None
    seed: Annotated[int, Meta(ge=0, le=2**32 - 1)] = 0

    def words(self) -> str:
        """For people, in a sentence's part."""
        kind = {Optimizer.ADAMW: "AdamW", Optimizer.SGD: "SGD"}[self.optimizer]
        return (
            f"{kind}, rate {self.rate:g}, batches of {self.batch_size}, "
            f"{'with' if self.augment else 'without'} augmentation, seed {self.seed}"
        )


def rate_at(step: int, settings: Settings) -> float:
    """The learning rate of a step, counted from 0: nnU-Net's, after a warm-up.

    >>> [round(rate_at(i, Settings(steps=4, warm_up=2, rate=1.0)), 3) for i in range(4)]
    [0.5, 0.772, 0.536, 0.287]
    """
    warm = min(1.0, (step + 1) / settings.warm_up) if settings.warm_up else 1.0
    return float(settings.rate * warm * (1 - step / settings.steps) ** 0.9)
