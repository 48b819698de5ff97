"""Labels that were decided on the network's voxels, brought to those of the series."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from IODeepLib.geometry import AxisMap, Volume
from IODeepLib.inference.preprocess import Prepared
from IODeepLib.inference.segmentation import Segmentation
from IODeepLib.recipe import Interpolation, Outside
from IODeepLib.voxels.resample import resample

# Voxels of the series that are made at once, in float32.
_TOGETHER = 1 << 24


def on_itself(prepared: Prepared) -> Prepared:
    """`prepared`, with the network's voxels as those on which the result lies."""
    a0, a1, a2 = (slice(0, n) for n in prepared.network.shape)
    return dataclasses.replace(
        prepared,
        source=prepared.network,
        axis_map=AxisMap((0, 1, 2), (False, False, False)),
        box=(a0, a1, a2),
        back=None,
    )


def labels_on_source(
    found: Segmentation, prepared: Prepared, interpolation: Interpolation
) -> Segmentation:
    """What was `found` on the network's voxels, on the voxels of the series.

    Args:
        found: labels on the network's voxels, in the working orientation.
        prepared: the way back.
        interpolation: the nearest voxel, or linear: then values are interpolated and rounded,
            halves to even ones. A value that no label has is background.
    """
    values = None
    if not found.overlapping:
        values = np.zeros(max(label.value for label in found.labels) + 1, found.array.dtype)
        used = [label.value for label in found.labels]
        values[used] = used
    layers = found.array if found.overlapping else found.array[None]
    moved = _on_source(layers, prepared, interpolation, values)
    probabilities = found.probabilities
    if probabilities is not None:
        probabilities = _on_source(probabilities, prepared, interpolation, None)
    confidence = found.confidence
    if confidence is not None:
        confidence = _on_source(confidence, prepared, interpolation, None)
    array = moved if found.overlapping else moved[0]
    return Segmentation(array, prepared.source, found.labels, probabilities, confidence)


def _on_source(
    layers: npt.NDArray,
    prepared: Prepared,
    interpolation: Interpolation,
    values: npt.NDArray | None,
) -> npt.NDArray:
    """(layer, a0, a1, a2), a few planes at a time; background where the network did not see."""
    result = np.zeros((len(layers), *prepared.source.shape), layers.dtype)
    seen = prepared.axis_map.apply(result)[(slice(None), *prepared.box)]
    first = [part.start for part in prepared.box]
    # At an angle the box says little: there, what lies beside the network's voxels is background.
    outside = Outside.ZERO if prepared.at_an_angle else Outside.EDGE
    depth = max(1, _TOGETHER // max(1, seen[0, :1].size))
    for start in range(0, seen.shape[1], depth):
        part = seen[:, start : start + depth]
        at = (first[0] + start, *first[1:])
        target = prepared.turned_source.cropped(at, part.shape[1:])
        for layer, place in zip(layers, part, strict=True):
            moved = resample(
                Volume(layer, prepared.network),
                target,
                interpolation=interpolation,
                outside=outside,
            ).array
            if interpolation is Interpolation.LINEAR:
                moved = np.rint(moved).astype(layers.dtype)
            place[...] = moved if values is None else values[moved]
    return result
