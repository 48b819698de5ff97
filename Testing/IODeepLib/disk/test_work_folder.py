"""A folder in which one piece of work is done at a time."""

from __future__ import annotations

from pathlib import Path

import pytest

from IODeepLib.disk.work_folder import at_work_in
from IODeepLib.errors import OutputError


def test_a_new_folder_is_made_and_the_same_work_goes_on_there(tmp_path: Path) -> None:
    for _ in range(2):
        with at_work_in(tmp_path / "new", "batch", "asked.json"):
            (tmp_path / "new" / "asked.json").touch()
            (tmp_path / "new" / "result").touch()
    assert {"asked.json", "result"} <= {item.name for item in (tmp_path / "new").iterdir()}


@pytest.mark.parametrize("name", ["photographs", "asked.json/inside", "evaluation.lock"])
def test_what_is_of_something_else_is_left_alone(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("mine")
    with (
        pytest.raises(OutputError, match=r"already holds .*, or that of the same batch"),
        at_work_in(tmp_path, "batch", "asked.json"),
    ):
        pytest.fail("it was taken")
    assert path.read_text() == "mine"


def test_two_at_once(tmp_path: Path) -> None:
    with (
        at_work_in(tmp_path, "batch", "asked.json"),
        pytest.raises(OutputError, match="another batch at work"),
        at_work_in(tmp_path, "batch", "asked.json"),
    ):
        pytest.fail("it was taken twice")
