"""The number of a version that is made of another one."""

from __future__ import annotations

import pytest

from IODeepLib.model_object.new_version import next_version


@pytest.mark.parametrize(
    ("version", "taken", "wanted"),
    [("0.9.3", set(), "0.10.0"), ("2.0.0-rc.1", {"2.1.0", "2.2.0"}, "2.3.0")],
)
def test_the_next_version(version: str, taken: set[str], wanted: str) -> None:
    assert next_version(version, taken) == wanted
