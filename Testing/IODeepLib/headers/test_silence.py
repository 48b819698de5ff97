"""What is quiet, for whom, and what is left of it."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pydicom.pixels  # noqa: F401 - all of pydicom's loggers are there then
import pytest
from makers.series import Stack
from pydicom.misc import warn_and_log

from IODeepLib.headers import quiet
from IODeepLib.series import find_series


def loggers() -> list[logging.Logger]:
    """All that pydicom has."""
    return [
        logger
        for name, logger in logging.Logger.manager.loggerDict.items()
        if name.split(".")[0] == "pydicom" and isinstance(logger, logging.Logger)
    ]


def state() -> tuple[object, list, list]:
    """What belongs to the whole process."""
    return warnings.filters, list(warnings.filters), [list(logger.filters) for logger in loggers()]


@contextmanager
def nothing_stays() -> Iterator[None]:
    before = state()
    yield
    after = state()
    assert after == before
    assert after[0] is before[0]


def test_importing_changes_nothing() -> None:
    code = (
        "import logging, warnings, pydicom.pixels\n"
        "def state(): return warnings.filters[:], {n: list(getattr(l, 'filters', []))\n"
        "    for n, l in logging.Logger.manager.loggerDict.items() if 'pydicom' in n}\n"
        "before = state()\n"
        "import IODeepLib.pipeline\n"
        "assert state() == before, state()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@nothing_stays()
def test_quiet_within_quiet(caplog):
    with pytest.warns(UserWarning) as warned:
        warn_and_log("before")
        with quiet():
            with quiet():
                warn_and_log("held")
            warn_and_log("held")
            with warnings.catch_warnings():
                warnings.simplefilter("always")
                with quiet():
                    warn_and_log("held")
        warn_and_log("after")
    assert [str(warning.message) for warning in warned] == caplog.messages == ["before", "after"]


@nothing_stays()
@pytest.mark.parametrize("first_ends_first", [True, False])
def test_quiet_is_for_one_thread(first_ends_first: bool, caplog):
    """Two that overlap, in both orders; a third one is never quiet."""
    second_is_in, second_may_go = threading.Event(), threading.Event()

    def overlap() -> None:
        with quiet():
            second_is_in.set()
            second_may_go.wait()
            warn_and_log("held")
        warn_and_log("after the second")

    def meanwhile() -> None:
        third = threading.Thread(target=warn_and_log, args=("meanwhile",))
        third.start()
        third.join()

    def let_go() -> None:
        second_may_go.set()
        second.join()

    second = threading.Thread(target=overlap)
    with pytest.warns(UserWarning) as warned:
        with quiet():
            second.start()
            second_is_in.wait()
            meanwhile()
            if not first_ends_first:
                let_go()
                meanwhile()
                warn_and_log("held")
        warn_and_log("after the first")
        if first_ends_first:
            meanwhile()
            let_go()
        warn_and_log("after both")
    expected = ["meanwhile", "after the first", "meanwhile", "after the second", "after both"]
    if not first_ends_first:
        expected = ["meanwhile", "after the second", "meanwhile", "after the first", "after both"]
    assert [str(warning.message) for warning in warned] == caplog.messages == expected


@nothing_stays()
def test_quiet_holds_back_all_of_pydicom(caplog):
    assert len(loggers()) > 3
    with quiet():
        for logger in loggers():
            logger.error("held")
    assert not caplog.records


@nothing_stays()
def test_it_ends_with_an_exception(caplog):
    with pytest.warns(UserWarning) as warned:
        with suppress(KeyError), quiet():
            raise KeyError
        warn_and_log("after")
    assert [str(warning.message) for warning in warned] == caplog.messages == ["after"]


@nothing_stays()
def test_a_generator_that_is_closed_in_another_thread(caplog):
    def values() -> Iterator[int]:
        with quiet():
            yield 1

    generator = values()
    next(generator)
    other = threading.Thread(target=generator.close)
    other.start()
    other.join()
    with pytest.warns(UserWarning) as warned:
        warn_and_log("after")
    assert [str(warning.message) for warning in warned] == caplog.messages == ["after"]


@nothing_stays()
def test_what_others_catch_meanwhile(caplog):
    """A list of filters that others copy, and put back once the block is over, has none of ours."""
    block = quiet()
    with pytest.warns(UserWarning) as warned:
        before = state()
        with warnings.catch_warnings():
            with block:
                caught = warnings.catch_warnings()
                caught.__enter__()
                warn_and_log("held")
                with quiet():
                    warn_and_log("held")
            warn_and_log("after")
            caught.__exit__(None, None, None)
        assert state() == before
    assert [str(warning.message) for warning in warned] == caplog.messages == ["after"]


@nothing_stays()
def test_python_does_not_warn_again_of_what_it_is_to_warn_of_once() -> None:
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("default")
        for _ in range(3):
            warnings.warn("once", stacklevel=1)
            with quiet():
                warnings.warn("held", stacklevel=1)
    assert [str(warning.message) for warning in warned] == ["once"]


@nothing_stays()
def test_nothing_of_another_thread_is_lost_while_blocks_come_and_go(caplog):
    over = threading.Event()

    def come_and_go() -> None:
        while not over.is_set():
            with quiet():
                pass

    other = threading.Thread(target=come_and_go)
    interval = sys.getswitchinterval()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always")
        sys.setswitchinterval(1e-6)
        try:
            other.start()
            for _ in range(3000):
                warn_and_log("heard")
        finally:
            sys.setswitchinterval(interval)
            over.set()
            other.join()
    assert len(warned) == len(caplog.messages) == 3000


@nothing_stays()
def test_whoever_hears_of_progress_is_not_quiet(tmp_path, caplog):
    Stack().write(tmp_path)
    with pytest.warns(UserWarning) as warned:
        find_series(tmp_path, progress=lambda fraction, message: warn_and_log(message))
    assert len(warned) == len(caplog.messages) == 5
