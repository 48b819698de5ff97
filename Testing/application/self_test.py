"""The module's own test, IODeepTest. Docs/testing.md says how to run this."""

from __future__ import annotations

import sys
from pathlib import Path

import slicer

sys.path.insert(0, str(Path(__file__).resolve().parent))
from steps import finish, step

step("Self test", lambda: slicer.selfTests["IODeep"]())
finish()
