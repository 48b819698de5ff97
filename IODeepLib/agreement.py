"""Whether a recipe and its network say the same: names, types, axes, sizes, channels.

Checked when a network is packed, by its declared tensors and by one small trial run, because most
exported networks leave their sizes open.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from IODeepLib.errors import ModelError, RecipeError
from IODeepLib.recipe import Conform, Decision, Input, Recipe, Resize, Task
from IODeepLib.runtime import Session, TensorInfo

FLOATING = ("float16", "float32", "float64")

# Voxels along an axis in the trial run where neither recipe nor network fixes them: enough for
# four halvings, and small enough to take no time.
TRIAL_SIZE = 32


def input_of(recipe: Recipe, session: Session) -> TensorInfo:
    """The network's input that the recipe fills."""
    return _named("$.input.name", recipe.input.name, session.inputs, "input")


def output_of(recipe: Recipe, session: Session) -> TensorInfo:
    """The network's output that the recipe reads."""
    return _named("$.output.name", recipe.output.name, session.outputs, "output")


def check(recipe: Recipe, session: Session) -> None:
    """Hold the recipe against what the network declares.

    Raises:
        RecipeError: the two contradict each other; the message names both sides.
        ModelError: the network is of a kind that cannot be run.
    """
    if len(session.inputs) > 1:
        names = ", ".join(item.name for item in session.inputs)
        raise ModelError(
            f"a network with {len(session.inputs)} inputs ({names})",
            "one input, with a channel for each series",
            "join the inputs along the channel axis before the export",
        )
    declared = input_of(recipe, session)
    if declared.dtype not in FLOATING:
        raise ModelError(
            f"the input {declared.name!r} takes {declared.dtype}",
            "a floating-point input",
            "put a Cast to float in front of the network",
        )
    axes = recipe.input.axis_order
    _check_rank("$.input.axis_order", declared, axes)
    sizes = dict(zip(axes, declared.shape, strict=True))
    _agree("$.input.axis_order", f"the axis N of {declared.name!r}", sizes["N"], 1)
    _agree(
        "$.input.channels",
        f"the axis C of {declared.name!r}",
        sizes["C"],
        recipe.input.tensor_channels,
    )
    for axis, size in zip(recipe.input.spatial_axes, wanted_sizes(recipe.input), strict=True):
        place = "$.input.patch_size" if recipe.input.patch_size else "$.input.grid"
        _agree(place, f"the axis {axis} of {declared.name!r}", sizes[axis], size)
    given = output_of(recipe, session)
    if recipe.task is not Task.SEGMENTATION:
        _check_rank("$.task", given, "NC")
        _agree("$.output.channels", f"{given.name!r}", given.shape[1], recipe.output.channels)
    elif recipe.output.decision is not Decision.LABELS:
        _check_rank("$.output", given, axes)
        channels = given.shape[axes.index("C")]
        _agree("$.output.channels", f"{given.name!r}", channels, recipe.output.channels)


def try_out(recipe: Recipe, session: Session) -> None:
    """Run the network once on zeros and compare what comes out with the recipe.

    Raises:
        RecipeError: the output has another shape than the recipe says.
        ModelError: the network does not run.
    """
    declared, given = input_of(recipe, session), output_of(recipe, session)
    shape = trial_shape(recipe.input, declared)
    results = session.run({declared.name: np.zeros(shape, declared.dtype)})
    result = results[session.outputs.index(given)]
    axes, channels = recipe.input.axis_order, recipe.output.channels
    if recipe.task is not Task.SEGMENTATION:
        wanted: list[tuple[int, ...]] = [(1, channels)]
    else:
        spatial = dict(zip(axes, shape, strict=True))
        wanted = [tuple({**spatial, "C": channels}[axis] for axis in axes)]
        if recipe.output.decision is Decision.LABELS:
            wanted = [
                tuple({**spatial, "C": 1}[axis] for axis in axes),
                tuple(spatial[axis] for axis in axes if axis != "C"),
            ]
    if result.shape not in wanted:
        raise RecipeError(
            f"$.output: {given.name!r} has the shape {result.shape} for an input of {shape}",
            " or ".join(map(str, wanted)),
            "correct output.channels, input.axis_order or input.divisible_by in the recipe",
        )


def trial_shape(input_: Input, declared: TensorInfo) -> tuple[int, ...]:
    """Shape of the tensor for the trial run, in the network's axis order."""
    step = input_.divisible_by
    small = math.ceil(TRIAL_SIZE / step) * step
    patch = input_.patch_size or (small,) * input_.spatial_dims
    sizes = {
        "N": 1,
        "C": input_.tensor_channels,
        **dict(zip(input_.spatial_axes, patch, strict=True)),
    }
    fixed = zip(input_.axis_order, declared.shape, strict=True)
    return tuple(size if isinstance(size, int) else sizes[axis] for axis, size in fixed)


def wanted_sizes(input_: Input) -> tuple[int | None, ...]:
    """The voxels along each spatial axis with which the network will be called; None: any."""
    if input_.patch_size is not None:
        return input_.patch_size
    if isinstance(input_.grid, (Resize, Conform)):
        step = input_.divisible_by
        return tuple(math.ceil(size / step) * step for size in input_.grid.shape)
    return (None,) * input_.spatial_dims


def _named(path: str, name: str | None, items: Sequence[TensorInfo], kind: str) -> TensorInfo:
    for item in items:
        if name is None or item.name == name:
            return item
    names = ", ".join(item.name for item in items)
    raise RecipeError(
        f"{path}: {name!r}", f"one of the network's {kind}s: {names}", "correct the recipe there"
    )


def _check_rank(path: str, declared: TensorInfo, axes: str) -> None:
    if len(declared.shape) != len(axes):
        raise RecipeError(
            f"{path}: {len(axes)} axes ({axes}) for {declared.name!r}, which has "
            f"{len(declared.shape)} in the network",
            "the same axes in recipe and network",
            "correct the recipe there",
        )


def _agree(path: str, what: str, declared: int | str | None, wanted: int | None) -> None:
    """Refuse two sizes that are both fixed and differ; the network's may be a name or None."""
    if isinstance(declared, int) and wanted is not None and declared != wanted:
        raise RecipeError(
            f"{path}: the recipe makes {wanted}, {what} is {declared} in the network",
            "the same size in recipe and network",
            "correct the recipe there",
        )
