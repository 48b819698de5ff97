"""Locks between real processes: what one has alone, and what many use."""

from __future__ import annotations

import errno
import fcntl
import os
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from IODeepLib.disk.locks import Users, take

# Has the lock, or is one of the users, until it is told to end that; says at once if it got there.
HOLD = """
import sys
from pathlib import Path
from IODeepLib.disk.locks import Users, take
path = Path(sys.argv[1])
lock = Users(path).join() if sys.argv[2] == "user" else take(path)
print(lock is not None, flush=True)
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

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


Holders = Callable[..., list[Holder]]


@pytest.fixture
def holders(tmp_path: Path) -> Iterator[Holders]:
    """Starts processes that take the same lock, or become users of the same thing."""
    with ExitStack() as stack:

        def start(*kinds: str) -> list[Holder]:
            command = [sys.executable, "-c", HOLD, str(tmp_path / "lock")]
            started = [
                subprocess.Popen(
                    [*command, kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
                )
                for kind in kinds
            ]
            for process in started:
                stack.enter_context(process)
                stack.callback(process.kill)
            return [Holder(process) for process in started]

        yield start


def nobody_uses(path: Path) -> bool:
    with Users(path).kept_out() as unused:
        return unused


def test_one_is_alone(holders: Holders, tmp_path: Path) -> None:
    [alone] = holders("alone")
    assert alone.say() == "True"
    [other] = holders("alone")
    assert other.say() == "False"
    assert take(tmp_path / "lock") is None
    alone.release()
    [after] = holders("alone")
    assert after.say() == "True"
    after.kill()  # however it ends
    assert take(tmp_path / "lock") is not None


def test_within_a_process_one_is_alone_too(tmp_path: Path) -> None:
    lock = take(tmp_path / "lock")
    assert lock is not None
    assert take(tmp_path / "lock") is None
    lock.release()
    assert take(tmp_path / "lock") is not None


def test_many_use(holders: Holders, tmp_path: Path) -> None:
    users = holders("user", "user", "user")
    assert [holder.say() for holder in users] == ["True"] * 3
    assert not nobody_uses(tmp_path / "lock")
    for holder in users[:2]:
        holder.release()
    assert not nobody_uses(tmp_path / "lock")
    users[2].kill()  # however it ends
    assert nobody_uses(tmp_path / "lock")
    own = Users(tmp_path / "lock").join()
    assert not nobody_uses(tmp_path / "lock")
    own.release()
    assert nobody_uses(tmp_path / "lock")


def test_who_is_kept_out_waits(holders: Holders, tmp_path: Path) -> None:
    with Users(tmp_path / "lock").kept_out() as unused:
        assert unused
        [waiting] = holders("user")
        assert select.select([waiting.process.stdout], [], [], 1) == ([], [], [])  # not a word
        assert not nobody_uses(tmp_path / "lock")  # nobody else may be sure of it meanwhile
    assert waiting.say() == "True"
    assert not nobody_uses(tmp_path / "lock")


def test_what_dead_users_left_is_cleared_away(holders: Holders, tmp_path: Path) -> None:
    for _ in range(3):
        [user] = holders("user")
        assert user.say() == "True"
        user.kill()
    assert len(list(tmp_path.iterdir())) == 2  # the last one's
    assert nobody_uses(tmp_path / "lock")
    assert [path.name for path in tmp_path.iterdir()] in (["lock"], [])


def test_names_that_begin_alike_are_other_things(tmp_path: Path) -> None:
    kept = Users(tmp_path / "1.2.use").join()
    assert nobody_uses(tmp_path / "1.2.3.use")
    assert nobody_uses(tmp_path / "1.use")
    assert not nobody_uses(tmp_path / "1.2.use")
    kept.release()


def test_a_group_may_share(tmp_path: Path) -> None:
    """Files that others of the group lock too are made as the user has it with all files."""
    before = os.umask(0o002)
    try:
        user, lock = Users(tmp_path / "used").join(), take(tmp_path / "alone")
    finally:
        os.umask(before)
    assert user is not None and lock is not None
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o664}


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK])
def test_a_file_system_without_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Where nobody can have the lock, it is not as if somebody had it, nor as if there were one."""

    def flock(file: int, what: int) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", flock)
    with pytest.raises(OSError, match=os.strerror(number)):
        take(tmp_path / "lock")
    with pytest.raises(OSError, match=os.strerror(number)):
        Users(tmp_path / "lock").join()
    with pytest.raises(OSError, match=os.strerror(number)):
        nobody_uses(tmp_path / "lock")
