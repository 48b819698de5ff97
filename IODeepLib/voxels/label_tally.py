"""What is counted and measured of labels, a slice at a time, so that callers may do other things.

Ours because the statistics of SimpleITK and of Slicer look at a whole image at once, the latter
once for each label, and a window stands still meanwhile.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from IODeepLib.geometry.arrays import Box, Mask


@dataclass(frozen=True, slots=True)
class Measured:
    """Of the image's values in the voxels of a label.

    Attributes:
        mean, stdev: stdev is that of a sample, None of a single voxel.
        minimum, median, maximum: the median of an even number is the middle of the two.
        voxels: how many have a value.
    """

    mean: float
    stdev: float | None
    minimum: float
    median: float
    maximum: float
    voxels: int


class _Values:
    """Any values: all of them, for a median needs them."""

    def __init__(self) -> None:
        self._parts: list[npt.NDArray] = []

    def add(self, values: npt.NDArray) -> None:
        self._parts.append(values)

    def measured(self) -> Measured:
        # In the type that they came in: in float64 those of a large label take gigabytes.
        total = sum(map(len, self._parts))
        mean = math.fsum(float(part.sum(dtype=np.float64)) for part in self._parts) / total
        squares = math.fsum(
            float(np.square(part.astype(np.float64) - mean).sum()) for part in self._parts
        )
        values = np.concatenate(self._parts)
        middle = sorted({(total - 1) // 2, total // 2})
        values.partition(middle)
        return Measured(
            mean,
            math.sqrt(squares / (total - 1)) if total > 1 else None,
            float(values[: middle[0] + 1].min()),
            float(values[middle].mean(dtype=np.float64)),
            float(values[middle[-1] :].max()),
            total,
        )


class _Histogram:
    """Integers of 8 or 16 bits: how often there is each, which takes no room."""

    def __init__(self) -> None:
        self._counts = np.zeros(2**17, np.int64)

    def add(self, values: npt.NDArray) -> None:
        least = int(values.min())
        counts = np.bincount(values.astype(np.int64) - least)
        self._counts[least + 2**15 :][: len(counts)] += counts

    def measured(self) -> Measured:
        (places,) = np.nonzero(self._counts)
        values, counts = places - 2.0**15, self._counts[places]
        total = int(counts.sum())
        mean = float(values @ counts) / total
        squares = float(np.square(values - mean) @ counts)
        below = np.cumsum(counts)
        middle = [
            values[np.searchsorted(below, n, "right")] for n in ((total - 1) // 2, total // 2)
        ]
        return Measured(
            mean,
            math.sqrt(squares / (total - 1)) if total > 1 else None,
            float(values[0]),
            float(sum(middle) / 2),
            float(values[-1]),
            total,
        )


class _Label:
    """What has been seen of one label."""

    def __init__(self) -> None:
        self.voxels, self.digest = 0, hashlib.sha256()
        self.values: _Values | _Histogram | None = None
        self.ends: list[tuple[int, int]] = []

    def reach(self, *ends: tuple[int, int]) -> None:
        """It has voxels from the first to the last of each axis."""
        former = self.ends or ends
        self.ends = [(min(a, c), max(b, d)) for (a, b), (c, d) in zip(former, ends, strict=True)]

    def measure(self, values: npt.NDArray) -> None:
        if values.dtype.kind == "f":
            values = values[np.isfinite(values)]
        if not values.size:
            return
        if self.values is None:
            small = values.dtype.kind in "iu" and values.dtype.itemsize <= 2
            self.values = _Histogram() if small else _Values()
        self.values.add(values)


class LabelTally:
    """Counts the voxels of labels, knows them again, and measures an image in them.

    Args:
        columns: how many voxels a row of the grid has on which labels are told to be the same.
        fingerprints: whether labels are to be known again, which takes as long as all the rest.
    """

    def __init__(self, columns: int, *, fingerprints: bool = True) -> None:
        self._columns, self._fingerprints = columns, fingerprints
        self._labels: dict[int, _Label] = {}

    def add(
        self,
        number: int,
        plane: npt.NDArray[np.integer],
        corner: tuple[int, int] = (0, 0),
        image: npt.NDArray | None = None,
        padding: Mask | None = None,
    ) -> None:
        """Look at a slice; they come in rising order.

        Args:
            number: of the slice in the grid.
            plane: (row, column), label values, 0 for background; a part of the slice of the grid.
            corner: row and column of the grid at which the part begins.
            image: (row, column), the image's values in that part; numbers that are not finite are
                no values.
            padding: (row, column), where there is no image in that part.
        """
        flat = plane.ravel()
        there = np.flatnonzero(flat)
        if not there.size:
            return
        labels = flat[there]
        order = np.argsort(labels, kind="stable")
        there, labels = there[order], labels[order]
        starts = [0, *(np.flatnonzero(np.diff(labels)) + 1).tolist()]
        columns = there % plane.shape[1] + corner[1]
        least, most = np.minimum.reduceat(columns, starts), np.maximum.reduceat(columns, starts)
        places = self._places(there, plane.shape[1], corner) if self._fingerprints else None
        values = None if image is None else image.ravel()[there]
        valued = None if image is None or padding is None else ~padding.ravel()[there]
        for i, (first, last) in enumerate(itertools.pairwise((*starts, len(there)))):
            label = self._labels.setdefault(int(labels[first]), _Label())
            label.voxels += last - first
            top, bottom = (int(there[at]) // plane.shape[1] + corner[0] for at in (first, last - 1))
            label.reach((number, number), (top, bottom), (int(least[i]), int(most[i])))
            if places is not None:
                label.digest.update(number.to_bytes(8, "little", signed=True))
                label.digest.update(places[first:last].data)
            if values is not None:
                own = slice(first, last)
                label.measure(values[own] if valued is None else values[own][valued[own]])

    def _places(self, there: npt.NDArray, columns: int, corner: tuple[int, int]) -> npt.NDArray:
        """Which voxels of the slice of the grid those of a part are."""
        places = there.astype("<i8", copy=False)
        if columns == self._columns and not any(corner):
            return places
        rows, columns_ = np.divmod(places, columns)
        return (rows + corner[0]) * self._columns + columns_ + corner[1]

    def voxels(self, value: int) -> int:
        """How many voxels a label has."""
        return self._labels[value].voxels if value in self._labels else 0

    def box(self, value: int) -> Box:
        """Of the voxels of a label, along the axes of the grid; empty for none."""
        ends = self._labels[value].ends if value in self._labels else [(0, -1)] * 3
        slices, rows, columns = (slice(first, last + 1) for first, last in ends)
        return slices, rows, columns

    def fingerprint(self, value: int) -> str:
        """Of the voxels of a label: another one as soon as one voxel is added or gone; "" for none.

        It depends on the grid alone, and neither on the label's value nor on where parts begin.
        """
        return self._labels[value].digest.hexdigest() if value in self._labels else ""

    def measured(self, value: int) -> Measured | None:
        """The image in a label; None where no voxel has a value, or no image was given."""
        values = self._labels[value].values if value in self._labels else None
        return None if values is None else values.measured()
