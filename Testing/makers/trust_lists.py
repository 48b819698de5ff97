"""Trust lists as files, for tests."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from IODeepLib.disk import settings_file


def toml(*entries: str, **keys: object) -> str:
    """The table of trust with these keys, and entries as `entry` writes them."""
    lines = [f"{key} = {json.dumps(value)}" for key, value in keys.items()]
    return "\n".join(["[trust]", *lines, *entries])


def entry(name: str, *pem: str, **keys: object) -> str:
    """An entry of the list with certificates in it."""
    lines = [f"{k} = {v if isinstance(v, date) else repr(v)}" for k, v in keys.items()]
    text = "".join(pem)
    return "\n".join(
        ["[[trust.certificates]]", f"name = {name!r}", f"certificate = '''{text}'''", *lines, ""]
    )


def in_a_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The file for all users, which is not there, and the user's own, which is empty."""
    site, own = folder / "site.toml", folder / "own.toml"
    monkeypatch.setattr(settings_file, "site_wide_file", lambda: site)
    monkeypatch.setenv("IODEEP_CONFIG", str(own))
    own.touch()
    return site, own
