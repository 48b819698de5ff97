"""The labels of a label map in a table, for files that cannot hold names and codes themselves.

The columns are those of color tables of 3D Slicer 5.8 and later, which gives segments their names,
colors and terminology when this table is chosen as they are loaded.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from io import StringIO

from IODeepLib.codes import Code
from IODeepLib.recipe import Label
from IODeepLib.results.colors import display_color
from IODeepLib.results.formats.terminology import modifier_of
from IODeepLib.text.foreign import untagged
from IODeepLib.text.spreadsheet import cell

_CODES = ("Category", "Type", "TypeModifier", "Region", "RegionModifier")
_PARTS = ("CodingScheme", "CodeValue", "CodeMeaning")
_COLUMNS = (
    *("LabelValue", "Name", "Color_R", "Color_G", "Color_B", "Color_A"),
    *(f"{code}_{part}" for code in _CODES for part in _PARTS),
)


def label_table(labels: Sequence[Label]) -> str:
    """A line for each label, found or not, below the names of the columns."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for i, label in enumerate(labels):
        row: list[object] = [label.value, _words(label.name), *display_color(label, i), 255]
        region, region_modifier = label.anatomic_region, label.anatomic_region_modifier
        codes = (label.category, label.type, modifier_of(label), region, region_modifier)
        writer.writerow(row + [part for code in codes for part in _triplet(code)])
    return text.getvalue()


def _triplet(code: Code | None) -> tuple[str, ...]:
    if code is None:
        return ("",) * len(_PARTS)
    return tuple(_words(part) for part in (code.scheme, code.value, code.meaning))


def _words(words: str) -> str:
    """Without double quotes and backslashes, at which Slicer's reader (VTK's) stumbles."""
    return untagged(cell(words)).replace('"', "'").replace("\\", "/")
