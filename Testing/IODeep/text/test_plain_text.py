"""What others wrote reaches Qt as text: pure functions, and the places that show it."""

from __future__ import annotations

import ast
import dataclasses
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from IODeepSlicer.text import card_text, fit_text, image_text, plain_text
from IODeepSlicer.text.listed_series import ListedSeries
from makers.packed_models import make_model
from makers.series import Stack
from msgspec.structs import replace

from IODeepLib.codes import Code
from IODeepLib.model_object import Model
from IODeepLib.selection import select
from IODeepLib.series import find_series
from IODeepLib.text.foreign import printable

HOSTILE = [
    '<img src="file://host/share/a.png">',
    "<a href='https://host/'>click</a>",
    "<b>bold</b>\n<script>alert(1)</script>",
    "</td></table><img src=//host/share/a.png>",
    "\u202e<style>*{}</style>",
    "\x1b]8;;file://host/share\x07here\x1b]8;;\x07",
    "&lt;img src=file://host/share&gt;",
    "<?xml version='1.0'?><img src='file://host/share'/>",
    "<!DOCTYPE html><img src='file://host/share'>",
]
# Of what the module shows; none of them loads anything.
OWN_TAGS = {"b", "br", "font", "span", "table", "td", "th", "tr"}
IODEEP = Path(__file__).resolve().parents[3] / "IODeep"


def might_be_rich(text: str) -> bool:
    """What Qt::mightBeRichText says, and more: whether any line has what it looks for."""
    return "<" in text or "&lt;" in text


class _Parts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.text += "\n" if tag == "br" else ""

    def handle_data(self, data: str) -> None:
        self.text += data


def parts(html: str) -> _Parts:
    found = _Parts()
    found.feed(html)
    found.close()
    return found


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_shown_is_text_and_nothing_else(text: str) -> None:
    found = parts(plain_text.shown(text))
    assert found.tags <= {"span", "br"} and not found.attributes
    assert found.text == plain_text.inLines(text)
    assert plain_text.shown("") == ""


@pytest.mark.parametrize("text", HOSTILE)
def test_what_is_tame_is_taken_for_text(text: str) -> None:
    assert not might_be_rich(plain_text.tame(text))
    assert len(plain_text.tame(text).splitlines()) == len(text.splitlines())


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_is_left_that_a_window_obeys(text: str) -> None:
    for made in (plain_text.inLines(text), plain_text.tame(text), plain_text.html(text)):
        assert all(c.isprintable() or c == "\n" for c in made)


def test_a_table_on_the_clipboard_has_no_formulas_and_all_numbers() -> None:
    lines = [["Segment", "Mean [HU]"], ['=HYPERLINK("http://x")', "-12.5"], ["a\tb", ""]]
    said = 'Segment\tMean [HU]\n\'=HYPERLINK("http://x")\t-12.5\na b\t'
    assert plain_text.tableText(lines) == said


def test_plain_words_stay_what_they_are() -> None:
    for words in ("T1 & T2", "größer – Ⅱ", "two\nlines", "5 mm"):
        assert plain_text.tame(words) == plain_text.inLines(words) == words


@pytest.fixture(params=HOSTILE)
def hostile(request, tmp_path: Path) -> tuple[Model, str]:
    """A model whose every text is hostile."""
    text = request.param
    model = make_model(tmp_path)
    recipe = model.card.recipe
    labels = tuple(
        replace(one, name=f"{text} {one.name}", type=Code("1", "99X", printable(text)))
        for one in recipe.output.labels
    )
    recipe = replace(
        recipe,
        title=text,
        card=replace(recipe.card, licence=text, intended_use=text, contact=text),
        output=replace(recipe.output, labels=labels),
    )
    needs = model.card.requirements
    regions = replace(needs.applies_to, anatomic_regions=(Code("1", "99X", printable(text)),))
    card = dataclasses.replace(model.card)
    card.__dict__["recipe"] = recipe  # both are read when they are first asked for
    card.__dict__["requirements"] = dataclasses.replace(needs, applies_to=regions)
    return dataclasses.replace(model, card=card), text


def test_a_card_is_shown_without_its_html(hostile: tuple[Model, str], tmp_path: Path) -> None:
    model, text = hostile
    (tmp_path / "mr").mkdir()
    Stack(
        common={"Modality": "MR", "SpecificCharacterSet": "ISO_IR 192", "SeriesDescription": text}
    ).write(tmp_path / "mr")
    (series,) = find_series(tmp_path / "mr")
    (candidate,) = select(series, [model]).candidates
    for html in (
        card_text.cardHtml(model),
        fit_text.reasonsHtml(candidate),
        image_text.imageHtml(series),
    ):
        found = parts(html)
        assert found.tags <= OWN_TAGS, found.tags
        assert found.attributes <= {"align", "cellpadding", "color"}, found.attributes
    assert parts(card_text.cardHtml(model)).text.count(plain_text.inLines(text)) >= 4


def test_what_slicer_shows_itself_is_tame(hostile: tuple[Model, str]) -> None:
    model, _ = hostile
    listed = [ListedSeries("MR", model.card.title)]
    said = card_text.tooltip(model.card, 0, [1], listed)
    for text in (
        card_text.nodeName(model.card),
        card_text.description(model.card),
        plain_text.tame(said),
    ):
        assert not might_be_rich(text)


def _sources() -> list[Path]:
    return sorted(IODEEP.rglob("*.py"))


# Where Qt guesses what a text is, and the one function that may hand it over there.
GUESSED = {"toolTip", "whatsThis", "statusTip", "html", "detailedText"}
METHODS = re.compile(r"set(ToolTip|WhatsThis|StatusTip|Html|TextFormat)|showMessage")
ALLOWED = {
    ("widgets.py", "setToolTip"),
    ("models_section.py", "html"),  # card_text.cardHtml
    ("publisher_window.py", "html"),  # signature_text.detailsHtml
}


@pytest.mark.parametrize("path", _sources(), ids=lambda path: path.name)
def test_nothing_goes_where_qt_guesses_but_through_one_door(path: Path) -> None:
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            found |= {node.attr} & GUESSED
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            found |= {node.func.attr} if METHODS.fullmatch(node.func.attr) else set()
    assert {(path.name, name) for name in found} <= ALLOWED


@pytest.mark.parametrize("path", _sources(), ids=lambda path: path.name)
def test_labels_and_dialogs_get_their_text_from_one_function(path: Path) -> None:
    """`label.text = ...` and a dialog's label have no format of their own."""
    if path.name == "widgets.py":
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute)):
            continue
        target, value = node.targets[0], ast.unparse(node.value)
        if target.attr == "text" and "abel" in ast.unparse(target.value):
            pytest.fail(f"{path.name}: {ast.unparse(node)}")
        if target.attr == "labelText":
            assert value.startswith("shown("), f"{path.name}: {ast.unparse(node)}"
