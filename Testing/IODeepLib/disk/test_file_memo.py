"""What was read from files is kept while they stay the same, and no longer."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from IODeepLib.disk import file_memo
from IODeepLib.disk.file_memo import FileMemo


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], tuple[bytes, ...]]:
    """Reads a file through a memo of two entries; gives all that was really read so far."""
    monkeypatch.setattr(file_memo, "SETTLED_AFTER", 0)
    memo: FileMemo[bytes] = FileMemo(most=2)
    reads: list[bytes] = []

    def action(path: Path) -> tuple[bytes, ...]:
        def really() -> bytes:
            reads.append(path.read_bytes())
            return reads[-1]

        assert memo.get(path, really) == path.read_bytes()
        return tuple(reads)

    return action


def test_a_file_is_read_once(tmp_path: Path, read: Callable) -> None:
    (tmp_path / "a").write_bytes(b"1")
    assert read(tmp_path / "a") == read(tmp_path / "a") == (b"1",)


def test_what_changed_is_read_again_even_with_its_former_size_and_time(
    tmp_path: Path, read: Callable
) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"1")
    read(path)
    former = path.stat()
    times = (former.st_atime_ns, former.st_mtime_ns)
    path.write_bytes(b"2")
    while path.stat().st_ctime_ns == former.st_ctime_ns:  # within one tick of the system's clock
        os.utime(path, ns=times)
    os.utime(path, ns=times)
    assert read(path) == (b"1", b"2")
    (tmp_path / "b").write_bytes(b"3")
    os.utime(tmp_path / "b", ns=times)
    (tmp_path / "b").replace(path)
    assert read(path) == (b"1", b"2", b"3")


def test_no_more_is_kept_than_allowed(tmp_path: Path, read: Callable) -> None:
    for name in "abc":
        (tmp_path / name).write_bytes(name.encode())
    for name in "abacb":
        read(tmp_path / name)
    assert read(tmp_path / "c") == (b"a", b"b", b"c", b"b")


def test_a_file_that_changed_just_now_is_not_kept(
    tmp_path: Path, read: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_memo, "SETTLED_AFTER", 3600 * 10**9)
    (tmp_path / "a").write_bytes(b"1")
    read(tmp_path / "a")
    assert read(tmp_path / "a") == (b"1", b"1")


def test_errors_are_not_kept(tmp_path: Path, read: Callable) -> None:
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "a")
    (tmp_path / "a").write_bytes(b"1")
    assert read(tmp_path / "a") == (b"1",)
