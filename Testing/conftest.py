"""What the tests share: where the real data lie, and the proof that the tests on them ran."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from hypothesis import settings

# Tests and judges import ONNX Runtime themselves; see IODeepLib/network/onnx_runtime.py.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

# The machine may be busy, which is no fault of what is tested; and a run that judges a submission
# must not hang on luck: there, the examples are the same ones every time.
settings.register_profile("here", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")

pytest_plugins = ["command", "pacs.fixtures"]

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are processors: many tests wait, for servers and processes."""
    affinity = getattr(os, "sched_getaffinity", None)
    return (len(affinity(0)) if affinity else os.cpu_count() or 1) + 1


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with real images and networks, which stands beside the project."""
    if not SHARED_DATA.is_dir():
        pytest.skip("no shared/data beside the project")
    return SHARED_DATA


@pytest.fixture
def without_privileges() -> Callable[[], AbstractContextManager[None]]:
    """For a while root, whom no permission stops, is nobody; whoever else it is stays the same."""

    @contextmanager
    def changed() -> Iterator[None]:
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)
        try:
            yield
        finally:
            if root:
                os.seteuid(0)

    return changed


_ON_SHARED_DATA = "ran on shared data"
_ran_on_shared_data: set[str] = set()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    outcome = yield
    report = outcome.get_result()
    uses_it = "shared_data" in getattr(item, "fixturenames", ())
    if report.when == "call" and uses_it and not report.skipped:
        report.user_properties.append((_ON_SHARED_DATA, True))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Count them where the reports of all workers arrive."""
    if (_ON_SHARED_DATA, True) in map(tuple, report.user_properties):
        _ran_on_shared_data.add(report.nodeid)


def pytest_terminal_summary(terminalreporter) -> None:
    terminalreporter.write_line(f"tests that ran on shared data: {len(_ran_on_shared_data)}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    here = not hasattr(session.config, "workerinput")
    if here and os.environ.get("IODEEP_EXPECT_SHARED_DATA") and not _ran_on_shared_data:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
