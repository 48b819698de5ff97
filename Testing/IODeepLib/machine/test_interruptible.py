"""Work in a thread of its own: its result, its errors, and how the waiting for it ends."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from IODeepLib.errors import CancelledError, ModelError
from IODeepLib.machine import interruptible as module
from IODeepLib.machine.interruptible import interruptible, left_behind


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ASK_EVERY", 0.01)
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    monkeypatch.setattr(module, "_left_behind", [])


def never() -> None:
    pytest.fail("nobody asked it to end")


def test_it_gives_what_the_work_gives() -> None:
    assert interruptible(lambda: threading.get_ident(), never) != threading.get_ident()
    assert interruptible(lambda: 5, never, lambda: False) == 5


@pytest.mark.parametrize(
    "error",
    [
        ModelError("a", "b", "c"),
        ValueError("x"),
        MemoryError("no room"),
        KeyboardInterrupt(),
        SystemExit(3),
    ],
)
def test_it_raises_what_the_work_raises(error: BaseException) -> None:
    def work() -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        interruptible(work, never)
    assert raised.value is error
    assert not left_behind()


def cancel() -> bool:
    return True


def interrupt() -> bool:
    raise KeyboardInterrupt


def fail() -> bool:
    raise ModelError("a", "b", "c")


@pytest.mark.parametrize(
    ("asked", "error"),
    [(cancel, CancelledError), (interrupt, KeyboardInterrupt), (fail, ModelError)],
)
@pytest.mark.parametrize("obedient", [True, False])
def test_whoever_does_not_want_to_wait(
    asked: Callable[[], bool], error: type[BaseException], obedient: bool
) -> None:
    told, over = threading.Event(), threading.Event()

    def work() -> None:
        (told if obedient else over).wait(60)

    with pytest.raises(error):
        interruptible(work, told.set, asked)
    assert told.is_set()
    assert left_behind() is not obedient
    over.set()
    for thread in module._left_behind:
        thread.join(60)
    assert not left_behind()
