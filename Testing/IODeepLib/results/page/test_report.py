"""report.html, read by Python's own parser: what is in it, and above all what is not."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from makers import recipes
from makers.results import label
from makers.series import Stack
from makers.shown_results import grid_of, shown
from makers.summing_networks import model_of, sums
from PIL import Image
from pydicom.datadict import DicomDictionary, dictionary_VR, keyword_for_tag

from IODeepLib.pipeline import Options, run
from IODeepLib.results.page.report import report
from IODeepLib.results.result import Result
from IODeepLib.series import find_series

VOID = {"meta", "img", "br", "link", "input", "hr"}
VOXELS = np.zeros((4, 16, 12), np.int16)
VOXELS[1:3, 2:9, 3:10] = 1000
OFFSET = {"axis_order": "NCYX", "intensity": [{"step": "scale_offset", "offset": -500}]}


class Page(HTMLParser):
    """Everything that a page has: its elements with their texts, and that each is closed."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.path: list[str] = []
        self.data: list[tuple[str, str]] = []  # value and text of <data>
        self.feed(html)
        self.close()
        assert not self.path

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.path.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.path.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if self.path and self.path[-1] == "data":
            self.data.append((str(self.elements[-1][1]["value"]), data))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]

    @property
    def text(self) -> str:
        return " ".join(self.texts)


def segmented(folder: Path, name: str = "Liver", card: Any = None, **common: Any) -> Result:
    """A box of 98 voxels of 1000, and a second label that is nowhere."""
    (series,) = find_series(Stack(VOXELS, common=common).write(folder / "images"))
    labels = [recipes.label(1, name), recipes.label(2, "Nowhere")]
    network = sums([[0], [1], [0]], spatial=2, bias=[0, 0, -1e6])
    changes = {"card": card} if card else {}
    output = {"channels": 3, "activation": "softmax", "labels": labels}
    model = model_of(folder, network, input=OFFSET, output=output, **changes)
    return run(series, model, Options(confidence=True))


def a_box() -> Result:
    """The same two labels, without a run."""
    grid = grid_of((8, 16, 12))
    array = np.zeros(grid.shape, np.uint8)
    array[1:6, 2:9, 3:10] = 1
    return shown(array, grid, [label(1, "Liver"), label(2, "Nowhere")])


def said_of_image(folder: Path, task: str) -> Result:
    (series,) = find_series(Stack(VOXELS).write(folder / "images"))
    year = {"value": "a", "scheme": "UCUM", "meaning": "year"}
    label_ = recipes.label(1, "age", channel=0, unit=year)
    output: dict[str, Any] = {"channels": 1, "labels": [label_]}
    if task == "CLASSIFICATION":
        labels = [recipes.label(i + 1, f"kind {i}", channel=i) for i in range(2)]
        output = {"activation": "softmax", "labels": labels}
    network = sums([[0.01], [0]][: output.get("channels", 2)], spatial=3, ending="pool")
    model = model_of(folder, network, task=task, output=output)
    return run(series, model, Options(occlusion=2 if task == "CLASSIFICATION" else None))


def assert_closed_to_the_world(html: str) -> None:
    """No address of anything else, nothing that runs, and a policy that forbids the rest."""
    page = Page(html)
    tags = {tag for tag, _ in page.elements}
    forbidden = {"script", "link", "iframe", "object", "embed", "base", "form", "svg", "video"}
    assert not tags & forbidden
    for tag, attributes in page.elements:
        for name, value in attributes.items():
            assert not name.startswith("on") and name not in ("style", "srcset", "srcdoc")
            if name in ("src", "href"):
                assert value is not None
                data = ("data:image/jpeg;base64,", "data:image/png;base64,")
                assert value.startswith("#" if tag == "a" else data)
    (style,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    assert "url(" not in style and "@import" not in style
    (policy,) = [m for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy"]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    rules = dict(part.split(" ", 1) for part in str(policy["content"]).split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["style-src"] == f"'sha256-{digest}'"
    assert rules["img-src"] == "data:"


def figures_of(document: dict[str, Any]) -> list[float]:
    found: list[float] = []
    for one in (document.get("measurements") or {}).get("segments", []):
        found += [v for k, v in one.items() if k != "label" and v is not None]
    for sure in (document.get("confidence") or {}).values():
        found += [v for v in sure.values() if v is not None]
    return found + list((document.get("values") or {}).values())


@pytest.mark.parametrize("task", ["SEGMENTATION", "CLASSIFICATION", "REGRESSION"])
def test_every_number_is_that_of_the_json(tmp_path, task):
    result = segmented(tmp_path) if task == "SEGMENTATION" else said_of_image(tmp_path, task)
    names = {path.name for path in result.save(tmp_path / "out", also=["html", "sheet"])}
    assert {"report.html", "sheet.png", "result.json"} <= names
    html = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert_closed_to_the_world(html)
    document = json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8"))
    page = Page(html)
    assert ("What the network looks at" in page.text) == (task == "CLASSIFICATION")
    if task == "SEGMENTATION":
        assert document["confidence"] and "Mean probability" in page.text
    shown_values = [float(value) for value, _ in page.data]
    assert shown_values and set(shown_values) <= set(figures_of(document))
    for value, text in page.data:
        assert float(text.replace(",", "")) == pytest.approx(float(value), rel=6e-3, abs=5e-4)
    for key in ("started", "ended"):
        assert any(one["datetime"] == document[key] for one in page.all("time"))


def test_every_figure_of_a_segment_is_shown():
    result = a_box()
    html, found = report(result), result.document()["measurements"]["segments"][0]
    shown_values = [float(value) for value, _ in Page(html).data]
    for key, value in found.items():
        if key not in ("label", "voxels_with_value") and value is not None:
            assert value in shown_values
    assert "not found" in Page(html).text


def planted() -> dict[str, Any]:
    """A word of its own in every attribute of patient and study that takes words, and dates."""
    found: dict[str, Any] = {}
    for tag in DicomDictionary:
        keyword, vr = keyword_for_tag(tag), dictionary_VR(tag)
        patient = tag >> 16 == 0x0010 or keyword in (
            *("AccessionNumber", "StudyID", "StudyDescription", "ReferringPhysicianName"),
            *("InstitutionName", "InstitutionAddress", "StationName", "OperatorsName"),
            *("PerformingPhysicianName", "NameOfPhysiciansReadingStudy", "PhysiciansOfRecord"),
            *("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"),
        )
        if not patient or "Retired" in keyword:
            continue
        if vr == "PN":
            found[keyword] = f"Quux{tag:08X}^Zork{tag:08X}"
        elif vr in ("LO", "LT", "ST", "UT", "UC"):
            found[keyword] = f"Quux{tag:08X}"
        elif vr == "SH":
            found[keyword] = f"Quux{tag:08X}"[:16]
        elif vr == "DA":
            found[keyword] = "19870613"
    return found | {"PatientAge": "087Y", "PatientSex": "F"}


def test_nothing_of_patient_and_study_is_in_it(tmp_path):
    attributes = planted()
    description = " ".join(str(attributes["PatientName"]).split("^")) + " liver"
    attributes["SeriesDescription"] = f"{description} {attributes['AccessionNumber']}"
    (series,) = find_series(Stack(VOXELS, common=attributes).write(tmp_path / "images"))
    asked = [
        {"keyword": keyword, "operator": "!=", "value": "x"}
        for keyword in ("StudyDescription", "PatientComments", "StudyDate", "OperatorsName")
    ]
    applies = {"attributes": asked, "patient_age": {"min": 1}, "patient_sex": "F"}
    card = {"trained_on": {"patient_age": {"max": 20}}}
    network = sums([[0], [1]], spatial=2)
    changes = {"schema": "iodeep-recipe/2", "applies_to": applies, "card": card}
    result = run(series, model_of(tmp_path, network, input=OFFSET, **changes))
    assert any("Quux" in reason.found for reason in result.reasons)  # it would be there
    assert any("87 years" in note for note in result.notes)
    result = replace(result, notes=(*result.notes, f"series {series.label}: a note"))
    html = report(result)
    # Pictures, digests and UIDs may hold any letters and digits by chance.
    said = re.sub(r"base64,[\w+/=]+|[0-9a-f]{64}|(?:\d+\.){2,}\d+", "", html).casefold()
    for word in ("Quux", "Zork", "19870613", "1987", "087Y", "87 years"):
        assert word.casefold() not in said
    assert "outside of what the network was trained on: patient age (left out here)" in html.lower()
    assert "liver" in html and "a note" in html.casefold()


HOSTILE = [
    "<script>alert(1)</script>",
    "\"><img src=http://evil.example/x onerror='alert(1)'>",
    "</style><style>*{background:url(http://evil.example)}",
    "]]><!-- -->&lt;b&gt;&#60;script&#62;",
    "\u202egnp.exe\u2066 \x1b[31m \x00 \ud800".replace("\x00", "\x01"),
    "javascript:alert(1)",
    "n" * 10_000,
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_words_of_others_are_words(hostile):
    result = a_box()
    assert result.segmentation is not None
    card = result.model.card
    words = replace_card(card, hostile)
    labels = tuple(
        replace_label(one, f"{hostile} {i}") for i, one in enumerate(result.segmentation.labels)
    )
    reasons = tuple(
        one._replace(found=hostile, required=hostile, criterion=hostile, attribute=hostile)
        for one in result.reasons
    )
    result = replace(
        result,
        model=replace(result.model, card=words),
        found=replace(result.segmentation, labels=labels),
        reasons=reasons,
        notes=(hostile,),
        provider=hostile,
        left_out=(hostile,),
    )
    html = report(result)
    assert_closed_to_the_world(html)
    html.encode("utf-8")
    page = Page(html)
    for forbidden in "\u202e\u2066\x1b\x01":
        assert forbidden not in html
    text = page.text.replace("\n", " ")
    assert hostile[:12].strip() in text or not hostile.isprintable()
    assert "evil.example" not in "".join(
        str(v) for _, a in page.elements for k, v in a.items() if k in ("src", "href", "style")
    )
    assert len(max(page.texts[2:], key=len, default="")) < 20_000


def replace_card(card: Any, hostile: str) -> Any:
    said = msgspec.structs.replace(
        card.recipe.card,
        publisher=hostile,
        intended_use=hostile,
        limitations=hostile,
        authors=(hostile,),
        citation=hostile,
        contact=hostile,
    )
    made = replace(card)
    vars(made)["recipe"] = msgspec.structs.replace(card.recipe, card=said, title=hostile)
    return made


def replace_label(one: Any, name: str) -> Any:
    return msgspec.structs.replace(one, name=name)


def test_warnings_come_first_and_nothing_found_is_one():
    grid = grid_of()
    empty = shown(np.zeros(grid.shape, np.uint8), grid, [label(1, "Liver")])
    html = report(replace(empty, notes=("the slices were <sorted>",)))
    page = Page(html)
    assert page.all("section")[0]["id"] == "notes"
    assert "Nothing was found." in page.text and "The slices were <sorted>." in page.text
    assert "The slices" not in page.text.partition("Nothing was found.")[0]


def test_it_can_be_read_without_eyes():
    page = Page(report(replace(a_box(), notes=("a note",))))
    assert page.all("html")[0]["lang"] == "en"
    assert all(one.get("alt") for one in page.all("img"))
    assert all(one.get("scope") in ("row", "col") for one in page.all("th"))
    assert len(page.all("caption")) == len(page.all("table"))
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    names = [one["id"] for _, one in page.elements if "id" in one]
    assert len(names) == len(set(names))
    assert {str(a["href"])[1:] for a in page.all("a")} <= set(names)
    labelled = [str(one["aria-labelledby"]) for one in page.all("section")]
    assert set(labelled) <= set(names)


def luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def test_words_stand_out_from_their_ground_in_light_and_dark():
    """WCAG 2.2, 1.4.3: at least 4.5 to 1."""
    import IODeepLib.results.page as page

    css = Path(page.__file__).with_name("page.css").read_text(encoding="utf-8")
    schemes = [
        dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block))
        for block in re.findall(r":root \{(.*?)\}", css, re.DOTALL)[:2]
    ]
    for colors in schemes:
        for word in ("text", "faint", "accent", "good", "bad"):
            for ground in ("back", "card"):
                pair = sorted((luminance(colors[word]), luminance(colors[ground])))
                assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 4.5, (word, ground)
        pair = sorted((luminance(colors["text"]), luminance(colors["note"])))
        assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 4.5


def test_pictures_show_each_segment_in_its_color():
    red, green = (250, 10, 10), (10, 250, 10)
    grid = grid_of((40, 40, 40), (1.0, 1.0, 1.0))
    array = np.zeros(grid.shape, np.uint8)
    array[5:15, 5:15, 5:15], array[25:35, 25:35, 25:35] = 1, 2
    labels = [label(1, "One", color=red), label(2, "Two", color=green)]
    page = Page(report(shown(array, grid, labels, np.zeros(grid.shape))))
    images = [one for one in page.all("img") if "through" in str(one["alt"])]
    assert len(images) == 6
    for one in images:
        data = base64.b64decode(str(one["src"]).partition(",")[2])
        picture = Image.open(BytesIO(data))
        assert picture.size == (int(str(one["width"])), int(str(one["height"])))
        pixels = np.asarray(picture).astype(int)
        wanted = red if "One" in str(one["alt"]) else green
        assert np.count_nonzero(np.abs(pixels - wanted).max(axis=-1) < 60) > 50
