"""The rules of the house: which room may import which, and how quickly the door opens."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import IODeepLib

LIBRARY = Path(IODeepLib.__file__).parent

# From the ground up. A room imports from those above it in this list, never from those below.
ROOMS = [
    ["errors", "garbage", "control_groups"],
    ["structured", "memory", "file_memo", "parallel", "pieces", "locks", "user_folders"],
    ["files"],
    ["cache"],
    ["anatomy_table", "anatomy_words"],
    ["anatomy_text"],
    ["codes"],
    ["geometry", "private_dictionary"],
    ["headers", "onnx_file", "safetensors_file", "slice_stack"],
    ["recipe"],
    ["segmentation", "activation", "components", "enclosures", "intensity", "resample"],
    ["model_object", "series", "patches", "preprocess"],
    ["providers", "sources", "facts"],
    ["runtime", "criteria", "sliding_window", "suv"],
    ["agreement", "selection", "classification", "decision_rule"],
    ["decision", "postprocess", "predictor", "results"],
    ["result", "publish"],
    ["pipeline"],
    ["cli"],
]
FORBIDDEN = {"slicer", "qt", "ctk", "vtk", "torch", "pickle", "dill", "joblib"}


def level(room: str) -> int:
    return next(i for i, rooms in enumerate(ROOMS) if room in rooms)


def files() -> list[Path]:
    return sorted(LIBRARY.rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Modules that the file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module == "IODeepLib":
                found |= {f"IODeepLib.{alias.name}" for alias in node.names}
            else:
                found.add(node.module)
    return found


def room_of(path: Path) -> str:
    return path.relative_to(LIBRARY).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(LIBRARY)))
def test_lower_rooms_never_import_from_higher_ones(path: Path) -> None:
    if path == LIBRARY / "__init__.py":
        return
    own = room_of(path)
    for module in imported(path):
        assert module.split(".")[0] not in FORBIDDEN
        parts = module.split(".")
        if parts[0] == "IODeepLib" and len(parts) > 1 and parts[1] not in (own, "__version__"):
            assert level(parts[1]) < level(own), f"{own} imports {module}"


def test_the_slicer_side_has_no_pickles_and_no_torch() -> None:
    for path in sorted((LIBRARY.parent / "IODeep").rglob("*.py")):
        packages = {module.split(".")[0] for module in imported(path)}
        assert not packages & {"torch", "pickle", "dill", "joblib"}, path


def test_the_library_never_prints() -> None:
    for path in files():
        calls = (n for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.Call))
        assert not any(isinstance(c.func, ast.Name) and c.func.id == "print" for c in calls), path


@pytest.mark.parametrize("module", ["IODeepLib", "IODeepLib.cli.main"])
def test_heavy_packages_are_imported_late(module: str) -> None:
    heavy = ["numpy", "SimpleITK", "highdicom", "onnxruntime", "pydicom"]
    code = f"import sys, {module}; print([m for m in {heavy} if m in sys.modules])"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"
