"""The public names of the library: they are there, lazily, and are what their rooms define."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import pkgutil
import subprocess
import sys

import pytest

import IODeepLib
from IODeepLib import errors

NAMES = [name for name in IODeepLib.__all__ if name != "__version__"]


def answer(code: str) -> str:
    """What `code` prints in a Python of its own."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


@functools.cache
def import_all_rooms() -> None:
    """All modules, but for those that train, which need more than these tests have."""
    for module in pkgutil.walk_packages(IODeepLib.__path__, "IODeepLib."):
        if not module.name.endswith("__main__"):
            try:
                importlib.import_module(module.name)
            except ModuleNotFoundError as error:
                if error.name not in ("monai", "torch"):
                    raise


@pytest.mark.parametrize("name", NAMES)
def test_each_name_is_what_its_room_defines(name: str) -> None:
    import_all_rooms()  # one with this name would take its place
    value = getattr(IODeepLib, name)
    assert inspect.isclass(value) or inspect.isfunction(value)
    assert value.__name__ == name
    assert value is getattr(sys.modules[value.__module__], name)
    assert value is getattr(sys.modules[f"IODeepLib.{IODeepLib._HOMES[name]}"], name)


def test_no_name_is_that_of_a_room() -> None:
    rooms = {module.name for module in pkgutil.iter_modules(IODeepLib.__path__)}
    assert not rooms & set(IODeepLib.__all__)


def test_type_checkers_see_the_same_names_in_the_same_rooms() -> None:
    source = ast.parse(inspect.getsource(IODeepLib))
    (block,) = (node for node in source.body if isinstance(node, ast.If))
    seen = {
        alias.name: str(line.module).removeprefix("IODeepLib.")
        for line in block.body
        if isinstance(line, ast.ImportFrom)
        for alias in line.names
    }
    assert seen == IODeepLib._HOMES
    assert sorted(seen) == sorted(NAMES)


def test_all_errors_are_public() -> None:
    tree = {name for name, value in vars(errors).items() if inspect.isclass(value)}
    assert tree <= set(IODeepLib.__all__)
    assert {name for name in NAMES if name.endswith("Error")} == tree


def test_they_come_by_star_and_stand_in_dir() -> None:
    code = (
        "from IODeepLib import *; names = set(globals()); import IODeepLib;"
        "print([set(IODeepLib.__all__) - names, set(IODeepLib.__all__) - set(dir(IODeepLib))])"
    )
    assert answer(code) == "[set(), set()]"


def test_what_is_not_there_is_said_to_be_missing() -> None:
    assert not hasattr(IODeepLib, "publish_all")
    with pytest.raises(ImportError, match="publish_all"):
        from IODeepLib import publish_all  # noqa: F401


def test_a_name_brings_no_more_than_its_room() -> None:
    code = (
        "import sys, IODeepLib; before = set(sys.modules); IODeepLib.CancelledError;"
        "print(sorted(m for m in set(sys.modules) - before if m.startswith('IODeepLib')))"
    )
    assert ast.literal_eval(answer(code)) == [
        "IODeepLib.errors",
        "IODeepLib.text",
        "IODeepLib.text.foreign",
    ]
