"""How sure a network is of each segment: means over its voxels, slice by slice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from IODeepLib.errors import UsageError
from IODeepLib.geometry.arrays import Float64, Mask
from IODeepLib.inference.segmentation import CERTAIN, Segmentation
from IODeepLib.recipe import Decision, Recipe, Task

_DECIMALS = 6  # of figures whose steps are 1 / 65535


@dataclass(frozen=True, slots=True)
class SegmentConfidence:
    """How sure a network is of a segment.

    Means over the voxels of the segment that the network saw. A voxel lies on the border if one of
    its six neighbors in the image is not of the segment, and inside otherwise.

    Attributes:
        mean_probability: of what was decided, 0 to 1.
        entropy_inside: of what could have been decided, 0 (nothing else) to 1 (all the same); None
            where no voxel lies inside.
        entropy_border: the same on the border; None where there is none.
        disagreement: the share of networks and mirror images that decide otherwise than their mean;
            None where there is only one.
    """

    mean_probability: float
    entropy_inside: float | None
    entropy_border: float | None
    disagreement: float | None

    def as_json(self) -> dict[str, Any]:
        """By the names above."""
        values = asdict(self)
        return {k: None if v is None else round(v, _DECIMALS) for k, v in values.items()}


def check_confidence(recipe: Recipe, name: str) -> None:
    """Refuse before a run what it cannot say of how sure it is.

    Raises:
        UsageError: see `confidence_obstacle`.
    """
    obstacle = confidence_obstacle(recipe, name)
    if obstacle is not None:
        raise obstacle


def confidence_obstacle(recipe: Recipe, name: str) -> UsageError | None:
    """Why a model cannot say how sure it is; None if it can.

    Args:
        recipe: of the model.
        name: what the model is called.

    Returns:
        The model gives no segments, or label values, which have no probability.
    """
    if recipe.task is not Task.SEGMENTATION:
        return UsageError(
            f"the confidence of each voxel, of {name}, which says something of the whole image",
            "a model that segments",
            "run it without, or ask for its occlusion map (--occlusion)",
        )
    for stage in recipe.result_stages:
        if stage.output.decision is Decision.LABELS:
            return UsageError(
                f"the confidence of {name}, whose network gives label values itself",
                "a network that gives scores, which can be made probabilities",
                "run it without",
            )
    return None


def segment_confidence(segmentation: Segmentation) -> dict[str, SegmentConfidence] | None:
    """Of each label by name that was found; None where the segmentation has no confidence."""
    confidence = segmentation.confidence
    if confidence is None:
        return None
    found: dict[str, SegmentConfidence | None] = {}
    if segmentation.overlapping:
        for label, layer in zip(segmentation.labels, segmentation.array, strict=True):
            found[label.name] = _Sums(1, layer, confidence).of(1)
    else:
        largest = max(label.value for label in segmentation.labels)
        sums = _Sums(largest, segmentation.array, confidence)
        found = {label.name: sums.of(label.value) for label in segmentation.labels}
    return {name: one for name, one in found.items() if one is not None}


def confidence_as_json(found: Mapping[str, SegmentConfidence] | None) -> dict[str, Any] | None:
    """As in `result.json`."""
    return None if found is None else {name: one.as_json() for name, one in found.items()}


class _Sums:
    """Sums over the voxels of each label value in an array.

    Args:
        largest: the largest value.
        array: (a0, a1, a2) label values, 0 for background.
        confidence: (layer, a0, a1, a2), as `Segmentation.confidence`.
    """

    def __init__(
        self,
        largest: int,
        array: npt.NDArray[np.unsignedinteger],
        confidence: npt.NDArray[np.uint16],
    ) -> None:
        size = largest + 1
        self._voxels, self._on_border = np.zeros((2, size), np.int64)
        self._sums = np.zeros((len(confidence), size))
        self._entropy_of_border = np.zeros(size)
        for k, plane in enumerate(array):
            there = np.flatnonzero(plane)
            there = there[confidence[0, k].ravel()[there] != 0]  # of the others nobody knows
            if not there.size:
                continue
            labels = plane.ravel()[there]
            self._voxels += np.bincount(labels, minlength=size)
            values = [layer[k].ravel()[there] for layer in confidence]
            for total, value in zip(self._sums, values, strict=True):
                total += np.bincount(labels, value, size)
            border = _border(array, k).ravel()[there]
            self._on_border += np.bincount(labels[border], minlength=size)
            self._entropy_of_border += np.bincount(labels[border], values[1][border], size)

    def of(self, value: int) -> SegmentConfidence | None:
        """The means of a label value; None where it has no voxel."""
        voxels, on_border = int(self._voxels[value]), int(self._on_border[value])
        if not voxels:
            return None
        probability, entropy, *against = self._sums[:, value]
        of_border = self._entropy_of_border[value]
        return SegmentConfidence(
            _mean(probability, voxels) or 0.0,
            _mean(entropy - of_border, voxels - on_border),
            _mean(of_border, on_border),
            _mean(against[0], voxels) if against else None,
        )


def _mean(total: np.float64 | Float64, count: int) -> float | None:
    return float(total) / count / CERTAIN if count else None


def _border(array: npt.NDArray[np.unsignedinteger], k: int) -> Mask:
    """(row, column): which voxels of slice `k` have another value beside, above or below them."""
    plane = array[k]
    border = np.zeros(plane.shape, bool)
    for near in (k - 1, k + 1):
        if 0 <= near < len(array):
            border |= array[near] != plane
    rows, columns = plane[1:] != plane[:-1], plane[:, 1:] != plane[:, :-1]
    border[1:] |= rows
    border[:-1] |= rows
    border[:, 1:] |= columns
    border[:, :-1] |= columns
    return border
