"""Folders appear whole or not at all."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from IODeepLib.disk.files import clear_unfinished, temporary_folder, whole_file, whole_folder
from IODeepLib.errors import OutputError


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)


def test_the_folder_appears_at_the_end(tmp_path: Path) -> None:
    target = tmp_path / "new" / "result"
    with whole_folder(target) as folder:
        write(folder, "a.txt", "a")
        assert not target.exists()
    assert [item.name for item in target.iterdir()] == ["a.txt"]
    assert [item.name for item in target.parent.iterdir()] == ["result"]
    assert target.stat().st_mode & 0o700 == 0o700


@pytest.mark.parametrize("fault", [RuntimeError, KeyboardInterrupt, OSError(errno.ENOSPC, "full")])
def test_a_fault_leaves_nothing(tmp_path: Path, fault: BaseException) -> None:
    with (
        pytest.raises((RuntimeError, KeyboardInterrupt, OutputError)),
        whole_folder(tmp_path / "result") as folder,
    ):
        write(folder, "a.txt", "a")
        raise fault
    assert list(tmp_path.iterdir()) == []


def test_what_a_user_has_there_is_kept(tmp_path: Path) -> None:
    write(tmp_path, "mine.txt", "mine")
    with pytest.raises(OutputError, match=r"mine\.txt"), whole_folder(tmp_path):
        pytest.fail("the block must not begin")
    with pytest.raises(OutputError, match="is a file"), whole_folder(tmp_path / "mine.txt"):
        pytest.fail("the block must not begin")
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_a_former_result_is_replaced_only_by_a_whole_one(tmp_path: Path) -> None:
    target = tmp_path / "result"
    with whole_folder(target) as folder:
        write(folder, "a.txt", "old")
    with pytest.raises(RuntimeError), whole_folder(target, {"a.txt"}) as folder:
        write(folder, "a.txt", "half")
        raise RuntimeError
    assert (target / "a.txt").read_text() == "old"
    with whole_folder(target, {"a.txt"}) as folder:
        write(folder, "a.txt", "new")
    assert (target / "a.txt").read_text() == "new"
    assert [item.name for item in tmp_path.iterdir()] == ["result"]


def test_no_folder_can_be_made_there(tmp_path: Path) -> None:
    write(tmp_path, "file", "")
    with (
        pytest.raises(OutputError, match="cannot be written"),
        whole_folder(tmp_path / "file" / "result"),
    ):
        pytest.fail("the block must not begin")


KILLED = """
import os, signal, sys
from pathlib import Path
from IODeepLib.disk.files import whole_folder
real = os.rename
def rename(*paths, **more):
    real(*paths, **more)
    if sys.argv[2] == "between":  # the former result is out of the way, the new one not there
        os.kill(os.getpid(), signal.SIGKILL)
os.rename = rename
with whole_folder(Path(sys.argv[1]), {"a.txt"}) as folder:
    (folder / "a.txt").write_text("killed")
    if sys.argv[2] == "within":
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("moment", ["within", "between"])
def test_what_a_killed_process_left_is_cleared_away(tmp_path: Path, moment: str) -> None:
    target = tmp_path / "result"
    with whole_folder(target) as folder:
        write(folder, "a.txt", "old")
    call = [sys.executable, "-c", KILLED, target, moment]
    assert subprocess.run(call, check=False).returncode == -signal.SIGKILL
    (left,) = tmp_path.glob(".result-*.part")
    assert target.exists() == (moment == "within")
    with pytest.raises(RuntimeError), whole_folder(target, {"a.txt"}):
        assert (target / "a.txt").read_text() == "old"
        assert not left.exists()
        raise RuntimeError
    assert [item.name for item in tmp_path.iterdir()] == ["result"]
    assert (target / "a.txt").read_text() == "old"


def test_what_another_process_writes_now_is_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "result"
    for name in (".result-2-abcdefgh.part", ".result-abcdefgh", "result-abcdefgh.part"):
        (tmp_path / name).mkdir()
    with whole_folder(target) as first:
        write(first, "a.txt", "first")
        with pytest.raises(OutputError, match=r"already holds a\.txt"):
            with whole_folder(target) as second:
                assert (first / "a.txt").read_text() == "first"
                write(second, "a.txt", "second")
                os.rename(first, target)  # noqa: PTH104  the first one was quicker
            pytest.fail("two results cannot both be there")
        os.rename(target, first)  # noqa: PTH104
    assert (target / "a.txt").read_text() == "first"
    assert len(list(tmp_path.iterdir())) == 4


def test_a_file_is_replaced_by_a_whole_one(tmp_path: Path) -> None:
    write(tmp_path, "a.txt", "old")
    with pytest.raises(RuntimeError), whole_file(tmp_path / "a.txt") as file:
        file.write_text("half")
        raise RuntimeError
    assert (tmp_path / "a.txt").read_text() == "old"
    with whole_file(tmp_path / "a.txt") as file:
        file.write_text("new")
    assert (tmp_path / "a.txt").read_text() == "new"
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize("flush", [True, False])
def test_a_file_is_on_the_disk_before_it_has_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flush: bool
) -> None:
    target, flushed = tmp_path / "a.txt", []
    real = os.fsync

    def fsync(file: int) -> None:
        flushed.append((os.fstat(file).st_size, target.exists()))
        real(file)

    monkeypatch.setattr(os, "fsync", fsync)
    with whole_file(target, flush=flush) as file:
        file.write_text("whole")
    assert flushed == ([(5, False)] if flush else [])
    assert target.read_text() == "whole"


def test_errors_of_a_library_stay_what_they_are(tmp_path: Path) -> None:
    class BrokenError(OSError):
        """As those of requests."""

    with pytest.raises(BrokenError), whole_file(tmp_path / "new") as path:
        path.write_text("half")
        raise BrokenError("the connection")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("block", [whole_folder, whole_file])
def test_what_another_file_is_about_is_not_said_of_this_one(block, tmp_path: Path) -> None:
    """Such as what is read meanwhile, or what somebody writes who hears of the progress."""
    for name in ("input.onnx", "folder/input.onnx", "new.log"):
        with pytest.raises(FileNotFoundError, match=name), block(tmp_path / "new"):
            (tmp_path / name).read_bytes()
    assert list(tmp_path.iterdir()) == []


def test_what_fails_within_the_block_is_said_of_what_is_written(tmp_path: Path) -> None:
    with (
        pytest.raises(OutputError, match=f"{tmp_path / 'new'} cannot be written"),
        whole_folder(tmp_path / "new") as folder,
    ):
        (folder / "no" / "such").write_text("a")
    with (
        pytest.raises(OutputError, match="No space left"),
        whole_file(tmp_path / "new") as file,
        Path("/dev/full").open("wb", buffering=0) as full,  # its errors name no file
    ):
        file.write_text("half")
        full.write(b"x")
    assert list(tmp_path.iterdir()) == []


def test_who_ends_on_the_spot_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(OutputError), whole_file(tmp_path / "new") as path:
        path.write_text("half")
        clear_unfinished()
        assert list(tmp_path.iterdir()) == []


LEFT = """
import os, signal
from IODeepLib.disk.files import temporary_folder
with temporary_folder() as folder:
    (folder / "image.dcm").write_text("of a patient")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_temporary_folder_outlives_no_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    own = os.environ | {"TMPDIR": str(tmp_path)}
    killed = subprocess.run([sys.executable, "-c", LEFT], check=False, env=own)
    assert killed.returncode == -signal.SIGKILL
    (left,) = tmp_path.rglob("image.dcm")
    with temporary_folder() as first:
        assert not left.exists()
        write(first, "a.txt", "a")
        with temporary_folder() as second:
            assert second != first
            assert (first / "a.txt").exists()  # somebody works there
        assert [place.stat().st_mode & 0o077 for place in tmp_path.iterdir()] == [0]
    assert list(tmp_path.iterdir()) == []


def test_no_room_for_a_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That is said; what goes wrong in the block is another matter."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(FileNotFoundError), temporary_folder():
        (tmp_path / "no such file").read_text()
    write(tmp_path, "file", "")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "file"))
    with pytest.raises(OutputError, match="cannot be written"), temporary_folder():
        pytest.fail("the block must not begin")


BUSY = """
from IODeepLib.disk.files import temporary_folder
for number in range(60):
    with temporary_folder() as folder:
        (folder / "a.txt").write_text("a")
        assert (folder / "a.txt").read_text() == "a"
"""


def test_processes_that_come_and_go_leave_each_other_alone(tmp_path: Path) -> None:
    """One that clears away takes no folder that another is about to lock."""
    own = os.environ | {"TMPDIR": str(tmp_path)}
    call = [sys.executable, "-c", BUSY]
    busy = [subprocess.Popen(call, env=own, stderr=subprocess.PIPE, text=True) for _ in range(5)]
    said = [process.communicate(timeout=300)[1] for process in busy]
    assert [process.returncode for process in busy] == [0] * 5, said
    assert list(tmp_path.iterdir()) == []
