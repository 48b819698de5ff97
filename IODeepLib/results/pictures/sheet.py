"""A contact sheet: every segment that was found, in the three planes through its middle.

Of a classification or regression it shows the image, and what was said of it. Nothing on it says
whose images these are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from IODeepLib.inference.classification import Classification
from IODeepLib.measurements import SegmentMeasurements
from IODeepLib.results.colors import RGB
from IODeepLib.results.pictures.drawing import (
    BACKGROUND,
    FAINT,
    FONT_SIZE,
    TEXT,
    fitting,
    font,
    milliliters,
    png,
    swatch,
    write,
)
from IODeepLib.results.pictures.tiles import GAP, Tile, Tiles
from IODeepLib.text.foreign import plain
from IODeepLib.text.wording import counted

if TYPE_CHECKING:
    from PIL.Image import Image as Picture
    from PIL.ImageDraw import ImageDraw

    from IODeepLib.results.result import Result

# Pixels.
_NARROWEST, _WIDTH, _TALLEST = 800, 1600, 5200
_LARGEST, _SMALLEST = 480, 120  # sides of a tile
_MARGIN, _BETWEEN = 20, 20
_TITLE, _LINE, _CAPTION = 22, 24, 46
_MOST_VALUES = 40  # of a classification
_ELSE = 2 * _MARGIN + _TITLE + 4 * _LINE  # what is on a sheet beside the cards, of segments


@dataclass(frozen=True, slots=True)
class _Layout:
    """How many cards stand beside each other, the side of a tile, and how many cards there are."""

    columns: int
    side: int
    cards: int

    @property
    def row(self) -> int:
        """The height of a row of cards."""
        return _CAPTION + self.side + _BETWEEN


FILE_NAME = "sheet.png"


def write_sheet(result: Result, folder: Path) -> list[str]:
    """Write the sheet into `folder`; the name of the file."""
    (folder / FILE_NAME).write_bytes(contact_sheet(result))
    return [FILE_NAME]


def contact_sheet(result: Result) -> bytes:
    """A PNG, at most 1600 pixels wide and 5200 high; the same for the same result.

    Segments stand in the order of the recipe. Where there is no room for all of them, the largest
    ones are shown, and it says how many are not.
    """
    from PIL import Image, ImageDraw

    tiles = Tiles(result)
    found = tiles.found
    layout = _layout(max(1, len(found)), tiles.width)
    shown = tiles.largest(layout.cards)
    lines = list(_lines(result, tiles, len(found) - len(shown)))
    top = _MARGIN + _TITLE + _LINE + _BETWEEN
    rows = -(-max(1, len(shown)) // layout.columns)
    height = top + rows * layout.row + len(lines) * _LINE + _MARGIN
    card = round(tiles.width * (layout.side + GAP)) - GAP + _BETWEEN
    width = max(_NARROWEST, 2 * _MARGIN + layout.columns * card - _BETWEEN)
    sheet = Image.new("RGB", (width, height), BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    _draw_head(draw, result, width - 2 * _MARGIN)
    if not shown:
        words = "" if result.segmentation is None else "Nothing was found."
        _draw_card(sheet, (_MARGIN, top), tiles.whole(layout.side), (None, words, "", ""))
    for i, one in enumerate(shown):
        row, column = divmod(i, layout.columns)
        place = _MARGIN + column * card, top + row * layout.row
        number, count = tiles.slice_number(one)
        where = f"center in slice {number} of {count}" if count > 1 else ""
        said = tiles.colors[one.label.name], plain(one.label.name), _size(one), where
        _draw_card(sheet, place, tiles.of(one, layout.side), said)
    for i, (color, words) in enumerate(lines):
        middle = top + rows * layout.row + i * _LINE + _LINE // 2
        x = _MARGIN if color is None else swatch(draw, color, _MARGIN, middle)
        write(draw, (x, middle), fitting(draw, words, width - _MARGIN - x), "lm", FAINT)
    return png(sheet)


def _layout(cards: int, tiles: float) -> _Layout:
    """As few columns as give tiles that are not too large, on a sheet that is not too high.

    Args:
        cards: how many there are.
        tiles: how many lie beside each other on a card.
    """
    room = _WIDTH - 2 * _MARGIN + _BETWEEN
    columns = max(1, min(cards, round(room / (tiles * (_LARGEST + GAP) + _BETWEEN))))
    while True:
        side = int((room // columns - _BETWEEN) / tiles) - GAP
        layout = _Layout(columns, min(side, _LARGEST), cards)
        rows = (_TALLEST - _ELSE) // layout.row
        if -(-cards // columns) <= rows:
            return layout
        if int((room // (columns + 1) - _BETWEEN) / tiles) - GAP < _SMALLEST:
            return _Layout(columns, layout.side, rows * columns)
        columns += 1


def _size(one: SegmentMeasurements) -> str:
    if one.volume_ml is None:
        return counted(one.voxels, "voxel")
    return milliliters(one.volume_ml)


def _draw_head(draw: ImageDraw, result: Result, room: int) -> None:
    """What was run on what, without a word on whose images they are."""
    card, slices = result.model.card, result.series.slices.shape[0]
    title = f"{plain(card.title)} {plain(card.version)}"
    write(draw, (_MARGIN, _MARGIN), fitting(draw, title, room, _TITLE), "la", TEXT, _TITLE)
    parts = (result.series.modality, counted(slices, "slice"), "found by a trained network")
    words = ", ".join(filter(None, parts))
    write(draw, (_MARGIN, _MARGIN + _TITLE + _LINE // 2), words, "la", FAINT)


def _draw_card(
    sheet: Picture,
    place: tuple[int, int],
    tiles: Sequence[Tile],
    said: tuple[RGB | None, str, str, str],
) -> None:
    """The planes of a segment, below its color, its name, its size and where it is."""
    from PIL import ImageDraw

    draw, (left, top) = ImageDraw.Draw(sheet), place
    width = max(tile.place[0] + tile.picture.size[0] for tile in tiles)
    color, name, size, where = said
    x = left if color is None else swatch(draw, color, left, top + _LINE // 2)
    room = left + width - x
    if size:
        room -= round(draw.textlength(size, font())) + 12
    shown = fitting(draw, name, room)
    write(draw, (x, top + _LINE // 2), shown, "lm")
    end = x + round(draw.textlength(shown, font())) + 12
    write(draw, (end, top + _LINE // 2), size, "lm", FAINT)
    words = fitting(draw, where, width, FONT_SIZE - 2)
    write(draw, (left, top + _LINE + 8), words, "lm", FAINT, FONT_SIZE - 2)
    for tile in tiles:
        sheet.paste(tile.picture, (left + tile.place[0], top + _CAPTION + tile.place[1]))


def _lines(result: Result, tiles: Tiles, more: int) -> Iterator[tuple[RGB | None, str]]:
    """What stands below the pictures."""
    if more:
        yield None, f"and {counted(more, 'smaller segment')} without a picture"
    measured = () if result.measurements is None else result.measurements.segments
    missing = [plain(one.label.name) for one in measured if not one.voxels]
    if missing:
        yield None, f"Not found: {', '.join(missing)}"
    if result.classification is not None:
        yield from _values(result.classification)


def _values(said: Classification) -> Iterator[tuple[RGB | None, str]]:
    values = list(zip(said.labels, said.values, strict=True))
    for label, value in values[:_MOST_VALUES]:
        unit = f" {label.unit.value}" if label.unit else ""
        chosen = ", chosen" if label in said.chosen else ""
        yield None, f"{plain(label.name)}: {value:.4g}{unit}{chosen}"
    if len(values) > _MOST_VALUES:
        yield None, f"and {len(values) - _MOST_VALUES} more"
