"""Whose folders and files others could exchange."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from IODeepLib.disk import reach
from IODeepLib.disk.reach import others_reach

pytestmark = pytest.mark.skipif(not hasattr(os, "getuid"), reason="no owners here")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file in two folders of this user's."""
    path = tmp_path / "above" / "folder" / "file"
    path.parent.mkdir(parents=True)
    path.touch()
    return path


@pytest.mark.parametrize(
    ("change", "reached"),
    [
        (lambda file: None, False),
        (lambda file: file.chmod(0o666), True),
        (lambda file: file.chmod(0o664), True),
        (lambda file: file.parent.chmod(0o777), True),
        (lambda file: file.parent.parent.chmod(0o775), True),
        (lambda file: file.parent.parent.chmod(0o1777), False),  # as /tmp is
    ],
)
def test_modes(change: Callable[[Path], None], reached: bool, file: Path) -> None:
    for place in (file, file.parent, file.parent.parent):
        place.chmod(0o755)
    change(file)
    assert others_reach(file) is reached


def test_what_a_link_leads_to_counts(file: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(file)
    file.chmod(0o666)
    assert others_reach(tmp_path / "link")


def test_what_another_user_owns(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = file.stat().st_uid
    monkeypatch.setattr(os, "getuid", lambda: owner + 1)
    monkeypatch.setattr(reach, "_ADMINISTRATOR", owner)
    assert not reach._is_others(file.stat())
    monkeypatch.setattr(reach, "_ADMINISTRATOR", owner + 2)
    assert others_reach(file)
