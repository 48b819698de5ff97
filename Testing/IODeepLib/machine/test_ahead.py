"""What comes next is made while the last is used: its order, its errors, and how it ends."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import closing

import pytest

from IODeepLib.errors import CancelledError, ModelError
from IODeepLib.machine.ahead import ahead
from IODeepLib.machine.interruptible import interruptible, left_behind


def counted(
    made: list[int], count: int = 10, threads: set[int] | None = None
) -> Generator[int, None, None]:
    for i in range(count):
        if threads is not None:
            threads.add(threading.get_ident())
        made.append(i)
        yield i


@pytest.mark.parametrize("most", [0, 1, 3, 100])
def test_all_comes_in_its_order_and_never_more_than_is_said(most: int) -> None:
    made: list[int] = []
    threads: set[int] = set()
    for i in ahead(counted(made, threads=threads), most):
        assert i + 1 <= len(made) <= i + 1 + most
    assert made == list(range(10))
    assert (threading.get_ident() in threads) is (most == 0)


def test_the_next_is_made_while_one_is_used() -> None:
    begun = threading.Event()

    def items() -> Generator[int, None, None]:
        yield 0
        begun.set()
        yield 1

    with closing(ahead(items(), 1)) as taken:
        assert next(taken) == 0
        assert begun.wait(60)  # nobody asked for it


@pytest.mark.parametrize("error", [ModelError("a", "b", "c"), KeyboardInterrupt(), MemoryError()])
def test_what_was_made_before_an_error_comes_before_it(error: BaseException) -> None:
    def items() -> Generator[int, None, None]:
        yield from (0, 1)
        raise error

    taken = ahead(items(), 5)
    assert [next(taken), next(taken)] == [0, 1]
    with pytest.raises(type(error)) as raised:
        next(taken)
    assert raised.value is error


def test_nobody_wants_the_rest() -> None:
    begun, told, ended = threading.Event(), threading.Event(), []

    def items() -> Generator[int, None, None]:
        yield 0
        begun.set()
        try:
            interruptible(lambda: told.wait(60), told.set)
            pytest.fail("it was not ended")
        except CancelledError:
            ended.append(True)
            raise

    taken = ahead(items(), 1)
    assert next(taken) == 0 and begun.wait(60)
    taken.close()
    assert told.is_set() and ended and not left_behind()


def test_whoever_waits_for_room_ends_too() -> None:
    made: list[int] = []
    before = threading.active_count()
    taken = ahead(counted(made), 2)
    next(taken)
    taken.close()
    assert threading.active_count() == before and len(made) <= 3
