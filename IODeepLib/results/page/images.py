"""Pictures within a page: as data, so that nothing has to be fetched."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element

from IODeepLib.measurements import SegmentMeasurements
from IODeepLib.results.page.elements import element
from IODeepLib.results.pictures.drawing import milliliters
from IODeepLib.results.pictures.tiles import Tile, Tiles

if TYPE_CHECKING:
    from IODeepLib.results.result import Result

# Of tiles, in pixels: of the whole image, of a few segments, of many.
_WHOLE, _FEW, _MANY = 420, 260, 180
_MOST_OF_A_FEW = 20
_MOST = 150  # segments with pictures
_QUALITY = 88


def whole_image(tiles: Tiles) -> Element:
    """The planes of the whole image, through the middle of the largest segment."""
    tile = tiles.overview(_WHOLE)
    return _planes(tile, "of the image, with all segments", "one" if len(tile) == 1 else "large")


def segment_figures(tiles: Tiles, colors: dict[str, str]) -> Iterator[Element]:
    """The planes of each segment, the largest ones where there are very many."""
    found = tiles.largest(_MOST)
    side = _FEW if len(found) <= _MOST_OF_A_FEW else _MANY
    for one in found:
        yield element(
            "figure",
            element(
                "figcaption",
                element("span", kind=f"color {colors[one.label.name]}"),
                element("strong", one.label.name),
                element("span", f" {_where(tiles, one)}", kind="faint"),
            ),
            _planes(tiles.of(one, side), f"through {one.label.name}"),
        )


def in_page(picture: bytes, kind: str, alt: str, size: tuple[int, int]) -> Element:
    """A picture as an element.

    Args:
        picture: the bytes of its file.
        kind: "jpeg" or "png".
        alt: what it shows, for who does not see it.
        size: width and height.
    """
    made = element("img", alt=alt, width=str(size[0]), height=str(size[1]))
    made.set("src", f"data:image/{kind};base64,{base64.b64encode(picture).decode('ascii')}")
    return made


def occlusion_figure(result: Result) -> Element:
    """What a network that judges the whole image looks at."""
    from PIL import Image

    from IODeepLib.results.maps.occlusion import sentence
    from IODeepLib.results.maps.occlusion_picture import occlusion_picture

    assert result.occlusion is not None  # noqa: S101 - it was asked for
    picture = occlusion_picture(
        result.volume,
        result.occlusion,
        placed=result.series.has_patient_geometry,
        inverse=result.series.photometric_interpretation == "MONOCHROME1",
    )
    size = Image.open(BytesIO(picture)).size
    said = sentence(result.occlusion)
    shown = in_page(picture, "png", "The image, tinted where a cover changes the answer", size)
    caption = element("figcaption", f"{said[:1].upper()}{said[1:]}.")
    return element("figure", caption, element("div", shown, kind="column"))


def _where(tiles: Tiles, one: SegmentMeasurements) -> str:
    number, count = tiles.slice_number(one)
    parts = (milliliters(one.volume_ml), f"center in slice {number} of {count}")
    return ", ".join(filter(None, parts if count > 1 else parts[:1]))


def _planes(tiles: Sequence[Tile], of_what: str, kind: str = "") -> Element:
    """Pictures beside each other; those that are half as high, one upon the other."""
    columns: dict[int, list[Tile]] = {}
    for tile in tiles:
        columns.setdefault(tile.place[0], []).append(tile)
    widest = max(tile.picture.size[0] for tile in tiles)
    made = []
    for column in columns.values():
        half = column[0].picture.size[0] < widest
        images = [_image(tile, f"{tile.plane} plane {of_what}") for tile in column]
        made.append(element("div", *images, kind="column half" if half else "column"))
    return element("div", *made, kind=f"planes {kind}".strip())


def _image(tile: Tile, alt: str) -> Element:
    buffer = BytesIO()
    # All colors in full: outlines are a pixel wide.
    tile.picture.save(buffer, "JPEG", quality=_QUALITY, subsampling=0)
    said = f"{alt[:1].upper()}{alt[1:]}"
    return in_page(buffer.getvalue(), "jpeg", said, tile.picture.size)
