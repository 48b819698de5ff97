"""The command as a user calls it, within this process."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

import IODeepLib
from IODeepLib.cli.main import main

DEMO = Path(IODeepLib.__file__).parent / "demo_data"


class Answer(NamedTuple):
    """What a call of the command gave."""

    status: int
    out: str
    err: str


def without_times(content: bytes) -> bytes:
    """Bytes of a file of a result; of `result.json` without the times of the run."""
    return re.sub(rb'\n "(started|ended)": "[0-9T:+-]{25}",', b"", content)


@pytest.fixture
def iodeep(capsys: pytest.CaptureFixture[str]) -> Callable[..., Answer]:
    """Calls the command in this process."""

    def call(*arguments: object) -> Answer:
        before = signal.getsignal(signal.SIGTERM)
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as error:  # argparse
            status = int(error.code or 0)
        finally:
            signal.signal(signal.SIGTERM, before)
        out, err = capsys.readouterr()
        return Answer(status, out, err)

    return call


@pytest.fixture
def packed(tmp_path: Path, iodeep: Callable[..., Answer]) -> Path:
    """The demo network, packed under its own recipe: a folder with a card and one part."""
    folder = tmp_path / "models" / "demo"
    recipe = DEMO / "recipe.json"
    assert iodeep("pack", DEMO / "demo_network.onnx", "--recipe", recipe, "--out", folder)[0] == 0
    return folder


def refused(answer: Answer, status: int, *words: str) -> None:
    """The right status, and one line on standard error that has the words."""
    assert answer.status == status, answer
    assert answer.out == ""
    (line,) = answer.err.strip().splitlines()
    assert line.startswith("iodeep: ")
    assert "; wanted: " in line
    assert "; next: " in line
    for word in words:
        assert word in line
