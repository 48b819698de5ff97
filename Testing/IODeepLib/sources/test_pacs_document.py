"""Docs/pacs.md says what the code does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from IODeepLib.sources.dicomweb.web import _IN_TROUBLE
from IODeepLib.sources.settings import Server, read_settings

DOCUMENT = (Path(__file__).resolve().parents[3] / "Docs" / "pacs.md").read_text("utf-8")


def test_every_key_of_a_server_is_described() -> None:
    table = DOCUMENT.partition("| key | meaning |")[2].partition("\n\n")[0]
    described = re.findall(r"^\| `(\w+)` ", table, re.MULTILINE)
    assert described == list(Server.__struct_fields__)


def test_the_example_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    block = re.search(r"```toml\n(.*?)```", DOCUMENT, re.DOTALL)
    assert block is not None
    (tmp_path / "iodeep.toml").write_text(block[1])
    monkeypatch.setenv("IODEEP_CONFIG", str(tmp_path / "iodeep.toml"))
    monkeypatch.setenv("PACS_TOKEN", "a-token")
    settings = read_settings()
    for name, table in tomllib.loads(block[1])["servers"].items():
        server = settings.server(name)
        assert server is not None
        assert server.url == table["url"]
    assert settings.cache().max_bytes == 50 * 10**9


def test_the_statuses_that_are_tried_again() -> None:
    [listed] = re.findall(r"\(HTTP ([\d, ]+)\)", DOCUMENT.replace("\n", " "))
    assert {int(status) for status in listed.split(",")} == _IN_TROUBLE
