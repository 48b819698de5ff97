"""The page itself: what to know first, then the findings, then why and where from.

All figures are those of `result.json`. Nobody's name, number or date is in it: the images are told
by their kind and their UIDs. Whatever stands in it was escaped by the standard library, and even if
it were not, the page forbids itself all but its own style sheet and the pictures in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element

from IODeepLib.recipe import Task
from IODeepLib.results.page.elements import Content, document, element, head, listed, page_style
from IODeepLib.results.page.figures import measurement_table, value_table
from IODeepLib.results.page.images import occlusion_figure, segment_figures, whole_image
from IODeepLib.results.page.privacy import Privacy
from IODeepLib.results.page.sections import (
    image_words,
    model_card,
    notes,
    provenance,
    reasons,
    section,
    time,
)
from IODeepLib.results.pictures.tiles import Tiles

if TYPE_CHECKING:
    from IODeepLib.results.result import Result

FILE_NAME = "report.html"


def write_report(result: Result, folder: Path) -> list[str]:
    """Write the page into `folder`; the name of the file."""
    (folder / FILE_NAME).write_text(report(result), encoding="utf-8", newline="\n")
    return [FILE_NAME]


def report(result: Result) -> str:
    """The page, HTML."""
    said, tiles = result.document(), Tiles(result)
    colors = {name: f"c{i}" for i, name in enumerate(tiles.colors)}
    css = page_style()
    for i, rgb in enumerate(tiles.colors.values()):
        css += f".c{i} {{ background: rgb({rgb[0]} {rgb[1]} {rgb[2]}); }}\n"
    parts = list(_parts(result, said, tiles, colors))
    card = result.model.card
    title = f"{card.title} {card.version}"
    body = [
        _header(result, said, title, parts),
        element("main", *parts),
        element(
            "footer",
            element(
                "p",
                "This page names no patient, no number and no date of an examination. What is "
                "written within the images themselves is shown as it is.",
            ),
        ),
    ]
    return document(head(f"{title}: result", css), body)


def _header(result: Result, said: dict[str, Any], title: str, parts: list[Element]) -> Element:
    links = [element("a", "".join(part[0].itertext()), href=f"#{part.get('id')}") for part in parts]
    ended = time(said.get("ended"))
    run = f"Run with {said['provenance']['provider']}"
    return element(
        "header",
        element("p", "Result of a trained network", kind="above"),
        element("h1", title),
        element("p", image_words(result.series)),
        element("p", run, None if ended is None else ", done ", ended, kind="faint"),
        element("nav", listed(links), aria_label="Parts of this page"),
    )


def _parts(
    result: Result, said: dict[str, Any], tiles: Tiles, colors: dict[str, str]
) -> Iterator[Element]:
    privacy = Privacy(result.channels)
    noted = notes(said, privacy)
    if noted is not None:
        yield noted
    found: list[Content] = []
    if said.get("measurements"):
        found.append(measurement_table(said["measurements"], said["confidence"], colors))
    if result.classification is not None:
        probable = result.model.card.recipe.task is Task.CLASSIFICATION
        units = {x.name: x.unit.value for x in result.classification.labels if x.unit is not None}
        found.append(value_table(said["values"], said["chosen"], units, probable=probable))
    yield section("findings", "Findings", *found)
    yield section("image", "Overview", whole_image(tiles))
    if result.occlusion is not None:
        yield section("occlusion", "What the network looks at", occlusion_figure(result))
    if tiles.found:
        figures = element("div", *segment_figures(tiles, colors), kind="segments")
        yield section("segments", "The segments", figures)
    yield reasons(said, privacy)
    yield model_card(result.model.card.recipe.card)
    yield provenance(said, result.channels, privacy)
