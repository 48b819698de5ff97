"""Whether the voxels that a network is given are of the kind that its recipe expects."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from IODeepLib.geometry import Volume
from IODeepLib.geometry.arrays import Float32
from IODeepLib.recipe import Clip, IntensityStep, Stage, Window, ZScore

# Where nearly all voxels become one end of a range, it is that of another kind of image.
_NEARLY_ALL = 0.98
# Networks learn on values around 1; normalization by figures of the training leaves few beyond.
_FAR, _HUGE = 5.0, 1e3
_MOSTLY = 0.5  # of a patch


def oddities(volumes: Sequence[Volume], stage: Stage, array: Float32) -> Iterator[str]:
    """Sentences on what looks wrong.

    Args:
        volumes: the images of the stage's channels, as they are read.
        stage: with its input.
        array: (channel, a0, a1, a2), as they are prepared.
    """
    for volume, channel, prepared in zip(volumes, stage.input.channels, array, strict=True):
        before, after = stage.input.steps(channel)
        yield from _of_steps(volume, channel.name, (*before, *after))
        yield from _of_input(prepared, channel.name, (*before, *after))
    patch = stage.input.patch_size
    if patch is not None:
        shape = array.shape[-len(patch) :]
        filled = np.prod([min(n, size) / size for n, size in zip(shape, patch, strict=True)])
        if filled < _MOSTLY:
            yield (
                f"the image has {_times(shape)} voxels on the network's grid, and fills "
                f"{filled:.0%} of a patch of {_times(patch)}: is input.grid right"
            )


def _of_steps(volume: Volume, name: str, steps: Sequence[IntensityStep]) -> Iterator[str]:
    """The first range of fixed numbers, held against the values of the image."""
    first = next(iter(steps), None)
    if isinstance(first, Clip):
        low, high = first.lower, first.upper
    elif isinstance(first, Window):
        low, high = first.center - first.width / 2, first.center + first.width / 2
    else:
        return
    least, most = float(volume.array.min()), float(volume.array.max())
    has = f"channel {name} has values from {least:g} to {most:g}"
    for share, side in (
        (float((volume.array <= low).mean()), f"at most {low:g}"),
        (float((volume.array >= high).mean()), f"at least {high:g}"),
    ):
        if share > _NEARLY_ALL:
            yield f"{has}, {share:.1%} of them {side}; the recipe expects {low:g} to {high:g}"


def _of_input(prepared: Float32, name: str, steps: Sequence[IntensityStep]) -> Iterator[str]:
    least, most = float(prepared.min()), float(prepared.max())
    if least == most:
        yield f"the network sees the same value everywhere in channel {name}: {least:g}"
        return
    if max(abs(least), abs(most)) > _HUGE:
        yield (
            f"the network sees values from {least:g} to {most:g} in channel {name}, and most were "
            "trained on values around 1: is input.intensity right"
        )
    measured = [step for step in steps if isinstance(step, ZScore) and step.mean is not None]
    middle = float(np.median(prepared))
    if measured and abs(middle) > _FAR:
        yield (
            f"half of the values in channel {name} are {'above' if middle > 0 else 'below'} "
            f"{middle:.3g} standard deviations of the training"
        )


def _times(sizes: Sequence[int]) -> str:
    return " × ".join(map(str, sizes))
