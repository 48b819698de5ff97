"""Killed at any moment and started again, join and aggregate do nothing twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from makers.federated import World, changing, world
from pydicom import dcmread

from IODeepLib.federation.aggregate import aggregate
from IODeepLib.federation.join import join
from IODeepLib.federation.records import Round
from IODeepLib.machine.progress import Progress
from IODeepLib.model_object import Model
from IODeepLib.sources.folder import FolderSource


class KilledError(BaseException):
    """In the place of SIGKILL: nothing may catch it."""


class Deadly(FolderSource):
    """A folder in which the process is killed when so many files are stored."""

    left = 10**6

    def store(self, files: Sequence[Path], progress: Progress | None = None) -> list[Path]:
        """Each file is stored by itself."""
        new = []
        for path in files:
            if Deadly.left == 0:
                raise KilledError
            Deadly.left -= 1
            new += super().store([path], progress)
        return new


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    (tmp_path / "shared").mkdir()
    monkeypatch.setattr(Deadly, "left", 10**6)
    return world(tmp_path, Deadly(tmp_path / "shared"), monkeypatch)


def labels(here: World) -> list[str]:
    assert isinstance(here.source, FolderSource)
    paths = here.source.folder.rglob("*.dcm")
    return sorted(dcmread(path, specific_tags=["ContentLabel"]).ContentLabel for path in paths)


def until_it_ends(monkeypatch: pytest.MonkeyPatch, call: Callable[[], object]) -> int:
    """Call again and again, killed a little later each time; how often that was.

    By turns before a file is stored, and before one that was written gets its name.
    """
    for kills in range(100):
        at, while_storing = divmod(kills, 2)
        monkeypatch.setattr(Deadly, "left", at if while_storing else 10**6)
        with monkeypatch.context() as patched:
            if not while_storing:
                left = iter(range(at))
                for name in ("rename", "replace"):
                    patched.setattr(Path, name, dying(getattr(Path, name), left))
            try:
                call()
            except KilledError:
                continue
        return kills
    raise AssertionError("it never ends")


def dying(rename: Callable[[Path, Path], Path], left: Iterator[int]) -> Callable[..., Path]:
    """It, as long as there is something left."""

    def called(path: Path, target: Path) -> Path:
        if next(left, None) is None:
            raise KilledError
        return rename(path, target)

    return called


def test_an_update_is_sent_once(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    here.announce(noise=1.0)
    trained: list[int] = []

    def train(parent: Model, about: Round, folder: Path) -> tuple[Mapping[str, Any], int]:
        trained.append(1)
        return changing(1, 10)(parent, about, folder)

    def call() -> None:
        join(here.source, here.sites[0], here.folder / "site", train)

    assert until_it_ends(monkeypatch, call) > 2
    folder = here.folder / "site" / "update"
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    there = labels(here)
    assert there.count("ROUND_UPDATE") == there.count("ROUND_DIFFERENCE") == 1
    monkeypatch.setattr(Deadly, "left", 10**6)
    assert not join(here.source, here.sites[0], here.folder / "site", train).is_new
    # Nor from another folder, as after a disk was lost: noise that is drawn twice hides less.
    assert not join(here.source, here.sites[0], here.folder / "elsewhere", train).is_new
    assert labels(here) == there
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_round_ends_once(here: World, monkeypatch: pytest.MonkeyPatch) -> None:
    here.join_all(here.announce())

    def call() -> None:
        aggregate(here.source, here.coordinator, here.folder / "ended")

    assert until_it_ends(monkeypatch, call) > 2
    there = labels(here)
    assert [there.count(label) for label in ("IODEEP_CARD", "ROUND_OUTCOME")] == [2, 1]
    assert there.count("IODEEP_WEIGHTS") == 2
    assert len(here.source.models().models) == 2
