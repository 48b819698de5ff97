"""Tables of figures: what was measured of segments, and what was said of a whole image."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element

from IODeepLib.results.page.elements import Content, element

_Figure = float | int | None


class _Column(NamedTuple):
    """A column: its name and its unit, "" where the image's own counts or there is none."""

    name: str
    unit: str = ""
    of_image: bool = False


# By the name in `result.json`; a column without any figure is left out.
_COLUMNS = {
    "volume_ml": _Column("Volume", "mL"),
    "voxels": _Column("Voxels"),
    "mean": _Column("Mean", of_image=True),
    "stdev": _Column("Standard deviation", of_image=True),
    "minimum": _Column("Minimum", of_image=True),
    "median": _Column("Median", of_image=True),
    "maximum": _Column("Maximum", of_image=True),
    "suv_mean": _Column("SUV mean", "g/mL"),
    "suv_stdev": _Column("SUV standard deviation", "g/mL"),
    "suv_maximum": _Column("SUV maximum", "g/mL"),
    "long_axis_mm": _Column("Long axis", "mm"),
    "short_axis_mm": _Column("Short axis", "mm"),
    "surface_mm2": _Column("Surface", "mm²"),
    "mean_probability": _Column("Mean probability"),
    "entropy_inside": _Column("Entropy inside"),
    "entropy_border": _Column("Entropy on the border"),
    "disagreement": _Column("Disagreement"),
}


def number(value: _Figure) -> Element:
    """A figure, rounded for people; the whole one is its value for programs."""
    if value is None:
        return element("span", "–")
    return element("data", rounded(value), value=repr(value))


def rounded(value: float | int) -> str:
    """With three or four figures, and whole ones in full.

    >>> rounded(1234567), rounded(12345.678), rounded(651.24), rounded(7.2693), rounded(0.04219)
    ('1,234,567', '12,346', '651', '7.27', '0.0422')
    >>> rounded(-0.5), rounded(0.0), rounded(1e-9), rounded(3.2e12)
    ('-0.500', '0', '1e-09', '3.2e+12')
    """
    size = abs(value)
    if isinstance(value, int) or size == 0:
        return f"{value:,.0f}"
    if not 1e-4 <= size < 1e9:
        return f"{value:.3g}"
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    return f"{value:,.{digits}f}" if size >= 0.1 else f"{value:.3g}"


def measurement_table(
    found: Mapping[str, Any], confidence: Mapping[str, Any] | None, colors: Mapping[str, str]
) -> Element:
    """A row for each segment that was looked for.

    Args:
        found: `measurements` of `result.json`.
        confidence: as there; None without.
        colors: the class of each label's color.
    """
    sure = confidence or {}
    segments = [{**one, **sure.get(one["label"], {})} for one in found["segments"]]
    columns = {
        key: column
        for key, column in _COLUMNS.items()
        if any(one.get(key) is not None for one in segments)
    }
    head = [element("th", "Segment", scope="col")]
    head += [_head(column, found["unit"]) for column in columns.values()]
    rows = []
    for one in segments:
        name = one["label"]
        cells: list[Content] = [
            element("th", element("span", kind=f"color {colors.get(name, '')}"), name, scope="row")
        ]
        if one["voxels"]:
            cells += [element("td", number(one.get(key)), kind="number") for key in columns]
            rows.append(element("tr", *cells))
        else:
            missing = element("td", "not found", colspan=str(max(1, len(columns))))
            rows.append(element("tr", *cells, missing, kind="missing"))
    return table("Measurements of the segments", head, rows)


def value_table(
    values: Mapping[str, float], chosen: list[str], units: Mapping[str, str], *, probable: bool
) -> Element:
    """A row for each value of a whole image.

    Args:
        values: `values` of `result.json`.
        chosen: the labels that were decided on.
        units: of each label.
        probable: whether the values are probabilities: they have a bar.
    """
    head = [element("th", "Label", scope="col"), element("th", "Value", kind="number", scope="col")]
    head += [element("th", "Decision", scope="col")] if probable else []
    rows = []
    for name, value in values.items():
        unit = units.get(name, "")
        cells = [
            element("th", name, scope="row"),
            element("td", number(value), f" {unit}" if unit else None, kind="number"),
        ]
        if probable:
            share = min(max(value, 0.0), 1.0)
            bar = element("meter", value=f"{share:.4f}", min="0", max="1", aria_label=name)
            cells.append(element("td", bar, " chosen" if name in chosen else None))
        rows.append(element("tr", *cells, kind="chosen" if name in chosen else ""))
    return table("What the network says of the image", head, rows)


def table(caption: str, head: list[Element], rows: list[Element]) -> Element:
    """A table that can be moved to and fro where it is wider than the page."""
    made = element(
        "table",
        element("caption", caption),
        element("thead", element("tr", *head)),
        element("tbody", *rows),
    )
    return element("div", made, kind="scroll", role="region", aria_label=caption, tabindex="0")


def _head(column: _Column, unit_of_image: str) -> Element:
    unit = unit_of_image if column.of_image else column.unit
    shown = element("span", unit, kind="unit") if unit else None
    return element("th", column.name, shown, kind="number", scope="col")


def described(pairs: Iterator[tuple[str, Content]]) -> Element:
    """A list of names, and what is said of each; what is empty is left out."""
    parts: list[Content] = []
    for name, said in pairs:
        if said is not None and said != "":
            parts += [element("dt", name), element("dd", said)]
    return element("dl", *parts)
