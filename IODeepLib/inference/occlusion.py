"""What a network that judges a whole image looks at: what changes as parts are covered.

Part by part is replaced by the mean of the image, and the network run again on the patches that
hold it. Where its answer falls, that part spoke for it. (Zeiler and Fergus, Visualizing and
understanding convolutional networks, 2014, section 4.2; here with blocks that do not overlap)
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from IODeepLib.errors import UsageError
from IODeepLib.geometry import Grid, Volume
from IODeepLib.geometry.arrays import Box, Float32
from IODeepLib.inference.classification import (
    Classification,
    answers_of,
    groups_of,
    judged,
)
from IODeepLib.inference.network_run import NetworkRun, Predict
from IODeepLib.inference.patches import Patch, Patches
from IODeepLib.inference.preprocess import Prepared
from IODeepLib.machine.progress import Progress
from IODeepLib.recipe import Input, Interpolation, Label, Output, Outside, Recipe, Task
from IODeepLib.voxels.resample import resample

# Blocks along the longest side of the image: fewer say little, more of them take long, and a
# network that sees the whole image hardly misses one.
FEWEST_BLOCKS, USUAL_BLOCKS, MOST_BLOCKS = 2, 8, 64


@dataclass(frozen=True, slots=True, eq=False)
class Occlusion:
    """What changes as blocks of the image are covered.

    Attributes:
        label: whose value it is: of a classification that of what was chosen, of a regression the
            first.
        value: of the whole image: a probability, or a quantity in the label's unit.
        volume: float32 on the voxels of the series: the value less that without the block; 0 where
            the network does not look.
        blocks: how many there are along the three axes of the network's grid.
        size: millimeters of a block along these, on average; None where that is not known.
        runs: how often the network was run.
    """

    label: Label
    value: float
    volume: Volume
    blocks: tuple[int, int, int]
    size: tuple[float, float, float] | None
    runs: int


def check_occlusion(recipe: Recipe, name: str, blocks: int) -> None:
    """Refuse before a run what an occlusion map cannot be made of.

    Raises:
        UsageError: the model called `name` gives segments, or a number of blocks that is none.
    """
    if recipe.task is Task.SEGMENTATION:
        raise UsageError(
            f"an occlusion map of {name}, which segments",
            "a model that says something of the whole image",
            "run it without, or ask for its confidence (--confidence)",
        )
    if not FEWEST_BLOCKS <= blocks <= MOST_BLOCKS:
        raise UsageError(
            f"an occlusion map with {blocks} blocks along the longest side of the image",
            f"{FEWEST_BLOCKS} to {MOST_BLOCKS}",
            f"leave the number out for {USUAL_BLOCKS}",
        )


def occlude(
    prepared: Prepared,
    source: Grid,
    input_: Input,
    output: Output,
    predict: Predict,
    *,
    task: Task,
    sized: bool,
    blocks: int = USUAL_BLOCKS,
    batch: int = 1,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> tuple[Classification, Occlusion]:
    """What the network says of the image as it is, and as it is covered block by block.

    As soon as the former is known, `progress` is told how often the network will be run for the
    latter, and for how long.

    Args:
        prepared: what the network reads; it is as it was afterwards.
        source: the grid of the series.
        input_: the recipe's input.
        output: the recipe's output.
        predict: runs the network.
        task: classification or regression.
        sized: whether the size of a voxel is known.
        blocks: how many there are along the longest side; others have as many as come nearest to
            cubes.
        batch: as for `classify`.
        progress: called after each block.
        cancelled: asked before each run.

    Raises:
        ModelError: as for `classify`.
        CancelledError: `cancelled` said so.
    """
    progress = progress or (lambda fraction, message: None)
    array = prepared.array
    patches = Patches.of(array.shape[1:], input_, batch)
    run = NetworkRun(array, input_, output, predict, len(patches), None, cancelled)
    groups = groups_of(patches)
    began = time.monotonic()
    answers = [answers_of(run, group, output, input_) for group in groups]
    seconds = (time.monotonic() - began) / len(groups)
    whole = judged(answers, output, task)
    index = 0 if task is Task.REGRESSION else _most_probable(whole)
    edges = _edges(prepared.network, blocks)
    boxes = [
        (slice(a, b), slice(c, d), slice(e, f))
        for (a, b), (c, d), (e, f) in itertools.product(*(itertools.pairwise(e) for e in edges))
    ]
    reach = input_.neighbours if patches.flat else 0
    held = [[i for i, g in enumerate(groups) if _holds(g, box, reach)] for box in boxes]
    runs = sum(map(len, held))
    progress(0.0, f"covering {len(boxes)} blocks: {runs} runs, about {runs * seconds:.0f} s")
    means = array.mean(axis=(1, 2, 3), dtype=np.float64).astype(np.float32)
    changes = []
    for number, (box, those) in enumerate(zip(boxes, held, strict=True), 1):
        kept = array[(slice(None), *box)].copy()
        array[(slice(None), *box)] = means.reshape(-1, 1, 1, 1)
        without = list(answers)
        try:
            for i in those:
                without[i] = answers_of(run, groups[i], output, input_)
        finally:
            array[(slice(None), *box)] = kept
        changes.append(whole.values[index] - judged(without, output, task).values[index])
        progress(number / len(boxes), f"block {number} of {len(boxes)}")
    counts = (len(edges[0]) - 1, len(edges[1]) - 1, len(edges[2]) - 1)
    a0, a1, a2 = (
        n * mm / count
        for n, mm, count in zip(
            prepared.network.shape, prepared.network.spacing, counts, strict=True
        )
    )
    found = Occlusion(
        label=whole.labels[index],
        value=whole.values[index],
        volume=_on_source(np.array(changes, np.float32).reshape(counts), edges, prepared, source),
        blocks=counts,
        size=(a0, a1, a2) if sized else None,
        runs=runs,
    )
    return whole, found


def _most_probable(whole: Classification) -> int:
    """Of the labels that were chosen, or of all where none was."""
    among = whole.chosen or whole.labels
    places = [i for i, label in enumerate(whole.labels) if label in among]
    return max(places, key=lambda i: whole.values[i])


def _edges(grid: Grid, blocks: int) -> list[npt.NDArray[np.intp]]:
    """Where blocks begin and end along each axis, in voxels."""
    lengths = [n * mm for n, mm in zip(grid.shape, grid.spacing, strict=True)]
    side = max(lengths) / blocks
    counts = [
        min(n, max(1, round(length / side))) for n, length in zip(grid.shape, lengths, strict=True)
    ]
    return [
        np.rint(np.linspace(0, n, count + 1)).astype(np.intp)
        for n, count in zip(grid.shape, counts, strict=True)
    ]


def _holds(group: tuple[Patch, ...], box: Box, reach: int) -> bool:
    """Whether the network looks at a voxel of `box`, or so many slices beside it."""
    for patch in group:
        own = patch.box
        ways = [(part.start, part.stop) for part in own]
        ways[0] = ways[0][0] - reach, ways[0][1] + reach
        if all(
            start < part.stop and part.start < stop
            for (start, stop), part in zip(ways, box, strict=True)
        ):
            return True
    return False


def _on_source(
    changes: Float32, edges: list[npt.NDArray[np.intp]], prepared: Prepared, source: Grid
) -> Volume:
    """Each voxel of the series has the change of the block that it lies in."""
    every = changes
    for axis, ends in enumerate(edges):
        every = np.repeat(every, np.diff(ends), axis=axis)
    there = Volume(every, prepared.network)
    way = Interpolation.NEAREST_EXACT
    return resample(there, source, interpolation=way, outside=Outside.ZERO)
