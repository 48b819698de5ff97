"""Results that wait: kept once each, whatever else goes wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from command import DEMO
from pacs.servers import free_port

from IODeepLib.errors import SourceError
from IODeepLib.sources.find import source_of
from IODeepLib.sources.folder import FolderSource
from IODeepLib.sources.outbox import keep, store_or_keep, waiting


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
    with pytest.raises(SourceError, match="cannot be reached"):
        kept.send(source_of(nowhere))
    assert waiting() == [kept]


@pytest.mark.skipif(sys.platform == "win32", reason="a user's folders are private there")
def test_what_waits_is_private(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        (tmp_path / "outbox").mkdir()
        kept = keep([next((DEMO / "mr_t1").iterdir())], "pacs")
    finally:
        os.umask(before)
    assert kept.folder.stat().st_mode & 0o777 == 0o700


# Sends what waits; says so when it has begun, and when it is done.
SEND = """
import sys
from pathlib import Path
from IODeepLib.sources.folder import FolderSource
from IODeepLib.sources.outbox import waiting
class Slow(FolderSource):
    def store(self, files):
        print("sending", flush=True)
        sys.stdin.readline()
        return super().store(files)
[kept] = waiting()
print(len(kept.send(Slow(Path(sys.argv[1])))), flush=True)
"""


def test_two_that_send_at_once(tmp_path: Path) -> None:
    """The later one waits, and then has nothing to send."""
    kept = keep(sorted((DEMO / "mr_t1").iterdir())[:2], "pacs")
    target = tmp_path / "target"
    target.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", SEND, target],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "sending\n"
        with ThreadPoolExecutor(1) as pool:
            second = pool.submit(kept.send, FolderSource(target))
            assert not list(target.rglob("*.dcm"))
            assert first.communicate("\n")[0] == "2\n"
            assert second.result() == []
    assert len(list(target.rglob("*.dcm"))) == 2
    assert waiting() == []


def test_no_room_in_the_outbox(nowhere: str, tmp_path: Path) -> None:
    """Both reasons are told, and where the result lies."""
    (tmp_path / "outbox").write_text("in its place")
    file = next((DEMO / "mr_t1").iterdir())
    with pytest.raises(SourceError) as caught:
        store_or_keep([file], source_of(nowhere), nowhere)
    for words in ("cannot be reached", str(tmp_path / "outbox"), f"send {file.parent} with"):
        assert words in str(caught.value)
