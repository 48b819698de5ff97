"""Locks between real processes, as this system has them and as Windows does."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from makers import windows

from IODeepLib.locks import FileLock

TESTING = Path(__file__).parents[1]
# Holds the lock, if it gets it, until it is told to let it go.
HOLD = """
import sys
from pathlib import Path
if sys.argv[3] == "windows":
    from makers.windows import locks_on_windows
    FileLock = locks_on_windows().FileLock
else:
    from IODeepLib.locks import FileLock
lock = FileLock(Path(sys.argv[1]))
print(lock.acquire(shared=sys.argv[2] == "shared"), flush=True)
sys.stdin.readline()
lock.release()
print("released", flush=True)
sys.stdin.readline()
"""


class Holder:
    """A process that has tried to take a lock, or is about to."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def say(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def release(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        assert self.say() == "released"


Holders = Callable[..., list[Holder]]


@pytest.fixture(params=["here", "windows"])
def holders(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Holders]:
    """Starts processes that take the same lock one after the other; each says if it got it."""
    with ExitStack() as stack:

        def start(*kinds: str) -> list[Holder]:
            command = [sys.executable, "-c", HOLD, str(tmp_path / "lock")]
            started = [
                subprocess.Popen(
                    [*command, kind, request.param],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    env={**os.environ, "PYTHONPATH": str(TESTING)},
                )
                for kind in kinds
            ]
            for process in started:
                stack.enter_context(process)
                stack.callback(process.kill)
            return [Holder(process) for process in started]

        yield start


def test_many_share(holders: Holders) -> None:
    sharing = holders("shared", "shared", "shared")
    assert [holder.say() for holder in sharing] == ["True"] * 3
    [alone] = holders("alone")
    assert alone.say() == "False"
    for holder in sharing[:2]:
        holder.release()
    [alone] = holders("alone")
    assert alone.say() == "False"
    sharing[2].process.kill()  # however it ends
    sharing[2].process.wait()
    [alone] = holders("alone")
    assert alone.say() == "True"


def test_one_is_alone(holders: Holders) -> None:
    [alone] = holders("alone")
    assert alone.say() == "True"
    others = holders("alone", "shared")
    assert [holder.say() for holder in others] == ["False", "False"]
    alone.release()
    [after] = holders("shared")
    assert after.say() == "True"


@pytest.fixture
def on_windows(tmp_path: Path) -> Callable[[], FileLock]:
    """Makes locks on one file, as on Windows."""
    locks = windows.locks_on_windows()
    return lambda: locks.FileLock(tmp_path / "lock")


def test_two_that_take_the_same_byte(
    on_windows: Callable[[], FileLock], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The later one is told that it has no lock, and gets one when it tries again."""
    draws = iter([7, 7, 2**30 - 1])
    monkeypatch.setattr("random.randrange", lambda end: next(draws))
    one, other, alone = on_windows(), on_windows(), on_windows()
    assert one.acquire(shared=True)
    assert not other.acquire(shared=True)
    assert other.acquire(shared=True)
    one.release()
    assert not alone.acquire()
    other.release()
    assert alone.acquire()


def test_whoever_is_turned_down_keeps_no_file_open(on_windows: Callable[[], FileLock]) -> None:
    alone = on_windows()
    assert alone.acquire()
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    for shared in (False, True):
        assert not on_windows().acquire(shared=shared)
    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_a_file_system_without_locks(
    on_windows: Callable[[], FileLock], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nobody can have the lock, it is not as if somebody had it."""

    def locking(file: int, mode: int, count: int) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(windows, "locking", locking)
    with pytest.raises(OSError, match="Invalid argument"):
        on_windows().acquire()


def test_the_stand_in_is_like_windows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the C runtime's documentation says of `_locking`."""
    slept: list[float] = []
    monkeypatch.setattr(windows.time, "sleep", slept.append)
    (tmp_path / "lock").touch()
    one, other = (os.open(tmp_path / "lock", os.O_RDWR) for _ in range(2))
    windows.locking(one, windows.LK_NBLCK, 2**30)
    for mode in (windows.LK_NBLCK, windows.LK_NBRLCK):
        with pytest.raises(PermissionError):
            windows.locking(other, mode, 1)
    assert not slept
    with pytest.raises(OSError) as caught:
        windows.locking(other, windows.LK_LOCK, 1)
    assert caught.value.errno == errno.EDEADLOCK
    assert len(slept) == 9
    windows.locking(one, windows.LK_UNLCK, 2**30)
    windows.locking(other, windows.LK_NBLCK, 1)
    os.close(other)
    windows.locking(one, windows.LK_RLCK, 1)
    os.close(one)
