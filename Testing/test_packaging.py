"""What is packaged: every file of the library that is not Python is named in pyproject.toml."""

from __future__ import annotations

import tomllib
from pathlib import Path

import IODeepLib

LIBRARY = Path(IODeepLib.__file__).parent
PROJECT = tomllib.loads((LIBRARY.parent / "pyproject.toml").read_text(encoding="utf-8"))


def test_all_data_files_are_in_the_wheel() -> None:
    patterns = PROJECT["tool"]["setuptools"]["package-data"]["IODeepLib"]
    packaged = {path for pattern in patterns for path in LIBRARY.glob(pattern) if path.is_file()}
    there = {path for path in LIBRARY.rglob("*") if path.is_file()}
    assert {path for path in there if path.suffix not in (".py", ".pyc")} == packaged


def test_every_folder_is_a_package() -> None:
    for path in LIBRARY.rglob("*.py"):
        assert (path.parent / "__init__.py").is_file(), path
