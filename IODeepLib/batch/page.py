"""A cohort on one page of HTML, with its pictures in it; no word in it is on a patient."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from xml.etree.ElementTree import Element

from IODeepLib.batch.summary import Summary
from IODeepLib.batch.terms import Outcome
from IODeepLib.results.page.elements import document, element, head, page_style
from IODeepLib.results.page.figures import number, table
from IODeepLib.results.page.sections import section
from IODeepLib.text.wording import counted

_MOST_ROWS = 200


def page(summary: Summary, picture: bytes) -> str:
    """The page.

    Args:
        summary: what it says.
        picture: PNG.
    """
    total = sum(summary.studies.values())
    title = f"A cohort of {counted(total, 'study', 'studies')}"
    above = element("p", "Read by trained networks", kind="above")
    body = [
        element("header", above, element("h1", title)),
        element("main", *_parts(summary, picture)),
        element("footer", element("p", "This page names no patient: studies are told by UIDs.")),
    ]
    return document(head(title, page_style()), body)


def _parts(summary: Summary, picture: bytes) -> Iterator[Element]:
    outcomes = [_row(one.value, number(summary.studies[one])) for one in Outcome]
    now = f"The last call read {summary.new} of them; {summary.before} were done before."
    yield section(
        "studies",
        "Studies",
        element("p", now),
        table("What became of them", _heads("Outcome", "Studies"), outcomes),
        table(
            "What was run",
            _heads("Model", "Runs"),
            [_row(name, number(count)) for name, count in summary.models.most_common(_MOST_ROWS)],
        ),
    )
    shown = f"data:image/png;base64,{base64.b64encode(picture).decode('ascii')}"
    image = element(
        "img", alt="Times of studies, volumes by label, failures by reason", width="100%"
    )
    image.set("src", shown)
    yield section("plots", "Plots", image)
    if summary.failures:
        rows = [
            _row(words, number(group.count), ", ".join(group.examples))
            for words, group in summary.failures[:_MOST_ROWS]
        ]
        columns = _heads("Reason", "Studies", "Such as")
        yield section("failures", "What failed or waits", table("By its reason", columns, rows))
    volumes = [
        _row(f"{label} ({model})", number(sample.count), number(sample.median))
        for (model, label), sample in list(summary.volumes.items())[:_MOST_ROWS]
    ]
    if volumes:
        columns = _heads("Label", "Found in", "Median, mL")
        yield section("volumes", "Volumes", table("By label", columns, volumes))


def _heads(*names: str) -> list[Element]:
    return [element("th", name, scope="col") for name in names]


def _row(name: str, *cells: Element | str) -> Element:
    return element("tr", element("th", name, scope="row"), *(element("td", cell) for cell in cells))
