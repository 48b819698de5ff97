"""Whether a recipe and its network say the same: names, types, axes, sizes, channels.

Checked when a network is packed, by its declared tensors and by one small trial run, because most
exported networks leave their sizes open.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np

from IODeepLib.errors import ModelError, RecipeError
from IODeepLib.machine.memory import check_room
from IODeepLib.network.session import Session, TensorInfo
from IODeepLib.recipe import Conform, Decision, Input, Recipe, Resize, Stage, Task
from IODeepLib.recipe.stages import located

FLOATING = ("float16", "float32", "float64")
INTEGER = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")

# Voxels along an axis in the trial run where neither recipe nor network fixes them: enough for
# four halvings, and small enough to take no time.
TRIAL_SIZE = 32


@dataclass(frozen=True, slots=True)
class FilledInput:
    """An input of the network, and the channels of the recipe that fill it, zero based."""

    tensor: TensorInfo
    channels: tuple[int, ...]


def inputs_of(stage: Stage, session: Session) -> tuple[FilledInput, ...]:
    """The network's inputs, each with its channels.

    Raises:
        RecipeError: a channel fills no input of the network, or an input is filled by none.
    """
    filled: dict[str, list[int]] = {item.name: [] for item in session.inputs}
    names = ", ".join(filled)
    for i, channel in enumerate(stage.input.channels):
        path, name = "$.input.name", stage.input.name
        if channel.input is not None:
            path, name = f"$.input.channels[{i}].input", channel.input
        if name is None and len(filled) > 1:
            raise RecipeError(
                f"$.input.channels[{i}]: it does not say which of the network's {len(filled)} "
                "inputs it belongs to",
                f"the key 'input' with one of: {names}",
                "correct the recipe there",
            )
        filled[_named(path, name, session.inputs, "input").name].append(i)
    for item in session.inputs:
        if not filled[item.name]:
            raise RecipeError(
                f"$.input.channels: none belongs to the network's input {item}",
                "at least one channel for each input that has no default",
                "correct the recipe there, or export the network with that input as an initializer",
            )
    return tuple(FilledInput(item, tuple(filled[item.name])) for item in session.inputs)


def output_of(stage: Stage, session: Session) -> TensorInfo:
    """The network's output that the recipe reads."""
    return _named("$.output.name", stage.output.name, session.outputs, "output")


def batch_of(stage: Stage, session: Session) -> int:
    """How many slices or patches the network takes at once: the size of its axis N, 1 if open."""
    axis = stage.input.axis_order.index("N")
    sizes = {item.tensor.shape[axis] for item in inputs_of(stage, session)} - {None}
    return max((size for size in sizes if size is not None), default=1)


def check(recipe: Recipe, stage: Stage, session: Session) -> None:
    """Hold a stage of the recipe against what a network of it declares.

    Raises:
        RecipeError: the two contradict each other; the message names both sides.
        ModelError: the network is of a kind that cannot be run.
    """
    with _placed(recipe, stage):
        _check(stage, recipe.task_of(stage), session)


def try_out(recipe: Recipe, stage: Stage, session: Session) -> None:
    """Run a network of a stage once on zeros and compare what comes out with the recipe.

    Raises:
        RecipeError: the output has another shape than the recipe says.
        ModelError: the network does not run, or there is no memory for it.
    """
    with _placed(recipe, stage):
        _try_out(stage, recipe.task_of(stage), session)


@contextmanager
def _placed(recipe: Recipe, stage: Stage) -> Iterator[None]:
    """Say where in the recipe the stage stands whose `input` or `output` an error names."""
    try:
        yield
    except RecipeError as error:
        path = next(path for path, one in located(recipe.all_stages) if one.name == stage.name)
        found = path + error.found.removeprefix("$")
        raise RecipeError(found, error.wanted, error.next_step) from None


def _check(stage: Stage, task: Task, session: Session) -> None:
    axes = stage.input.axis_order
    batches = {}
    for item in inputs_of(stage, session):
        _check_input(stage.input, item)
        batches[item.tensor.name] = item.tensor.shape[axes.index("N")]
    if len(set(batches.values()) - {None}) > 1:
        raise ModelError(
            f"a network whose inputs take {batches} images at once",
            "the same number for all inputs",
            "export the network with one batch size",
        )
    given = output_of(stage, session)
    if task is not Task.SEGMENTATION:
        _check_rank("$.task", given, "NC")
        _agree("$.output.channels", f"{given.name!r}", given.shape[1], stage.output.channels)
    elif stage.output.decision is not Decision.LABELS:
        _check_rank("$.output", given, axes)
        channels = given.shape[axes.index("C")]
        _agree("$.output.channels", f"{given.name!r}", channels, stage.output.channels)


def _try_out(stage: Stage, task: Task, session: Session) -> None:
    given, batch = output_of(stage, session), batch_of(stage, session)
    feeds = {}
    for item in inputs_of(stage, session):
        shape = trial_shape(stage.input, item, batch)
        what = f"the {' × '.join(map(str, shape))} values of a trial run"
        check_room(4 * math.prod(shape), what, "a network that reads smaller patches")
        feeds[item.tensor.name] = np.zeros(shape, item.tensor.dtype)
    [result] = session.run(feeds, [given.name])
    axes, channels = stage.input.axis_order, stage.output.channels
    if task is not Task.SEGMENTATION:
        wanted: list[tuple[int, ...]] = [(batch, channels)]
    else:
        spatial = dict(zip(axes, shape, strict=True))
        wanted = [tuple({**spatial, "C": channels}[axis] for axis in axes)]
        if stage.output.decision is Decision.LABELS:
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


def trial_shape(input_: Input, item: FilledInput, batch: int) -> tuple[int, ...]:
    """Shape of the tensor for the trial run, in the network's axis order."""
    step = input_.divisible_by
    small = math.ceil(TRIAL_SIZE / step) * step
    return _shape(input_, item, batch, input_.patch_size or (small,) * input_.spatial_dims)


def fixed_shape(stage: Stage, session: Session) -> tuple[int, ...] | None:
    """The shape of what a network of one input is always given; None if it is not known."""
    inputs, sizes = inputs_of(stage, session), wanted_sizes(stage.input)
    patch = tuple(size for size in sizes if size is not None)
    if len(inputs) > 1 or len(patch) < len(sizes):
        return None
    return _shape(stage.input, inputs[0], batch_of(stage, session), patch)


def _shape(input_: Input, item: FilledInput, batch: int, patch: tuple[int, ...]) -> tuple[int, ...]:
    sizes = {
        "N": batch,
        "C": len(item.channels) * input_.slices_a_channel,
        **dict(zip(input_.spatial_axes, patch, strict=True)),
    }
    fixed = zip(input_.axis_order, item.tensor.shape, strict=True)
    return tuple(size if isinstance(size, int) else sizes[axis] for axis, size in fixed)


def wanted_sizes(input_: Input) -> tuple[int | None, ...]:
    """The voxels along each spatial axis with which the network will be called; None: any."""
    if input_.patch_size is not None:
        return input_.patch_size
    if isinstance(input_.grid, (Resize, Conform)):
        step = input_.divisible_by
        return tuple(math.ceil(size / step) * step for size in input_.grid.shape)
    return (None,) * input_.spatial_dims


def _check_input(input_: Input, item: FilledInput) -> None:
    declared, axes = item.tensor, input_.axis_order
    if declared.dtype not in FLOATING + INTEGER:
        raise ModelError(
            f"the input {declared.name!r} takes {declared.dtype}",
            "an input of floating-point numbers or of integers",
            "put a Cast in front of the network",
        )
    if 0 in declared.shape:
        raise ModelError(
            f"the network's input {declared}, which is always empty",
            "sizes of 1 or more, or open ones",
            "export the network again",
        )
    _check_rank("$.input.axis_order", declared, axes)
    sizes = dict(zip(axes, declared.shape, strict=True))
    channels = len(item.channels) * input_.slices_a_channel
    _agree("$.input.channels", f"the axis C of {declared.name!r}", sizes["C"], channels)
    for axis, size in zip(input_.spatial_axes, wanted_sizes(input_), strict=True):
        what, fixed = f"the axis {axis} of {declared.name!r}", sizes[axis]
        if size is None and fixed is not None:
            raise RecipeError(
                f"$.input.patch_size: without it images are given in their own size, but {what} "
                f"is {fixed} in the network",
                "a patch_size, or a grid with that shape",
                "correct the recipe there",
            )
        _agree("$.input.patch_size" if input_.patch_size else "$.input.grid", what, fixed, size)


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


def _agree(path: str, what: str, declared: int | None, wanted: int | None) -> None:
    """Refuse two sizes that are both fixed and differ; None is an open one."""
    if isinstance(declared, int) and wanted is not None and declared != wanted:
        raise RecipeError(
            f"{path}: the recipe makes {wanted}, {what} is {declared} in the network",
            "the same size in recipe and network",
            "correct the recipe there",
        )
