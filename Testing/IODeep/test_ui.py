"""The forms of the panel: as Slicer's own are, and for those who use the keyboard."""

from __future__ import annotations

import ast
import itertools
import re
from pathlib import Path
from xml.etree.ElementTree import Element, parse

import pytest

IODEEP = Path(__file__).resolve().parents[2] / "IODeep"
FORMS = {path.stem: parse(path).getroot() for path in sorted(IODEEP.glob("Resources/UI/*.ui"))}  # noqa: S314  ours
# File, Edit, View, Help: the menus of Slicer's window.
TAKEN = set("fevh")
NEED_NO_SCENE = {"qMRMLSegmentationShow3DButton"}  # it knows its node, and no scene
CONTAINERS = {"qMRMLWidget", "ctkCollapsibleButton", "ctkCollapsibleGroupBox"}
INPUTS = re.compile(r"Button$|Box$|LineEdit$|Selector$|Slider|TableView$|TableWidget$|ListWidget$")

each_form = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)


def text(element: Element, name: str) -> str:
    """The text of one property, "" if it is not set."""
    return element.findtext(f"property[@name='{name}']/string") or ""


def widgets(form: Element) -> list[Element]:
    return list(form.iter("widget"))


@pytest.mark.parametrize("name", FORMS)
def test_the_root_hands_the_scene_on(name: str) -> None:
    form = FORMS[name]
    root = form.find("widget")
    assert root is not None
    assert root.get("class") == "qMRMLWidget"
    assert root.get("name") == form.findtext("class") == f"{name}Section"
    receivers = {
        one.get("name")
        for one in widgets(root)[1:]
        if "MRML" in one.get("class", "") and one.get("class") not in NEED_NO_SCENE
    }
    connected = {
        one.findtext("receiver")
        for one in form.iter("connection")
        if one.findtext("sender") == f"{name}Section"
        and one.findtext("signal") == "mrmlSceneChanged(vtkMRMLScene*)"
        and one.findtext("slot") == "setMRMLScene(vtkMRMLScene*)"
    }
    assert connected == receivers


def test_some_forms_show_nodes() -> None:
    assert {name for name, form in FORMS.items() if form.find("connections/connection")} >= {
        "Image",
        "Result",
    }


@each_form
def test_what_can_be_used_has_a_tooltip(form: Element) -> None:
    used = [
        one
        for one in widgets(form)
        if INPUTS.search(one.get("class", "")) and one.get("class") not in CONTAINERS
    ]
    assert used
    assert not [one.get("name") for one in used if not text(one, "toolTip")]


def test_names_and_mnemonics_are_there_once() -> None:
    """In all forms together: they are one panel."""
    all_widgets = list(itertools.chain.from_iterable(map(widgets, FORMS.values())))
    names = [one.get("name") for one in all_widgets]
    assert len(set(names)) == len(names)
    captions = [text(one, "text") for one in all_widgets if one.get("class") != "QLabel"]
    letters = [found.lower() for one in captions for found in re.findall(r"&(\w)", one)]
    assert len(letters) > 10
    assert len(set(letters)) == len(letters), sorted(letters)
    assert not TAKEN & set(letters)


@each_form
def test_the_tab_key_goes_from_row_to_row(form: Element) -> None:
    """Widgets are made in the order of the file, and that is the order of the tab key."""
    for layout in form.iter("layout"):
        places = [
            (int(item.get("row", 0)), int(item.get("column", 0))) for item in layout.findall("item")
        ]
        assert places == sorted(places), layout.get("name")


@each_form
def test_classes_of_others_are_declared(form: Element) -> None:
    foreign = {
        one.get("class") for one in widgets(form) if not one.get("class", "").startswith("Q")
    }
    assert {one.findtext("class") for one in form.iter("customwidget")} == foreign


@each_form
def test_what_is_kept_in_the_scene_is_a_parameter(form: Element) -> None:
    (node,) = (
        one
        for one in ast.parse((IODEEP / "IODeepSlicer/scene/parameters.py").read_text()).body
        if isinstance(one, ast.ClassDef)
    )
    parameters = {one.target.id for one in node.body if isinstance(one, ast.AnnAssign)}
    kept = {text(one, "SlicerParameterName") for one in widgets(form)} - {""}
    assert kept <= parameters
