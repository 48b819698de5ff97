"""Pictures of the three planes through the middle of a segment, or of an image.

The planes of a segment meet in one voxel of it: the one in its middle, or the nearest to that. They
show the same stretch of the patient, twice as long as the segment, on squares of the same scale. Of
a flat volume, those that show little of it are half as wide or high.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from IODeepLib.geometry.arrays import Float64, Mask
from IODeepLib.measurements import SegmentMeasurements
from IODeepLib.recipe import Label
from IODeepLib.results.colors import RGB, display_color
from IODeepLib.results.pictures.drawing import (
    BACKGROUND,
    DISPLAY,
    TEXT,
    Part,
    draw_labels,
    draw_outlines,
    draw_sides,
    draw_slice,
    plane,
    sides,
    write,
)
from IODeepLib.results.pictures.window import Window, estimated, stated

if TYPE_CHECKING:
    from PIL.Image import Image as Picture
    from PIL.ImageDraw import ImageDraw

    from IODeepLib.results.result import Result

_PLANES = ("axial", "coronal", "sagittal")
# What is shown of an image: this many times the longest side of the segment, and a part of its
# longest side at least: a lesion alone says nothing of where it is.
_AROUND, _LEAST_SHOWN = 2.0, 1 / 6
_BAR = 0.4  # of the width at most
# A volume whose shortest side is no longer than this part of the longest one is flat: all of that
# is seen on half a tile, however near one looks.
_FLAT = _LEAST_SHOWN / 2
# Where the planes lie, by the axis that is short, if one is: x, y, width and height of each in
# sides of a tile.
_LAYOUTS: dict[int | None, tuple[tuple[float, float, float, float], ...]] = {
    None: ((0, 0, 1, 1), (1, 0, 1, 1), (2, 0, 1, 1)),
    0: ((0, 0, 1, 1), (1, 0, 1, 0.5), (1, 0.5, 1, 0.5)),
    1: ((0, 0, 1, 0.5), (1, 0, 1, 1), (2, 0, 0.5, 1)),
    2: ((0, 0, 0.5, 1), (0.5, 0, 0.5, 1), (1, 0, 1, 1)),
}
GAP = 4  # pixels between them
_OUTLINE = 2  # pixels, of the segment that a tile is about
_STEPS = (5, 2, 1)  # with a power of ten, lengths of a scale bar
_BAR_MARGIN = 6  # pixels
_SMALL, _SMALL_FONT, _FONT = 200, 11, 14  # below so many pixels, letters are small
_SAME = 1e-9  # of a voxel: what rounding leaves of the next one


@dataclass(frozen=True, eq=False)
class Tile:
    """One plane.

    Attributes:
        picture: of the plane.
        place: x and y in pixels, beside the others.
        plane: "axial", "coronal" or "sagittal", the nearest; "image" of one without a place.
        millimeters: from one pixel to the next; None where that is not known.
    """

    picture: Picture
    place: tuple[int, int]
    plane: str
    millimeters: float | None


@dataclass(frozen=True, slots=True)
class _View:
    """Where the planes are, and how much is shown of each; on the axes of the display.

    Attributes:
        at: the voxel in which they meet.
        middle: (3,) of what is shown, in millimeters from the first edge.
        length: of the sides of what is shown, millimeters; on half a tile, half of it.
    """

    at: tuple[int, int, int]
    middle: Float64
    length: float


class _Stretch(NamedTuple):
    """What is shown along an axis of a tile.

    Attributes:
        voxels: those that it touches.
        edges: where it begins and ends, in voxels from the first edge of those.
        pixels: where it begins and ends in the tile.
    """

    voxels: slice
    edges: tuple[float, float]
    pixels: tuple[int, int]


class Tiles:
    """The planes of a result.

    Args:
        result: of any task.
    """

    def __init__(self, result: Result) -> None:
        self._segmentation, self._image = result.segmentation, result.series
        self._turn = result.volume.grid.axis_map(DISPLAY)
        self._shown = self._turn.apply(result.volume.array)
        self._grid = result.volume.grid.turned(self._turn)
        self._inverse = self._image.photometric_interpretation == "MONOCHROME1"
        self._measured = () if result.measurements is None else result.measurements.segments

    @property
    def axes(self) -> tuple[int, ...]:
        """The axes of the display that planes are shown across: one, of a single image."""
        shape = self._grid.shape
        return (int(np.argmin(shape)),) if min(shape) == 1 else (0, 1, 2)

    @property
    def found(self) -> list[SegmentMeasurements]:
        """The segments that there are pictures of."""
        return [one for one in self._measured if one.box is not None]

    @cached_property
    def colors(self) -> dict[str, RGB]:
        """Of each label by name."""
        labels = () if self._segmentation is None else self._segmentation.labels
        return {label.name: display_color(label, i) for i, label in enumerate(labels)}

    @cached_property
    def window(self) -> Window:
        """What the image says; otherwise as for the picture of the largest segment."""
        planes = [plane(self._shown, axis, self._grid.shape[axis] // 2) for axis in self.axes]
        largest = max(self._measured, key=lambda one: one.voxels, default=None)
        values = None if largest is None else largest.values
        labeled = None if values is None else values.median
        return stated(self._image, planes[0]) or estimated(planes, labeled)

    @property
    def width(self) -> float:
        """Of all planes beside each other, in sides of a tile."""
        return max(x + width for x, _, width, _ in self._layout)

    @property
    def _layout(self) -> tuple[tuple[float, float, float, float], ...]:
        if len(self.axes) == 1:
            return ((0, 0, 1, 1),) * 3
        short = int(np.argmin(self._extent))
        return _LAYOUTS[short if self._extent[short] <= _FLAT * self._longest else None]

    def whole(self, side: int) -> list[Tile]:
        """The planes through the middle of the image, all of it, on tiles `side` pixels wide."""
        at = tuple(n // 2 for n in self._grid.shape)
        view = _View(at, self._extent / 2, self._longest)  # type: ignore[arg-type]
        return [self._tile(axis, view, side, None) for axis in self.axes]

    def overview(self, side: int) -> list[Tile]:
        """All of the image, through the middle of the largest segment, if there is one."""
        largest = self.largest(1)
        if not largest:
            return self.whole(side)
        view = _View(self._view(largest[0]).at, self._extent / 2, self._longest)
        return [self._tile(axis, view, side, None) for axis in self.axes]

    def largest(self, count: int) -> list[SegmentMeasurements]:
        """The `count` largest of those that were `found`, in their own order."""
        kept = {id(one) for one in sorted(self.found, key=lambda one: -one.voxels)[:count]}
        return [one for one in self.found if id(one) in kept]

    def of(self, one: SegmentMeasurements, side: int) -> list[Tile]:
        """The planes through one of the segments that were `found`."""
        return [self._tile(axis, self._view(one), side, one.label) for axis in self.axes]

    def slice_number(self, one: SegmentMeasurements) -> tuple[int, int]:
        """The slice of the grid in which the planes of a segment meet, from 1, and of how many."""
        axis = self._turn.order.index(0)
        place, count = self._view(one).at[axis], self._grid.shape[axis]
        return (count - place if self._turn.flips[axis] else place + 1), count

    @property
    def _extent(self) -> Float64:
        """(3,) millimeters along the axes of the display, from edge to edge."""
        return np.asarray(self._grid.shape) * np.asarray(self._grid.spacing)

    @property
    def _longest(self) -> float:
        """Of the sides that are seen, millimeters."""
        seen = {i for axis in self.axes for i in range(3) if i != axis}
        return max(float(self._extent[i]) for i in seen)

    def _view(self, one: SegmentMeasurements) -> _View:
        if one.label.name not in self._views:
            self._views[one.label.name] = self._new_view(one)
        return self._views[one.label.name]

    @cached_property
    def _views(self) -> dict[str, _View]:
        return {}

    def _new_view(self, one: SegmentMeasurements) -> _View:
        assert one.box is not None  # noqa: S101 - see `found`
        parts = []
        for old, flip, count in zip(
            self._turn.order, self._turn.flips, self._grid.shape, strict=True
        ):
            part = one.box[old]
            parts.append(slice(count - part.stop, count - part.start) if flip else part)
        mask = self._mask(one.label, tuple(parts))
        starts = np.array([part.start for part in parts])
        at = tuple(int(i) for i in starts + _central(mask))
        spacing = np.asarray(self._grid.spacing)
        sides_ = np.array(mask.shape) * spacing
        length = max(_AROUND * float(sides_.max()), _LEAST_SHOWN * self._longest)
        middle = starts * spacing + sides_ / 2
        return _View(at, middle, min(length, self._longest))  # type: ignore[arg-type]

    def _mask(self, label: Label, where: tuple[slice | int, ...]) -> Mask:
        """Where `label` is in a part of the display."""
        assert self._segmentation is not None  # noqa: S101 - it has labels
        turned = self._turn.apply(self._segmentation.array)
        if self._segmentation.overlapping:
            return np.asarray(turned[(self._segmentation.labels.index(label), *where)] != 0)
        return np.asarray(turned[where] == label.value)

    def _all_masks(self, where: tuple[slice | int, ...]) -> list[tuple[RGB, Mask]]:
        """Color and mask of each label in a part of a slice of the display."""
        if self._segmentation is None:
            return []
        masks = ((one.label, self._mask(one.label, where)) for one in self.found)
        return [(self.colors[label.name], mask) for label, mask in masks if mask.any()]

    def _places(self, where: tuple[slice | int, ...]) -> npt.NDArray[np.integer]:
        """The place of each pixel's label in `_shades`, of several the last one's; 0 for none."""
        assert self._segmentation is not None  # noqa: S101 - it has labels
        turned = self._turn.apply(self._segmentation.array)
        if not self._segmentation.overlapping:
            return np.asarray(turned[where])
        layers = turned[(slice(None), *where)]
        places = np.zeros(layers.shape[1:], np.intp)
        for i, layer in enumerate(layers):
            places[layer != 0] = i + 1
        return places

    @cached_property
    def _shades(self) -> npt.NDArray[np.uint8]:
        """The color of each label at its value, or at its place from 1 where labels overlap."""
        assert self._segmentation is not None  # noqa: S101 - it has labels
        labels = self._segmentation.labels
        at = [
            i + 1 if self._segmentation.overlapping else label.value
            for i, label in enumerate(labels)
        ]
        shades = np.zeros((max(at) + 1, 3), np.uint8)
        shades[at] = [self.colors[label.name] for label in labels]
        return shades

    def _tile(self, axis: int, view: _View, side: int, focus: Label | None) -> Tile:
        """The plane across `axis`, with what is outside of the image in black."""
        from PIL import Image, ImageDraw

        rows, columns = (i for i in range(3) if i != axis)
        x, y, wide, high = (round(n * (side + GAP)) for n in self._layout[axis])
        width, height = wide - GAP, high - GAP
        scale = view.length / side  # millimeters a pixel
        down, right = (
            self._stretch(rows, view, height, scale),
            self._stretch(columns, view, width, scale),
        )
        where: list[slice | int] = [0, 0, 0]
        where[axis], where[rows], where[columns] = view.at[axis], down.voxels, right.voxels
        cut = self._shown[tuple(where)]
        size = right.pixels[1] - right.pixels[0], down.pixels[1] - down.pixels[0]
        part = Part(right.edges[0], down.edges[0], right.edges[1], down.edges[1], size)
        drawn = draw_slice(self.window.gray(cut, inverse=self._inverse), part)
        if focus is None:
            draw_labels(drawn, self._all_masks(tuple(where)), part)
        else:
            drawn = draw_outlines(drawn, self._places(tuple(where)), self._shades, part)
            own = self.colors[focus.name], self._mask(focus, tuple(where))
            draw_labels(drawn, [own], part, _OUTLINE)
        picture = Image.new("RGB", (width, height), BACKGROUND)
        picture.paste(drawn, (right.pixels[0], down.pixels[0]))
        draw, font = ImageDraw.Draw(picture), _SMALL_FONT if side < _SMALL else _FONT
        if self._image.has_patient_geometry:
            draw_sides(draw, sides(self._grid, axis), (0, 0), (width, height), font)
        sized = self._image.has_spacing and self._image.has_depth
        if not sized and len(self.axes) == 1 and axis == self._turn.order.index(0):
            sized = self._image.has_spacing  # of a single image only the depth may be unknown
        if sized:
            _draw_bar(draw, (width, height), scale, font)
        name = _PLANES[axis] if self._image.has_patient_geometry else "image"
        return Tile(picture, (x, y), name, scale if sized else None)

    def _stretch(self, axis: int, view: _View, room: int, scale: float) -> _Stretch:
        """What is shown along an axis on `room` pixels: as much around the middle as there is."""
        spacing, extent, length = self._grid.spacing[axis], float(self._extent[axis]), room * scale
        start = float(view.middle[axis]) - length / 2
        spare = extent - length
        start = min(max(start, 0.0), spare) if spare >= 0 else spare / 2
        first, last = max(start, 0.0), min(start + length, extent)
        pixels = [round((edge - start) / scale) for edge in (first, last)]
        pixels[1] = max(pixels[1], pixels[0] + 1)
        begin = min(int(first / spacing), self._grid.shape[axis] - 1)
        end = max(begin + 1, min(math.ceil(last / spacing - _SAME), self._grid.shape[axis]))
        edges = first / spacing - begin, min(last / spacing, end) - begin
        return _Stretch(slice(begin, end), edges, (pixels[0], pixels[1]))


def _central(mask: Mask) -> npt.NDArray[np.intp]:
    """(3,) the voxel in the middle of a mask, or one of it near there."""
    counts = [np.count_nonzero(mask, axis=tuple(j for j in range(3) if j != i)) for i in range(3)]
    center = np.array([np.average(np.arange(len(n)), weights=n) for n in counts])
    at = np.rint(center).astype(np.intp)
    if mask[tuple(at)]:
        return at
    (slices,) = np.nonzero(counts[0])
    at[0] = slices[np.abs(slices - center[0]).argmin()]
    there = np.argwhere(mask[at[0]])
    at[1:] = there[np.square(there - center[1:]).sum(axis=1).argmin()]
    return at


def bar_length(width: float) -> float:
    """Of a scale bar in a picture that is `width` millimeters wide: 1, 2 or 5 times a power of ten.

    >>> bar_length(300), bar_length(60), bar_length(1.2)
    (100, 20, 0.2)
    """
    power = math.floor(math.log10(width * _BAR))
    step = next(s for s in _STEPS if s * 10.0**power <= width * _BAR)
    return step * 10**power if power >= 0 else step / 10**-power


def _draw_bar(draw: ImageDraw, size: tuple[int, int], millimeters: float, font: int) -> None:
    length = bar_length(size[0] * millimeters)
    x, y = _BAR_MARGIN, size[1] - _BAR_MARGIN
    end = x + round(length / millimeters) - 1
    draw.rectangle((x - 1, y - 3, end + 1, y + 1), fill=BACKGROUND)
    draw.rectangle((x, y - 2, end, y), fill=TEXT)
    words = f"{length / 10:g} cm" if length >= 10 else f"{length:g} mm"
    write(draw, (x, y - 5), words, "ls", size=font)
