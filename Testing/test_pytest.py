"""The tests themselves: they start however they are called, wherever that is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILE = "IODeepLib/text/test_foreign.py"  # below a folder that has the library's name


@pytest.mark.parametrize(
    "command", [("-m", "pytest"), ("-c", "import pytest, sys; sys.exit(pytest.console_main())")]
)
@pytest.mark.parametrize(
    ("folder", "file"),
    [(".", f"Testing/{FILE}"), ("Testing", FILE), ("Docs", f"../Testing/{FILE}")],
)
def test_one_file_from_any_folder(
    tmp_path: Path, command: tuple[str, ...], folder: str, file: str
) -> None:
    environment = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
    # Its temporary files lie elsewhere: pytest closes the folder above them to other users, and
    # tests that run meanwhile are some.
    environment["PYTEST_DEBUG_TEMPROOT"] = str(tmp_path)
    environment.pop("IODEEP_EXPECT_SHARED_DATA", None)  # this file has none of those tests
    answer = subprocess.run(
        # -P keeps the current folder out of sys.path, as the script `pytest` does.
        [sys.executable, *(["-P"] if command[0] == "-c" else []), *command, "-q", file],
        cwd=ROOT / folder,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
