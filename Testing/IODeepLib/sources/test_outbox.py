"""Results that wait: kept once each, whatever else goes wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from command import DEMO
from pacs.servers import free_port

from IODeepLib.errors import SourceError
from IODeepLib.sources.find import source_of
from IODeepLib.sources.outbox import store_or_keep, waiting


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> str:
    """A SOURCE that does not answer."""
    monkeypatch.setattr("IODeepLib.sources.retries._sleep", lambda seconds: None)
    return f"dicomweb+http://127.0.0.1:{free_port()}/dicom-web"


def test_a_result_waits_once(nowhere: str) -> None:
    files = sorted((DEMO / "mr_t1").iterdir())[:2]
    for _ in range(2):
        with pytest.raises(SourceError, match=r"cannot be reached.*the result is kept in"):
            store_or_keep(files, source_of(nowhere), nowhere)
    [kept] = waiting()
    assert kept.destination == nowhere
    assert [path.read_bytes() for path in kept.files] == [path.read_bytes() for path in files]
    kept.sent()
    assert waiting() == []


def test_no_room_in_the_outbox(nowhere: str, tmp_path: Path) -> None:
    """Both reasons are told, and where the result lies."""
    (tmp_path / "outbox").write_text("in its place")
    file = next((DEMO / "mr_t1").iterdir())
    with pytest.raises(SourceError) as caught:
        store_or_keep([file], source_of(nowhere), nowhere)
    for words in ("cannot be reached", str(tmp_path / "outbox"), f"send {file.parent} with"):
        assert words in str(caught.value)
