"""The rules of the house: which room may import which, and how quickly the door opens."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import IODeepLib

LIBRARY = Path(IODeepLib.__file__).parent
SLICERS = LIBRARY.parent / "IODeep" / "IODeepSlicer"
SUPPLIED_BY = packages_distributions()

# From the ground up. A room imports from those above it in this list, never from those below.
ROOMS = [
    "text",
    "errors",
    "headers",
    "disk",
    "machine",
    "codes",
    "trust",
    "geometry",
    "recipe",
    "onnx_file",
    "model_object",
    "series",
    "voxels",
    "selection",
    "network",
    "inference",
    "measurements",
    "results",
    "sources",
    "publish",
    "importers",
    "pipeline",
    "trial",
    "shrink",
    "cohort",
    "evaluation",
    "training",
    "federation",
    "service",
    "batch",
    "cli",
]
# The same of the Slicer side, whose rooms import the library as they like.
SLICER_ROOMS = [
    "library",
    "text",
    "requirements",
    "sources",
    "scene",
    "work",
    "logic",
    "panel",
    "self_test",
]
# What is imported where, beside what the library always needs: the extra of pyproject.toml.
EXTRAS = {
    "batch": "batch",
    "cli": "cli",
    "importers": "author",
    "shrink": "author",
    "evaluation": "train",
    "training": "train",
    "federation": "train",
    "sources/dimse": "dimse",
    "sources/transfer.py": "dimse",
    "service/dimse": "dimse",
    "service/ups/reporting.py": "dimse",
    "service/ups/over_http.py": "service",
    "service/web": "service",
    "disk/secret_places.py": "keyring",
    "trust/time_stamps.py": "timestamps",
}
SLICERS_OWN = {"slicer", "qt", "ctk", "vtk", "DICOMLib", "SampleData", "SegmentStatistics"}
SLICERS_OWN |= {"SubjectHierarchyPlugins"}
# What belongs to the whole process, which inside Slicer is somebody else's.
PROCESS_WIDE = {
    "basicConfig",
    "catch_warnings",
    "filterwarnings",
    "resetwarnings",
    "setdefaulttimeout",
    "seterr",
    "setrecursionlimit",
    "simplefilter",
}
FORBIDDEN = {"slicer", "qt", "ctk", "vtk", "torch", "pickle", "dill", "joblib"}
# What reads the networks of others, and what trains and measures, may ask for their packages; what
# runs networks may not.
ALLOWED = {room: {"torch"} for room in ("importers", "evaluation", "training", "federation")}
# What tests do not install (gigabytes), so that nothing there says who supplies it; and what is for
# authors' own use.
NOT_INSTALLED = {"torch": ["torch"], "monai": ["monai"], "yaml": ["PyYAML"]}
NOT_INSTALLED["dynamic_network_architectures"] = ["dynamic-network-architectures"]
OF_AUTHORS = {"onnx", "safetensors"}
# What others import for us: uvicorn, to speak to web sockets.
OF_OTHERS = {"websockets"}


def files() -> list[Path]:
    return sorted(LIBRARY.rglob("*.py"))


def slicer_files() -> list[Path]:
    return sorted(SLICERS.rglob("*.py"))


@functools.cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def imported(path: Path) -> frozenset[str]:
    """Modules that the file imports, anywhere in it."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            if node.module in ("IODeepLib", "IODeepSlicer"):
                found |= {f"{node.module}.{alias.name}" for alias in node.names}
            else:
                found.add(node.module)
    return frozenset(found)


def room_of(path: Path) -> str:
    package = LIBRARY if path.is_relative_to(LIBRARY) else SLICERS
    return path.relative_to(package).parts[0].removesuffix(".py")


@pytest.mark.parametrize("package", ["IODeepLib", "IODeepSlicer"])
def test_lower_rooms_never_import_from_higher_ones(package: str) -> None:
    rooms, paths = (ROOMS, files()) if package == LIBRARY.name else (SLICER_ROOMS, slicer_files())
    for path in paths:
        own = room_of(path)
        if own == "__init__":  # the face gives what is in all of them
            continue
        for module in imported(path):
            above, _, inner = module.partition(".")
            room = inner.partition(".")[0]
            if above == package and room not in ("", own, "__version__"):
                assert rooms.index(room) < rooms.index(own), f"{path} imports {module}"


def test_the_library_runs_without_slicer_pytorch_and_pickles() -> None:
    for path in files():
        packages = {module.partition(".")[0] for module in imported(path)}
        assert not packages & (FORBIDDEN - ALLOWED.get(room_of(path), set())), path


def everything() -> list[Path]:
    """The library, and the whole Slicer side with the files that Slicer itself loads."""
    return files() + sorted((LIBRARY.parent / "IODeep").rglob("*.py"))


def test_files_stay_small() -> None:
    for path in everything():
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 400, path


def test_files_say_what_is_in_them() -> None:
    for path in everything():
        assert ast.get_docstring(tree(path)), path


@functools.cache
def declared(*extras: str) -> set[str]:
    """Distributions that pyproject.toml names, those of extras as well."""
    project = tomllib.loads((LIBRARY.parent / "pyproject.toml").read_text("utf-8"))["project"]
    items = [*project["dependencies"]]
    for extra in extras:
        items += project["optional-dependencies"][extra]
    return {canonicalize_name(Requirement(item).name) for item in items}


def foreign(path: Path) -> dict[str, set[str]]:
    """Packages of others that the file imports, and which distributions supply each."""
    packages = {module.split(".")[0] for module in imported(path)} - sys.stdlib_module_names
    packages -= {"IODeepLib", "IODeepSlicer"}
    supplied = NOT_INSTALLED | dict(SUPPLIED_BY)
    return {one: set(map(canonicalize_name, supplied.get(one, ()))) for one in packages}


def test_what_is_imported_is_declared() -> None:
    for path in files():
        inside = path.relative_to(LIBRARY)
        extras = [extra for place, extra in EXTRAS.items() if inside.is_relative_to(place)]
        for package, distributions in foreign(path).items():
            assert distributions & declared(*extras), f"{path} imports {package}, in no dependency"


def test_what_is_declared_is_imported() -> None:
    used = set().union(*(one for path in files() for one in foreign(path).values()))
    assert declared(*EXTRAS.values()) - OF_AUTHORS - OF_OTHERS <= used


def test_the_slicer_side_imports_no_more_than_the_library_and_slicer_have() -> None:
    there = declared() | {"packaging"}
    for path in sorted((LIBRARY.parent / "IODeep").rglob("*.py")):
        for package, distributions in foreign(path).items():
            assert package in SLICERS_OWN or distributions & there, f"{path} imports {package}"


def test_the_slicer_side_gives_pythonqt_nothing_to_keep() -> None:
    """QTimer.singleShot never lets go of what it is given; `IODeepSlicer.panel.turns` does."""
    calls = re.compile(r"(?<!set)singleShot\(")
    for path in sorted((LIBRARY.parent / "IODeep").rglob("*.py")):
        assert not calls.search(path.read_text(encoding="utf-8")), path


def test_the_slicer_side_has_no_pickles_and_no_torch() -> None:
    for path in sorted((LIBRARY.parent / "IODeep").rglob("*.py")):
        packages = {module.split(".")[0] for module in imported(path)}
        assert not packages & {"torch", "pickle", "dill", "joblib"}, path


def test_onnx_runtime_is_imported_without_its_telemetry_alone() -> None:
    elsewhere = [path for path in files() if path.name != "onnx_runtime.py"]
    elsewhere += sorted((LIBRARY.parent / "IODeep").rglob("*.py"))
    for path in elsewhere:
        assert "onnxruntime" not in {name.split(".")[0] for name in imported(path)}, path


def test_only_the_command_line_owns_its_process() -> None:
    for path in files() + slicer_files():
        if path.is_relative_to(LIBRARY / "cli"):
            continue
        assert "gc" not in imported(path), path
        used = {node.attr for node in ast.walk(tree(path)) if isinstance(node, ast.Attribute)}
        assert not used & PROCESS_WIDE, path


def test_the_library_never_prints() -> None:
    for path in files():
        calls = (node for node in ast.walk(tree(path)) if isinstance(node, ast.Call))
        assert not any(isinstance(c.func, ast.Name) and c.func.id == "print" for c in calls), path


@pytest.mark.parametrize("module", ["IODeepLib", "IODeepLib.cli.main"])
def test_heavy_packages_are_imported_late(module: str) -> None:
    heavy = ["numpy", "SimpleITK", "highdicom", "onnxruntime", "pydicom"]
    code = f"import sys, {module}; print([m for m in {heavy} if m in sys.modules])"
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "[]"
