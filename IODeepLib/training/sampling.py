"""Batches of patches: which case, where, and how they are changed.

Chance is a matter of the seed and the number of the step alone, so that a training that goes on is
the one that was never stopped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from IODeepLib.errors import UsageError
from IODeepLib.inference.patches import Patch, Patches, outside_values, tensor
from IODeepLib.recipe import Input, Label, Outside
from IODeepLib.training.augmentation import Augmentation
from IODeepLib.training.examples import Example
from IODeepLib.training.settings import Settings
from IODeepLib.training.sides import mirrored_axes

# What the chance of each kind is made of, beside the seed.
_ORDER, _PLACE = 0, 1


@dataclass(frozen=True, slots=True)
class Batch:
    """What a step is given.

    Attributes:
        images: (N, C, spatial axes) float32.
        truths: (N, layer, spatial axes).
        unknown: for each of N, the values of labels that may be anywhere.
    """

    images: npt.NDArray[np.float32]
    truths: npt.NDArray[np.int32]
    unknown: tuple[tuple[int, ...], ...]


class Sampler:
    """Cuts batches out of examples.

    Args:
        examples: at least one.
        input_: the recipe's input.
        labels: the recipe's labels.
        settings: of the training.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        input_: Input,
        labels: Sequence[Label],
        settings: Settings,
    ) -> None:
        size = settings.patch_size
        if size is not None:
            _check_size(size, input_)
            input_ = replace(input_, patch_size=size)
        letters = "NC" + input_.spatial_axes
        self._examples, self._settings, self._labels = examples, settings, len(labels)
        self._input = replace(input_, axis_order=letters)
        seen = input_.outside in (Outside.EDGE, Outside.REFLECT)
        outside = input_.outside if seen else Outside.ZERO
        self._truth_input = replace(self._input, neighbours=0, outside=outside)
        mirrored = mirrored_axes(input_, labels) if settings.mirror else ()
        self._beyond: dict[int, list[float]] = {}
        self._augmentation: Augmentation | None = None
        if settings.augment:
            spacing = examples[0].grid.spacing[-input_.spatial_dims :]
            self._augmentation = Augmentation(spacing, mirrored)

    def batch(self, step: int) -> Batch:
        """The batch of a step, counted from 0."""
        size = self._settings.batch_size
        patches = [self._patch(step * size + i) for i in range(size)]
        shapes = {image.shape for image, _, _ in patches}
        if len(shapes) > 1:
            raise UsageError(
                "whole images of different sizes in one batch",
                "batches of one, or patches of one size",
                "set the batch size to 1, or a patch size",
            )
        images, truths, unknown = zip(*patches, strict=True)
        return Batch(np.stack(images), np.stack(truths), unknown)

    def _patch(
        self, number: int
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int32], tuple[int, ...]]:
        seed, count = self._settings.seed, len(self._examples)
        round_, place = divmod(number, count)
        order = np.random.default_rng((seed, _ORDER, round_)).permutation(count)
        example = self._examples[int(order[place])]
        generator = np.random.default_rng((seed, _PLACE, number))
        patch = self._drawn(example, generator)
        beyond = self._beyond.get(int(order[place]))
        if beyond is None:  # for the least value all of an image is read
            beyond = outside_values(example.image, self._input.outside)
            self._beyond[int(order[place])] = beyond
        image = tensor(example.image, patch, self._input, beyond)[0]
        nothing = [0.0] * len(example.truth)
        truth = tensor(cast(Any, example.truth), patch, self._truth_input, nothing)[0]
        if self._augmentation is not None:
            image, truth = self._augmentation(image, truth, int(generator.integers(2**31)))
        return image, truth.astype(np.int32), example.unknown

    def _drawn(self, example: Example, generator: np.random.Generator) -> Patch:
        """Around a voxel of a label, each label as often; or anywhere."""
        shape = example.image.shape[1:]
        size = Patches.of(shape, self._input).size
        center = None
        if generator.random() < self._settings.foreground and len(example.places):
            bounds = np.searchsorted(example.places[:, 0], np.arange(self._labels + 1))
            number = int(generator.choice(np.flatnonzero(np.diff(bounds))))
            center = example.places[generator.integers(bounds[number], bounds[number + 1]), 1:]
        start = []
        for axis, (n, part) in enumerate(zip(shape, size, strict=True)):
            if n <= part:
                start.append(-((part - n) // 2))
            elif center is None:
                start.append(int(generator.integers(n - part + 1)))
            else:
                start.append(min(max(0, int(center[axis]) - part // 2), n - part))
        return Patch((start[0], start[1], start[2]), size, shape)


def _check_size(size: Sequence[int], input_: Input) -> None:
    wanted = f"{input_.spatial_dims} multiples of {input_.divisible_by}"
    if len(size) != input_.spatial_dims or any(n % input_.divisible_by for n in size):
        raise UsageError(
            f"patches of {' x '.join(map(str, size))} voxels", wanted, "correct the patch size"
        )
