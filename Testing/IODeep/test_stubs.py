"""What the stubs for mypy say that Slicer and VTK have, Slicer's core has."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
import slicer
import vtk

STUBS = Path(__file__).resolve().parents[1] / "stubs"


def classes(file: str) -> Iterator[ast.ClassDef]:
    tree = ast.parse((STUBS / file).read_text(encoding="utf-8"))
    return (node for node in tree.body if isinstance(node, ast.ClassDef))


CLASSES = [*classes("slicer/__init__.pyi"), *classes("vtk/__init__.pyi")]
QT = "qSlicerDICOMExportable"  # is in the application alone


@pytest.mark.parametrize("stub", CLASSES, ids=lambda stub: stub.name)
def test_every_member_of_a_class_is_there(stub: ast.ClassDef) -> None:
    if stub.name == QT:
        pytest.skip("needs Qt")
    real = getattr(slicer, stub.name, None) or getattr(vtk, stub.name)
    for member in stub.body:
        if isinstance(member, ast.FunctionDef):
            assert hasattr(real, member.name), member.name
        elif isinstance(member, ast.AnnAssign) and isinstance(member.target, ast.Name):
            assert hasattr(real, member.target.id), member.target.id
