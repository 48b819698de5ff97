"""Folders appear whole or not at all."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from IODeepLib.errors import OutputError
from IODeepLib.files import whole_folder


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
