"""`iodeep tune` without PyTorch, and what it is told wrong; Testing/judges tune networks."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest
from command import Answer, refused


def test_the_command_says_what_it_lacks(
    iodeep: Callable[..., Answer], packed: Path, tmp_path: Path
) -> None:
    if importlib.util.find_spec("torch") is not None:
        pytest.skip("PyTorch is here")
    answer = iodeep("tune", packed, tmp_path / "cohort.json", "--out", tmp_path / "out")
    refused(answer, 2, "no Python package torch", "pip install 'IODeepLib[train]'")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("option", "found"),
    [
        (["--steps", "0"], "--steps"),
        (["--rate", "-1"], "--rate"),
        (["--patch-size", "32,x"], "--patch-size 32,x"),
        (["--batch-size", "5000"], "--batch-size"),
    ],
)
def test_settings_that_cannot_be(
    option: list[str], found: str, iodeep: Callable[..., Answer], packed: Path, tmp_path: Path
) -> None:
    answer = iodeep("tune", packed, tmp_path / "none.json", "--out", tmp_path / "out", *option)
    assert answer.status == 2 and found in answer.err
