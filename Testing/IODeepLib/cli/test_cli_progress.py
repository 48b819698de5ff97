"""What programs read of a call on standard error: JSON lines, and nothing else."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command import DEMO, Answer

from IODeepLib.cli import console, main
from IODeepLib.cli.json_lines import JsonLines, asked_for
from IODeepLib.machine.progress import TimeLeft

JSON = ["--progress", "json"]
KEYS = ["kind", "stage", "fraction", "seconds_left", "message"]


def lines_of(text: str) -> list[dict]:
    assert text.isascii()
    return [json.loads(line) for line in text.splitlines()]


def test_a_run_tells_every_stage_and_how_long_it_takes(
    packed: Path, tmp_path: Path, iodeep: Callable[..., Answer]
) -> None:
    call = ["run", DEMO / "mr_t1", "--models", packed, "--out", tmp_path / "r", "--json"]
    answer = iodeep(*call, *JSON)
    assert answer.status == 0
    assert json.loads(answer.out)["empty"] is False
    steps = lines_of(answer.err)
    assert {tuple(step) for step in steps} == {tuple(KEYS)}
    assert {step["kind"] for step in steps} == {"progress"}
    assert list(dict.fromkeys(step["stage"] for step in steps)) == [
        *("find", "fetch", "run", "verify", "read", "prepare", "infer", "finish", "write")
    ]
    fractions = [step["fraction"] for step in steps]
    assert fractions == sorted(fractions)
    assert (steps[-1]["fraction"], steps[-1]["seconds_left"]) == (1.0, 0.0)
    known = [step for step in steps if step["seconds_left"] is not None]
    assert known[0]["message"].startswith("patch ")
    assert all(step["seconds_left"] is None for step in steps[: steps.index(known[0])])


def test_the_error_is_the_last_line(tmp_path: Path, iodeep: Callable[..., Answer]) -> None:
    call = ["run", tmp_path, "--models", tmp_path / "no", "--out", tmp_path / "r"]
    plain = iodeep(*call)
    answer = iodeep(*call, *JSON)
    assert answer.status == plain.status == 4
    assert lines_of(answer.err)[-1] == {
        "kind": "error",
        "exit_status": 4,
        "message": plain.err.removeprefix("iodeep: ").strip(),
    }


@pytest.mark.parametrize("call", [["run"], ["run", "--no-such-option"], ["nothing"]])
def test_a_wrong_call_is_told_in_the_same_way(
    call: list[str], iodeep: Callable[..., Answer]
) -> None:
    answer = iodeep(*call, "--progress=json")
    assert answer.status == 2
    (line,) = lines_of(answer.err)
    assert (line["kind"], line["exit_status"]) == ("error", 2)
    assert "usage: " in iodeep(*call).err  # for people, as ever


def test_messages_and_warnings_are_lines(capsys: pytest.CaptureFixture[str]) -> None:
    lines = JsonLines("list")
    console.speak(lines)
    try:
        console.say("näher\x1b[2J\nzwei")
        record = logging.LogRecord("x", logging.WARNING, "", 0, "%s", ("a\x1b]0;b",), None)
        handler = main._LineHandler(lines)
        handler.setFormatter(main._PrintableFormatter("%(message)s"))
        handler.emit(record)
        assert console.pick("Which one?", ["a", "b"]) is None
        with console.progress() as progress:
            progress(0.5, "half\x1b[2J")
    finally:
        console.speak(None)
    said = lines_of(capsys.readouterr().err)
    assert [line["kind"] for line in said] == ["message", "message", "progress", "progress"]
    assert [line["level"] for line in said[:2]] == ["info", "warning"]
    assert [line["stage"] for line in said[2:]] == ["list", "list"]
    assert not any("\x1b" in line["message"] for line in said)


def test_a_call_that_is_canceled_says_so(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "IODeepLib.cli", "demo", *JSON, "--out", tmp_path / "r"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stderr is not None
    first = process.stderr.readline()  # its work has begun
    process.send_signal(signal.SIGINT)
    out, said = process.communicate()
    assert (process.returncode, out) == (130, "")
    assert lines_of(first + said)[-1] == {
        "kind": "error",
        "exit_status": 130,
        "message": console.CANCELED,
    }
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["run", "--progress", "json"], True),
        (["run", "--progress=json", "x"], True),
        (["run", "json", "--progress"], False),
        (["run", "--progress", "bar"], False),
        ([], False),
    ],
)
def test_how_it_is_asked_for(arguments: list[str], found: bool) -> None:
    assert asked_for(arguments) is found


def test_the_time_left_is_that_of_the_main_stage_and_what_comes_behind_it() -> None:
    """Half of the fraction is read in a second; then each of ten steps takes two."""
    left = TimeLeft("infer", until=0.9, multiple=3.0, began=0.0)
    left.begin("read", 0.0)
    assert left.ends_at(0.25, 0.5) is None
    assert left.ends_at(0.5, 1.0) is None
    left.begin("infer", 1.0)
    assert left.ends_at(0.54, 7.0) is None  # the first step took six
    for i in range(2, 11):
        assert left.ends_at(0.5 + 0.04 * i, 5.0 + 2 * i) == pytest.approx(25 + 3)
    left.begin("finish", 25.0)
    assert left.ends_at(0.95, 26.0) == pytest.approx(28)


def test_work_of_one_kind_is_timed_from_its_beginning() -> None:
    left = TimeLeft()
    assert left.ends_at(0.0, 10.0) is None
    assert left.ends_at(0.25, 12.0) == pytest.approx(18)
    assert left.ends_at(0.25, 13.0) == pytest.approx(22)
