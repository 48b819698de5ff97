"""An error that no step catches, and one in a slot: run_all.py looks how Slicer ends."""

from __future__ import annotations

import sys
from pathlib import Path

import qt

sys.path.insert(0, str(Path(__file__).resolve().parent))
from steps import wait


def _fail() -> None:
    raise AssertionError("in a slot")


qt.QTimer.singleShot(0, _fail)
wait(0.5)
raise AssertionError("in the script itself")
