"""A machine whose two files, that of all users and the user's own, lie in a folder of the test."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from IODeepLib.disk import settings_file
from IODeepLib.trust.trust_list import TrustList, read_trust_list


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The file for all users, which is not there, and the user's own, which is empty."""
    site, own = tmp_path / "site.toml", tmp_path / "own.toml"
    monkeypatch.setattr(settings_file, "site_wide_file", lambda: site)
    monkeypatch.setenv("IODEEP_CONFIG", str(own))
    own.touch()
    return site, own


@pytest.fixture
def listed(files: tuple[Path, Path]) -> Callable[..., TrustList]:
    """What the user's own file says, with these tables; see `toml`."""

    def read(*entries: str, **keys: object) -> TrustList:
        files[1].write_text(toml(*entries, **keys))
        return read_trust_list()

    return read


def toml(*entries: str, **keys: object) -> str:
    """The table of trust with these keys, and entries as `entry` writes them."""
    lines = [f"{key} = {value!r}".replace("True", "true") for key, value in keys.items()]
    return "\n".join(["[trust]", *lines, *entries])


def entry(name: str, *pem: str, **keys: object) -> str:
    """An entry of the list with certificates in it."""
    lines = [f"{k} = {v if isinstance(v, date) else repr(v)}" for k, v in keys.items()]
    text = "".join(pem)
    return "\n".join(
        ["[[trust.certificates]]", f"name = {name!r}", f"certificate = '''{text}'''", *lines, ""]
    )
