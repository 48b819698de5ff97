"""What was measured as a table: a row for each segment, or for each value of a whole image.

Columns that say which image and which network it was come first, so that tables of many results can
be put below each other.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from IODeepLib.inference.confidence import SegmentConfidence
from IODeepLib.measurements.segment import OF_IMAGE, SUV, rounded
from IODeepLib.recipe import Label, Task
from IODeepLib.text.spreadsheet import cell

if TYPE_CHECKING:
    from IODeepLib.results.result import Result

FILE_NAME = "measurements.csv"

# Names in `result.json` to names of columns, with units; those of the image's values are its own.
_UNITS = {"ml": "mL", "mm": "mm", "mm2": "mm2"}
_UNIT_OF_SUV, _WITHOUT_UNIT = "g/mL", "1"  # as UCUM has numbers without one

_LONGEST_UNIT = 64

Row = dict[str, str | int | float | None]


def write_measurements(result: Result, folder: Path) -> list[str]:
    """Write the table into `folder`; the name of the file.

    UTF-8, separated and quoted as RFC 4180 says; what is not known is empty. Words that a
    spreadsheet would compute are marked, see `cell`.
    """
    rows = [_source(result) | row for row in _rows(result)]
    with (folder / FILE_NAME).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\r\n")
        writer.writeheader()
        for row in rows:
            named = {name: cell(v) if isinstance(v, str) else v for name, v in row.items()}
            writer.writerow(named)
    return [FILE_NAME]


def _source(result: Result) -> Row:
    card = result.model.card
    return {
        "series_instance_uid": result.series.series_instance_uid,
        "network": card.name,
        "version": card.version,
    }


def _rows(result: Result) -> Iterator[Row]:
    found = result.measurements
    confidence = result.confidence
    if found is not None:
        unit = cell(found.unit.name[:_LONGEST_UNIT])
        for one in found.segments:
            row = _label(one.label)
            row.update((_column(name, unit), value) for name, value in one.figures().items())
            if confidence is not None:
                sure = confidence.get(one.label.name)
                figures = {} if sure is None else sure.as_json()
                names = (field.name for field in fields(SegmentConfidence))
                row.update((f"{name} [{_WITHOUT_UNIT}]", figures.get(name)) for name in names)
            yield row
    said = result.classification
    if said is not None:
        is_class = result.model.card.recipe.task is Task.CLASSIFICATION
        for label, value in zip(said.labels, said.values, strict=True):
            unit = label.unit.value if label.unit is not None else ""
            row = _label(label) | {"value": rounded(value), "unit": unit}
            yield row | ({"chosen": int(label in said.chosen)} if is_class else {})


def _label(label: Label) -> Row:
    return {
        "label": label.name,
        "label_value": label.value,
        "code_scheme": label.type.scheme,
        "code_value": label.type.value,
        "code_meaning": label.type.meaning,
        "laterality": label.laterality.value if label.laterality is not None else "",
    }


def measure_of(name: str, unit_of_image: str) -> tuple[str, str]:
    """What a figure of `result.json` measures, and its unit: `volume` and `mL` of `volume_ml`.

    Args:
        name: of the figure.
        unit_of_image: what the values of the image count.
    """
    if name in OF_IMAGE:
        return name, unit_of_image
    if name.startswith(SUV):
        return name, _UNIT_OF_SUV
    stem, _, unit = name.rpartition("_")
    return (stem, _UNITS[unit]) if unit in _UNITS else (name, "")


def _column(name: str, unit_of_image: str) -> str:
    """`volume [mL]` of `volume_ml`, `mean [HU]` of `mean`."""
    measure, unit = measure_of(name, unit_of_image)
    return f"{measure} [{unit}]" if unit else measure
