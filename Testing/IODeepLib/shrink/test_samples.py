"""What is kept of what a network is given: few, of all that came by, in few bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from IODeepLib.shrink.samples import MOST_SAMPLES, Samples


def offered(folder: Path, count: int, most_bytes: int = 2**20) -> tuple[Samples, list[int]]:
    """The numbers of the offers that were kept."""
    samples = Samples(folder, most_bytes)
    for number in range(count):
        samples.offer({"file": np.full((1, 4), number, np.int64), "b": np.zeros(1, np.float16)})
    kept = list(samples)
    for feeds in kept:
        assert list(feeds) == ["file", "b"]
        assert feeds["file"].shape == (1, 4)
        assert feeds["b"].dtype == np.float16
    return samples, [int(feeds["file"][0, 0]) for feeds in kept]


def test_few_are_all_kept(tmp_path: Path) -> None:
    samples, kept = offered(tmp_path / "s", 7)
    assert kept == list(range(7))
    assert len(samples) == 7


def test_many_are_drawn_evenly_and_alike_each_time(tmp_path: Path) -> None:
    samples, kept = offered(tmp_path / "s", 1000)
    assert len(samples) == len(set(kept)) == len(kept) == MOST_SAMPLES
    # The mean of 50 numbers drawn from 0 to 999 is off by more than 150 once in 4000 times.
    assert abs(np.mean(kept) - 499.5) < 150
    assert offered(tmp_path / "again", 1000)[1] == kept


@pytest.mark.parametrize(("most_bytes", "count"), [(34 * 3, 3), (1, 1)])
def test_large_ones_are_fewer(tmp_path: Path, most_bytes: int, count: int) -> None:
    _, kept = offered(tmp_path / "s", 40, most_bytes)
    assert len(kept) == count
    assert len(list((tmp_path / "s").iterdir())) == count
