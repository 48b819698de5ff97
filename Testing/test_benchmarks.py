"""The benchmarks' own arithmetic and comparison, and that each still runs; no time is asserted."""

from __future__ import annotations

import json
import math
import subprocess
import sys
import time
from pathlib import Path

import pytest
from benchmarks.harness import (
    TOPICS,
    Row,
    Seconds,
    alternate,
    change,
    duration,
    fresh,
    last_figures,
    ratio,
    read,
    seconds,
    speedup,
    table,
    to_json,
)


def test_ratio_is_the_median_over_the_pairs_and_keeps_its_limit_or_not():
    row = ratio("read", "peer", ([1.0, 2.0, 9.0], [2.0, 2.0, 3.0]), 1)
    assert (row.figure, row.reached) == (1.0, True)
    assert not ratio("read", "peer", ([3.0], [2.0]), 1).reached


def test_speedup_has_to_be_reached_from_below():
    assert speedup("write", "peer", ([1.0], [1.5]), 1.5).reached
    assert not speedup("write", "peer", ([1.0], [1.4]), 1.5).reached


def test_duration_is_the_median_in_its_unit():
    row = duration("list", [0.001, 0.004, 0.002], 3, "ms")
    assert (row.figure, row.reached) == (pytest.approx(2), True)


def test_the_same_by_processor_time_where_all_of_them_were_measured():
    times = [Seconds(4.0, 1.0), Seconds(6.0, 3.0)], [Seconds(2.0, 2.0), Seconds(2.0, 2.0)]
    assert (ratio("read", "peer", times, 1).figure, ratio("read", "peer", times, 1).processor) == (
        2.5,
        1.0,
    )
    assert speedup("read", "peer", times, 1).processor == pytest.approx(4 / 3)
    assert duration("read", times[0], 1, "ms").processor == 2000
    assert ratio("read", "peer", ([*times[0], 1.0], [*times[1], 1.0]), 1).processor is None
    assert "| 1.00 x " in table([ratio("read", "peer", times, 1)])
    document = json.loads(json.dumps(to_json([ratio("read", "peer", times, 1)])))
    assert (document["rows"][0]["ours"], document["rows"][0]["processor"]) == ([4.0, 6.0], 1.0)


def test_the_processor_works_or_waits():
    busy = seconds(lambda: sum(i * i for i in range(10**6)))
    assert busy.processor > 0
    waiting = seconds(lambda: time.sleep(0.2))
    assert waiting >= 0.2 > waiting.processor
    child = seconds(lambda: subprocess.run([sys.executable, "-c", "sum(range(10**6))"], check=True))
    assert child.processor > 0


def test_what_a_new_process_measured_comes_back_with_both():
    help_, again = fresh("bench_start:imported"), seconds(lambda: None)
    assert isinstance(help_, Seconds) and help_.processor > 0 and again.processor >= 0


def test_ours_and_the_peer_take_turns_and_each_begins_every_other_pair():
    order: list[str] = []
    times = alternate(lambda: order.append("ours"), lambda: order.append("peer"), 2)
    assert order == ["ours", "peer", "peer", "ours"]
    assert [len(side) for side in times] == [2, 2]


def test_a_run_is_compared_with_the_last_one(tmp_path):
    path = tmp_path / "bench.json"
    assert read(path) is None
    first = to_json([Row("a", "-", 2.0, 3), Row("b", "-", 5.0, 3)])
    path.write_text(json.dumps(first))
    last = read(path)
    assert last_figures(last) == {"a": 2.0, "b": 5.0}
    assert change(3.0, 2.0) == "+50 %"
    again = Row("a", "-", 1.0, 3)
    assert "-50 %" in table([again], last)
    assert last_figures(to_json([again], last)) == {"a": 1.0, "b": 5.0}


def test_a_damaged_or_foreign_file_is_no_last_run(tmp_path):
    path = tmp_path / "bench.json"
    for text in ("{", "[]", '{"schema": "other"}'):
        path.write_text(text)
        assert read(path) is None


def test_a_row_that_misses_its_limit_says_so():
    assert "| NO " in table([Row("a", "-", 4.0, 3)])


@pytest.mark.parametrize("topic", TOPICS)
def test_every_topic_runs(topic: str, tmp_path: Path) -> None:
    """As `make bench` does it, but for the sizes; rows of peers that are not there stay away."""
    main = Path(__file__).parent / "benchmarks"
    call = [sys.executable, main, "--small", "--only", topic, "--out", tmp_path]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    if "no figures of" in done.stderr:
        pytest.skip(done.stderr)  # `make test` installs servers, and no nnU-Net
    document = json.loads((tmp_path / "small.json").read_text())
    assert document["rows"] or document["curves"]
    assert all(math.isfinite(row["figure"]) for row in document["rows"])
    assert all(len(curve["points"]) > 1 for curve in document["curves"])
    assert (tmp_path / "small.png").exists() == bool(document["curves"])
