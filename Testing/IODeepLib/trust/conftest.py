"""A machine whose two files, that of all users and the user's own, lie in a folder of the test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from makers.trust_lists import in_a_folder, toml

from IODeepLib.trust.trust_list import TrustList, read_trust_list


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The file for all users, which is not there, and the user's own, which is empty."""
    return in_a_folder(tmp_path, monkeypatch)


@pytest.fixture
def listed(files: tuple[Path, Path]) -> Callable[..., TrustList]:
    """What the user's own file says, with these tables; see `toml`."""

    def read(*entries: str, **keys: object) -> TrustList:
        files[1].write_text(toml(*entries, **keys))
        return read_trust_list()

    return read
