"""What is said of a whole image, as a table in Slicer's own core."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import slicer
from IODeepSlicer.scene import nodes
from IODeepSlicer.scene.value_table import createValueTable
from makers.recipes import label, recipe

from IODeepLib.inference.classification import Classification

pytestmark = pytest.mark.usefixtures("scene")

YEAR = {"value": "a", "scheme": "UCUM", "meaning": "year"}


def cells(node: slicer.vtkMRMLTableNode) -> dict[str, list[str]]:
    table = node.GetTable()
    return {
        table.GetColumnName(c): [
            table.GetValue(r, c).ToString() for r in range(table.GetNumberOfRows())
        ]
        for c in range(table.GetNumberOfColumns())
    }


def made(task: str, values: tuple[float, ...], chosen: int | None) -> slicer.vtkMRMLTableNode:
    volume = slicer.util.addVolumeFromArray(np.zeros((2, 3, 4), np.int16))
    labels = [label(i + 1, f"L{i + 1}", channel=i, unit=YEAR) for i in range(len(values))]
    needs = recipe(task=task, output={"channels": len(values), "labels": labels})
    known = needs.output.labels
    found = Classification(known, values, () if chosen is None else (known[chosen],))
    model = SimpleNamespace(card=SimpleNamespace(title="A network", task=needs.task))
    node = createValueTable(volume, model, found, {"notes": ["a note"]})
    assert nodes.imageNodeOf(node) is volume
    assert nodes.documentOf(node) == {"notes": ["a note"]}
    return node


def test_a_classification() -> None:
    assert cells(made("CLASSIFICATION", (0.25, 0.75), 1)) == {
        "Label": ["L1", "L2"],
        "Probability": ["0.25", "0.75"],
        "Chosen": ["", "✓"],
    }


def test_a_regression() -> None:
    assert cells(made("REGRESSION", (41.5,), None)) == {
        "Label": ["L1"],
        "Value": ["41.5"],
        "Unit": ["a"],
    }
