"""The cache among processes: one fetches, others wait, and nothing in use is removed."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from IODeepLib.disk.cache import Cache
from IODeepLib.errors import OutputError, SourceError

# Each is a process of its own that takes what it is told to, says so, and goes when told to.
HOLD = """
import sys
from pathlib import Path
from IODeepLib.disk.cache import Cache
cache = Cache(Path(sys.argv[1])).shelf("here")
if sys.argv[2] == "use":
    cache.use("1.2")
    print("ready", flush=True)
    sys.stdin.readline()
else:
    with cache.fetching("1.2", lambda: None):
        print("ready", flush=True)
        sys.stdin.readline()
"""


def holder(folder: Path, what: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder), what],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def fill(cache: Cache, study: str, size: int, age: int) -> Path:
    """A part of `size` bytes that was used `age` seconds ago."""
    path = cache.shelf("here").weights(study, "0" * 64)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(bytes(size))
    moment = time.time() - age
    os.utime(path.parent, (moment, moment))
    return path


def test_the_oldest_goes_first_and_only_as_much_as_must(tmp_path: Path) -> None:
    cache = Cache(tmp_path, max_bytes=1000)
    ages = {"1.1": 300, "1.2": 200, "1.3": 100}
    parts = {study: fill(cache, study, 300, age) for study, age in ages.items()}
    cache.make_room(100)
    assert all(path.exists() for path in parts.values())
    cache.make_room(101)
    assert [study for study, path in parts.items() if path.exists()] == ["1.2", "1.3"]
    cache.shelf("here").use("1.2")  # now the youngest, and in use
    cache.make_room(5000)
    assert [study for study, path in parts.items() if path.exists()] == ["1.2"]


def test_what_another_process_uses_stays(tmp_path: Path) -> None:
    cache = Cache(tmp_path, max_bytes=0)
    path = fill(cache, "1.2", 300, age=0)
    process = holder(tmp_path, "use")
    cache.make_room(1)
    cache.clear()
    assert path.exists()
    process.kill()  # however it ends
    process.wait()
    cache.clear()
    assert not path.exists()
    assert cache.contents().models == 0


@pytest.mark.parametrize("killed", [False, True])
def test_one_fetches_and_the_others_wait(tmp_path: Path, killed: bool) -> None:
    process = holder(tmp_path, "fetch")
    waits = 0

    def waiting() -> None:
        nonlocal waits
        waits += 1
        if waits == 3:
            process.kill() if killed else process.communicate("\n")
            process.wait()

    with Cache(tmp_path).shelf("here").fetching("1.2", waiting):
        assert waits >= 3
    with (
        Cache(tmp_path).shelf("here").fetching("1.3", waiting)
    ):  # another model is nobody's business
        pass


def test_two_users_at_once(tmp_path: Path) -> None:
    process = holder(tmp_path, "use")
    Cache(tmp_path).shelf("here").use("1.2")
    process.communicate("\n")


@pytest.mark.parametrize("uid", ["../../x", "", "..", "1.2/3", "1" * 65, "1.2.a", "1..2", ".1"])
def test_uids_from_elsewhere_name_no_other_files(tmp_path: Path, uid: str) -> None:
    shelf = Cache(tmp_path).shelf("../here")
    for place in (shelf.card, lambda uid: shelf.weights(uid, "0" * 64), shelf.weights_of):
        with pytest.raises(SourceError, match="digits and dots"):
            place(uid)


def test_faults_of_whoever_fetches_or_waits_are_none_of_the_cache(tmp_path: Path) -> None:
    shelf = Cache(tmp_path).shelf("here")
    fault = OSError("of somebody else")

    def fail() -> None:
        raise fault

    with pytest.raises(OSError) as raised, shelf.fetching("1.2", fail):
        fail()
    assert raised.value is fault
    process = holder(tmp_path, "fetch")
    with pytest.raises(OSError) as raised, shelf.fetching("1.2", fail):
        pytest.fail("it is not our turn")
    assert raised.value is fault
    process.communicate("\n")


def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    shelf = Cache(tmp_path / "file").shelf("here")
    with pytest.raises(OutputError, match="IODEEP_CACHE"):
        shelf.use("1.2")
    with pytest.raises(OutputError, match="IODEEP_CACHE"), shelf.fetching("1.2", lambda: None):
        pass
