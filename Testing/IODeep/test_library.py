from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from IODeepSlicer import library
from IODeepSlicer.requirements import REQUIREMENTS
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]


def found_from(modules: Path) -> subprocess.CompletedProcess[str]:
    """Where a Python that knows the folder of the modules alone imports the library from."""
    code = (
        f"import sys; sys.path.insert(0, {str(modules)!r}); import IODeepSlicer, IODeepLib; "
        "print(IODeepLib.__file__)"
    )
    command = [sys.executable, "-I", "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_in_the_source_tree_it_lies_one_folder_higher():
    assert library.libraryFolder() == ROOT
    assert found_from(ROOT / "IODeep").stdout.strip() == str(ROOT / "IODeepLib" / "__init__.py")


def test_an_installed_extension_has_it_beside(tmp_path):
    shutil.copytree(ROOT / "IODeep", tmp_path / "modules")
    (tmp_path / "modules" / "IODeepLib").mkdir()
    own = tmp_path / "modules" / "IODeepLib" / "__init__.py"
    own.touch()
    assert found_from(tmp_path / "modules").stdout.strip() == str(own)


def test_without_it_the_message_says_what_to_do(tmp_path):
    shutil.copytree(ROOT / "IODeep", tmp_path / "modules")
    result = found_from(tmp_path / "modules")
    assert result.returncode != 0
    assert "install the extension again" in result.stderr


def test_importing_the_helpers_imports_nothing_from_third_parties():
    heavy = {Requirement(item).name for item in REQUIREMENTS} | {"PIL"}
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'IODeep')!r}); "
        "sys.modules['slicer'] = None; "  # it imports a lot itself, where it is installed
        "import IODeepSlicer.text.card_text, IODeepSlicer.requirements; "
        f"print(sorted(set({heavy!r}) & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "[]", result.stderr


def test_it_is_put_into_the_path_once(monkeypatch):
    monkeypatch.setattr(sys, "path", ["elsewhere"])
    library.makeLibraryImportable()
    library.makeLibraryImportable()
    assert sys.path == [str(ROOT), "elsewhere"]


@pytest.mark.parametrize("name", ["IODeep.png", "IODeep.json", "CMakeLists.txt", "LICENSE"])
def test_what_the_catalogue_looks_at_is_in_the_root(name):
    assert (ROOT / name).is_file()


def test_the_module_has_the_extensions_icon():
    icon = ROOT / "IODeep" / "Resources" / "Icons" / "IODeep.png"
    assert icon.read_bytes() == (ROOT / "IODeep.png").read_bytes()


@pytest.mark.parametrize(
    ("folder", "lists", "left_out"),
    [("IODeepLib", ".", {"py.typed"}), ("IODeep", "IODeep", {"CMakeLists.txt"})],
)
def test_an_installed_extension_has_every_file(folder, lists, left_out):
    """What CMake takes along, it finds by the endings that are written there."""
    text = (ROOT / lists / "CMakeLists.txt").read_text(encoding="utf-8")
    globs = re.findall(r"^  ((?:\w+/)*\*(?:\.\w+)?)$", text, re.MULTILINE)
    assert "*.py" in {one.rpartition("/")[2] for one in globs}
    taken = {
        path
        for one in globs
        for path in (ROOT / lists / one).parent.rglob(one.rpartition("/")[2])
        if path.is_file()
    }
    every = {path for path in (ROOT / folder).rglob("*") if path.is_file()}
    missing = {path.name for path in every - taken if path.suffix != ".pyc"}
    assert missing <= left_out
