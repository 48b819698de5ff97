"""What others wrote reaches a terminal as text, never as a command to it."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from command import DEMO, Answer

from IODeepLib.cli import console, main
from IODeepLib.errors import ImageError
from IODeepLib.model_object import write_model
from IODeepLib.recipe import recipe_from_json
from IODeepLib.text import records

# Clears the screen; sets the title of the window; the same with one character; turns the direction;
# hides what follows; ends a string that the terminal reads.
HOSTILE = [
    "\x1b[2J",
    "\x1b]0;owned\x07",
    "\x9b2J",
    "\u202egnp.exe",
    "\x1b[8m",
    "\x90x\x9c",
    "\x7f\b",
]
EVERYTHING = "".join(HOSTILE)


def commands(text: str) -> list[str]:
    """What a terminal would obey in `text`."""
    return [c for c in text if not c.isprintable() and c not in "\n\t"]


@pytest.fixture(params=HOSTILE, ids=ascii)
def hostile(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a network for the demo series whose recipe holds such text; digests fit."""
    with monkeypatch.context() as patch:
        # As somebody packs it who does not use IODeep.
        patch.setattr(records, "plain_lines", lambda text: text)
        allowed = "".join(c for c in EVERYTHING if c >= " ")  # in names; others are refused there
        recipe = json.loads((DEMO / "recipe.json").read_text("utf-8"))
        for one in recipe["output"]["labels"]:
            one["name"] += allowed
        recipe["card"] |= {
            "publisher": f"Hospital{allowed}",
            "intended_use": f"Tests.\nSecond line{EVERYTHING}",
            "licence": f"MIT{EVERYTHING}",
            "limitations": f"None{EVERYTHING}",
        }
        whole = recipe_from_json(json.dumps(recipe))
        made = write_model(DEMO / "demo_network.onnx", whole, tmp_path / "models")
    assert EVERYTHING in json.loads(made.card.model_card_json)["licence"]
    return tmp_path / "models"


def test_cards(card: Path, tmp_path: Path, iodeep: Callable[..., Answer]) -> None:
    images = tmp_path / "images"
    shutil.copytree(DEMO / "mr_t1", images)
    for path in images.iterdir():
        dataset = pydicom.dcmread(path)
        dataset.SeriesDescription = dataset.ProtocolName = f"T1{EVERYTHING}"
        dataset.save_as(path)
    out = tmp_path / "out"
    calls = [
        ["list", card],
        ["show", card],
        ["select", images, "--models", card],
        ["run", images, "--models", card, "--out", out],
        ["pull", f"nothing{EVERYTHING}", card, "--out", tmp_path / "pulled"],
    ]
    for call in calls:
        for form in ([], ["--json"]):
            answer = iodeep(*call, *form)
            assert answer.out or answer.err
            assert not commands(answer.out + answer.err), call
            if form and answer.status == 0:
                json.loads(answer.out)
    assert (out / "result.json").exists()
    for words in ("Hospital", "Second line", "White Matter"):
        assert words in iodeep("show", card).out


def test_names_of_files(hostile: str, tmp_path: Path, iodeep: Callable[..., Answer]) -> None:
    folder = tmp_path / f"models{hostile}"
    folder.mkdir()
    (folder / f"card{hostile}.dcm").write_bytes(bytes(128) + b"DICM" + bytes(20))
    for call in (["list", folder], ["show", folder], ["show", tmp_path / f"none{hostile}"]):
        answer = iodeep(*call)
        assert not commands(answer.out + answer.err), call
    document = iodeep("list", folder, "--json").out
    assert not commands(document)
    # In JSON the name is whole all the same.
    for problem in json.loads(document)["problems"]:
        assert Path(problem["path"]).parent == folder


def test_errors_logs_and_progress(
    hostile: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not commands(str(ImageError(f"found{hostile}", f"wanted{hostile}", hostile)))
    record = logging.LogRecord("x", logging.WARNING, "", 0, "said %s\nmore", (hostile,), None)
    said = main._PrintableFormatter("%(message)s").format(record)
    assert not commands(said)
    assert said.endswith("\nmore")
    console.say(f"a line{hostile}")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with console.progress() as progress:
        progress(0.5, f"fetching {hostile}")
    answer = capsys.readouterr()
    # The bar itself moves the cursor: up, and to the beginning of the line.
    assert not commands(answer.err.replace("\x1b[A", "").replace("\r", ""))
