"""On which voxels the network works, and what of the series lies on them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from IODeepLib.geometry import AxisMap, Grid
from IODeepLib.geometry.arrays import Box
from IODeepLib.recipe import (
    Anchor,
    Axes,
    Conform,
    GridMode,
    Input,
    Native,
    Resize,
    SeparateAxis,
    Spacing,
)
from IODeepLib.voxels.resample import Separate, reached

# Spacings that differ by less are the same: they are lengths of vectors, and rounded.
_SAME_SPACING = 1e-6


def network_grid(seen: Grid, input_: Input) -> Grid:
    """The grid of the network's input; a 2D network's slice axis, the first, stays as it is.

    Args:
        seen: where the voxels of the series lie that are left of it, in the working orientation.
        input_: the recipe's input.
    """
    mode = input_.grid
    flat = int(input_.spatial_dims == 2)
    match mode:
        case Native():
            return seen
        case Spacing():
            spacing = _spacing(seen, mode)
            match mode.anchor:
                case Anchor.EXTENT:
                    return seen.stretched(spacing)
                case Anchor.FIRST_VOXEL:
                    return seen.respaced_from_first(spacing)
                case _:
                    return seen.respaced(spacing)
        case Resize():
            return seen.resized((*seen.shape[:flat], *mode.shape))
        case Conform():
            if mode.axes is Axes.PATIENT:
                return seen.conformed_to_patient(mode.spacing, mode.shape)
            return seen.conformed(_spacing(seen, mode), (*seen.shape[:flat], *mode.shape))


def _spacing(seen: Grid, mode: Spacing | Conform) -> tuple[float, ...]:
    """Millimetres along all three axes; the recipe of a 2D network has two of them."""
    return (*seen.spacing[: 3 - len(mode.spacing)], *mode.spacing)


def separate_axis(seen: Grid, mode: GridMode, *, back: bool = False) -> Separate | None:
    """The axis that is resampled by itself on the way to the network, or `back` from it.

    As nnU-Net's determine_do_sep_z_and_axis: the spacing of the recipe counts, not that of the
    voxels that fill the field of view.
    """
    if not isinstance(mode, Spacing) or mode.separate_axis is None:
        return None
    spacings = seen.spacing, _spacing(seen, mode)
    return _coarsest(spacings[::-1] if back else spacings, mode.separate_axis)


def _coarsest(spacings: Sequence[Sequence[float]], rule: SeparateAxis) -> Separate | None:
    for spacing in spacings:
        most = max(spacing)
        if most / min(spacing) > rule.ratio:
            axes = [i for i, one in enumerate(spacing) if one >= most * (1 - _SAME_SPACING)]
            return Separate(axes[0], rule.interpolation) if len(axes) == 1 else None
    return None


def seen_box(
    crop: Box,
    axis_map: AxisMap,
    source: Grid,
    network: Grid,
    cut: Sequence[tuple[bool, bool]],
) -> Box:
    """Of the voxels of the series those that are not background, in the working orientation.

    Args:
        crop: the voxels that were kept, in the series' own axes.
        axis_map: turns the series to the working orientation.
        source: the grid of the series.
        network: the grid of the network.
        cut: of each axis of it, whether what lies before and behind its voxels is background; the
            outer voxels go on where it is not. At an angle, all that lies beside it is.
    """
    turned = []
    for axis, flip in zip(axis_map.order, axis_map.flips, strict=True):
        part, size = crop[axis], source.shape[axis]
        turned.append(slice(size - part.stop, size - part.start) if flip else part)
    steps = network.steps_along_axes(source.turned(axis_map)) or ()
    for i, ((scale, offset), (before, behind)) in enumerate(zip(steps, cut, strict=False)):
        start, stop = turned[i].start, turned[i].stop
        within = reached(scale * np.arange(start, stop) + offset, network.shape[i])
        turned[i] = slice(
            start + within.start if before else start, start + within.stop if behind else stop
        )
    a0, a1, a2 = turned
    return a0, a1, a2
