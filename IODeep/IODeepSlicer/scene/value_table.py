"""What a network says of a whole image, as a table node: its classes, or its values."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import slicer
import vtk

from IODeepSlicer.scene import nodes
from IODeepSlicer.text.i18n import tr as _
from IODeepSlicer.text.plain_text import tame

if TYPE_CHECKING:
    from IODeepLib.inference.classification import Classification
    from IODeepLib.model_object import Model
    from IODeepLib.recipe import Label

_CHOSEN = "✓"


def createValueTable(
    volumeNode: slicer.vtkMRMLScalarVolumeNode,
    model: Model,
    found: Classification,
    document: dict[str, Any],
) -> slicer.vtkMRMLTableNode:
    """A new table node below `volumeNode`, a row for each label.

    A classification has the columns Label, Probability and Chosen; a regression Label, Value and
    Unit.
    """
    from IODeepLib.recipe import Task

    node = slicer.mrmlScene.AddNewNodeByClass(
        "vtkMRMLTableNode", slicer.mrmlScene.GenerateUniqueName(tame(model.card.title))
    )
    node.SetAttribute(nodes.DOCUMENT, json.dumps(document))
    node.SetNodeReferenceID(nodes.IMAGE_ROLE, volumeNode.GetID())
    node.SetUseColumnTitleAsColumnHeader(True)
    _add(node, "Label", _("Label"), [label.name for label in found.labels])
    if model.card.task is Task.CLASSIFICATION:
        _add(node, "Probability", _("Probability"), found.values)
        chosen = [_CHOSEN if label in found.chosen else "" for label in found.labels]
        _add(node, "Chosen", _("Chosen"), chosen)
    else:
        _add(node, "Value", _("Value"), found.values)
        _add(node, "Unit", _("Unit"), [_unit(label) for label in found.labels])
    nodes.putUnder(volumeNode, node)
    return node


def _add(node: slicer.vtkMRMLTableNode, name: str, title: str, values: Any) -> None:
    isText = all(isinstance(value, str) for value in values)
    column = vtk.vtkStringArray() if isText else vtk.vtkDoubleArray()
    column.SetName(name)
    for value in values:
        column.InsertNextValue(value)
    node.AddColumn(column)
    node.SetColumnTitle(name, title)


def _unit(label: Label) -> str:
    return label.unit.value if label.unit is not None else ""
