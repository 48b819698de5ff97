"""The pages in Docs: what is made from the code is as the code is, and what is named is there."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "Docs").rglob("*.md"))]


@pytest.fixture(scope="module")
def rooms() -> ModuleType:
    """Docs/rooms.py."""
    spec = importlib.util.spec_from_file_location("rooms", ROOT / "Docs" / "rooms.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_rooms_are_drawn_as_they_are(rooms: ModuleType) -> None:
    for path, text in rooms.made().items():
        assert path.read_text(encoding="utf-8") == text, "run 'python Docs/rooms.py'"


def test_the_picture_shows_each_room_once(rooms: ModuleType) -> None:
    names = re.findall(r'class="name"[^>]*>(\w+)<', rooms.picture())
    assert names == rooms.rooms()[::-1]


def test_a_journey_that_the_code_does_not_make_is_refused(
    rooms: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, *rest = rooms.JOURNEY[rooms.IN_PIPELINE]
    monkeypatch.setattr(rooms, "IN_PIPELINE", slice(None))
    monkeypatch.setattr(rooms, "JOURNEY", [second, first, *rest])
    with pytest.raises(SystemExit, match="elsewhere"):
        rooms.check_journey()
    monkeypatch.setattr(rooms, "JOURNEY", [("series", "no_such_function", "sort")])
    with pytest.raises(SystemExit, match="no no_such_function in series"):
        rooms.check_journey()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_files_that_a_page_names_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for name in re.findall(r"`((?:IODeepLib|IODeep|Testing|Docs|examples)/[\w./-]*)`", text):
        assert (ROOT / name).exists(), name


def rows() -> list[str]:
    """What the architecture page says of where a change goes."""
    text = (ROOT / "Docs" / "architecture.md").read_text(encoding="utf-8")
    found = re.findall(r"^\| .*`.*$", text.partition("## Where does it go?")[2], re.MULTILINE)
    assert len(found) > 8
    return found


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.split("|")[1].strip())
def test_where_a_change_goes(row: str) -> None:
    """The files are there, and so is in one of them what is named beside them."""
    places = [
        ROOT,
        ROOT / "IODeepLib",
        ROOT / "Testing" / "IODeepLib",
        ROOT / "IODeep/IODeepSlicer",
    ]
    text = ""
    for name in re.findall(r"`([\w/]+(?:/|\.py|\.md|\.txt))`", row):
        found = [place / name for place in places if (place / name).exists()]
        assert found, name
        text += "".join(path.read_text(encoding="utf-8") for path in found if path.is_file())
    for name in re.findall(r"`([A-Za-z_]+)`", row):
        assert re.search(rf"\b{name}\b", text), name
