"""What docstrings show of a call is what the call gives."""

from __future__ import annotations

import doctest
from importlib import import_module

import pytest

MODULES = [
    "IODeepLib.geometry.grid",
    "IODeepLib.inference.patches",
    "IODeepLib.text.wording",
]


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of(name: str) -> None:
    done = doctest.testmod(import_module(name))
    assert done.attempted > 0
    assert done.failed == 0
